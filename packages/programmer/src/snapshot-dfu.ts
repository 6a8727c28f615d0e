/**
 * What is on a device in DFU mode, read from its flash: at every place where the platform's memory map, in any of its version ranges,
 * lets a module stand, the header is looked for and the whole module is read and judged. So a device in DFU is never "unknown".
 * Not for a running device: it is asked (snapshot-reported.ts).
 *
 * The prefix of a module stands at its start or behind a vector table (FORMATS: prefix position). RTL872x applications are aligned to
 * the *end* of their region; Device OS finds them by the suffix that ends there, whose dynamic-location extension tells the start
 * (device-os v5.9.0: hal/src/rtl872x/core_hal.c, HAL_Core_Config), and so does this.
 */

import type { MemoryRegion, ModuleSlot, Platform } from '@linac/catalog';
import { asLinacError, toHex, u16le } from '@linac/core';
import {
	CRC_SIZE,
	declaredSize,
	ModuleFunction,
	type ModulePrefix,
	type ParsedModule,
	PREFIX_SIZE,
	parseModuleAt,
	plausiblePrefix,
	prefixOffsets,
	readExtensions,
	readPrefix,
	SUFFIX_BASE_SIZE,
} from '@linac/firmware';
import {
	assetsWantedBy,
	bootFacts,
	type DeviceSnapshot,
	type InstalledModule,
	type StrayModule,
	secondStart,
} from '@linac/planner';
import type { DfuDevice } from '@linac/usb';
import type { World } from './environment.js';
import type { DeviceSession } from './session.js';
import { readFactoryReset, readPending } from './snapshot-pending.js';
import { type FlashReader, readSoftDevice } from './soft-device.js';

/** One DFU block, and more than the highest prefix offset (0x200) plus a prefix. */
const HEAD = 4096;

export async function snapshotInDfu(session: DeviceSession): Promise<DeviceSnapshot> {
	const { platform, world } = session;
	const dfu = await session.dfu();
	const protection = await dfu.protection();
	let modules: InstalledModule[] | undefined;
	const strays: StrayModule[] = [];
	try {
		modules = await readModules(dfu, platform, world, undefined, strays);
	} catch (error) {
		const e = asLinacError(error);
		// A protected bootloader declares that nothing can be read: then nothing is known, which is not the same as nothing there.
		if (e.code !== 'DFU_OUT_OF_RANGE') throw e;
		world.log.warn('flash cannot be read in DFU', { message: e.message });
	}
	const setupDone = modules === undefined ? undefined : await readSetupDone(dfu, platform, world);
	const pending = modules && (await readPending(dfu, platform, modules, world));
	const factoryReset = modules && (await readFactoryReset(dfu, platform, modules, world));
	const osVersion = modules && osVersionOf(world, platform, modules);
	return {
		platform: platform.name,
		...(session.deviceId === undefined ? {} : { deviceId: session.deviceId }),
		...(session.location === undefined ? {} : { location: session.location }),
		mode: 'dfu',
		...(osVersion === undefined ? {} : { osVersion }),
		...(modules === undefined ? {} : { modules }),
		depth: 'read',
		...(setupDone === undefined ? {} : { setupDone }),
		...(strays.length === 0 ? {} : { strays }),
		...(pending === undefined ? {} : { pending }),
		...(factoryReset === undefined ? {} : { factoryReset }),
		...(protection === undefined ? {} : { protection }),
		via: 'usb',
	};
}

/** The bytes of modules that were read, as long as somebody holds the module. */
const bytesOf = new WeakMap<InstalledModule, Uint8Array>();

/** The bytes of a module that came from `readModules` or `snapshotInDfu`; undefined for a SoftDevice, and for what a device only told. */
export function moduleBytes(module: InstalledModule): Uint8Array | undefined {
	return bytesOf.get(module);
}

/** The modules on a device in DFU mode, of all kinds or of those that are asked for. */
export async function readModules(
	dfu: DfuDevice,
	platform: Platform,
	world: World,
	wanted: (slot: ModuleSlot) => boolean = () => true,
	strays: StrayModule[] = [],
): Promise<InstalledModule[]> {
	const found: InstalledModule[] = [];
	const seenElsewhere: StrayModule[] = [];
	const seen = new Set<string>();
	for (const slot of platform.modules.filter(wanted)) {
		const key = `${slot.function}.${slot.index}`;
		// The same slot may be listed once a version range; an encrypted one can't be read by anybody.
		if (slot.region === undefined || slot.encrypted || seen.has(key)) continue;
		seen.add(key);
		const names = new Set(
			platform.modules.filter((s) => s.function === slot.function && s.index === slot.index).map((s) => s.region),
		);
		const regions = asStarted(slot, regionsOf(platform, names), platform, found);
		const module = await readSlot(dfu, platform, slot, regions, world, seenElsewhere);
		if (module) found.push(module);
	}
	strays.push(...seenElsewhere.filter((stray, i) => isStray(stray, found, seenElsewhere.slice(0, i))));
	return found;
}

/** A bootloader that knows one place only starts what stands there, whatever stands in the other. */
function asStarted(
	slot: ModuleSlot,
	regions: MemoryRegion[],
	platform: Platform,
	found: readonly InstalledModule[],
): MemoryRegion[] {
	const { startModule, olderBootloaders: older } = bootFacts(platform);
	if (!older || slot.function !== startModule.function || slot.index !== startModule.index) return regions;
	const bootloader = found.find((m) => m.function === ModuleFunction.bootloader && m.index === 0);
	if (!bootloader || bootloader.version >= older.before) return regions;
	return [...regions].sort((a, b) => Number(b.start === older.startAt) - Number(a.start === older.startAt));
}

/** The regions of these names in all version ranges, the newest layout first; of those with one start, the widest. */
function regionsOf(platform: Platform, names: ReadonlySet<string | undefined>): MemoryRegion[] {
	const widest = new Map<string, MemoryRegion>();
	for (const region of platform.memory) {
		if (!names.has(region.name) || region.storage === 'dct') continue;
		const key = `${region.storage} ${region.start}`;
		const other = widest.get(key);
		if (!other || region.end > other.end) widest.set(key, region);
	}
	return [...widest.values()].sort((a, b) => (b.versions?.from ?? 0) - (a.versions?.from ?? 0));
}

/**
 * Looks into every region that the slot may have. A whole module wins over a damaged one: a layout that has been left behind (the nRF
 * system part moved from 0x30000 to 0x28000 at 6.2.0) leaves headers whose module is not whole any more.
 */
async function readSlot(
	dfu: DfuDevice,
	platform: Platform,
	slot: ModuleSlot,
	regions: MemoryRegion[],
	world: World,
	elsewhere: StrayModule[],
): Promise<InstalledModule | undefined> {
	let damaged: InstalledModule | undefined;
	for (const look of [readFromStart, readFromEnd]) {
		for (const region of regions) {
			const alternate = platform.alternates.find((a) => a.storage === region.storage);
			if (!alternate) continue;
			const reader: FlashReader = {
				read: (address, length) =>
					dfu.read(alternate.number, address + alternate.addressOffset, length, { signal: world.signal }),
			};
			const module =
				slot.function === ModuleFunction.radioStack
					? await readSoftDevice(reader, slot, region, world)
					: await look(reader, slot, region, platform, world, elsewhere);
			if (module?.valid) return module;
			damaged ??= module;
		}
		if (damaged || slot.function === ModuleFunction.radioStack) break;
	}
	return damaged;
}

async function readFromStart(
	reader: FlashReader,
	slot: ModuleSlot,
	region: MemoryRegion,
	platform: Platform,
	world: World,
	elsewhere: StrayModule[],
): Promise<InstalledModule | undefined> {
	const head = await reader.read(region.start, Math.min(HEAD, region.end - region.start));
	for (const offset of prefixOffsets) {
		if (plausiblePrefix(head, offset) === 0) continue;
		const prefix = readPrefix(head, offset);
		if (!belongs(prefix, slot, region)) {
			const { platformId, version, start, end } = prefix;
			// Arbitrary bytes often look like a header: it has to be one that some device could start.
			if (!world.platforms.some((p) => p.id === platformId && p.memory.some((r) => r.start <= start && end + CRC_SIZE <= r.end)))
				continue;
			elsewhere.push({ function: prefix.function, index: prefix.index, version, platformId, start, at: region.start });
			continue;
		}
		const size = declaredSize(prefix);
		const rest = size > head.length ? await reader.read(region.start + head.length, size - head.length) : new Uint8Array(0);
		const bytes = new Uint8Array(size);
		bytes.set(head.subarray(0, Math.min(size, head.length)));
		bytes.set(rest, Math.min(head.length, size));
		return judge(bytes, offset, prefix, platform, world);
	}
	return undefined;
}

async function readFromEnd(
	reader: FlashReader,
	slot: ModuleSlot,
	region: MemoryRegion,
	platform: Platform,
	world: World,
): Promise<InstalledModule | undefined> {
	const start = await startByDynamicLocation(reader, region);
	if (start === undefined) return undefined;
	const size = region.end - start;
	const bytes = await reader.read(start, size);
	if (plausiblePrefix(bytes, 0) === 0) return undefined;
	const prefix = readPrefix(bytes, 0);
	if (
		prefix.start !== start ||
		declaredSize(prefix) !== size ||
		prefix.function !== slot.function ||
		prefix.index !== slot.index
	) {
		return undefined;
	}
	return judge(bytes, 0, prefix, platform, world);
}

/** Start of the module whose suffix ends at the end of the region, or `undefined`. */
async function startByDynamicLocation(reader: FlashReader, region: MemoryRegion): Promise<number | undefined> {
	const length = Math.min(HEAD, region.end - region.start);
	const tail = await reader.read(region.end - length, length);
	const base = length - CRC_SIZE - SUFFIX_BASE_SIZE;
	const size = u16le(tail, length - CRC_SIZE - 2);
	const from = length - CRC_SIZE - size;
	if (size <= SUFFIX_BASE_SIZE || from < 0) return undefined;
	for (const extension of readExtensions(tail, from, base).extensions) {
		if (extension.type !== 'dynamic-location') continue;
		const start = extension.moduleStart;
		if (start >= region.start && start + PREFIX_SIZE + SUFFIX_BASE_SIZE + CRC_SIZE <= region.end) return start;
	}
	return undefined;
}

/** What looks like a header of a module that belongs somewhere else, and is no part of a module that is whole. */
function isStray(stray: StrayModule, found: readonly InstalledModule[], before: readonly StrayModule[]): boolean {
	const inside = (m: InstalledModule) =>
		m.start !== undefined && m.start <= stray.at && stray.at < m.start + (m.size ?? 0) && (m.valid || m.start === stray.at);
	return !found.some(inside) && !before.some((other) => other.at === stray.at);
}

function belongs(prefix: ModulePrefix, slot: ModuleSlot, region: MemoryRegion): boolean {
	return (
		prefix.function === slot.function &&
		prefix.index === slot.index &&
		prefix.start === region.start &&
		prefix.end > prefix.start &&
		prefix.end + CRC_SIZE <= region.end
	);
}

function judge(bytes: Uint8Array, prefixOffset: number, prefix: ModulePrefix, platform: Platform, world: World): InstalledModule {
	const verdict = parseModuleAt(bytes, prefixOffset, bytes.length, { digests: world.digests });
	const module: ParsedModule | undefined = verdict.ok ? verdict.value : undefined;
	const valid = module?.crc.ok === true && prefix.platformId === platform.id;
	const assets = module && prefix.function === ModuleFunction.user ? assetsWantedBy(module) : [];
	const installed: InstalledModule = {
		function: prefix.function,
		index: prefix.index,
		version: prefix.version,
		valid,
		contentSha256: toHex(world.digests.sha256(bytes)),
		start: prefix.start,
		size: bytes.length,
		dependencies: module?.dependencies ?? prefix.dependencies.filter((d) => d.function !== 0),
		...(valid && assets.length > 0 ? { assets } : {}),
		...(module && valid && prefix.function === ModuleFunction.system ? { secondStart: secondStart(module) } : {}),
		...(prefix.platformId === platform.id ? {} : { platformId: prefix.platformId }),
		...(valid && module?.suffix.productId !== undefined ? { productId: module.suffix.productId } : {}),
		...(valid && module?.suffix.productVersion !== undefined ? { productVersion: module.suffix.productVersion } : {}),
	};
	// Applications alone: a backup wants them, and they are small beside the system.
	if (prefix.function === ModuleFunction.user || prefix.function === ModuleFunction.monolithic) bytesOf.set(installed, bytes);
	return installed;
}

/** The setup-done byte of the DCT: 1 done, anything else not (device-os v6.2.0: platform/MCU/nRF52840/inc/dct.h). */
async function readSetupDone(dfu: DfuDevice, platform: Platform, world: World): Promise<boolean | undefined> {
	const dct = platform.alternates.find((a) => a.storage === 'dct');
	if (!dct || platform.dct.setupDone === undefined) return undefined;
	const [value] = await dfu.read(dct.number, platform.dct.setupDone + dct.addressOffset, 1, { signal: world.signal });
	return value === 1;
}

/** The release whose system parts have the number of the newest whole one; the number cannot be computed from the version. */
export function osVersionOf(world: World, platform: Platform, modules: readonly InstalledModule[]): string | undefined {
	const system = modules.filter((m) => m.function === ModuleFunction.system && m.valid).map((m) => m.version);
	if (system.length === 0) return undefined;
	const version = Math.max(...system);
	const releases = (world.releases ?? []).filter((r) => r.moduleVersion === version);
	return (releases.find((r) => r.platforms.includes(platform.name)) ?? releases[0])?.version;
}
