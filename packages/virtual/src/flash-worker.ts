/**
 * Runs flash steps in time, one after another, and tears the one that is running when the power fails. One worker a device: its
 * flashes share the power. Not for deciding what is written.
 */
import type { FaultPlan } from './faults.js';
import type { FlashStep } from './flash-model.js';
import type { Pace, PhysicalTime } from './timing.js';

/** Thrown through everything that was going on when the power failed. Only device.ts catches it. */
export class PowerLost extends Error {}

export interface FlashCounters {
	/** Flash operations: programmed pages and erased sectors. */
	flashWrites: number;
	/** Of these, erased sectors. */
	flashErases: number;
	bytesProgrammed: number;
	physicalMs: PhysicalTime;
}

export class FlashWorker {
	readonly #pace: Pace;
	readonly #faults: FaultPlan;
	readonly #counters: FlashCounters;
	readonly #onPowerLoss: () => void;
	/** Raised when the power goes; a new one for each time it is on. */
	#power = new AbortController();
	#running: FlashStep | undefined;

	constructor(pace: Pace, faults: FaultPlan, counters: FlashCounters, onPowerLoss: () => void) {
		this.#pace = pace;
		this.#faults = faults;
		this.#counters = counters;
		this.#onPowerLoss = onPowerLoss;
	}

	/** Raised when the power goes that is on now. */
	get power(): AbortSignal {
		return this.#power.signal;
	}

	powerOn(): void {
		this.#power = new AbortController();
	}

	/** Cuts the power: the running step is torn at once, everything that waits is ended with `PowerLost`. */
	powerOff(): void {
		if (this.#running) this.#running.flash.tear(this.#running);
		this.#running = undefined;
		this.#power.abort();
	}

	/** Runs the steps in order. Rejects with `PowerLost`. */
	async run(steps: Iterable<FlashStep>): Promise<void> {
		const { signal } = this.#power;
		this.#pace.begin();
		for (const step of steps) {
			if (signal.aborted) throw new PowerLost();
			const physical = this.#counters.physicalMs;
			physical[step.kind] += step.ms;
			this.#counters.flashWrites++;
			if (step.kind === 'erase') this.#counters.flashErases++;
			this.#running = step;
			if (this.#faults.nextWrite()) {
				this.#onPowerLoss();
				throw new PowerLost();
			}
			await this.until(this.#pace.spend(step.ms * this.#faults.slowness, signal), signal);
			step.flash.apply(step);
			this.#running = undefined;
			if (step.kind === 'program') this.#counters.bytesProgrammed += step.length;
		}
	}

	/** Waits, as long as the power is on. */
	async wait(ms: number, signal = this.#power.signal): Promise<void> {
		if (signal.aborted) throw new PowerLost();
		await this.until(this.#pace.sleep(ms, signal), signal);
	}

	/** Waits for something that the signal ends, as long as the power is on. Rejects with `PowerLost`. */
	async until(waiting: Promise<void>, signal = this.#power.signal): Promise<void> {
		try {
			await waiting;
		} catch (error) {
			if (signal.aborted) throw new PowerLost();
			throw error;
		}
		if (signal.aborted) throw new PowerLost();
	}
}
