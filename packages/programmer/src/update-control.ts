/**
 * Gives a module to the running Device OS by control requests (bootloader, NCP, pre-bootloader): Device OS checks it, restarts, and
 * applies it, which may take a second restart. From the moment that it has accepted, nothing is cancelled until it is back: a
 * bootloader may be being replaced. The requests themselves stand in `@linac/usb`.
 */
import { asLinacError, LinacError, throwIfCancelled } from '@linac/core';
import type { Step, StepAction } from '@linac/planner';
import { bootloaderMayBeLost, poll } from './operator.js';
import { installed } from './proofs.js';
import { expectedModules, type RunningJob, type StepResult } from './running-job.js';
import { reportedModules } from './snapshot-reported.js';
import { inputModule } from './write-dfu.js';

/** How often the module list is asked for after an update, ms: the answer is cheap, a restart takes seconds. */
const ASK_EVERY_MS = 500;

export async function updateByControl(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'update-control' },
): Promise<StepResult> {
	const { session, events, world } = job;
	const input = inputModule(job, action.sha256);
	const { prefix } = input.module;
	const slot = step.module?.slot ?? input.slot;
	const expected = expectedModules(job.plan).find((m) => m.slot === slot);

	const isIt = (m: { function: number; index: number }) => m.function === prefix.function && m.index === prefix.index;

	const there = async (): Promise<'by-hash' | 'by-version' | undefined> => {
		const control = await session.answeringControl();
		const found = (await reportedModules(control, world)).find(isIt);
		if (!found?.valid || found.version !== prefix.version) return undefined;
		if (found.contentSha256 === undefined || expected?.contentSha256 === undefined) return 'by-version';
		return found.contentSha256 === expected.contentSha256 ? 'by-hash' : undefined;
	};

	if (action.enoughFrom !== undefined) {
		const reported = (await reportedModules(await session.answeringControl(), world)).find(isIt);
		if (reported?.valid && reported.version >= action.enoughFrom) {
			return { skipped: `The device has ${slot} ${reported.version}, which is new enough (${action.enoughFrom}).` };
		}
	}
	const before = await there();
	if (before) {
		// Same version, but the plan still wants it written: where other bytes were found, only a hash may overrule the plan.
		const was = installed(job.before, prefix);
		const other = was !== undefined && (!was.valid || differs(was.contentSha256, expected?.contentSha256));
		if (before === 'by-hash' || !other) {
			return {
				skipped: `The device says that ${slot} ${prefix.version} is there${before === 'by-hash' ? ', with the same hash' : ' and whole'}.`,
			};
		}
	}

	throwIfCancelled(world.signal);
	await job.changes();
	const control = await session.answeringControl();
	job.proofs.drop(slot);
	const bytes = input.module.bytes;
	let applied: boolean;
	try {
		await session.change(
			'normal',
			() =>
				control.updateFirmware(bytes, {
					signal: world.signal,
					onProgress: (done, total) => events.progress(step, 'send', done, total),
				}),
			world.limits.applyMs,
		);
		events.emit({ type: 'waiting', step: step.id, for: 'the device to apply the update' });
		applied = await session.toTheEnd(() =>
			poll(world.clock, world.limits.applyMs, ASK_EVERY_MS, async () => (await there()) !== undefined),
		);
	} catch (error) {
		const e = asLinacError(error);
		const last = step.ifInterrupted.way === 'none';
		if (e.code === 'DEVICE_NOT_BACK' && last) throw bootloaderMayBeLost(session.platform, world.limits.applyMs, e);
		throw e;
	}
	if (!applied) {
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
	const proof = (await session.toTheEnd(there)) === 'by-hash' ? 'device-hash' : 'reported-version';
	job.proofs.set(slot, {
		proof,
		version: prefix.version,
		...(proof === 'device-hash' ? { sha256: expected?.contentSha256 } : {}),
	});
	return { evidence: { version: prefix.version, bytes: bytes.length, proof } };
}

/** Both are known, and they are not the same. */
function differs(found: string | undefined, expected: string | undefined): boolean {
	return found !== undefined && expected !== undefined && found !== expected;
}
