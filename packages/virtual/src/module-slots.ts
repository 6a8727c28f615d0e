/**
 * The flash module slots in the DCT: work that Device OS leaves for the bootloader ("copy this module there at the next start").
 * 5 slots of 20 bytes at `Platform.dct.moduleSlots`; slot 0 is the factory reset application, 1 to 4 are for updates
 * (device-os v4.0.1: platform/MCU/shared/inc/platform_flash_modules.h, hal/shared/module_info_hal.h).
 */
import { putU16le, putU32le, u16le, u32le } from '@linac/core';
import type { FlashStep } from './flash-model.js';
import type { Hardware } from './hardware.js';

const SIZE = 20;
const FIRST = 1;
const COUNT = 5;
const PENDING = 0xabcd;

export const SlotFlag = {
	verifyCrc: 2,
	destinationIsStart: 4,
	verifyFunction: 8,
	dropModuleInfo: 0x10,
	compressed: 0x20,
} as const;

export interface ModuleJob {
	sourceExternal: boolean;
	/** Absent: internal flash. */
	destinationExternal?: boolean;
	source: number;
	destination: number;
	length: number;
	function: number;
	flags: number;
}

export interface PendingJob extends ModuleJob {
	slot: number;
}

export function pendingJobs(hw: Hardware): PendingJob[] {
	const out: PendingJob[] = [];
	for (let slot = FIRST; slot < COUNT; slot++) {
		const b = hw.dct.read(hw.platform.dct.moduleSlots + slot * SIZE, SIZE);
		if (u16le(b, 0) !== PENDING) continue;
		out.push({
			slot,
			sourceExternal: b[2] === 1,
			destinationExternal: b[3] === 1,
			source: u32le(b, 4),
			destination: u32le(b, 8),
			length: u32le(b, 12),
			flags: b[16]!,
			function: b[17]!,
		});
	}
	return out;
}

/** Fills the next free slot; `undefined` when all four are taken. */
export function addJob(hw: Hardware, job: ModuleJob): Iterable<FlashStep> | undefined {
	const taken = new Set(pendingJobs(hw).map((j) => j.slot));
	for (let slot = FIRST; slot < COUNT; slot++) {
		if (!taken.has(slot)) return addJobAt(hw, slot, job);
	}
	return undefined;
}

/** Fills a certain slot, whatever stands in it. */
export function addJobAt(hw: Hardware, slot: number, job: ModuleJob): Iterable<FlashStep> {
	const b = new Uint8Array(SIZE).fill(0xff);
	putU16le(b, 0, PENDING);
	b[2] = job.sourceExternal ? 1 : 0;
	b[3] = job.destinationExternal ? 1 : 0;
	putU32le(b, 4, job.source);
	putU32le(b, 8, job.destination);
	putU32le(b, 12, job.length);
	b[16] = job.flags;
	b[17] = job.function;
	return hw.dct.write(hw.platform.dct.moduleSlots + slot * SIZE, b);
}

/** Marks one slot as free. */
export function clearJob(hw: Hardware, slot: number): Iterable<FlashStep> {
	return hw.dct.write(hw.platform.dct.moduleSlots + slot * SIZE, Uint8Array.of(0xff, 0xff));
}

/** Frees every slot: the beginning of an update does this (FLASH_Begin). */
export function* clearJobs(hw: Hardware): Iterable<FlashStep> {
	for (const { slot } of pendingJobs(hw)) yield* clearJob(hw, slot);
}
