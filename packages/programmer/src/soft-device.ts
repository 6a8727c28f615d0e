/**
 * The SoftDevice as it stands in flash: without its module header (the header is dropped when it is installed), so it is known by
 * Nordic's own information structure and by its content.
 *
 * The structure lies 0x2000 behind the SoftDevice's start (0x1000): at 0x3004 the magic number 0x51B1E5DB, at 0x3008 the address
 * behind the SoftDevice, at 0x300C the firmware id that Device OS uses as the module's version (device-os v6.2.0:
 * hal/src/nRF52840/platform_radio_stack.cpp; Nordic nrf_sdm.h, SD_FWID_OFFSET and SOFTDEVICE_INFO_STRUCT_OFFSET).
 */

import type { MemoryRegion, ModuleSlot } from '@linac/catalog';
import { equalBytes, toHex, u16le, u32le } from '@linac/core';
import type { InstalledModule } from '@linac/planner';
import type { World } from './environment.js';

/** Reads pieces of one storage, by the addresses of the memory map; remembers nothing. */
export interface FlashReader {
	read(address: number, length: number): Promise<Uint8Array>;
}

const INFO_OFFSET = 0x2000;
const MAGIC_OFFSET = INFO_OFFSET + 4;
const SIZE_OFFSET = INFO_OFFSET + 8;
const FWID_OFFSET = INFO_OFFSET + 12;
const MAGIC = 0x51b1e5db;
/** What an erased field reads as: no id. */
const NO_FWID = 0xffff;

/** The suffix of a SoftDevice module without extensions, and the CRC behind it: written along over DFU, harmless. */
const SUFFIX_AND_CRC = 40;

export async function readSoftDevice(
	reader: FlashReader,
	slot: ModuleSlot,
	region: MemoryRegion,
	world: World,
): Promise<InstalledModule | undefined> {
	const info = await reader.read(region.start + INFO_OFFSET, 16);
	if (u32le(info, MAGIC_OFFSET - INFO_OFFSET) !== MAGIC) return undefined;
	const version = u16le(info, FWID_OFFSET - INFO_OFFSET);
	if (version === NO_FWID || version === 0) return undefined;
	const declaredEnd = u32le(info, SIZE_OFFSET - INFO_OFFSET);
	const end = declaredEnd > region.start && declaredEnd <= region.end ? declaredEnd : region.end;
	const bytes = await reader.read(region.start, end - region.start);
	const base = { function: slot.function, index: slot.index, version, start: region.start };

	for (const known of world.known) {
		if (known.function !== slot.function || known.index !== slot.index || known.version !== version) continue;
		const whole = bytes.subarray(0, known.length);
		const sha256 = toHex(world.digests.sha256(whole));
		if (whole.length === known.length && sha256 === known.contentSha256) {
			return { ...base, valid: true, contentSha256: sha256, size: known.length };
		}
		// Put there by a tool that leaves out the suffix: the payload is what runs.
		if (known.payload && toHex(world.digests.sha256(bytes.subarray(0, known.payload.length))) === known.payload.sha256) {
			return { ...base, valid: true, contentSha256: known.payload.sha256, size: known.payload.length };
		}
	}
	const own = bySuffix(bytes, world);
	if (own) return { ...base, valid: true, contentSha256: own.sha256, size: own.length };
	// Whole by its own structure, but of content that nothing at hand can confirm. Device OS does not check more either.
	const used = usedLength(bytes);
	const doubtful = world.known.some((k) => k.function === slot.function && k.index === slot.index && k.version === version);
	return { ...base, valid: !doubtful, contentSha256: toHex(world.digests.sha256(bytes.subarray(0, used))), size: used };
}

/** The payload, where it was written together with its suffix: that holds the SHA-256 of the payload, which proves both. */
function bySuffix(bytes: Uint8Array, world: World): { length: number; sha256: string } | undefined {
	const used = usedLength(bytes);
	if (used <= SUFFIX_AND_CRC) return undefined;
	const payload = bytes.subarray(0, used - SUFFIX_AND_CRC);
	const stored = bytes.subarray(used - SUFFIX_AND_CRC + 2, used - SUFFIX_AND_CRC + 34);
	if (!equalBytes(world.digests.sha256(payload), stored)) return undefined;
	return { length: used, sha256: toHex(world.digests.sha256(bytes.subarray(0, used))) };
}

/** Bytes up to the last one that is not blank. */
function usedLength(bytes: Uint8Array): number {
	let used = bytes.length;
	while (used > 0 && bytes[used - 1] === 0xff) used--;
	return used;
}
