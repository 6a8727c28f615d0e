/**
 * Reads what a backup holds from a device in DFU mode: settings, keys, application. As few bytes as it needs, because every job waits for it.
 *
 * The DCT is read at alternate setting 1, as far as the table reaches. On STM32F2 the two sectors it is kept in are read as well: a Photon's
 * bootloader asks system part 2 for the DCT, and gives zeros where that is damaged, without an error (device-os v2.2.0:
 * bootloader/src/photon/bootloader_dct.c, usbd_dfu_mal.c: MAL_Read). What stands in the sectors is then the truth.
 */
import {
	type CloudPlace,
	cloudPlaceOf,
	dctStoreOf,
	dctTableOf,
	type MemoryRegion,
	type Platform,
	type Storage,
} from '@linac/catalog';
import { asLinacError, equalBytes, LinacError } from '@linac/core';
import { dctSectorFormat, dctSettings, ModuleFunction } from '@linac/firmware';
import type { DeviceSnapshot } from '@linac/planner';
import type { DfuDevice } from '@linac/usb';
import type { World } from '../environment.js';
import type { DeviceSession } from '../session.js';
import { moduleBytes, readModules } from '../snapshot-dfu.js';
import type { BackupContents, BackupMissing, BackupPart } from './contents.js';

/** `device`: the last look at it, before anything was changed. Throws `BACKUP_NOT_READABLE`, and what reading over DFU throws. */
export async function readContents(
	session: DeviceSession,
	device: DeviceSnapshot,
	wanted: 'all' | 'settings' = 'all',
): Promise<BackupContents> {
	const { platform, world } = session;
	const dfu = await session.dfu();
	const reader = new Reader(dfu, platform, world);
	try {
		const dct = await readDct(reader, platform);
		const segments = await readSegments(reader, platform);
		const applications = wanted === 'all' ? await readApplications(dfu, platform, world, device) : [];
		return {
			platform: platform.name,
			...(session.deviceId === undefined ? {} : { deviceId: session.deviceId }),
			...(device.osVersion === undefined ? {} : { osVersion: device.osVersion }),
			device,
			parts: [...dct.parts, ...segments, ...applications],
			missing: dct.missing,
			notes: dct.notes,
			dctAccess: dct.access,
		};
	} catch (error) {
		const e = asLinacError(error);
		if (e.code !== 'DFU_OUT_OF_RANGE') throw e;
		throw new LinacError('BACKUP_NOT_READABLE', `The bootloader does not let the settings of this device be read: ${e.message}`, {
			hint: 'A protected device has to be put into service mode first. --no-backup goes on without a backup.',
			details: e.details,
			cause: e,
		});
	}
}

class Reader {
	readonly #dfu: DfuDevice;
	readonly #platform: Platform;
	readonly #world: World;

	constructor(dfu: DfuDevice, platform: Platform, world: World) {
		this.#dfu = dfu;
		this.#platform = platform;
		this.#world = world;
	}

	has(storage: Storage): boolean {
		return this.#platform.alternates.some((a) => a.storage === storage);
	}

	read(storage: Storage, address: number, length: number): Promise<Uint8Array> {
		const alternate = this.#platform.alternates.find((a) => a.storage === storage);
		if (!alternate) throw new LinacError('DFU_OUT_OF_RANGE', `The ${this.#platform.displayName} has no ${storage} flash in DFU.`);
		return this.#dfu.read(alternate.number, address + alternate.addressOffset, length, { signal: this.#world.signal });
	}
}

interface DctReading {
	parts: BackupPart[];
	missing: BackupMissing[];
	notes: string[];
	access: boolean;
}

async function readDct(reader: Reader, platform: Platform): Promise<DctReading> {
	const table = dctTableOf(platform);
	if (!table || !reader.has('dct')) return { parts: [], missing: [], notes: [], access: false };
	const given = await unlessRefused(() => reader.read('dct', 0, table.size));
	const store = dctStoreOf(platform);
	if (!store) {
		if (!given) throw notReadable(platform);
		return { parts: [{ kind: 'dct', storage: 'dct', address: 0, bytes: given }], missing: [], notes: [], access: true };
	}
	const size = store.sectorSize;
	const both = await reader.read('internal', store.sectors[0], 2 * size);
	const sectors = [both.subarray(0, size), both.subarray(size)] as const;
	const raw: BackupPart = { kind: 'dct-sectors', storage: 'internal', address: store.sectors[0], bytes: both };
	const current = dctSectorFormat(store.layout).current(...sectors);
	// A new device has no table yet; its bootloader gives what a blank one would hold.
	if (!current && given && blank(given)) {
		return { parts: [{ kind: 'dct', storage: 'dct', address: 0, bytes: given }, raw], missing: [], notes: [], access: true };
	}
	if (!current) {
		const message = `Neither flash sector of the DCT holds a table: the ${platform.displayName} has no settings, or they are damaged.`;
		return { parts: [raw], missing: [{ kind: 'dct', code: 'DCT_NO_TABLE', message }], notes: [], access: false };
	}
	const bytes = dctSettings(store.layout, sectors[current.sector]).slice(0, table.size);
	const access = given !== undefined && equalBytes(given, bytes);
	const notes = access
		? []
		: [
				`The bootloader gives no DCT (on Photon and P1 it needs whole system parts for that): it was read from its flash sectors instead.`,
			];
	return { parts: [{ kind: 'dct', storage: 'dct', address: 0, bytes }, raw], missing: [], notes, access };
}

/** 0xFF: zeros are how a bootloader says that it cannot. */
function blank(bytes: Uint8Array): boolean {
	return bytes.every((b) => b === 0xff);
}

async function unlessRefused(read: () => Promise<Uint8Array>): Promise<Uint8Array | undefined> {
	try {
		return await read();
	} catch (error) {
		const e = asLinacError(error);
		if (e.code !== 'DFU_STATUS' && e.code !== 'USB_STALL') throw e;
		return undefined;
	}
}

function notReadable(platform: Platform): LinacError {
	return new LinacError(
		'BACKUP_NOT_READABLE',
		`The bootloader of the ${platform.displayName} does not give its settings (DCT).`,
		{
			retry: 'operator',
			hint: 'Unplug the device, plug it in, and run the command again. --no-backup goes on without a backup.',
		},
	);
}

/** A Core keeps its keys at fixed places of its serial flash. */
async function readSegments(reader: Reader, platform: Platform): Promise<BackupPart[]> {
	const place: CloudPlace | undefined = cloudPlaceOf(platform);
	if (place?.storage !== 'external' || !reader.has('external')) return [];
	const parts: BackupPart[] = [];
	for (const kind of ['server-key', 'device-key'] as const) {
		const region = platform.memory.find((r): r is MemoryRegion => r.name === kind && r.storage === 'external');
		if (!region) continue;
		const bytes = await reader.read('external', region.start, region.end - region.start);
		parts.push({ kind, storage: 'external', address: region.start, bytes });
	}
	return parts;
}

/** Applications, and where there is only one image of system and application (Core), that. What the snapshot has read is not read again. */
async function readApplications(dfu: DfuDevice, platform: Platform, world: World, device: DeviceSnapshot): Promise<BackupPart[]> {
	const isOne = (m: { function: number }) => m.function === ModuleFunction.user || m.function === ModuleFunction.monolithic;
	const known = device.depth === 'read' ? device.modules?.filter(isOne) : undefined;
	const at = known?.every((m) => moduleBytes(m) !== undefined) ? known : await readModules(dfu, platform, world, isOne);
	return at.flatMap((m): BackupPart[] => {
		const bytes = moduleBytes(m);
		if (bytes === undefined || m.start === undefined) return [];
		const module = { function: m.function, index: m.index, version: m.version, whole: m.valid };
		return [{ kind: 'application', storage: 'internal', address: m.start, bytes, module }];
	});
}
