/**
 * One restore on one device, from the deep look to the proved end: the programmer's `restore()` with what a page needs around it. The plan waits for the
 * person's yes; the job is kept in the browser before anything is written, and forgotten when its end is proved, so that it can be continued
 * after a reload, a crash or a pulled cable. Not for showing it.
 */
import { platforms, releases } from '@linac/catalog';
import { asLinacError, portableDigests } from '@linac/core';
import type { Plan } from '@linac/planner';
import { type Diagnosis, defaultLimits, type JobEvent, type JobLimits, type RestoreReport, restore } from '@linac/programmer';
import { keepBackup } from './backups.js';
import { withDevice } from './device-locks.js';
import { type DeviceRef, isNameless, keyOf } from './device-ref.js';
import { type DeviceState, stateOf } from './device-state.js';
import { JobSources } from './restore-goal.js';
import { type RestoreGoal, type StoredJob, storedJobs } from './storage.js';
import { hostFor, presentDevice } from './usb-host.js';
import { virtualBench } from './virtual-bench.js';

export type RestoreEvent =
	/** The release is on its way, in bytes. */
	| { type: 'fetching'; done: number; total?: number }
	| { type: 'diagnosis'; state: DeviceState; target: Diagnosis['target']; application: Diagnosis['application'] }
	/** Nothing goes on before `restore.confirm`. `standIn`: some modules are of linac's own builder, for virtual devices. */
	| { type: 'plan'; plan: Plan; standIn: boolean }
	/** The person has said yes, or had done so before an interruption: from now on the device is changed. */
	| { type: 'begun' }
	| { type: 'job'; event: JobEvent };

export interface RestoreOptions {
	goal: RestoreGoal;
	/** It is the continuation of a job that was agreed to: no question is asked. */
	resumed: boolean;
	emit(event: RestoreEvent): void;
	signal: AbortSignal;
}

/** For somebody to press a button or plug the cable in, ms. */
const OPERATOR_MS = 180_000;
/** Windows looks for a driver when it first sees a device in a mode; whoever is quicker is used sooner (data of docs/hosts.md). */
const realLimits: Partial<JobLimits> = { modeChangeMs: 60_000, bootMs: 60_000, returnMs: 15_000, operatorMs: OPERATOR_MS };
/** Between two events of progress of one device, ms of real time: a screen shows no more. */
const PROGRESS_EVERY_MS = 100;

const questions = new Map<string, (yes: boolean) => void>();

/** The person's answer to a plan. `false` when nobody has been asked. */
export function answerPlan(ref: DeviceRef, yes: boolean): boolean {
	const answer = questions.get(keyOf(ref));
	answer?.(yes);
	return answer !== undefined;
}

/** Throws `LinacError` when nothing has been written: `DEVICE_BUSY`, `CANCELLED` when the plan was declined, and what `restore()` throws. */
export async function runRestore(ref: DeviceRef, options: RestoreOptions): Promise<RestoreReport> {
	return withDevice(ref, async () => {
		const { goal, resumed, signal } = options;
		const present = await presentDevice(ref);
		const { found } = present;
		const platform = platforms.find((p) => p.name === found.platform.name)!;
		const sources = new JobSources(platform, {
			virtual: ref.virtual,
			signal,
			onProgress: ({ done, total }) => options.emit({ type: 'fetching', done, ...(total === undefined ? {} : { total }) }),
		});
		const files = await sources.files(goal.application, goal.target);
		const job: StoredJob = {
			key: keyOf(ref),
			virtual: ref.virtual,
			name: ref.name,
			platform: platform.name,
			goal,
			began: new Date().toISOString(),
		};
		const progress = new ThinProgress((event) => options.emit({ type: 'job', event }));
		let begun = resumed;
		const begin = async () => {
			// Nothing would tell later which device without an id it was.
			if (!begun && !isNameless(ref)) await storedJobs.put(job);
			begun = true;
			options.emit({ type: 'begun' });
		};
		const report = await restore({
			...hostFor(present),
			platforms,
			releases,
			digests: portableDigests,
			signal,
			selector: found.deviceId === undefined ? {} : { deviceId: found.deviceId },
			target: goal.target,
			files,
			allow: goal.allow,
			limits: ref.virtual ? stretched(virtualBench.speed) : realLimits,
			backup: keepBackup,
			openRelease: (_, version) => sources.release(version),
			// None is no failure here: the device is then left without, and is told so.
			openApplication: (_, version) => sources.application(version).catch(whenThereIsNone),
			onDiagnosis: ({ device, target, application }) =>
				options.emit({ type: 'diagnosis', state: stateOf(device, platform), target, application }),
			confirm: async (plan) => {
				if (!resumed) {
					options.emit({ type: 'plan', plan, standIn: sources.standIn });
					if (!(await asked(job.key, signal))) return false;
				}
				await begin();
				return true;
			},
			onEvent: (event) => {
				progress.add(event);
				if (ref.virtual && event.type === 'step-finished') virtualBench.stepFinished(ref.name);
			},
		});
		progress.flush();
		const proved = report.outcome === 'verified' || report.outcome === 'already' || report.outcome === 'refused';
		if (proved) await storedJobs.remove(job.key);
		return report;
	});
}

/** Where virtual time runs faster, this computer and the person in front of it do not. */
function stretched(speed: number): Partial<JobLimits> {
	const { modeChangeMs, bootMs, answerMs, returnMs } = defaultLimits;
	const limits = { modeChangeMs, bootMs, answerMs, returnMs, operatorMs: OPERATOR_MS };
	return Object.fromEntries(Object.entries(limits).map(([name, ms]) => [name, ms * Math.max(1, speed)]));
}

function whenThereIsNone(error: unknown): undefined {
	const { code } = asLinacError(error);
	if (code === 'CANCELLED' || code === 'INTERNAL') throw error;
}

async function asked(key: string, signal: AbortSignal): Promise<boolean> {
	const stop = () => questions.get(key)?.(false);
	try {
		return await new Promise<boolean>((resolve) => {
			questions.set(key, resolve);
			signal.addEventListener('abort', stop, { once: true });
			if (signal.aborted) resolve(false);
		});
	} finally {
		signal.removeEventListener('abort', stop);
		questions.delete(key);
	}
}

/** Lets through what a person can see: of many events of progress the last one in a while, and always the last one before something else. */
class ThinProgress {
	readonly #emit: (event: JobEvent) => void;
	#held: JobEvent | undefined;
	#last = Number.NEGATIVE_INFINITY;

	constructor(emit: (event: JobEvent) => void) {
		this.#emit = emit;
	}

	add(event: JobEvent): void {
		const now = performance.now();
		if (event.type === 'progress' && now - this.#last < PROGRESS_EVERY_MS) {
			this.#held = event;
			return;
		}
		if (event.type === 'progress') {
			this.#last = now;
			this.#held = undefined;
		} else this.flush();
		this.#emit(event);
	}

	flush(): void {
		if (this.#held) this.#emit(this.#held);
		this.#held = undefined;
	}
}
