/**
 * Leaves DFU so that staged modules are installed, and sees that they are. Who installs them (Device OS, or the bootloader) and through which restarts
 * does not matter here: in the end the device runs and reports them, or is in DFU mode and they are read from their place. Not cancelled in between: a
 * bootloader may be being replaced.
 */
import { asLinacError, LinacError, toHex } from '@linac/core';
import type { AppliedModule, Step, StepAction } from '@linac/planner';
import { awaitReported } from './give-module.js';
import { knownModule, placeOverDfu } from './known-modules.js';
import { leaveDfu, proveByReading } from './modes.js';
import { bootloaderMayBeLost, needsDfuButton } from './operator.js';
import { installed } from './proofs.js';
import type { RunningJob, StepResult } from './running-job.js';
import { inputModule } from './write-dfu.js';

export async function applyUpdate(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'apply-update' },
): Promise<StepResult> {
	const { session, events, world } = job;
	const open = action.modules.filter((m) => !job.proofs.isReadBack(m.slot));
	if (open.length === 0) {
		if (action.then === 'run') await leaveDfu(job, step);
		return { skipped: 'Nothing is left to install: every module stands in its place. The device is only restarted.' };
	}
	await proveByReading(job, step, new Set(action.modules.map((m) => m.slot)));
	await job.changes();
	for (const m of open) job.proofs.drop(m.slot);
	const dfu = await session.dfu();
	events.emit({ type: 'waiting', step: step.id, for: 'the device to install what was left for it' });
	await session.toTheEnd(async () => {
		try {
			await session.change(action.then === 'dfu' ? 'dfu' : 'normal', () => dfu.leave(), world.limits.applyMs);
		} catch (error) {
			const e = asLinacError(error);
			if (e.code === 'DEVICE_NOT_BACK' && step.ifInterrupted.way === 'none')
				throw bootloaderMayBeLost(session.platform, world.limits.applyMs, e);
			if (e.code === 'DEVICE_NOT_BACK') throw needsDfuButton(session.platform, e);
			// It runs, although the plan took its system for one that does not start: so much the better.
			if (e.code !== 'WRONG_MODE' || action.then !== 'dfu' || session.found.mode !== 'normal') throw e;
			await session.enterDfu();
		}
	});
	const missing: string[] = [];
	for (const m of open) {
		const proved = await session.toTheEnd(() => (action.then === 'dfu' ? readBack(job, m) : asked(job, m)));
		if (!proved) missing.push(`${m.slot} ${m.version}`);
	}
	if (missing.length > 0) {
		throw new LinacError('UPDATE_NOT_APPLIED', `The device has restarted, but ${missing.join(' and ')} is not in its place.`, {
			retry: 'reconnect',
			details: { modules: missing, way: action.way },
			hint:
				action.way === 'ota-slot'
					? 'Run the command again. If it stays so, the Device OS that starts refuses this module: look at its dependencies with `linac inspect`.'
					: 'Run the command again. If it stays so, the bootloader on this device does not carry out module slots: use --bootloader-by ota-slot or control.',
		});
	}
	return { evidence: { way: action.way, modules: action.modules.map((m) => `${m.slot} ${m.version}`).join(', ') } };
}

/**
 * The running device reports it, whole. What was left for it had been read back just before it was asked for: where the module that was there had another
 * number, the one that is reported now can have come from nowhere else.
 */
async function asked(job: RunningJob, m: AppliedModule): Promise<boolean> {
	const proof = await awaitReported(job, m);
	if (!proof) return false;
	const replaced = installed(job.before, m)?.version !== m.version;
	job.proofs.set(
		m.slot,
		proof.proof === 'reported-version' && replaced
			? { proof: 'copy-read-back-sha256', sha256: m.sha256, version: m.version }
			: proof,
	);
	return true;
}

/** Its bytes stand in its place. */
async function readBack(job: RunningJob, m: AppliedModule): Promise<boolean> {
	const { session, world } = job;
	const known = knownModule(inputModule(job, m.sha256).module, world.digests);
	const place = placeOverDfu(session.platform, known);
	if (!place) return false;
	const dfu = await session.dfu();
	const bytes = await dfu.read(place.alternate, place.address, known.length);
	const sha256 = toHex(world.digests.sha256(bytes));
	if (sha256 !== known.contentSha256) return false;
	job.proofs.set(m.slot, { proof: 'read-back-sha256', sha256, version: m.version, exact: true });
	return true;
}
