/**
 * The whole job in one call: find the device, look at what is on it, plan, run. After any interruption the same call finishes the job,
 * because everything is derived anew from what is on the device. Within one call a disturbance (cable, stall, a module that is not what
 * the device said) makes it look and plan again, a bounded number of times. Not for asking questions: the caller does that in `confirm`.
 */

import type { ReleaseSet } from '@linac/catalog';
import {
	asLinacError,
	cancelled,
	good,
	LinacError,
	type Problem,
	type RetryClass,
	throwIfCancelled,
	type Verdict,
} from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { type DeviceSnapshot, type Goal, plan as makePlan, type Plan } from '@linac/planner';
import type { BackupHook } from './backup/contents.js';
import { FirstBackup } from './backup/first-backup.js';
import { type DeviceSelector, findOrAsk } from './device-selector.js';
import { completeEnvironment, type Environment, type JobLimits, type World } from './environment.js';
import { JobEvents } from './job-events.js';
import { type KnownModule, knownModule } from './known-modules.js';
import { letRunAgain } from './let-run.js';
import { withBefore } from './proofs.js';
import { errorOf, runPlan } from './run-job.js';
import { DeviceSession } from './session.js';
import { snapshotOf } from './snapshot.js';
import type { Report } from './types.js';

export interface ProgramOptions extends Environment {
	selector?: DeviceSelector;
	goal: Goal;
	/** The release to take modules from, or how to open it once it is known what the device is. */
	release?: ReleaseSet | ((device: DeviceSnapshot) => Promise<ReleaseSet | undefined>);
	/** Further modules whose bytes are at hand, to give names to what is found on the device. */
	known?: readonly KnownModule[];
	/** Called with the first plan, before anything is written. `false` cancels. */
	confirm?: (plan: Plan, device: DeviceSnapshot) => boolean | Promise<boolean>;
	/**
	 * Called once, with what is on the device, just before anything is changed: only when it has resolved does the job go on. Not called
	 * when nothing has to be changed. Without it no backup is made.
	 */
	backup?: BackupHook;
}

/**
 * A refused verdict: the planner found a reason not to start; nothing has been written. A report: the job was run, its `outcome` and
 * `error` say how it ended. Throws `LinacError` when there was no device to look at.
 */
export async function program(options: ProgramOptions): Promise<Verdict<Report>> {
	const bare = completeEnvironment(options);
	const given = typeof options.release === 'function' ? undefined : options.release;
	const world: World = { ...bare, known: [...(options.known ?? []), ...knownOf(options.goal, given, bare)] };
	const events = new JobEvents(world.clock, world.onEvent);
	const found = await findOrAsk(world, events, options.selector, (e) => ({ for: 'the device', hint: e.hint ?? e.message }));
	const session = new DeviceSession(world, found, options.selector?.deviceId?.toLowerCase());
	const attempts = new Attempts(session, events, options);
	try {
		return await attempts.run();
	} finally {
		await session.close();
	}
}

class Attempts {
	readonly #session: DeviceSession;
	readonly #events: JobEvents;
	readonly #options: ProgramOptions;
	readonly #backup: FirstBackup;
	#before: DeviceSnapshot | undefined;
	#release: ReleaseSet | undefined;
	#last: Report | undefined;
	/** Bytes on the device may have been changed by this call. */
	#touched = false;
	#written = 0;
	#read = 0;

	constructor(session: DeviceSession, events: JobEvents, options: ProgramOptions) {
		this.#session = session;
		this.#events = events;
		this.#options = options;
		this.#backup = new FirstBackup(options.backup);
	}

	async run(): Promise<Verdict<Report>> {
		const { clock, limits } = this.#session.world;
		const tries = new Tries(limits);
		for (let attempt = 0; ; attempt++) {
			let error: LinacError;
			const began = clock.now();
			let failedMs: number;
			try {
				const verdict = await this.#once();
				if (!verdict.ok) return verdict;
				const report = verdict.value;
				if (!report.error) return this.#finish(report);
				error = new LinacError(report.error.code, report.error.message, {
					retry: report.error.retry as LinacError['retry'],
					hint: report.error.hint,
				});
				failedMs = report.steps.find((s) => s.result === 'failed')?.ms ?? 0;
			} catch (thrown) {
				error = asLinacError(thrown);
				failedMs = clock.now() - began;
			}
			try {
				if (!tries.another(error, failedMs) || !(await this.#maybeAgain(error, attempt))) return this.#giveUp(error);
			} catch (stopped) {
				return this.#giveUp(asLinacError(stopped));
			}
		}
	}

	/** Look, plan, run. Throws what happens before the steps; the report tells what happens in them. */
	async #once(): Promise<Verdict<Report>> {
		const session = this.#session;
		const { goal, confirm } = this.#options;
		let device = await snapshotOf(session);
		this.#release ??= await openRelease(this.#options.release, device);
		if (this.#learn()) device = await snapshotOf(session);
		const { platform } = session;
		const verdict = makePlan(device, goal, {
			platform,
			...(this.#release ? { release: this.#release } : {}),
			digests: session.world.digests,
		});
		if (!verdict.ok) {
			if (!this.#touched) return verdict;
			throw refused(verdict.problems);
		}
		const { plan, inputs } = verdict.value;
		const first = this.#before === undefined;
		this.#before ??= device;
		if (first && confirm && !plan.empty && !(await confirm(plan, device))) throw cancelled('not confirmed');
		throwIfCancelled(session.world.signal);
		this.#events.emit({
			type: 'job-started',
			plan,
			...(device.deviceId === undefined ? {} : { deviceId: device.deviceId }),
		});
		const report = await runPlan(session, plan, inputs, device, this.#events, this.#backup);
		this.#touched ||= report.touched;
		this.#tally(report.report);
		return good(report.report, verdict.problems);
	}

	/** Takes note of the release's modules. `true` when the device has to be asked again, because it told hashes that have names now. */
	#learn(): boolean {
		const { world } = this.#session;
		const known = [...(this.#options.known ?? []), ...knownOf(this.#options.goal, this.#release, world)];
		if (known.length === world.known.length) return false;
		this.#session.know(known);
		// Reading flash again is only worth it for a module without a header of its own, which a known content alone can confirm.
		return this.#session.found.mode === 'normal' ? this.#session.toldHashes : known.some((k) => k.payload !== undefined);
	}

	#tally(report: Report): void {
		this.#written += report.bytesWritten;
		this.#read += report.bytesRead;
		this.#last = report;
	}

	/** Waits for what has to happen before another try makes sense. `false`: it makes none. Throws what ended the wait: cancelling, a declined permission. */
	async #maybeAgain(error: LinacError, attempt: number): Promise<boolean> {
		const session = this.#session;
		const { limits } = session.world;
		const forOperator = error.retry === 'operator' && limits.operatorMs > 0 && waitsForDevice(error.code);
		if (!forOperator && error.retry !== 'reconnect' && error.retry !== 'step') return false;
		this.#events.emit({
			type: 'retry',
			step: 'job',
			code: error.code,
			message: error.message,
			attempt: attempt + 2,
			of: limits.replans + 1,
		});
		if (forOperator) this.#events.emit({ type: 'waiting', step: 'job', for: 'the device to come back', hint: error.hint });
		try {
			// Somebody who is asked to do something may say instead that this was it.
			await (forOperator ? session.returned(limits.operatorMs, session.world.signal) : session.returned(limits.returnMs));
			return true;
		} catch (thrown) {
			const e = asLinacError(thrown);
			if (e.code === 'CANCELLED' || e.code === 'USB_PERMISSION_NEEDED') throw e;
			if (e.code === 'DEVICE_NOT_BACK' && !forOperator && limits.operatorMs > 0) return this.#maybeAgain(e, attempt);
			session.world.log.debug('the device did not come back', { code: e.code });
			return false;
		}
	}

	#finish(report: Report): Verdict<Report> {
		const outcome = report.outcome === 'already' && this.#touched ? 'verified' : report.outcome;
		const whole: Report = {
			...report,
			outcome,
			...this.#sinceFirst(report),
			ms: this.#events.elapsedMs,
			bytesWritten: this.#written,
			bytesRead: this.#read,
		};
		this.#events.emit({ type: 'job-finished', outcome });
		return good(whole);
	}

	/** After a disturbance the device was looked at again: what counts as "before" is what was there before this call changed anything. */
	#sinceFirst(report: Report): Pick<Report, 'before' | 'evidence'> {
		const before = this.#before ?? report.before;
		if (before === report.before) return report;
		return { before, evidence: report.evidence.map((row) => withBefore(row, before)) };
	}

	/**
	 * After the last try: a report of what was reached, or the error itself when nothing had been begun. A device that ran at first, and of which nothing was
	 * changed, runs again.
	 */
	async #giveUp(error: LinacError): Promise<Verdict<Report>> {
		const ran = this.#before !== undefined && this.#before.mode !== 'dfu';
		await letRunAgain(this.#session, ran && !this.#touched);
		const last = this.#last;
		if (!last) throw error;
		const outcome = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
		return this.#finish({ ...last, outcome, error: errorOf(error) });
	}
}

/**
 * How often a job is planned again, by class of error. An error of class `step` has used up the tries of its step already: one more, from
 * a fresh look. `never` and `job` (the network, cancelling) are not for this loop; `operator` is, where somebody can be asked.
 */
class Tries {
	readonly #limits: JobLimits;
	readonly #used = new Map<RetryClass, number>();
	#failedMs = 0;

	constructor(limits: JobLimits) {
		this.#limits = limits;
	}

	/** Takes note of a try that has failed after `failedMs`; `true` when there is one left. */
	another(error: LinacError, failedMs: number): boolean {
		const { replans, failedMs: mostMs } = this.#limits;
		const all = [...this.#used.values()].reduce((sum, n) => sum + n, 0);
		const used = this.#used.get(error.retry) ?? 0;
		this.#failedMs += failedMs;
		if (all >= replans || this.#failedMs >= mostMs) return false;
		if (error.retry === 'step' && used >= 1) return false;
		this.#used.set(error.retry, used + 1);
		return true;
	}
}

/** Errors that end when the device is on the bus again. */
function waitsForDevice(code: string): boolean {
	return (
		code === 'DEVICE_NOT_BACK' || code === 'NEEDS_DFU_BUTTON' || code === 'BOOTLOADER_MAY_BE_LOST' || code === 'USB_DISCONNECTED'
	);
}

async function openRelease(release: ProgramOptions['release'], device: DeviceSnapshot): Promise<ReleaseSet | undefined> {
	return typeof release === 'function' ? release(device) : release;
}

function knownOf(goal: Goal, release: ReleaseSet | undefined, world: Pick<World, 'digests'>): KnownModule[] {
	const modules = [...goal.files.flatMap((f) => (f.module ? [f.module] : [])), ...(release?.modules ?? [])];
	// Assets have no place in flash that could be read.
	const placed = modules.filter((m) => m.module.prefix.function !== ModuleFunction.asset);
	return placed.map((m) => knownModule(m.module, world.digests));
}

/** A plan that was possible at first, and is not any more after a disturbance. */
function refused(problems: readonly Problem[]): LinacError {
	const first = problems.find((p) => p.severity === 'error') ?? problems[0];
	return new LinacError(first?.code ?? 'REFUSED', problems.map((p) => p.message).join(' '), {
		hint: 'Look at the device with `linac devices`, and plan again.',
	});
}
