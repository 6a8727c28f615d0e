/**
 * The flash module slots of the DCT: orders that the bootloader carries out at the next start ("copy that module there"). 5 records of 20 bytes;
 * slot 0 is the factory reset application, 1 to 4 are for updates. The same on STM32F2, nRF52840 and RTL872x
 * (device-os v2.2.0, v6.2.0: platform/MCU/STM32F2xx, nRF52840 and rtl872x: inc/platform_flash_modules.h; hal/shared/module_info_hal.h). Where the records stand: `Platform.dct`.
 */
import { assert, putU16le, putU32le, u16le, u32le } from '@linac/core';

export const MODULE_SLOT_SIZE = 20;
/** The first slot that is free for updates. */
export const FIRST_MODULE_SLOT = 1;
export const MODULE_SLOT_COUNT = 5;
/** `magicNumber` of a slot that is to be carried out; 0xFFFF when it has been. */
export const MODULE_SLOT_PENDING = 0xabcd;

/** Bits of `flags`. `verifyFunction` and the length check share a bit. */
export const ModuleSlotFlag = {
	verifyCrc: 0x02,
	destinationIsStart: 0x04,
	verifyFunction: 0x08,
	dropModuleInfo: 0x10,
	compressed: 0x20,
	encrypted: 0x40,
} as const;

export interface ModuleSlotRecord {
	/** Device ids of the source: 0 internal flash, 1 external (serial) flash. */
	sourceExternal: boolean;
	destinationExternal: boolean;
	/** Addresses of the chip: without the offset that DFU uses for external flash. */
	source: number;
	destination: number;
	/** Bytes to copy, with the CRC-32 behind the module. */
	length: number;
	flags: number;
	/** Module function (2 bootloader, 0 none: bytes that are put back). */
	function: number;
}

export function encodeModuleSlot(record: ModuleSlotRecord): Uint8Array<ArrayBuffer> {
	assert(record.length > 0 && record.length <= 0xffffffff, 'a module slot copies at least one byte');
	const b = new Uint8Array(MODULE_SLOT_SIZE).fill(0xff);
	putU16le(b, 0, MODULE_SLOT_PENDING);
	b[2] = record.sourceExternal ? 1 : 0;
	b[3] = record.destinationExternal ? 1 : 0;
	putU32le(b, 4, record.source);
	putU32le(b, 8, record.destination);
	putU32le(b, 12, record.length);
	b[16] = record.flags;
	b[17] = record.function;
	return b;
}

/** The order in a slot, or `undefined` when it holds none. Reads 20 bytes at `at`. */
export function decodeModuleSlot(bytes: Uint8Array, at = 0): ModuleSlotRecord | undefined {
	if (at + MODULE_SLOT_SIZE > bytes.length || u16le(bytes, at) !== MODULE_SLOT_PENDING) return undefined;
	return {
		sourceExternal: bytes[at + 2] === 1,
		destinationExternal: bytes[at + 3] === 1,
		source: u32le(bytes, at + 4),
		destination: u32le(bytes, at + 8),
		length: u32le(bytes, at + 12),
		flags: bytes[at + 16]!,
		function: bytes[at + 17]!,
	};
}
