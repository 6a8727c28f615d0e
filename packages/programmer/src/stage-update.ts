/**
 * Steps that leave a module for somebody else to install: into the slot for updates, or to where a module slot of the DCT points; the order for it; and taking out orders
 * that are not the job's. The order is written only after the module has been read back from where it lies, and is read back itself. Nothing here knows addresses.
 */
import { asLinacError, equalBytes, fromHex, LinacError, toHex } from '@linac/core';
import { contentBytes, type ParsedModule } from '@linac/firmware';
import type { Step, StepAction } from '@linac/planner';
import type { DfuDevice } from '@linac/usb';
import { knownModule, placeOverDfu } from './known-modules.js';
import type { RunningJob, StepResult } from './running-job.js';
import { readDct, writeDctBytes } from './write-dct.js';
import { differs, inputModule, isThere, writeProved } from './write-dfu.js';

export async function stageUpdate(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'stage-update' },
): Promise<StepResult> {
	const { session, events, world } = job;
	const { module } = inputModule(job, action.sha256);
	const wanted = module.bytes;
	const dfu = await session.dfu();
	const installed = await installedAlready(job, step, dfu, module);
	if (installed !== undefined) return { skipped: `${INSTALLED}: its SHA-256 is ${installed}.` };
	if (await isThere(job, step, dfu, action.alternate, action.address, wanted))
		return { skipped: `It lies there already, with the SHA-256 of the file: ${action.sha256}.` };
	await writeProved(job, step, dfu, action, wanted, () =>
		dfu.write(action.alternate, action.address, wanted, {
			signal: world.signal,
			onProgress: (done, total) => events.progress(step, 'write', done, total),
		}),
	);
	return { evidence: { sha256: action.sha256, bytes: wanted.length, staged: true } };
}

export async function requestUpdate(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'request-update' },
): Promise<StepResult> {
	const { session, world } = job;
	const { alternate, address, length } = action.staged;
	if (job.proofs.isReadBack(step.module?.slot)) return { skipped: `${INSTALLED}.` };
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

const INSTALLED = 'What was to be installed stands in its place already';

/**
 * The SHA-256 of what stands in the place of the module, if that is the module: read back, and kept as its proof. A plan that is run again after it was carried
 * out finds it so. `undefined` also where the bootloader does not let that place be read.
 */
async function installedAlready(job: RunningJob, step: Step, dfu: DfuDevice, module: ParsedModule): Promise<string | undefined> {
	const { session, world } = job;
	const known = knownModule(module, world.digests);
	const place = placeOverDfu(session.platform, known);
	if (!place || !step.module) return undefined;
	try {
		if (!(await isThere(job, step, dfu, place.alternate, place.address, contentBytes(module)))) return undefined;
	} catch (error) {
		if (asLinacError(error).code === 'DFU_OUT_OF_RANGE') return undefined;
		throw error;
	}
	const sha256 = known.contentSha256;
	job.proofs.set(step.module.slot, { proof: 'read-back-sha256', sha256, version: known.version, exact: true });
	return sha256;
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
