/**
 * FLASH_UpdateModules of the RTL872x bootloader (KM4), and what KM0 and the MBR make of a bootloader that is handed to them
 * (device-os v5.0.0 ... v6.2.0: platform/MCU/rtl872x/src/flash_mal.c, bootloader/prebootloader/src/rtl872x/part1/update_handler.c,
 * mbr/bootloader_update.c).
 */
import { putU32le } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import type { FlashStep } from './flash-model.js';
import { crcOk, moduleLength } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { inflateStaged } from './inflate-staged.js';
import { addJobAt, clearJob, type PendingJob, pendingJobs, SlotFlag } from './module-slots.js';
import { readStaged } from './ota-check.js';

const ORDER_MAGIC = 0x4f304d4b;
const PAGE = 4096;
const HEADER = 24;
const VERIFY = SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction;

/**
 * In the order of the slots. A bootloader is handed to KM0 and ends the round: the other slots wait for the next start. A copy onto itself (an update of the system part
 * that lies behind it) waits until it is alone, and is moved out of the way first. True when the device resets.
 */
export async function updateModules(hw: Hardware): Promise<boolean> {
	let again = false;
	for (const job of pendingJobs(hw)) {
		if (job.function === ModuleFunction.bootloader) {
			const verified = verifies(hw, job, job.length);
			if (verified) await hw.worker.run(writeOrder(hw, job));
			await hw.worker.run(clearJob(hw, job.slot));
			if (verified) return true;
			continue;
		}
		let now: PendingJob = job;
		const behind = overlapEnd(hw, job);
		if (behind !== undefined) {
			if (pendingJobs(hw).length > 1) {
				again = true;
				continue;
			}
			// What is interrupted here is lost, and the old system part stays.
			const bytes = hw.internal.read(job.source, job.length);
			await hw.worker.run(clearJob(hw, job.slot));
			await hw.worker.run([...hw.internal.erase(behind, bytes.length), ...hw.internal.program(behind, bytes)]);
			now = { ...job, source: behind };
			await hw.worker.run(addJobAt(hw, job.slot, now));
		}
		await hw.worker.run(copyModule(hw, now));
		await hw.worker.run(clearJob(hw, job.slot));
	}
	return again;
}

function verifies(hw: Hardware, job: PendingJob, destinationSize: number): boolean {
	if (job.sourceExternal || job.destinationExternal) return false;
	if (!hw.internal.contains(job.source, job.length) || !hw.internal.contains(job.destination, destinationSize)) return false;
	if (!(job.flags & VERIFY)) return true;
	const module = readStaged(hw, hw.internal, job.source);
	if (!module || module.platformId !== hw.platform.id || job.length < moduleLength(module) + 4) return false;
	if (job.flags & SlotFlag.verifyFunction && module.function !== job.function) return false;
	if (job.flags & SlotFlag.destinationIsStart && module.start !== job.destination) return false;
	return !(job.flags & SlotFlag.verifyCrc) || crcOk(module);
}

/** End of the destination, page by page, where it covers a part of its own source. */
function overlapEnd(hw: Hardware, job: PendingJob): number | undefined {
	const start = hw.region('system-part-1', 0)!.start;
	const end = Math.max(...hw.platform.memory.filter((r) => r.name.startsWith('user-part')).map((r) => r.end));
	const inside = (at: number) => at >= start && at < end;
	if (job.sourceExternal || job.destinationExternal || !inside(job.source) || !inside(job.destination)) return undefined;
	const size = job.flags & SlotFlag.compressed ? inflateStaged(hw.internal.read(job.source, job.length))?.length : job.length;
	if (size === undefined) return undefined;
	const to = Math.ceil((job.destination + size) / PAGE) * PAGE;
	const sourceEnd = job.source + job.length;
	const covers = (job.source >= job.destination && job.source < to) || (sourceEnd > job.destination && sourceEnd <= to);
	return covers ? to : undefined;
}

/** FLASH_CopyMemory. */
function* copyModule(hw: Hardware, job: PendingJob): Iterable<FlashStep> {
	if (job.sourceExternal || !hw.internal.contains(job.source, job.length)) return;
	let bytes: Uint8Array = hw.internal.read(job.source, job.length);
	if (job.flags & SlotFlag.compressed) {
		const inflated = inflateStaged(bytes);
		if (!inflated) return;
		bytes = inflated;
	}
	if (!verifies(hw, job, bytes.length)) return;
	yield* hw.internal.erase(job.destination, bytes.length);
	yield* hw.internal.program(job.destination, bytes);
}

interface Order {
	page: number;
	source: number;
	destination: number;
	length: number;
}

/** The order that the MBR finds in its boot info page. The layout of the page is linac's own; the real one has a CRC over it. */
function findOrder(hw: Hardware): Order | undefined {
	const page = hw.region('boot-info', 0)!.start;
	if (hw.internal.u32(page) !== ORDER_MAGIC) return undefined;
	return { page, source: hw.internal.u32(page + 4), destination: hw.internal.u32(page + 8), length: hw.internal.u32(page + 12) };
}

function writeOrder(hw: Hardware, job: PendingJob): FlashStep[] {
	const page = hw.region('boot-info', 0)!.start;
	const drop = job.flags & SlotFlag.dropModuleInfo ? HEADER : 0;
	const order = new Uint8Array(12);
	putU32le(order, 0, job.source + drop);
	putU32le(order, 4, job.destination);
	putU32le(order, 8, job.length - drop);
	const magic = new Uint8Array(4);
	putU32le(magic, 0, ORDER_MAGIC);
	return [...hw.internal.erase(page, 1), ...hw.internal.program(page + 4, order), ...hw.internal.program(page, magic)];
}

/**
 * The MBR: carries out an order whose source lies between the system part and the end of the application's place and whose destination is not the MBR. Starts over
 * after a power loss: the source is not touched. True when it has copied.
 */
export async function runOrder(hw: Hardware): Promise<boolean> {
	const order = findOrder(hw);
	if (!order) return false;
	const from = hw.region('system-part-1', 0)!.start;
	const to = Math.max(...hw.platform.memory.filter((r) => r.name.startsWith('user-part')).map((r) => r.end));
	const mbr = hw.region('prebootloader-mbr', 0)!;
	const inside = order.source >= from && order.length > 0 && order.source + order.length <= to;
	const allowed = order.destination >= mbr.end && order.destination + order.length < hw.internal.end;
	if (inside && allowed) {
		const bytes = hw.internal.read(order.source, order.length);
		await hw.worker.run(hw.internal.erase(order.destination, order.length));
		await hw.worker.run(hw.internal.program(order.destination, bytes));
	}
	await hw.worker.run(hw.internal.erase(order.page, 1));
	return inside && allowed;
}
