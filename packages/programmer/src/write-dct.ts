/** Reads and writes settings (DCT) over DFU, alternate setting 1, in the steps of a job. Nothing here knows why a step is in the plan. */
import type { DfuAlternate } from '@linac/catalog';
import { equalBytes, LinacError } from '@linac/core';
import type { Step, StepAction } from '@linac/planner';
import type { RunningJob, StepResult } from './running-job.js';
import type { DeviceSession } from './session.js';
import { differs } from './write-dfu.js';

/** Throws `NO_DCT` where DFU does not reach the settings. */
export function alternateFor({ platform }: DeviceSession, storage: 'dct' | 'external'): DfuAlternate {
	const alternate = platform.alternates.find((a) => a.storage === storage);
	if (!alternate) throw new LinacError('NO_DCT', `The ${platform.displayName} has no DCT that DFU reaches.`);
	return alternate;
}

/** Throws `NO_DCT`, and what reading over DFU throws. */
export async function readDct({ session, world }: RunningJob, offset: number, length: number): Promise<Uint8Array> {
	const dct = alternateFor(session, 'dct');
	const dfu = await session.dfu();
	return dfu.read(dct.number, offset + dct.addressOffset, length, { signal: world.signal });
}

/**
 * Writes without erasing, and reads back. One transfer: the bootloader reads, modifies and writes the DCT as a whole, so the bytes are there whole or not
 * at all. Throws `READ_BACK_DIFFERS`, too.
 */
export async function writeDctBytes(job: RunningJob, step: Step, offset: number, bytes: Uint8Array): Promise<void> {
	const dct = alternateFor(job.session, 'dct');
	const dfu = await job.session.dfu();
	await job.changes();
	await dfu.write(dct.number, offset + dct.addressOffset, bytes, { erase: false, signal: job.world.signal });
	const back = await readDct(job, offset, bytes.length);
	if (!equalBytes(back, bytes)) throw differs(step, back, bytes, offset);
}

/** One byte. */
export async function writeDct(job: RunningJob, step: Step, action: StepAction & { kind: 'write-dct' }): Promise<StepResult> {
	const wanted = Uint8Array.of(action.value);
	if (equalBytes(await readDct(job, action.offset, 1), wanted)) return { skipped: `${action.meaning}: it is so already.` };
	await writeDctBytes(job, step, action.offset, wanted);
	return { evidence: { offset: action.offset, value: action.value } };
}
