/**
 * FLASH_CopyMemory of the nRF52840 bootloader: verify a staged module, erase its place, copy it there; with the way of a new bootloader
 * through the application's place to the MBR (device-os v4.0.1: platform/MCU/nRF52840/src/flash_mal.c).
 */
import { ModuleFlag, ModuleFunction } from '@linac/firmware';
import type { FlashStep } from './flash-model.js';
import { crcOk, moduleLength, PREFIX_SIZE, readModule } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { inflateStaged } from './inflate-staged.js';
import { addJob, type ModuleJob, SlotFlag } from './module-slots.js';
import { mbrCommand } from './nrf-mbr.js';

/** The first bootloader that knows two places for an application (Device OS 3.1.0). */
export const LAST_PLAIN_USER_BOOTLOADER = 1100;
/** The first bootloader that looks for the system part at 0x28000 (Device OS 6.2.0). */
const MOVED_SYSTEM_BOOTLOADER = 3100;
/** The first system module number that goes with each of them. */
const SYSTEM_3_1 = 3102;
const SYSTEM_6_2 = 6200;

export interface NrfLayout {
	/** Where the bootloader looks for a system part, in this order (v6.2.0: bootloader/src/nRF52840/dfu_usb.c). */
	systemAddresses: number[];
	/** A system module number whose memory map this bootloader was built with. */
	systemVersion: number;
}

export function nrfLayout(bootloaderVersion: number): NrfLayout {
	if (bootloaderVersion >= MOVED_SYSTEM_BOOTLOADER) return { systemAddresses: [0x28000, 0x30000], systemVersion: SYSTEM_6_2 };
	const systemVersion = bootloaderVersion >= LAST_PLAIN_USER_BOOTLOADER ? SYSTEM_3_1 : 0;
	return { systemAddresses: [0x30000], systemVersion };
}

/** Erases and programs, in place. */
export function* copyRange(hw: Hardware, bytes: Uint8Array, destination: number): Iterable<FlashStep> {
	yield* hw.internal.erase(destination, bytes.length);
	yield* hw.internal.program(destination, bytes);
}

/** Yields nothing when the job does not verify: the bootloader then leaves everything as it is. */
export function* copyModule(hw: Hardware, job: ModuleJob, bootloaderVersion: number): Iterable<FlashStep> {
	const source = job.sourceExternal ? hw.external! : hw.internal;
	if (!source.contains(job.source, job.length)) return;
	const layout = nrfLayout(bootloaderVersion);
	const viaMbr = hw.region('user-part-1', layout.systemVersion)!.start;
	const toMbr = job.function === ModuleFunction.bootloader && job.destination === viaMbr;
	let bytes: Uint8Array = source.read(job.source, job.length);
	if (job.flags & (SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction)) {
		const module = readModule(source, job.source, hw.vectors);
		if (!module || module.platformId !== hw.platform.id || job.length < moduleLength(module) + 4) return;
		if (job.flags & SlotFlag.verifyFunction && module.function !== job.function) return;
		if (job.flags & SlotFlag.destinationIsStart && module.start !== job.destination && !toMbr) return;
		if (job.flags & SlotFlag.verifyCrc && !crcOk(module)) return;
		if (module.flags & ModuleFlag.compressed) {
			const inflated = inflateStaged(bytes);
			if (!inflated) return;
			bytes = inflated;
		} else if (module.flags & ModuleFlag.dropModuleInfo) {
			if (module.prefixOffset !== 0) return;
			bytes = bytes.subarray(PREFIX_SIZE);
		}
	}
	if (toMbr) yield* saveApplication(hw, job, layout.systemVersion);
	const user = hw.region('user-part-2', layout.systemVersion);
	if (user && job.function === ModuleFunction.user && job.destination === user.start) yield* hw.internal.erase(viaMbr, 1);
	yield* copyRange(hw, bytes, job.destination);
	if (toMbr) {
		const page = hw.region('mbr-parameters', layout.systemVersion)!.start;
		yield* mbrCommand.write(hw, page, job.destination, job.length);
	}
}

/** The new bootloader passes through the application's place: what stands there is put aside, with an order to bring it back. */
function* saveApplication(hw: Hardware, job: ModuleJob, systemVersion: number): Iterable<FlashStep> {
	const external = hw.external!;
	const aside = hw.region('reserved', systemVersion)!.start;
	const size = hw.internal.sectorAt(job.destination).size;
	const length = Math.ceil(job.length / size) * size;
	yield* external.erase(aside, length);
	yield* external.program(aside, hw.internal.read(job.destination, length));
	const back = addJob(hw, { sourceExternal: true, source: aside, destination: job.destination, length, function: 0, flags: 0 });
	if (back) yield* back;
}
