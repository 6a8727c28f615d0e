/**
 * FLASH_CopyMemory of the nRF52840 bootloader: verify a staged module, erase its place, copy it there; with the way of a new bootloader
 * through the application's place to the MBR (device-os v4.0.1: platform/MCU/nRF52840/src/flash_mal.c).
 */
import { ModuleFlag, ModuleFunction } from '@linac/firmware';
import type { FlashModel, FlashStep } from './flash-model.js';
import { crcOk, moduleLength, PREFIX_SIZE, readModule } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { inflateStaged } from './inflate-staged.js';
import { addJob, clearJob, type ModuleJob, pendingJobs, SlotFlag } from './module-slots.js';
import { mbrCommand } from './nrf-mbr.js';

/** The first bootloader that knows two places for an application (Device OS 3.1.0). */
export const LAST_PLAIN_USER_BOOTLOADER = 1100;
/** The first bootloader that looks for the system part at 0x28000 (Device OS 6.2.0). */
const MOVED_SYSTEM_BOOTLOADER = 3100;
/** The first bootloader that hands a bootloader to the MBR (SOFTDEVICE_MBR_UPDATES, Device OS 2.0.0). */
const MBR_BOOTLOADER = 1001;
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

const VERIFY = SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction;

/** verify_module: what the flags ask for. The platform is looked at whenever anything is asked for. */
function verifies(hw: Hardware, job: ModuleJob, source: FlashModel, toMbr: boolean): boolean {
	if (!(job.flags & VERIFY)) return true;
	const module = readModule(source, job.source, hw.vectors);
	if (!module || module.platformId !== hw.platform.id || job.length < moduleLength(module) + 4) return false;
	if (job.flags & SlotFlag.verifyFunction && module.function !== job.function) return false;
	if (job.flags & SlotFlag.destinationIsStart && module.start !== job.destination && !toMbr) return false;
	return !(job.flags & SlotFlag.verifyCrc) || crcOk(module);
}

/** Yields nothing when the job does not verify: the bootloader then leaves everything as it is. */
export function* copyModule(hw: Hardware, job: ModuleJob, bootloaderVersion: number): Iterable<FlashStep> {
	const source = job.sourceExternal ? hw.external! : hw.internal;
	const target = job.destinationExternal ? hw.external! : hw.internal;
	if (!source.contains(job.source, job.length)) return;
	const layout = nrfLayout(bootloaderVersion);
	const viaMbr = hw.region('user-part-1', layout.systemVersion)!.start;
	const mbr = bootloaderVersion >= MBR_BOOTLOADER;
	const toMbr = mbr && job.function === ModuleFunction.bootloader && job.destination === viaMbr && !job.destinationExternal;
	// Decompression came with the bootloader of the MBR way, 2.0.0.
	const compressed = mbr && (job.flags & SlotFlag.compressed) !== 0;
	let bytes: Uint8Array = source.read(job.source, job.length);
	if (compressed) {
		const inflated = inflateStaged(bytes);
		if (!inflated) return;
		bytes = inflated;
	}
	if (!target.contains(job.destination, bytes.length) || !verifies(hw, job, source, toMbr)) return;
	if (toMbr) yield* saveApplication(hw, job, layout.systemVersion);
	const user = hw.region('user-part-2', layout.systemVersion);
	if (user && job.function === ModuleFunction.user && job.destination === user.start) yield* hw.internal.erase(viaMbr, 1);
	yield* target.erase(job.destination, bytes.length);
	if (!compressed) {
		const module = readModule(source, job.source, hw.vectors);
		// Without a check the header is not looked at, and only the slot's own flag counts.
		const headerSays = (job.flags & VERIFY) !== 0 && module !== undefined && (module.flags & ModuleFlag.dropModuleInfo) !== 0;
		// As in the source: the place is erased by then.
		if (headerSays && !(job.flags & SlotFlag.dropModuleInfo) && module.prefixOffset !== 0) return;
		if (headerSays || job.flags & SlotFlag.dropModuleInfo) bytes = bytes.subarray(PREFIX_SIZE);
	}
	yield* target.program(job.destination, bytes);
	if (toMbr) yield* mbrCommand.write(hw, job.destination, job.length);
}

/**
 * FLASH_UpdateModules. From 2.0.0 on everything but bootloaders first, each slot freed after its copy (an interrupted copy is done again), and a bootloader last,
 * its slot freed before (an interrupted one is not tried again). Before, all slots are freed first and then copied in their order: what is interrupted
 * is lost (v1.5.2). `dead`: it has erased itself.
 */
export async function updateModules(hw: Hardware, version: number): Promise<'go on' | 'reset' | 'dead'> {
	const jobs = pendingJobs(hw);
	if (version < MBR_BOOTLOADER) {
		for (const job of jobs) await hw.worker.run(clearJob(hw, job.slot));
		for (const job of jobs) if (await carryOut(hw, job, version)) return 'dead';
		return 'go on';
	}
	for (const job of jobs.filter((j) => j.function !== ModuleFunction.bootloader)) {
		if (await carryOut(hw, job, version)) return 'dead';
		await hw.worker.run(clearJob(hw, job.slot));
	}
	let reset = false;
	for (const job of jobs.filter((j) => j.function === ModuleFunction.bootloader)) {
		await hw.worker.run(clearJob(hw, job.slot));
		if (await carryOut(hw, job, version)) return 'dead';
		// Where the order was not taken, it goes on to the next slot.
		if (mbrCommand.pending(hw)) reset = true;
	}
	return reset ? 'reset' : 'go on';
}

/** True when the bootloader has erased the pages that it runs from: the first of them is gone, and nothing goes on. */
async function carryOut(hw: Hardware, job: ModuleJob, version: number): Promise<boolean> {
	const own = hw.region('bootloader', 0)!;
	const strikes = !job.destinationExternal && job.destination < own.end && job.destination + job.length > own.start;
	const steps = [...copyModule(hw, job, version)];
	if (!strikes || steps.length === 0) {
		await hw.worker.run(steps);
		return false;
	}
	const at = steps.findIndex((s) => s.kind === 'erase' && s.flash === hw.internal && s.address + s.length > own.start);
	await hw.worker.run(steps.slice(0, at + 1));
	return true;
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
