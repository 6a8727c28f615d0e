/**
 * Runs a plan on a device and says what became of it. Every step looks first whether its effect is there already, so a plan can be run
 * again after any interruption; nothing about a job is kept anywhere but on the device. Not for making plans (program.ts does).
 */
import { asLinacError, type LinacError, LinacError as LinacErrorClass, throwIfCancelled } from '@linac/core';
import type { DeviceSnapshot, FileVerdict, Plan, PlanInputs, Step } from '@linac/planner';
import type { DiscoveredDevice } from '@linac/usb';
import { applyUpdate } from './apply-update.js';
import type { BackupHook } from './backup/contents.js';
import { FirstBackup } from './backup/first-backup.js';
import { findDevice } from './device-selector.js';
import { completeEnvironment, type Environment, type World } from './environment.js';
import { JobEvents } from './job-events.js';
import { knownModule } from './known-modules.js';
import { letRunAgain } from './let-run.js';
import { enterMode, restart } from './modes.js';
import { evidenceRow, installed, Proofs } from './proofs.js';
import { expectedModules, type RunningJob, type StepResult } from './running-job.js';
import { DeviceSession } from './session.js';
import { snapshotOf } from './snapshot.js';
import { clearRequest, requestUpdate, stageUpdate } from './stage-update.js';
import { assetRow, assetsOf, storeAsset } from './store-asset.js';
import type { Report } from './types.js';
import { updateByControl } from './update-control.js';
import { verify } from './verify.js';
import { writeDct } from './write-dct.js';
import { invalidate, writeModule } from './write-dfu.js';

export interface RunJobOptions extends Environment {
	plan: Plan;
	inputs: PlanInputs;
	/** Default: the device that the plan names, by its id, else by its place. */
	deviceId?: string;
	location?: string;
	/** Already discovered, where the caller has done so. */
	found?: DiscoveredDevice;
	/** Called once, with what is on the device, before anything is changed. */
	backup?: BackupHook;
}

/**
 * Runs a plan once. Throws `PLAN_DEVICE_MISMATCH` or `PLAN_STALE` before anything is written when the plan is not for this device or
 * not for this state; everything that goes wrong later is told in the report. A device that ran, and of which nothing was changed when it ends, runs again.
 */
export async function runJob(options: RunJobOptions): Promise<Report> {
	const { plan, inputs } = options;
	const world = worldFor(options, inputs);
	const found =
		options.found ??
		(await findDevice(world, {
			deviceId: options.deviceId ?? plan.deviceId,
			location: (options.deviceId ?? plan.deviceId) === undefined ? (options.location ?? plan.location) : options.location,
		}));
	const session = new DeviceSession(world, found, options.deviceId ?? plan.deviceId);
	try {
		const before = await snapshotOf(session);
		checkPlanFits(plan, before);
		const events = new JobEvents(world.clock, world.onEvent);
		events.emit({ type: 'job-started', plan, ...(before.deviceId === undefined ? {} : { deviceId: before.deviceId }) });
		const { report, touched } = await runPlan(session, plan, inputs, before, events, new FirstBackup(options.backup));
		await letRunAgain(session, report.error !== undefined && !touched && before.mode !== 'dfu');
		events.emit({ type: 'job-finished', outcome: report.outcome });
		return report;
	} finally {
		await session.close();
	}
}

export function worldFor(environment: Environment, inputs: PlanInputs): World {
	const world = completeEnvironment(environment);
	const modules = [...inputs.modules.values(), ...(inputs.release?.modules ?? [])];
	const known = modules.map((m) => knownModule(m.module, world.digests));
	return { ...world, known };
}

/** A stored plan may be run later, and again after an interruption: each slot must be as it was, as it shall be, or unusable. */
export function checkPlanFits(plan: Plan, device: DeviceSnapshot): void {
	if (
		plan.platform !== device.platform ||
		(plan.deviceId !== undefined && device.deviceId !== undefined && plan.deviceId !== device.deviceId)
	) {
		throw new LinacErrorClass(
			'PLAN_DEVICE_MISMATCH',
			`The plan is for ${plan.platform} ${plan.deviceId ?? ''}, but this device is ${device.platform} ${device.deviceId ?? ''}.`,
			{ hint: 'Choose the device that the plan was made for, or make a new plan for this one.' },
		);
	}
	if (!device.modules) return;
	const to = expectedModules(plan);
	for (const expected of to) {
		const is = installed(device, expected);
		if (!is?.valid || is.version === expected.version) continue;
		const was = plan.from.modules.find((m) => m.slot === expected.slot);
		const between = plan.steps.some((s) => s.after.modules.some((m) => m.slot === expected.slot && m.version === is.version));
		if (was?.version === is.version || between) continue;
		throw new LinacErrorClass(
			'PLAN_STALE',
			`The plan was made for ${expected.slot} ${was?.version ?? 'none'}, but the device has ${is.version} now.`,
			{ hint: 'Make a new plan: the device has been changed since.', details: { slot: expected.slot, found: is.version } },
		);
	}
}

/** Runs the steps of a plan in their order, until one fails. `touched`: bytes on the device may have been changed. */
export async function runPlan(
	session: DeviceSession,
	plan: Plan,
	inputs: PlanInputs,
	before: DeviceSnapshot,
	events: JobEvents,
	backup: FirstBackup,
): Promise<{ report: Report; touched: boolean }> {
	const { world } = session;
	const began = world.clock.now();
	const written = session.bytesWritten;
	const read = session.bytesRead;
	let wrote = false;
	const job: RunningJob = {
		world,
		session,
		plan,
		inputs,
		events,
		proofs: new Proofs(),
		before,
		get wrote() {
			return wrote;
		},
		async changes() {
			await backup.before(session, before, events);
			wrote = true;
		},
	};
	events.begin(plan.steps);
	const steps: Report['steps'] = plan.steps.map((s) => ({ id: s.id, title: s.title, result: 'not-reached', ms: 0 }));
	let failure: LinacError | undefined;
	for (const [index, step] of plan.steps.entries()) {
		const row = steps[index]!;
		const started = world.clock.now();
		try {
			throwIfCancelled(world.signal);
			events.emit({ type: 'step-started', step: step.id, title: step.title, index: index + 1, count: plan.steps.length });
			const result = await withTries(job, step);
			row.ms = world.clock.now() - started;
			row.result = result.skipped === undefined ? 'done' : 'skipped';
			if (result.skipped !== undefined) {
				row.reason = result.skipped;
				events.emit({ type: 'step-skipped', step: step.id, reason: result.skipped });
			}
			events.stepDone(step);
			events.emit({
				type: 'step-finished',
				step: step.id,
				ms: row.ms,
				...(result.evidence ? { evidence: result.evidence } : {}),
			});
		} catch (error) {
			failure = asLinacError(error);
			row.ms = world.clock.now() - started;
			row.result = 'failed';
			row.reason = failure.message;
			break;
		}
	}
	const after = failure ? job.after : (job.after ?? (job.wrote ? undefined : before));
	const evidence = [
		...expectedModules(plan).map((m) => evidenceRow(m, before, after, job.proofs)),
		...assetsOf(plan).map((a) => assetRow(a, before, after)),
	];
	if (!failure && !evidence.every((row) => row.ok)) {
		const missing = evidence.filter((row) => !row.ok).map((row) => (row.asset === undefined ? row.slot : `asset "${row.asset}"`));
		failure = new LinacErrorClass('EVIDENCE_MISSING', `Nothing proves that these are as planned: ${missing.join(', ')}.`, {
			retry: 'operator',
			hint: 'Run the command again while the device is running normally.',
		});
	}
	const report: Report = {
		format: 'linac-report/1',
		outcome: failure ? (failure.code === 'CANCELLED' ? 'cancelled' : 'failed') : job.wrote ? 'verified' : 'already',
		planId: plan.id,
		platform: plan.platform,
		...(before.deviceId === undefined ? {} : { deviceId: before.deviceId }),
		before,
		...(after ? { after } : {}),
		evidence,
		files: plan.files.map((f) => fileOutcome(f, steps)),
		steps,
		...(failure ? { error: errorOf(failure) } : {}),
		...(backup.record ? { backup: backup.record } : {}),
		ms: world.clock.now() - began,
		bytesWritten: session.bytesWritten - written,
		bytesRead: session.bytesRead - read,
	};
	return { report, touched: job.wrote };
}

export function errorOf(error: LinacError): NonNullable<Report['error']> {
	return {
		code: error.code,
		message: error.message,
		...(error.hint === undefined ? {} : { hint: error.hint }),
		retry: error.retry,
	};
}

/** A file that the plan wanted written, but whose bytes were found in place, was not written: its verdict says so. */
function fileOutcome(file: FileVerdict, steps: Report['steps']): FileVerdict {
	const own = steps.filter((s) => file.steps.includes(s.id));
	if (file.verdict !== 'write' || own.length === 0 || !own.every((s) => s.result === 'skipped')) return file;
	return { ...file, verdict: 'already-there', code: 'ALREADY_THERE', reason: own[0]?.reason ?? file.reason };
}

/**
 * Repeats a step for errors that are worth it, with the interface opened anew, at most `limits.stepTries` times in all, and no more
 * once the failed tries have taken `limits.failedMs`.
 */
async function withTries(job: RunningJob, step: Step): Promise<StepResult> {
	const { session, events, world } = job;
	const began = world.clock.now();
	for (let attempt = 1; ; attempt++) {
		try {
			return await perform(job, step);
		} catch (error) {
			const e = asLinacError(error);
			if (e.retry !== 'step' || attempt >= world.limits.stepTries) throw e;
			if (world.clock.now() - began >= world.limits.failedMs) throw e;
			events.emit({
				type: 'retry',
				step: step.id,
				code: e.code,
				message: e.message,
				attempt: attempt + 1,
				of: world.limits.stepTries,
			});
			await session.close();
		}
	}
}

function perform(job: RunningJob, step: Step): Promise<StepResult> {
	const { action } = step;
	switch (action.kind) {
		case 'enter-mode':
			return enterMode(job, step, action);
		case 'write-dfu':
			return writeModule(job, step, action);
		case 'update-control':
			return action.asset ? storeAsset(job, step, action, action.asset) : updateByControl(job, step, action);
		case 'update-serial':
			// Such plans are made and run by `programOverSerial` alone (serial-job.ts).
			throw new LinacErrorClass(
				'PLAN_NOT_RUNNABLE',
				'This plan is for the serial port of a device: run it with "linac serial flash".',
			);
		case 'invalidate':
			return invalidate(job, step, action);
		case 'stage-update':
			return stageUpdate(job, step, action);
		case 'request-update':
			return requestUpdate(job, step, action);
		case 'clear-request':
			return clearRequest(job, step, action);
		case 'apply-update':
			return applyUpdate(job, step, action);
		case 'write-dct':
			return writeDct(job, step, action);
		case 'restart':
			return restart(job, step);
		case 'verify':
			return verify(job, step, action);
	}
}
