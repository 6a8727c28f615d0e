/**
 * Typed access to data/dct.json: how the device configuration table is kept in the STM32F2's flash, and the fields of it that may be set
 * one unit at a time. Facts only; the bytes are made by `@linac/image` and `@linac/firmware`. Layouts: docs/formats/dct.md.
 */
import type { DctLayout } from '@linac/firmware';
import { dctText } from './generated/dct.js';
import { asPlatform, regionOf } from './platforms.js';
import type { McuFamily, Platform, Sourced, VersionRange } from './types.js';

/** Where the two copies stand that take turns: addresses of the chip. */
export interface DctStore extends Sourced {
	layout: DctLayout;
	sectors: readonly [number, number];
	/** Bytes of one sector. */
	sectorSize: number;
}

/** `rsa-1024`: PKCS#1. `ec-p256`: SEC 1. Public keys are SubjectPublicKeyInfo. All in DER. */
export type KeyKind = 'rsa-1024' | 'rsa-2048' | 'ec-p256';

export interface DctKeyField {
	offset: number;
	/** Bytes that are set aside for it. */
	size: number;
	/** Bytes that the device reads. */
	read: number;
	key: KeyKind;
}

/** What the transport to the cloud makes of the fields: a device that talks TCP and one that talks UDP look at different places. */
export interface DctCloudFields extends Sourced {
	transport: 'TCP' | 'UDP';
	devicePrivateKey: DctKeyField;
	serverPublicKey: DctKeyField;
	/** A record of type, length and name or IPv4 address, with the port `portAt` bytes from its start (big-endian). */
	serverAddress: {
		offset: number;
		size: number;
		/** Longest host name. */
		nameLength: number;
		portAt: number;
		/** The port that is used when the record has none. */
		port: number;
		/** The device always uses `port`, whatever the record says. */
		portIsFixed: boolean;
	};
}

export interface DctAntennaField extends Sourced {
	radio: string;
	offset: number;
	values: Readonly<Record<string, number>>;
}

export interface DctSetupField extends Sourced {
	offset: number;
	yes: number;
	no: number;
	/** System parts that look at it. */
	versions: VersionRange;
}

/** The fields that a platform has; what it has not is undefined. */
export interface DctFields {
	cloud?: DctCloudFields;
	claimCode?: Sourced & { offset: number; size: number };
	antenna?: DctAntennaField;
	setupDone?: DctSetupField;
}

/** What a field of the table belongs to, for those who put back a part of it. `system`: never written by anybody but the device. */
export type DctGroup = 'keys' | 'server' | 'claim-code' | 'wifi' | 'settings' | 'system';

/** One field of the table, in bytes from offset 0 of alternate setting 1. */
export interface DctTableField {
	name: string;
	offset: number;
	size: number;
	group: DctGroup;
	/** Belongs to this one device: another must not have the same. */
	ofDevice: boolean;
	/** Never shown. */
	secret: boolean;
	/** Why it stays as it is on the device when settings of before are put back. */
	stays?: string;
}

export interface DctTable extends Sourced {
	/** Bytes that belong to the table; what DFU gives behind them means nothing. */
	size: number;
	fields: DctTableField[];
}

/** Where keys and server address are kept, as the device reads them now. */
export interface CloudPlace {
	storage: 'dct' | 'external';
	cloud: DctCloudFields;
}

interface Where {
	platforms?: string[];
	mcus?: McuFamily[];
}

interface DctFile {
	stores: (Sourced & Where & { layout: DctLayout; region: string })[];
	clouds: (DctCloudFields & Where)[];
	claimCode: Sourced & { offset: number; size: number };
	antennas: (DctAntennaField & Where)[];
	setupDone: DctSetupField & Where;
	table: Sourced & {
		size: number;
		fields: (Partial<DctTableField> & Where & Pick<DctTableField, 'name' | 'offset' | 'size' | 'group'>)[];
	};
	transport: Sourced & Where & { offset: number; udp: number };
	segments: (DctCloudFields & Where & { storage: 'external' })[];
}

const facts = JSON.parse(dctText) as DctFile;

const holds = (where: Where, platform: Platform) =>
	where.platforms?.includes(platform.name) === true || where.mcus?.includes(platform.mcu) === true;

/**
 * How a platform keeps its DCT in internal flash; undefined where it is a file on another flash (nRF52840, RTL872x).
 * @param moduleVersion number of the system part; without it, as the newest has it
 */
export function dctStoreOf(platform: Platform | string, moduleVersion?: number): DctStore | undefined {
	const p = asPlatform(platform);
	const store = facts.stores.find((s) => holds(s, p));
	const region = store && regionOf(p, store.region, moduleVersion);
	if (!store || !region) return undefined;
	const sectorSize = (region.end - region.start) / 2;
	return { layout: store.layout, sectors: [region.start, region.start + sectorSize], sectorSize, source: store.source };
}

/** The fields of a platform's DCT that may be set one unit at a time. Empty for a platform without a DCT (Core). */
export function dctFieldsOf(platform: Platform | string): DctFields {
	const p = asPlatform(platform);
	if (p.dct.size === 0) return {};
	const cloud = facts.clouds.find((c) => holds(c, p));
	const antenna = facts.antennas.find((a) => holds(a, p));
	return {
		...(cloud ? { cloud } : {}),
		claimCode: facts.claimCode,
		...(antenna ? { antenna } : {}),
		...(holds(facts.setupDone, p) ? { setupDone: facts.setupDone } : {}),
	};
}

/** All fields of the table that a platform has, by offset; undefined for a platform without a DCT (Core). */
export function dctTableOf(platform: Platform | string): DctTable | undefined {
	const p = asPlatform(platform);
	if (p.dct.size === 0) return undefined;
	const fields = facts.table.fields
		.filter((f) => f.mcus === undefined || f.mcus.includes(p.mcu))
		.map(({ mcus: _, platforms: __, ofDevice = false, secret = false, ...f }) => ({ ...f, ofDevice, secret }));
	return { size: facts.table.size, fields, source: facts.table.source };
}

/**
 * Where this device keeps its keys and the address of its server. Electron can talk UDP or TCP, which one byte of its DCT tells.
 * @param settings the DCT from offset 0 on; without it, as on a new device
 */
export function cloudPlaceOf(platform: Platform | string, settings?: Uint8Array): CloudPlace | undefined {
	const p = asPlatform(platform);
	const segment = facts.segments.find((s) => holds(s, p));
	if (segment) return { storage: segment.storage, cloud: segment };
	const byDefault = dctFieldsOf(p).cloud;
	const { transport } = facts;
	const other = settings !== undefined && holds(transport, p) && settings[transport.offset] !== transport.udp;
	const cloud = other ? facts.clouds.find((c) => c.transport === 'TCP') : byDefault;
	return cloud && { storage: 'dct', cloud };
}
