/**
 * Nordic's master boot record: the first thing that runs. It copies a new bootloader over the old one when it has been told to, and because
 * the order stands in its parameter page until it is done, it goes on after a power loss (nRF5 SDK: nrf_mbr.h SD_MBR_COMMAND_COPY_BL;
 * device-os v4.0.1: platform/MCU/nRF52840/src/flash_mal.c FLASH_CopyMemory). Layout of the parameter page and the code of the MBR are linac's stand-ins:
 * Nordic's binary is not ours to hand out, and no host looks at either.
 */
import { equalBytes, putU32le } from '@linac/core';
import type { FlashStep } from './flash-model.js';
import type { Hardware } from './hardware.js';

const MBR_SIZE = 0x1000;
const COPY_BOOTLOADER = 1;
const MAGIC = 0x2d4d4252;

export function mbrStandIn(): Uint8Array {
	const page = new Uint8Array(MBR_SIZE).fill(0xff);
	putU32le(page, 0, 0x20000400);
	putU32le(page, 4, 0x00000a81);
	page.set(new TextEncoder().encode('linac stand-in for the MBR'), 0x40);
	return page;
}

export const mbrRestore = {
	intact(hw: Hardware): boolean {
		const page = hw.internal.read(0, MBR_SIZE);
		// A real MBR, written by somebody who has one, is as good: it starts with a stack pointer and its reset handler.
		return equalBytes(page, mbrStandIn()) || (hw.internal.u32(0) >>> 16 === 0x2000 && hw.internal.u32(4) < MBR_SIZE);
	},
};

/** UICR NRFFW[1] names the parameter page, whatever else lies there (nrf-uicr.ts). */
function find(hw: Hardware): { page: number; source: number; length: number } | undefined {
	const page = hw.mbrParameterPage;
	if (!hw.internal.contains(page, 16)) return undefined;
	// The magic is programmed last, so an order is whole or not there.
	if (hw.internal.u32(page) !== MAGIC || hw.internal.u32(page + 4) !== COPY_BOOTLOADER) return undefined;
	return { page, source: hw.internal.u32(page + 8), length: hw.internal.u32(page + 12) };
}

export const mbrCommand = {
	pending(hw: Hardware): boolean {
		return find(hw) !== undefined;
	},

	/** sd_mbr_command(SD_MBR_COMMAND_COPY_BL): writes the order; the device resets afterwards. */
	*write(hw: Hardware, source: number, length: number): Iterable<FlashStep> {
		const page = hw.mbrParameterPage;
		yield* hw.internal.erase(page, 1);
		const order = new Uint8Array(12);
		putU32le(order, 0, COPY_BOOTLOADER);
		putU32le(order, 4, source);
		putU32le(order, 8, length);
		yield* hw.internal.program(page + 4, order);
		const magic = new Uint8Array(4);
		putU32le(magic, 0, MAGIC);
		yield* hw.internal.program(page, magic);
	},

	/** Runs an order that is there. Starts over from the beginning after a power loss: the source is not touched. */
	async run(hw: Hardware): Promise<boolean> {
		const order = find(hw);
		if (!order) return false;
		const target = hw.platform.memory.find((r) => r.name === 'bootloader')!.start;
		const bytes = hw.internal.read(order.source, order.length);
		await hw.worker.run(hw.internal.erase(target, order.length));
		await hw.worker.run(hw.internal.program(target, bytes));
		await hw.worker.run(hw.internal.erase(order.page, 1));
		return true;
	},
};
