/**
 * How bootloaders and Device OS read module headers out of flash: where the prefix stands, the address a module claims, its CRC.
 * Written from the device's sources and on purpose independent of @linac/firmware's parser: the device must be able to disagree with the host.
 * device-os v4.0.1: platform/MCU/nRF52840/src/flash_mal.c (FLASH_ModuleInfo, FLASH_VerifyCRC32), dynalib/inc/module_info.h.
 */
import { crc32, type Json, sha256, toHex, u16le, u32be, u32le } from '@linac/core';
import type { FlashModel } from './flash-model.js';

export interface Dependency {
	function: number;
	index: number;
	version: number;
}

/** A module header as it stands in flash. Nothing of it has been checked. */
export interface FlashModule {
	flash: FlashModel;
	/** Where the module begins (vector table or prefix). */
	address: number;
	prefixOffset: number;
	start: number;
	end: number;
	flags: number;
	/** MCU that the module is for, where it is not the main one (NCP). */
	mcu: number;
	version: number;
	platformId: number;
	function: number;
	index: number;
	dependencies: [Dependency, Dependency];
}

export const PREFIX_SIZE = 24;
const APP_START_MASK = 0x2ffc0000;

/** Where the prefix of a module with a vector table stands: the linker scripts of each MCU. */
export const vectorTableSize = { stm32f1: 0x10c, stm32f2: 0x184, nrf52840: 0x200, rtl872x: 0x20 } as const;

/**
 * Reads the header at an address. `vectors` is the size of a vector table, which is there when the first word looks like a stack pointer
 * into RAM. `undefined` when the header would lie outside the flash.
 */
export function readModule(flash: FlashModel, address: number, vectors: number): FlashModule | undefined {
	if (!flash.contains(address, 4)) return undefined;
	const prefixOffset = (flash.u32(address) & APP_START_MASK) >>> 0 === 0x20000000 ? vectors : 0;
	return readPrefixAt(flash, address, prefixOffset);
}

export function readPrefixAt(flash: FlashModel, address: number, prefixOffset: number): FlashModule | undefined {
	if (!flash.contains(address + prefixOffset, PREFIX_SIZE)) return undefined;
	const p = flash.read(address + prefixOffset, PREFIX_SIZE);
	const dependency = (at: number): Dependency => ({ function: p[at]!, index: p[at + 1]!, version: u16le(p, at + 2) });
	return {
		flash,
		address,
		prefixOffset,
		start: u32le(p, 0),
		end: u32le(p, 4),
		mcu: p[8]!,
		flags: p[9]!,
		version: u16le(p, 10),
		platformId: u16le(p, 12),
		function: p[14]!,
		index: p[15]!,
		dependencies: [dependency(16), dependency(20)],
	};
}

/** Length without the CRC, as the device computes it. */
export function moduleLength(module: FlashModule): number {
	return module.end - module.start;
}

/** Compares the CRC-32 behind the module with that of its bytes. A length that leaves the flash is a failure. */
export function crcOk(module: FlashModule): boolean {
	const length = moduleLength(module);
	if (length <= 0 || !module.flash.contains(module.address, length + 4)) return false;
	const bytes = module.flash.read(module.address, length + 4);
	return u32be(bytes, length) === crc32(bytes.subarray(0, length));
}

/** The 32 bytes where a suffix has its SHA-256. */
export function storedSha(module: FlashModule): Uint8Array {
	const length = moduleLength(module);
	const at = module.address + length - 34;
	if (length < 38 || !module.flash.contains(at, 32)) return new Uint8Array(32);
	return module.flash.read(at, 32);
}

/** SHA-256 over all bytes of the module with its CRC, hex: what a host that read it back would compute. */
export function contentSha(flash: FlashModel, address: number, length: number): string {
	return flash.contains(address, length) ? toHex(sha256(flash.read(address, length))) : '';
}

/** Ground truth about one module, for tests and for people. */
export interface InstalledTruth {
	function: number;
	index: number;
	version: number;
	valid: boolean;
	/** SHA-256 of the bytes in flash, hex; empty where there are none (NCP). */
	sha256: string;
	[key: string]: Json;
}

// The SoftDevice has no prefix in flash. Its information structure stands 0x2000 behind the MBR: magic number, and the firmware id that
// serves as its version (Nordic S140, nrf_sdm.h: SD_INFO_STRUCT_ABS_ADDR, SD_FWID_GET; device-os v4.0.1: hal/src/nRF52840/platform_radio_stack.cpp).
const SOFTDEVICE_START = 0x1000;
const SOFTDEVICE_MAGIC = 0x51b1e5db;

export interface SoftDevice {
	version: number;
	valid: boolean;
	sha256: string;
}

/** The version that the SoftDevice's information structure tells; 0xFFFF where nothing stands. The device believes it without looking further. */
export function softDeviceVersion(flash: FlashModel): number {
	return u16le(flash.read(SOFTDEVICE_START + 0x200c, 2), 0);
}

/**
 * The SoftDevice in flash. It is whole when the SHA-256 that its module carries behind the payload is right (the module is written without its
 * 24-byte header, suffix included), or when the payload is one of `known`, by SHA-256. The device itself checks nothing: a torn one crashes.
 */
export function readSoftDevice(flash: FlashModel, regionEnd: number, known: ReadonlySet<string>): SoftDevice {
	const version = softDeviceVersion(flash);
	const region = flash.read(SOFTDEVICE_START, regionEnd - SOFTDEVICE_START);
	let used = region.length;
	while (used > 0 && region[used - 1] === 0xff) used--;
	if (flash.u32(SOFTDEVICE_START + 0x2004) !== SOFTDEVICE_MAGIC) return { version, valid: false, sha256: '' };
	// The last used byte belongs to the CRC; up to four bytes of that may be 0xFF.
	for (let length = used; length <= Math.min(used + 4, region.length); length++) {
		const payload = length - 40;
		if (payload < 0x3000 || u16le(region, length - 6) !== 36) continue;
		const hash = toHex(sha256(region.subarray(0, payload)));
		const stored = toHex(region.subarray(payload + 2, payload + 34));
		if (hash === stored || known.has(hash)) return { version, valid: true, sha256: toHex(sha256(region.subarray(0, length))) };
	}
	// Without a whole suffix, which nothing that runs ever reads.
	for (let payload = used; known.size > 0 && payload >= Math.max(0x3000, used - 40); payload--) {
		const hash = toHex(sha256(region.subarray(0, payload)));
		if (known.has(hash)) return { version, valid: true, sha256: toHex(sha256(region.subarray(0, used))) };
	}
	return { version, valid: false, sha256: '' };
}
