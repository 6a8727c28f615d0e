/**
 * Steps that leave a module for somebody else to install: into the slot for updates, or to where a module slot of the DCT points; the order for it; and taking out orders
 * that are not the job's. The order is written only after the module has been read back from where it lies, and is read back itself. Nothing here knows addresses.
 */
import { equalBytes, fromHex, LinacError, toHex } from '@linac/core';
import type { Step, StepAction } from '@linac/planner';
import type { RunningJob, StepResult } from './running-job.js';
import { differs, inputModule, isThere } from './write-dfu.js';

export async function stageUpdate(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'stage-update' },
): Promise<StepResult> {
	const { session, events, world } = job;
	const wanted = inputModule(job, action.sha256).module.bytes;
	const dfu = await session.dfu();
	if (await isThere(job, step, dfu, action.alternate, action.address, wanted))
		return { skipped: `It lies there already, with the SHA-256 of the file: ${action.sha256}.` };
	for (let attempt = 1; ; attempt++) {
		await job.changes();
		await dfu.write(action.alternate, action.address, wanted, {
			signal: world.signal,
			onProgress: (done, total) => events.progress(step, 'write', done, total),
		});
		const back = await dfu.read(action.alternate, action.address, wanted.length, {
			signal: world.signal,
			onProgress: (done, total) => events.progress(step, 'read-back', done, total),
		});
		if (equalBytes(back, wanted)) return { evidence: { sha256: action.sha256, bytes: wanted.length, staged: true } };
		const error = differs(step, back, wanted, action.address);
		if (attempt >= world.limits.stepTries) throw error;
		events.emit({
			type: 'retry',
			step: step.id,
			code: error.code,
			message: error.message,
			attempt: attempt + 1,
			of: world.limits.stepTries,
		});
	}
}

export async function requestUpdate(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'request-update' },
): Promise<StepResult> {
	const { session, world } = job;
	const { alternate, address, length } = action.staged;
	const wanted = inputModule(job, action.sha256).module.bytes;
	const dfu = await session.dfu();
	const staged = await dfu.read(alternate, address, length, { signal: world.signal });
	if (!equalBytes(staged, wanted)) throw differs(step, staged, wanted, address);
	const order = bytesOf(action.bytes);
	if (equalBytes(await readDct(job, action.offset, order.length), order))
		return { skipped: 'It has been asked for already, and what was left lies there whole.' };
	// From here on what stands in the module's place will be changed by somebody else.
	job.proofs.drop(step.module?.slot);
	await writeDctBytes(job, step, action.offset, order);
	return { evidence: { offset: action.offset, bytes: action.bytes, sha256: action.sha256 } };
}

export async function clearRequest(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'clear-request' },
): Promise<StepResult> {
	const found = bytesOf(action.found);
	const cleared = bytesOf(action.bytes);
	const there = await readDct(job, action.offset, found.length);
	if (equalBytes(there.subarray(0, cleared.length), cleared)) return { skipped: 'It is cleared already.' };
	if (!equalBytes(there, found)) {
		throw new LinacError(
			'PENDING_CHANGED',
			`The order at offset ${action.offset} of the DCT is another than when the plan was made.`,
			{
				retry: 'reconnect',
				details: { offset: action.offset, found: toHex(there), expected: action.found },
				hint: 'The device is looked at and planned again.',
			},
		);
	}
	await writeDctBytes(job, step, action.offset, cleared);
	return { evidence: { offset: action.offset, was: action.found } };
}

function bytesOf(text: string): Uint8Array {
	const bytes = fromHex(text);
	if (bytes && bytes.length > 0) return bytes;
	throw new LinacError('PLAN_INPUT_MISSING', `The plan has no bytes for the DCT where it should: "${text}".`, {
		hint: 'Make the plan anew.',
	});
}

/** Reads settings. Throws `NO_DCT` where DFU does not reach them. */
export async function readDct(job: Pick<RunningJob, 'session' | 'world'>, offset: number, length: number): Promise<Uint8Array> {
	const dct = dctAlternate(job);
	const dfu = await job.session.dfu();
	return dfu.read(dct.number, offset + dct.addressOffset, length, { signal: job.world.signal });
}

async function writeDctBytes(job: RunningJob, step: Step, offset: number, bytes: Uint8Array): Promise<void> {
	const dct = dctAlternate(job);
	const dfu = await job.session.dfu();
	await job.changes();
	// One transfer: the bootloader reads, modifies and writes the DCT as a whole, so an order is there whole or not at all.
	await dfu.write(dct.number, offset + dct.addressOffset, bytes, { erase: false, signal: job.world.signal });
	const back = await readDct(job, offset, bytes.length);
	if (!equalBytes(back, bytes)) throw differs(step, back, bytes, offset);
}

function dctAlternate(job: Pick<RunningJob, 'session'>) {
	const { platform } = job.session;
	const dct = platform.alternates.find((a) => a.storage === 'dct');
	if (!dct) throw new LinacError('NO_DCT', `The ${platform.displayName} has no DCT that DFU reaches.`);
	return dct;
}
