/**
 * How long steps take, from datasheet times of the flash (data/platforms) and the rate of the wire. Estimates for people and for
 * progress bars: nothing waits by them.
 */
import type { FlashGeometry, Platform } from '@linac/catalog';

/** Bytes per ms of control transfers with 64-byte packets at full speed: 13 a frame of 1 ms (USB 2.0, table 5-2). */
export const WIRE_BYTES_PER_MS = 832;
/** A restart until the device can be used again: start, USB enumeration, and the first answer. Measured nowhere yet: a round guess. */
export const RESTART_MS = 2500;
/** Asking a running device for its modules. */
export const ASK_MS = 300;

function internalFlash(platform: Platform): FlashGeometry | undefined {
	return platform.flash.find((f) => f.storage === 'internal');
}

/** Erase time in ms of all sectors that hold part of the range. */
export function eraseMs(flash: FlashGeometry | undefined, address: number, length: number): number {
	let ms = 0;
	let at = flash?.base ?? 0;
	for (const run of flash?.sectors ?? []) {
		const end = at + run.count * run.size;
		const from = Math.max(address, at);
		const to = Math.min(address + length, end);
		if (from < to) ms += (Math.floor((to - 1 - at) / run.size) - Math.floor((from - at) / run.size) + 1) * run.eraseMs;
		at = end;
	}
	return ms;
}

export function programMs(flash: FlashGeometry | undefined, length: number): number {
	return flash ? (Math.ceil(length / flash.programUnit) * flash.programUs) / 1000 : 0;
}

/** Erase, send, program and read back. */
export function writeMs(platform: Platform, address: number, length: number): number {
	const flash = internalFlash(platform);
	return Math.round(eraseMs(flash, address, length) + programMs(flash, length) + (2 * length) / WIRE_BYTES_PER_MS);
}

/** The same for a module that is only left there, maybe in external flash, and read back twice: before it is asked for once more. */
export function stageMs(platform: Platform, alternate: number, address: number, length: number): number {
	const setting = platform.alternates.find((a) => a.number === alternate);
	const flash = platform.flash.find((f) => f.storage === setting?.storage);
	const at = address - (setting?.addressOffset ?? 0);
	return Math.round(eraseMs(flash, at, length) + programMs(flash, length) + (3 * length) / WIRE_BYTES_PER_MS);
}

/** How long the old bootloader is gone while the new one is copied over it. */
export function replaceMs(platform: Platform, address: number, length: number): number {
	const flash = internalFlash(platform);
	return Math.round(eraseMs(flash, address, length) + programMs(flash, length));
}

/** Bytes a millisecond that a system sends to its co-processor: XMODEM at 921,600 baud (device-os v6.2.0: esp32_ncp_client.cpp). An estimate. */
const NCP_BYTES_PER_MS = 80;

/** Sending NCP firmware to the running system, which sends it on, and restarts. */
export function ncpMs(length: number): number {
	return Math.round(length / WIRE_BYTES_PER_MS + length / NCP_BYTES_PER_MS + RESTART_MS);
}

/** Sending an asset to the running system, which stages it, copies it into its store, and restarts. */
export function assetMs(platform: Platform, length: number): number {
	const flash = platform.flash.find((f) => f.storage === 'external') ?? internalFlash(platform);
	const sectors = Math.ceil(length / 4096);
	const eraseOne = flash?.sectors.at(-1)?.eraseMs ?? 0;
	return Math.round(length / WIRE_BYTES_PER_MS + 2 * (sectors * eraseOne + programMs(flash, length)) + RESTART_MS);
}

/** Sending to the running system, which stages it, restarts, and copies it to its place. */
export function updateMs(platform: Platform, address: number, length: number): number {
	return Math.round(length / WIRE_BYTES_PER_MS + 2 * replaceMs(platform, address, length) + 2 * RESTART_MS);
}
