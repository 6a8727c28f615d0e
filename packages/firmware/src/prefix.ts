/**
 * The 24-byte module prefix (`module_info_t`): reading it, writing it, and finding it in a file whose header says nothing
 * about where it is. Not for judging a module as a whole: that is parse-module.ts.
 * Format: docs/formats/module.md; device-os v6.2.0: dynalib/inc/module_info.h.
 */
import { crc32, type Digests, putU16le, putU32le, u16le, u32be, u32le } from '@linac/core';
import { ModuleFlag, type ModulePrefix } from './types.js';

/** `sizeof(module_info_t)`. */
export const PREFIX_SIZE = 24;
/** u16 reserved, 32 bytes of SHA-256, u16 size: `module_info_suffix_base_t`. */
export const SUFFIX_BASE_SIZE = 36;
export const CRC_SIZE = 4;

/**
 * Where a prefix may stand, in the order of how often it does: 0 user parts, radio stack, NCP, assets, RTL872x system part;
 * 0x200 nRF52840 and 0x184 STM32F2 behind the vector table; 0x20 RTL872x bootloader behind its image header;
 * 0x10C Core; 0xC0 Bluz.
 */
export const prefixOffsets = [0, 0x200, 0x184, 0x20, 0x10c, 0xc0] as const;

/** Nothing is looked for behind this offset. No module of any platform has its prefix that far inside. */
const SCAN_LIMIT = 8 * 1024;
/** The scan asks at most this many implausible sizes for their CRC, so that no input makes it quadratic. */
const SCAN_CHECKS = 4;

const KNOWN_FLAGS =
	ModuleFlag.dropModuleInfo | ModuleFlag.compressed | ModuleFlag.combined | ModuleFlag.encrypted | ModuleFlag.prefixExtensions;
const HIGHEST_FUNCTION = 9;
// Platform ids above 255 do not exist (the largest is 103); 0xFFFF is erased flash.
const HIGHEST_PLATFORM = 0xff;

/** Reads the prefix at `offset`; the caller has made sure that 24 bytes are there. Judges nothing. */
export function readPrefix(bytes: Uint8Array, offset = 0): ModulePrefix {
	return {
		start: u32le(bytes, offset),
		end: u32le(bytes, offset + 4),
		reserved: bytes[offset + 8]!,
		flags: bytes[offset + 9]!,
		version: u16le(bytes, offset + 10),
		platformId: u16le(bytes, offset + 12),
		function: bytes[offset + 14]!,
		index: bytes[offset + 15]!,
		dependencies: [
			{ function: bytes[offset + 16]!, index: bytes[offset + 17]!, version: u16le(bytes, offset + 18) },
			{ function: bytes[offset + 20]!, index: bytes[offset + 21]!, version: u16le(bytes, offset + 22) },
		],
	};
}

/** Writes the 24 bytes of a prefix at `offset`. */
export function writePrefix(bytes: Uint8Array, offset: number, prefix: ModulePrefix): void {
	putU32le(bytes, offset, prefix.start);
	putU32le(bytes, offset + 4, prefix.end);
	bytes[offset + 8] = prefix.reserved;
	bytes[offset + 9] = prefix.flags;
	putU16le(bytes, offset + 10, prefix.version);
	putU16le(bytes, offset + 12, prefix.platformId);
	bytes[offset + 14] = prefix.function;
	bytes[offset + 15] = prefix.index;
	let at = offset + 16;
	for (const dependency of prefix.dependencies) {
		bytes[at] = dependency.function;
		bytes[at + 1] = dependency.index;
		putU16le(bytes, at + 2, dependency.version);
		at += 4;
	}
}

/** Size of the module's file in bytes, CRC included, by its prefix. */
export function declaredSize(prefix: { start: number; end: number }): number {
	return prefix.end - prefix.start + CRC_SIZE;
}

/**
 * Size of the module if the 24 bytes at `offset` can be a prefix, else 0. Asks only what is true of every module: an address
 * range that has room for prefix and suffix, a known function, no unknown flags, empty dependencies that are all zero.
 * Works on the bytes and allocates nothing: it is called for thousands of offsets of files that are no modules.
 */
export function plausiblePrefix(bytes: Uint8Array, offset: number): number {
	if (offset + PREFIX_SIZE > bytes.length) return 0;
	const moduleFunction = bytes[offset + 14]!;
	if (moduleFunction === 0 || moduleFunction > HIGHEST_FUNCTION) return 0;
	if ((bytes[offset + 9]! & ~KNOWN_FLAGS) !== 0) return 0;
	if (u16le(bytes, offset + 12) > HIGHEST_PLATFORM) return 0;
	if (!plausibleDependency(bytes, offset + 16) || !plausibleDependency(bytes, offset + 20)) return 0;
	const size = u32le(bytes, offset + 4) - u32le(bytes, offset) + CRC_SIZE;
	return size >= offset + PREFIX_SIZE + SUFFIX_BASE_SIZE + CRC_SIZE ? size : 0;
}

function plausibleDependency(bytes: Uint8Array, at: number): boolean {
	const moduleFunction = bytes[at]!;
	if (moduleFunction > HIGHEST_FUNCTION) return false;
	return moduleFunction !== 0 || (bytes[at + 1] === 0 && u16le(bytes, at + 2) === 0);
}

export interface FoundPrefix {
	offset: number;
	/** Size of the module by its prefix; may be more than there is. */
	size: number;
}

/**
 * Finds the prefix: at the usual places first, then at every fourth byte of the first 8 KB. A place where the size by the
 * prefix is the size of the file is taken before one where something follows; a place where bytes are missing comes last.
 */
export function findPrefix(bytes: Uint8Array, digests: Pick<Digests, 'crc32'> = { crc32 }): FoundPrefix | undefined {
	let followed: FoundPrefix | undefined;
	let missing: FoundPrefix | undefined;
	for (const offset of prefixOffsets) {
		const size = plausiblePrefix(bytes, offset);
		if (size === 0) continue;
		if (size === bytes.length) return { offset, size };
		if (size < bytes.length) followed ??= { offset, size };
		else missing ??= { offset, size };
	}
	return followed ?? scanForPrefix(bytes, digests) ?? missing;
}

/** At an unusual place only an exact size or a right CRC is proof enough: arbitrary data often looks like a prefix. */
function scanForPrefix(bytes: Uint8Array, digests: Pick<Digests, 'crc32'>): FoundPrefix | undefined {
	const limit = Math.min(SCAN_LIMIT, bytes.length - PREFIX_SIZE - SUFFIX_BASE_SIZE - CRC_SIZE);
	let checks = 0;
	for (let offset = 4; offset <= limit; offset += 4) {
		const size = plausiblePrefix(bytes, offset);
		if (size === 0 || size > bytes.length) continue;
		if (size === bytes.length) return { offset, size };
		if (checks++ >= SCAN_CHECKS) continue;
		if (digests.crc32(bytes.subarray(0, size - CRC_SIZE)) === u32be(bytes, size - CRC_SIZE)) return { offset, size };
	}
	return undefined;
}
