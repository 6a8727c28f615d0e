/**
 * The few protobuf messages of control requests that programming a device needs, as plain objects. Field numbers: packages
 * `particle.ctrl` and `particle.cloud` (device-os v4.0.1 and v6.2.0: system/src/control/proto/*.pb.h; docs/formats/usb-control.md).
 * A reply is hostile until it is read: whatever is wrong with it becomes `PROTOCOL_ERROR`. Fields not known here are skipped.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LinacError, toHex } from '@linac/core';
import { type ModuleDependency, ModuleFunction } from '@linac/firmware';

/** Request types (device-os v6.2.0: system/inc/system_control.h), by what they do. */
export const ControlRequest = {
	deviceId: 20,
	serialNumber: 21,
	systemVersion: 30,
	ncpVersion: 31,
	reset: 40,
	dfuMode: 50,
	safeMode: 60,
	startListening: 70,
	stopListening: 71,
	deviceMode: 72,
	setSetupDone: 73,
	isSetupDone: 74,
	protectedState: 76,
	moduleInfo: 90,
	assetInfo: 91,
	startUpdate: 250,
	finishUpdate: 251,
	cancelUpdate: 252,
	updateData: 253,
	cellularIds: 554,
} as const;

export type ModuleStore = 'main' | 'factory' | 'backup' | 'scratchpad';

/** A module as a running Device OS reports it. `function` is the number of the module format, whichever reply it came in. */
export interface ReportedModule {
	function: number;
	index: number;
	version: number;
	store: ModuleStore;
	/** Room for it, bytes; only Device OS >= 5.6.0 says it. */
	maxSize?: number;
	/** Bytes from start to end address, without the 4 of the CRC. */
	size?: number;
	/** Integrity, range and platform were all right, as far as they were checked. */
	valid: boolean;
	dependenciesMet: boolean;
	dependencies: ModuleDependency[];
	/** Assets that an application asks for; only Device OS >= 5.6.0 says it, and only when there are any. */
	assets?: ReportedAsset[];
	/** SHA-256 as the device computes it over the module, hex; only Device OS >= 5.6.0 says it. */
	sha256?: string;
	/** The two flag words as they came: 2 integrity, 4 dependencies, 8 range, 0x10 platform, 0x20 product, 0x40 dependencies of dependencies. */
	checkedFlags: number;
	passedFlags: number;
	/** A bootloader that has device protection in it. */
	security?: 'none' | 'protected';
}

/** An asset as a device tells it. */
export interface ReportedAsset {
	name: string;
	/** SHA-256 of the asset's own bytes, hex, as the device gave it: of another length where the device keeps another hash. */
	sha256: string;
	/** Bytes of the asset, and of what is stored of it; told of stored ones only. */
	size?: number;
	storageSize?: number;
}

export interface ReportedAssets {
	/** Stored and whole, whether the application asks for them or not. */
	available: ReportedAsset[];
	/** What the application asks for. While one of them is not available, the device stays in safe mode. */
	required: ReportedAsset[];
}

/** More modules than any device has. */
const MOST_MODULES = 64;
const MOST_DEPENDENCIES = 64;
/** More assets than blocks in any store. */
const MOST_ASSETS = 1024;

/**
 * `particle.ctrl.FirmwareModuleType` (field 1, Device OS < 5.6.0) numbers functions in its own way: 1 bootloader, 2 system, 3 user,
 * 4 monolithic, 5 NCP, 6 radio stack. `particle.cloud.FirmwareModuleType` (field 2) has the format's numbers.
 */
const functionOfCtrlType: readonly number[] = [
	ModuleFunction.none,
	ModuleFunction.bootloader,
	ModuleFunction.system,
	ModuleFunction.user,
	ModuleFunction.monolithic,
	ModuleFunction.ncp,
	ModuleFunction.radioStack,
];

const stores: readonly ModuleStore[] = ['main', 'factory', 'backup', 'scratchpad'];

type Field = (field: number, wire: WireType, reader: BinaryReader) => boolean;

/** Reads every field of a message; `take` answers whether it has consumed the field. */
function readFields(reader: BinaryReader, length: number, take: Field): void {
	const end = reader.pos + length;
	if (end > reader.len) throw new RangeError('a field is longer than the message');
	while (reader.pos < end) {
		const [field, wire] = reader.tag();
		if (!take(field, wire, reader)) reader.skip(wire, field);
		if (reader.pos > end) throw new RangeError('a field is longer than its message');
	}
}

function decode<T>(what: string, bytes: Uint8Array, read: (reader: BinaryReader) => T): T {
	try {
		return read(new BinaryReader(bytes));
	} catch (error) {
		throw new LinacError('PROTOCOL_ERROR', `The device's reply (${what}, ${bytes.length} bytes) cannot be read.`, {
			retry: 'step',
			details: { what, reply: toHex(bytes.subarray(0, 64)) },
			cause: error,
		});
	}
}

/** A message whose fields here are only strings: returns them by field number. */
export function decodeStrings(what: string, bytes: Uint8Array): Map<number, string> {
	return decode(what, bytes, (reader) => {
		const strings = new Map<number, string>();
		readFields(reader, bytes.length, (field, wire) => {
			if (wire !== WireType.LengthDelimited || field > 15) return false;
			strings.set(field, reader.string());
			return true;
		});
		return strings;
	});
}

/** A message whose fields here are only numbers or booleans: returns them by field number. */
export function decodeNumbers(what: string, bytes: Uint8Array): Map<number, number> {
	return decode(what, bytes, (reader) => {
		const numbers = new Map<number, number>();
		readFields(reader, bytes.length, (field, wire) => {
			if (wire !== WireType.Varint || field > 15) return false;
			numbers.set(field, reader.uint32());
			return true;
		});
		return numbers;
	});
}

/** GetNcpFirmwareVersionReply: the version as text and the number of the module. */
export function decodeNcpVersion(bytes: Uint8Array): { version: string; moduleVersion: number } {
	return decode('NCP version', bytes, (reader) => {
		const result = { version: '', moduleVersion: 0 };
		readFields(reader, bytes.length, (field, wire) => {
			if (field === 1 && wire === WireType.LengthDelimited) result.version = reader.string();
			else if (field === 2 && wire === WireType.Varint) result.moduleVersion = reader.uint32();
			else return false;
			return true;
		});
		return result;
	});
}

/** GetModuleInfoReply, in either form. Field 1: Device OS < 5.6.0. Field 2: since then. */
export function decodeModuleInfo(bytes: Uint8Array): ReportedModule[] {
	return decode('module info', bytes, (reader) => {
		const modules: ReportedModule[] = [];
		readFields(reader, bytes.length, (field, wire) => {
			if ((field !== 1 && field !== 2) || wire !== WireType.LengthDelimited) return false;
			if (modules.length === MOST_MODULES) throw new RangeError('too many modules');
			modules.push(field === 1 ? readCtrlModule(reader) : readCloudModule(reader));
			return true;
		});
		return modules;
	});
}

/** GetAssetInfoReply{available, required} of particle.cloud.FirmwareModuleAsset. */
export function decodeAssetInfo(bytes: Uint8Array): ReportedAssets {
	return decode('asset info', bytes, (reader) => {
		const assets: ReportedAssets = { available: [], required: [] };
		readFields(reader, bytes.length, (field, wire) => {
			if ((field !== 1 && field !== 2) || wire !== WireType.LengthDelimited) return false;
			pushAsset(field === 1 ? assets.available : assets.required, reader);
			return true;
		});
		return assets;
	});
}

function pushAsset(list: ReportedAsset[], reader: BinaryReader): void {
	if (list.length === MOST_ASSETS) throw new RangeError('too many assets');
	const asset: ReportedAsset = { name: '', sha256: '' };
	readFields(reader, reader.uint32(), (field, wire) => {
		if (wire === WireType.LengthDelimited && field === 1) asset.sha256 = toHex(reader.bytes());
		else if (wire === WireType.LengthDelimited && field === 2) asset.name = reader.string();
		else if (wire === WireType.Varint && field === 3) asset.size = reader.uint32();
		else if (wire === WireType.Varint && field === 4) asset.storageSize = reader.uint32();
		else return false;
		return true;
	});
	list.push(asset);
}

function readCtrlModule(reader: BinaryReader): ReportedModule {
	const module = emptyModule();
	let failed = 0;
	readFields(reader, reader.uint32(), (field, wire) => {
		if (wire === WireType.Varint && field === 1) module.function = functionOfCtrlType[reader.uint32()] ?? ModuleFunction.none;
		else if (wire === WireType.Varint && field === 2) module.index = reader.uint32();
		else if (wire === WireType.Varint && field === 3) module.version = reader.uint32();
		else if (wire === WireType.Varint && field === 4) module.size = reader.uint32();
		else if (wire === WireType.Varint && field === 5) failed = reader.uint32();
		else if (wire === WireType.LengthDelimited && field === 6) pushDependency(module, reader, functionOfCtrlType);
		else return false;
		return true;
	});
	// FirmwareModuleValidityFlag: 1 integrity check failed, 2 dependency check failed. In the words of the newer reply:
	module.checkedFlags = 2 | 4;
	module.passedFlags = (failed & 1 ? 0 : 2) | (failed & 2 ? 0 : 4);
	return judge(module);
}

function readCloudModule(reader: BinaryReader): ReportedModule {
	const module = emptyModule();
	readFields(reader, reader.uint32(), (field, wire) => {
		if (wire === WireType.Varint && field === 1) module.function = reader.uint32();
		else if (wire === WireType.Varint && field === 2) module.index = reader.uint32();
		else if (wire === WireType.Varint && field === 3) module.version = reader.uint32();
		else if (wire === WireType.Varint && field === 4) module.store = stores[reader.uint32()] ?? 'scratchpad';
		else if (wire === WireType.Varint && field === 5) module.maxSize = reader.uint32();
		else if (wire === WireType.Bit32 && field === 6) module.checkedFlags = reader.fixed32();
		else if (wire === WireType.Bit32 && field === 7) module.passedFlags = reader.fixed32();
		else if (wire === WireType.LengthDelimited && field === 8) module.sha256 = toHex(reader.bytes());
		else if (wire === WireType.LengthDelimited && field === 9) pushDependency(module, reader);
		else if (wire === WireType.LengthDelimited && field === 10) {
			module.assets ??= [];
			pushAsset(module.assets, reader);
		} else if (wire === WireType.Varint && field === 11) module.size = reader.uint32();
		else if (wire === WireType.LengthDelimited && field === 12) module.security = readSecurity(reader);
		else return false;
		return true;
	});
	if (module.sha256 !== undefined && module.sha256.length !== 64) module.sha256 = undefined;
	return judge(module);
}

function readSecurity(reader: BinaryReader): 'none' | 'protected' {
	let mode = 0;
	readFields(reader, reader.uint32(), (field, wire) => {
		if (field !== 1 || wire !== WireType.Varint) return false;
		mode = reader.uint32();
		return true;
	});
	return mode === 0 ? 'none' : 'protected';
}

function emptyModule(): ReportedModule {
	return {
		function: 0,
		index: 0,
		version: 0,
		store: 'main',
		valid: false,
		dependenciesMet: false,
		dependencies: [],
		checkedFlags: 0,
		passedFlags: 0,
	};
}

function judge(module: ReportedModule): ReportedModule {
	const failed = module.checkedFlags & ~module.passedFlags;
	module.valid = (module.checkedFlags & 2) !== 0 && (failed & (2 | 8 | 0x10)) === 0;
	module.dependenciesMet = (failed & (4 | 0x40)) === 0;
	return module;
}

function pushDependency(module: ReportedModule, reader: BinaryReader, functions?: readonly number[]): void {
	const dependency: ModuleDependency = { function: 0, index: 0, version: 0 };
	readFields(reader, reader.uint32(), (field, wire) => {
		if (wire !== WireType.Varint) return false;
		const value = reader.uint32();
		if (field === 1) dependency.function = functions ? (functions[value] ?? 0) : value;
		else if (field === 2) dependency.index = value;
		else if (field === 3) dependency.version = value;
		return true;
	});
	if (module.dependencies.length === MOST_DEPENDENCIES) throw new RangeError('too many dependencies');
	if (dependency.function !== 0) module.dependencies.push(dependency);
}

/** SetDeviceSetupDoneRequest{done} and FinishFirmwareUpdateRequest{validate_only}: field 1, a bool; false is not written (proto3). */
export function encodeFlag(value: boolean): Uint8Array {
	const writer = new BinaryWriter();
	if (value) writer.tag(1, WireType.Varint).bool(true);
	return writer.finish();
}

/** StartFirmwareUpdateRequest{size, format = BIN (0)}. */
export function encodeStartUpdate(size: number): Uint8Array {
	return new BinaryWriter().tag(1, WireType.Varint).uint32(size).finish();
}

/** FirmwareUpdateDataRequest{data}. */
export function encodeUpdateData(data: Uint8Array): Uint8Array {
	return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(data).finish();
}
