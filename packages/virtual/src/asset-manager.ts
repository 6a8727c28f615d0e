/**
 * What Device OS 5.5.0 and newer does with assets: which the application asks for, which are stored and whole, storing one, and clearing away what
 * the running application does not ask for (device-os v6.2.0: system/src/asset_manager.cpp, system/src/main.cpp app_setup_and_loop).
 */
import { crc32, toHex, u16le, u32be, u32le } from '@linac/core';
import { ModuleFlag, ModuleFunction } from '@linac/firmware';
import { type AssetFile, keepsAssets, readAssetFiles, removeAssetFile, writeAssetFile } from './asset-files.js';
import { SystemError } from './chip.js';
import { type FlashModule, moduleLength, PREFIX_SIZE } from './flash-modules.js';
import type { Hardware } from './hardware.js';

/** Device OS 5.6.0 checks the CRC of stored assets at every start, 5.5.0 does not (`reader.validate(false)` in parseAvailableAssets). */
const CRC_AT_START_FROM = 5600;

/** MODULE_INFO_EXTENSION_* and the smallest sizes of dynalib/inc/module_info.h. */
const Extension = { end: 0, hash: 0x10, name: 0x11, assetDependency: 0x12 } as const;
const EXTENSION_HEAD = 4;
const SUFFIX_BASE = 36;
const COMPRESSED_HEAD = 8;

export interface Asset {
	name: string;
	/** SHA-256 of the asset's own bytes, hex. */
	sha256: string;
	/** Bytes of the asset, and of the module that is stored. 0 where only a name and a hash are known. */
	size: number;
	storageSize: number;
}

interface StoredAsset extends Asset {
	file: AssetFile;
}

const sameAsset = (a: Asset) => (b: Asset) => a.name === b.name && a.sha256 === b.sha256;

/** The assets that an application asks for in extensions of its prefix and suffix; those behind an END are not seen. */
export function requiredAssets(module: FlashModule): Asset[] {
	const length = moduleLength(module);
	if (length < PREFIX_SIZE + SUFFIX_BASE || !module.flash.contains(module.address, length)) return [];
	const bytes = module.flash.read(module.address, length);
	const out: Asset[] = [];
	if (module.flags & ModuleFlag.prefixExtensions) readDependencies(bytes, module.prefixOffset + PREFIX_SIZE, length, out);
	const suffix = u16le(bytes, length - 2);
	if (suffix > SUFFIX_BASE + 2 * EXTENSION_HEAD && suffix <= length)
		readDependencies(bytes, length - suffix, length - SUFFIX_BASE, out);
	return out;
}

function readDependencies(bytes: Uint8Array, start: number, end: number, out: Asset[]): void {
	for (let at = start; at + EXTENSION_HEAD <= end; ) {
		const type = u16le(bytes, at);
		const length = u16le(bytes, at + 2);
		if (type === Extension.end || length < EXTENSION_HEAD || at + length > end) return;
		if (type === Extension.assetDependency && length > EXTENSION_HEAD + 2) {
			const hashLength = bytes[at + 5]!;
			const hash = bytes.subarray(at + 6, at + 6 + hashLength);
			const name = text(bytes.subarray(at + 6 + hashLength, at + length));
			if (bytes[at + 4] === 0) out.push({ name, sha256: toHex(hash), size: 0, storageSize: 0 });
		}
		at += length;
	}
}

/** C strings: up to the first zero. */
function text(bytes: Uint8Array): string {
	const end = bytes.indexOf(0);
	return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** AssetReader::validate: what the bytes of an asset module say, or `undefined` when they are not one. */
export function readAsset(bytes: Uint8Array, checkCrc: boolean): Asset | undefined {
	if (bytes.length <= PREFIX_SIZE + COMPRESSED_HEAD + SUFFIX_BASE + 4) return undefined;
	const flags = bytes[9]!;
	if (bytes[14] !== ModuleFunction.asset || !(flags & ModuleFlag.dropModuleInfo) || flags & ModuleFlag.prefixExtensions)
		return undefined;
	if (bytes.length !== u32le(bytes, 4) - u32le(bytes, 0) + 4) return undefined;
	const compressed = (flags & ModuleFlag.compressed) !== 0;
	if (compressed && (u16le(bytes, PREFIX_SIZE) < COMPRESSED_HEAD || bytes[PREFIX_SIZE + 2] !== 0)) return undefined;
	const end = bytes.length - 4;
	if (checkCrc && crc32(bytes.subarray(0, end)) !== u32be(bytes, end)) return undefined;
	const suffix = u16le(bytes, end - 2);
	if (suffix < SUFFIX_BASE + 2 * EXTENSION_HEAD || end < PREFIX_SIZE + COMPRESSED_HEAD + suffix) return undefined;
	let name: string | undefined;
	let sha256: string | undefined;
	for (let at = end - suffix; at + EXTENSION_HEAD <= end - SUFFIX_BASE; ) {
		const type = u16le(bytes, at);
		const length = u16le(bytes, at + 2);
		if (type === Extension.end) break;
		if (length < EXTENSION_HEAD || at + length > end - SUFFIX_BASE) return undefined;
		if (type === Extension.name) name = text(bytes.subarray(at + EXTENSION_HEAD, at + length));
		if (type === Extension.hash) sha256 = toHex(bytes.subarray(at + 6, at + 6 + bytes[at + 5]!));
		at += length;
	}
	if (!name || sha256?.length !== 64) return undefined;
	const size = compressed ? u32le(bytes, PREFIX_SIZE + 4) : bytes.length - PREFIX_SIZE - 4 - suffix;
	return { name, sha256, size, storageSize: bytes.length };
}

function stored(hw: Hardware, systemVersion: number): { whole: StoredAsset[]; broken: AssetFile[] } {
	const whole: StoredAsset[] = [];
	const broken: AssetFile[] = [];
	for (const file of readAssetFiles(hw, systemVersion)) {
		const size = file.bytes.length < PREFIX_SIZE ? 0 : u32le(file.bytes, 4) - u32le(file.bytes, 0) + 4;
		const asset =
			size > file.bytes.length ? undefined : readAsset(file.bytes.subarray(0, size), systemVersion >= CRC_AT_START_FROM);
		if (asset) whole.push({ ...asset, file });
		else broken.push(file);
	}
	return { whole, broken };
}

/** Stored assets that are whole, whether anybody asks for them or not. */
export function availableAssets(hw: Hardware, systemVersion: number): Asset[] {
	return stored(hw, systemVersion).whole.map(({ name, sha256, size, storageSize }) => ({ name, sha256, size, storageSize }));
}

/** At a start: removes what is not whole. The assets that the application asks for and that are not there; with one of them, it does not run. */
export async function startAssets(hw: Hardware, systemVersion: number, application: FlashModule | undefined): Promise<Asset[]> {
	if (!keepsAssets(hw, systemVersion)) return [];
	const { whole, broken } = stored(hw, systemVersion);
	for (const file of broken) await hw.worker.run(removeAssetFile(hw, systemVersion, file));
	return (application ? requiredAssets(application) : []).filter((asset) => !whole.some(sameAsset(asset)));
}

/** Why a device with these assets missing starts in safe mode (system/src/main.cpp: missingAssets). */
export function missing(assets: readonly Asset[]): string[] {
	return assets.length === 0 ? [] : [`assets of the application are missing (${assets.map((a) => a.name).join(', ')})`];
}

/**
 * AssetManager::storeAsset: takes the module in the update slot into the store. What the running application does not ask for is removed before.
 * 0 or a negative `SystemError`.
 */
export async function storeAsset(
	hw: Hardware,
	systemVersion: number,
	module: FlashModule,
	application: FlashModule | undefined,
): Promise<number> {
	if (!keepsAssets(hw, systemVersion)) return SystemError.otaUnsupportedModule;
	const length = moduleLength(module) + 4;
	if (length < PREFIX_SIZE || !module.flash.contains(module.address, length)) return SystemError.badData;
	const bytes = module.flash.read(module.address, length);
	const asset = readAsset(bytes, true);
	if (!asset) return SystemError.badData;
	const required = application ? requiredAssets(application) : [];
	for (const old of stored(hw, systemVersion).whole) {
		const unused = !required.some(sameAsset(old));
		if (unused || old.name === asset.name) await hw.worker.run(removeAssetFile(hw, systemVersion, old.file));
	}
	const steps = writeAssetFile(hw, systemVersion, bytes);
	if (!steps) return SystemError.noSpace;
	await hw.worker.run(steps);
	return 0;
}

/** Ground truth: the modules of the assets that are whole, byte for byte, by name. */
export function storedAssets(hw: Hardware, systemVersion: number): Map<string, Uint8Array> {
	return new Map(stored(hw, systemVersion).whole.map((a) => [a.name, a.file.bytes.subarray(0, a.storageSize)]));
}
