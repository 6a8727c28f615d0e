/**
 * Orders that stand in the DCT of a device in DFU mode and that its next start would carry out: the OTA flag and the module slots. So a plan neither trips over what an
 * interrupted job has left, nor lets somebody else's order be carried out unseen. docs/bootloader-over-dfu.md.
 */
import { type Platform, rules, updateSlot } from '@linac/catalog';
import { toHex } from '@linac/core';
import {
	decodeModuleSlot,
	FIRST_MODULE_SLOT,
	MODULE_SLOT_COUNT,
	MODULE_SLOT_SIZE,
	ModuleFunction,
	plausiblePrefix,
	prefixOffsets,
	readPrefix,
} from '@linac/firmware';
import { bootFacts, dctNeedsSystem, type InstalledModule, type PendingUpdate } from '@linac/planner';
import type { DfuDevice } from '@linac/usb';
import type { World } from './environment.js';

/** One DFU block holds the head of a module, whatever stands before its prefix. */
const HEAD = 4096;

/** `undefined`: the DCT cannot be read. */
export async function readPending(
	dfu: DfuDevice,
	platform: Platform,
	modules: readonly InstalledModule[],
	world: World,
): Promise<PendingUpdate[] | undefined> {
	const dct = platform.alternates.find((a) => a.storage === 'dct');
	if (!dct || platform.dct.moduleSlots === 0 || !reachesDct(platform, modules)) return undefined;
	const { signal } = world;
	const read = (offset: number, length: number) => dfu.read(dct.number, offset + dct.addressOffset, length, { signal });
	const first = platform.dct.moduleSlots + FIRST_MODULE_SLOT * MODULE_SLOT_SIZE;
	const flag = (await read(platform.dct.otaFlag, 1))[0]!;
	const slots = await read(first, (MODULE_SLOT_COUNT - FIRST_MODULE_SLOT) * MODULE_SLOT_SIZE);
	const found: PendingUpdate[] = [];
	if (flag === rules().overDfu.otaFlag.set) {
		const place = placeOfFlag(platform, modules);
		const module = place && (await moduleAt(dfu, platform, place.storage, place.start, world));
		found.push({
			way: 'ota-slot',
			offset: platform.dct.otaFlag,
			bytes: toHex(Uint8Array.of(flag)),
			...(module ? { module } : {}),
		});
	}
	for (let i = 0; i < MODULE_SLOT_COUNT - FIRST_MODULE_SLOT; i++) {
		const record = decodeModuleSlot(slots, i * MODULE_SLOT_SIZE);
		if (!record) continue;
		const module =
			record.function === ModuleFunction.none
				? undefined
				: await moduleAt(dfu, platform, record.sourceExternal ? 'external' : 'internal', record.source, world);
		found.push({
			way: 'module-slot',
			slot: FIRST_MODULE_SLOT + i,
			offset: first + i * MODULE_SLOT_SIZE,
			bytes: toHex(slots.subarray(i * MODULE_SLOT_SIZE, (i + 1) * MODULE_SLOT_SIZE)),
			destination: record.destination,
			length: record.length,
			...(module ? { module } : {}),
		});
	}
	return found;
}

/**
 * Whether the DCT asks for a factory reset: 0xAAAA at offset 12 (device-os v4.0.1: platform/MCU/nRF52840/inc/dct.h:251, hal/src/nRF52840/core_hal.c:493,
 * bootloader/src/main.c:209; the same in v2.2.0 for the STM32F2).
 */
export async function readFactoryReset(
	dfu: DfuDevice,
	platform: Platform,
	modules: readonly InstalledModule[],
	world: World,
): Promise<boolean | undefined> {
	const dct = platform.alternates.find((a) => a.storage === 'dct');
	if (!dct || platform.dct.moduleSlots === 0 || !reachesDct(platform, modules)) return undefined;
	const flag = await dfu.read(dct.number, FACTORY_RESET + dct.addressOffset, 2, { signal: world.signal });
	return flag[0] === 0xaa && flag[1] === 0xaa;
}

const FACTORY_RESET = 12;

function reachesDct(platform: Platform, modules: readonly InstalledModule[]): boolean {
	if (!dctNeedsSystem({ platform })) return true;
	const parts = platform.modules.filter((m) => m.function === ModuleFunction.system);
	return parts.every((p) => modules.some((m) => m.function === p.function && m.index === p.index && m.valid));
}

function placeOfFlag(platform: Platform, modules: readonly InstalledModule[]) {
	const start = bootFacts(platform).startModule;
	const system = modules.find((m) => m.function === start.function && m.index === start.index);
	return updateSlot(platform, {
		...(system ? { moduleVersion: system.version } : {}),
		...(system?.start !== undefined && system.size !== undefined ? { systemEnd: system.start + system.size } : {}),
	});
}

/** The header that stands at an address of the chip; `undefined` where there is none, or where nothing can be read. */
async function moduleAt(
	dfu: DfuDevice,
	platform: Platform,
	storage: 'internal' | 'external',
	at: number,
	world: World,
): Promise<PendingUpdate['module'] | undefined> {
	const alternate = platform.alternates.find((a) => a.storage === storage);
	const address = at + (alternate?.addressOffset ?? 0);
	const segments = dfu.alternates.find((a) => a.number === alternate?.number)?.segments ?? [];
	const segment = segments.find((s) => s.readable && address >= s.start && address + HEAD <= s.end);
	if (!alternate || !segment) return undefined;
	const head = await dfu.read(alternate.number, address, HEAD, { signal: world.signal });
	const offset = prefixOffsets.find((o) => plausiblePrefix(head, o) !== 0);
	if (offset === undefined) return undefined;
	const prefix = readPrefix(head, offset);
	return { function: prefix.function, index: prefix.index, version: prefix.version };
}
