/**
 * Gives a module to the running Device OS by control requests (bootloader, NCP, pre-bootloader): Device OS checks it, restarts, and
 * applies it, which may take a second restart. From the moment that it has accepted, nothing is cancelled until it is back: a
 * bootloader may be being replaced. The requests themselves stand in `@linac/usb`.
 */
import { asLinacError, LinacError, throwIfCancelled } from '@linac/core';
import type { Step, StepAction } from '@linac/planner';
import { awaitReported, giveModule, reportedProof } from './give-module.js';
import { bootloaderMayBeLost } from './operator.js';
import { installed, type Proof } from './proofs.js';
import { expectedModules, type RunningJob, type StepResult } from './running-job.js';
import { reportedModules } from './snapshot-reported.js';
import { inputModule } from './write-dfu.js';

export async function updateByControl(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'update-control' },
): Promise<StepResult> {
	const { session, events, world } = job;
	const input = inputModule(job, action.sha256);
	const { prefix } = input.module;
	const slot = step.module?.slot ?? input.slot;
	const wanted = { slot, function: prefix.function, index: prefix.index, version: prefix.version };
	if (action.enoughFrom !== undefined) {
		const modules = await reportedModules(await session.answeringControl(), world);
		const reported = modules.find((m) => m.function === prefix.function && m.index === prefix.index);
		if (reported?.valid && reported.version >= action.enoughFrom) {
			return { skipped: `The device has ${slot} ${reported.version}, which is new enough (${action.enoughFrom}).` };
		}
	}
	const before = await reportedProof(job, wanted);
	if (before) {
		// Same version, but the plan still wants it written: where other bytes were found, only a hash may overrule the plan.
		const was = installed(job.before, prefix);
		const expected = expectedModules(job.plan).find((m) => m.slot === slot)?.contentSha256;
		const other = was !== undefined && (!was.valid || differs(was.contentSha256, expected));
		const byHash = before.proof === 'device-hash';
		if (byHash || !other) {
			return {
				skipped: `The device says that ${slot} ${prefix.version} is there${byHash ? ', with the same hash' : ' and whole'}.`,
			};
		}
	}

	throwIfCancelled(world.signal);
	await job.changes();
	const control = await session.answeringControl();
	job.proofs.drop(slot);
	const bytes = input.module.bytes;
	let proof: Proof | undefined;
	try {
		await giveModule(job, step, control, bytes);
		events.emit({ type: 'waiting', step: step.id, for: 'the device to apply the update' });
		proof = await session.toTheEnd(() => awaitReported(job, wanted));
	} catch (error) {
		const e = asLinacError(error);
		const last = step.ifInterrupted.way === 'none';
		if (e.code === 'DEVICE_NOT_BACK' && last) throw bootloaderMayBeLost(session.platform, world.limits.applyMs, e);
		throw e;
	}
	if (!proof) {
		throw new LinacError(
			'UPDATE_NOT_APPLIED',
			`The device took ${slot} ${prefix.version} and restarted, but does not report it as installed.`,
			{
				retry: 'step',
				details: { slot, version: prefix.version },
				hint: 'Run the command again. If it stays so, the device refuses this module: look at its dependencies with `linac inspect`.',
			},
		);
	}
	job.proofs.set(slot, proof);
	return { evidence: { version: prefix.version, bytes: bytes.length, proof: proof.proof } };
}

/** Both are known, and they are not the same. */
function differs(found: string | undefined, expected: string | undefined): boolean {
	return found !== undefined && expected !== undefined && found !== expected;
}
