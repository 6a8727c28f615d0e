/**
 * Numbers, times and thins out the events of a job, and keeps its progress monotonic: a step that is repeated never moves a bar
 * backwards. Not for printing.
 */
import type { Clock } from '@linac/core';
import type { Step } from '@linac/planner';
import type { JobEvent } from './types.js';

type WithoutBase<T> = T extends unknown ? Omit<T, 'seq' | 'time'> : never;
export type JobEventBody = WithoutBase<JobEvent>;

/** Share of a step's time that each part takes, for a bar: a written byte costs more than one read back (flash erase and program). */
const PHASES: Record<string, { from: number; to: number }> = {
	erase: { from: 0, to: 0.1 },
	write: { from: 0, to: 0.8 },
	'read-back': { from: 0.8, to: 1 },
	send: { from: 0, to: 0.7 },
};

export class JobEvents {
	readonly #clock: Clock;
	readonly #began: number;
	readonly #sink: ((event: JobEvent) => void) | undefined;
	#seq = 0;
	#steps: readonly Step[] = [];
	#finished = 0;
	#fraction = 0;
	#shown = new Map<string, number>();

	constructor(clock: Clock, sink: ((event: JobEvent) => void) | undefined) {
		this.#clock = clock;
		this.#began = clock.now();
		this.#sink = sink;
	}

	/** Milliseconds since the job began. */
	get elapsedMs(): number {
		return this.#clock.now() - this.#began;
	}

	emit(body: JobEventBody): void {
		this.#seq++;
		this.#sink?.({ ...body, seq: this.#seq, time: this.elapsedMs } as JobEvent);
	}

	/** A plan (the first, or a new one after a disturbance) is now worked on. The fraction shown so far is kept. */
	begin(steps: readonly Step[]): void {
		this.#steps = steps;
		this.#finished = 0;
		this.#shown.clear();
	}

	/** `done` of `total` bytes of a part of a step. Silent when nothing more than before has been done. */
	progress(step: Step, what: 'erase' | 'write' | 'read-back' | 'send', done: number, total: number): void {
		const key = `${step.id} ${what}`;
		const before = this.#shown.get(key) ?? -1;
		if (done <= before) return;
		this.#shown.set(key, done);
		const phase = PHASES[what] ?? { from: 0, to: 1 };
		const part = phase.from + (phase.to - phase.from) * (total === 0 ? 1 : done / total);
		this.#advance(this.#finished + weight(step) * part);
		this.emit({ type: 'progress', step: step.id, what, done, total, ...this.#estimate() });
	}

	/** The step is through, whether by work or because nothing had to be done. */
	stepDone(step: Step): void {
		this.#finished += weight(step);
		this.#advance(this.#finished);
	}

	/** Fraction of the whole job, 0 ... 1, and the time left as the pace so far lets expect. */
	#estimate(): { fraction: number; leftMs: number } {
		const planned = this.#steps.reduce((sum, s) => sum + weight(s), 0);
		const pace = this.#fraction > 0.05 && planned > 0 ? this.elapsedMs / (this.#fraction * planned) : 1;
		return { fraction: this.#fraction, leftMs: Math.round((1 - this.#fraction) * planned * pace) };
	}

	#advance(done: number): void {
		const planned = this.#steps.reduce((sum, s) => sum + weight(s), 0);
		const fraction = planned === 0 ? 1 : Math.min(1, done / planned);
		if (fraction > this.#fraction) this.#fraction = fraction;
	}
}

function weight(step: Step): number {
	return Math.max(1, step.estimateMs);
}
