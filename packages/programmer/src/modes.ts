/**
 * Steps that change what the device is running: into DFU, into listening mode, out of them. A mode counts as reached when the same
 * device is back on the bus in it. Before DFU is left for the last time, everything that can be read is proved by reading it.
 */
import { asLinacError, LinacError, toHex } from '@linac/core';
import type { Step, StepAction } from '@linac/planner';
import { needsDfuButton, poll } from './operator.js';
import { expectedModules, type RunningJob, type StepResult, stepsAfter } from './running-job.js';

export async function enterMode(job: RunningJob, step: Step, action: StepAction & { kind: 'enter-mode' }): Promise<StepResult> {
	const { session, world } = job;
	if (action.mode === 'dfu') {
		if (session.found.mode === 'dfu') return { skipped: 'The device is in DFU mode already.' };
		const control = await session.answeringControl();
		await session.change('dfu', () => control.enterDfu(), world.limits.modeChangeMs);
		return { evidence: { mode: 'dfu' } };
	}
	if (session.found.mode === 'dfu') await leaveDfu(job, step);
	const control = await session.answeringControl();
	const wanted = action.mode;
	const isIt = async () => {
		const mode = await (await session.answeringControl()).mode();
		return wanted === 'listening' ? mode === 'listening' : mode !== 'listening';
	};
	if (await isIt()) return { skipped: `The device is in ${wanted} mode already.` };
	await (wanted === 'listening' ? control.startListening() : control.stopListening());
	if (!(await poll(world.clock, world.limits.modeChangeMs, 250, isIt))) {
		throw new LinacError('MODE_NOT_REACHED', `The device was told to go to ${wanted} mode, but did not.`, {
			retry: 'step',
			hint: 'Press RESET on the device and run the command again.',
		});
	}
	return { evidence: { mode: wanted } };
}

export async function restart(job: RunningJob, step: Step): Promise<StepResult> {
	const { session, world } = job;
	if (session.found.mode === 'dfu') {
		await leaveDfu(job, step);
	} else {
		const control = await session.answeringControl();
		await session.change('normal', () => control.reset(), world.limits.modeChangeMs);
	}
	return { evidence: { mode: 'normal' } };
}

async function leaveDfu(job: RunningJob, step: Step): Promise<void> {
	const { session, world } = job;
	await proveByReading(job, step);
	const dfu = await session.dfu();
	try {
		await session.change('normal', () => dfu.leave(), world.limits.applyMs);
	} catch (error) {
		const e = asLinacError(error);
		// Either it stays in the bootloader, or it restarts again and again: both are left by the same two buttons.
		if (e.code === 'DEVICE_NOT_BACK') throw needsDfuButton(session.platform, e);
		throw e;
	}
}

/**
 * Reads back every expected module that no later step changes and that has not been proved in this job. A module that is not what the
 * plan says makes the job be planned again from what really is there: so a damaged module of the right version is found.
 */
async function proveByReading(job: RunningJob, step: Step): Promise<void> {
	const { session, world } = job;
	const later = new Set(stepsAfter(job.plan, step).map((s) => s.module?.slot));
	const dfu = await session.dfu();
	for (const expected of expectedModules(job.plan)) {
		const { contentSha256, storage, address, length, slot } = expected;
		if (contentSha256 === undefined || address === undefined || length === undefined) continue;
		if (later.has(slot) || job.proofs.get(slot)?.proof === 'read-back-sha256') continue;
		const alternate = session.platform.alternates.find((a) => a.storage === (storage ?? 'internal'));
		if (!alternate) continue;
		let bytes: Uint8Array;
		try {
			bytes = await dfu.read(alternate.number, address + alternate.addressOffset, length, {
				signal: world.signal,
				onProgress: (done, total) => job.events.progress(step, 'read-back', done, total),
			});
		} catch (error) {
			const e = asLinacError(error);
			// A part of the map that this bootloader does not let be read: the version that is reported later has to do.
			if (e.code === 'DFU_OUT_OF_RANGE') continue;
			throw e;
		}
		const sha256 = toHex(world.digests.sha256(bytes));
		const payload = world.known.find((k) => k.contentSha256 === contentSha256)?.payload;
		if (
			sha256 !== contentSha256 &&
			payload &&
			toHex(world.digests.sha256(bytes.subarray(0, payload.length))) === payload.sha256
		) {
			job.proofs.set(slot, { proof: 'read-back-sha256', sha256: payload.sha256, version: expected.version, payloadOnly: true });
			continue;
		}
		if (sha256 !== contentSha256) {
			throw new LinacError(
				'CONTENT_DIFFERS',
				`${slot} is reported as ${expected.version}, but what stands in flash is something else.`,
				{
					retry: 'reconnect',
					details: { slot, expected: contentSha256, found: sha256 },
					hint: 'It is read as a whole and planned again from that.',
				},
			);
		}
		job.proofs.set(slot, { proof: 'read-back-sha256', sha256, version: expected.version });
	}
}
