/**
 * Real time, some number of times faster, for models that live in the same event loop as what works with them. Other than `scaledClock` it never leaps:
 * sleepers wake one after the other, each with time for what it causes, and work takes no time, so that a time limit does not pass
 * because the processor was busy. The speed may be changed while somebody sleeps. Not for measuring anything.
 */
import { type Clock, nextTurn, systemClock } from './clock.js';
import { cancelled } from './errors.js';
import type { Disposer } from './events.js';

/** Time that was lost to a busy processor is made up for as far as this, milliseconds of real time; the rest is dropped. */
const CATCH_UP_MS = 20;

interface Sleeper {
	at: number;
	order: number;
	wake(): void;
}

export class PacedClock implements Clock {
	readonly #base: Clock;
	#speed: number;
	/** Where this clock stood when the base's stood there; from here on it runs at its speed. */
	#anchor = { own: 0, base: 0 };
	/** Time of the latest wake-up: the clock never goes back behind it. */
	#reached = 0;
	#order = 0;
	#sleepers: Sleeper[] = [];
	#pumping = false;
	#nap: AbortController | undefined;

	/** `speed` is greater than 0; 10 makes 20 s take 2 s. */
	constructor(speed = 1, base: Clock = systemClock) {
		this.#base = base;
		this.#speed = speed;
	}

	get speed(): number {
		return this.#speed;
	}

	set speed(speed: number) {
		this.#anchor = { own: this.#ideal(), base: this.#base.now() };
		this.#speed = speed;
		this.#nap?.abort();
	}

	/** Stands still while somebody works: only waiting takes time. */
	now(): number {
		const next = this.#next();
		if (this.#nap && next) this.#reached = Math.max(this.#reached, Math.min(this.#ideal(), next.at));
		return this.#reached;
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(cancelled(signal.reason));
			const stop = () => {
				end();
				reject(cancelled(signal?.reason));
			};
			const end = this.timer(ms, () => {
				signal?.removeEventListener('abort', stop);
				resolve();
			});
			signal?.addEventListener('abort', stop, { once: true });
		});
	}

	timer(ms: number, onTime: () => void): Disposer {
		const sleeper: Sleeper = { at: this.now() + Math.max(0, ms), order: this.#order++, wake: onTime };
		this.#sleepers.push(sleeper);
		// Somebody else may be waited for who wakes later.
		if (this.#next() === sleeper) this.#nap?.abort();
		void this.#pump();
		return () => {
			this.#sleepers = this.#sleepers.filter((s) => s !== sleeper);
		};
	}

	/** Where the clock would be with an infinitely fast processor. */
	#ideal(): number {
		return this.#anchor.own + (this.#base.now() - this.#anchor.base) * this.#speed;
	}

	#next(): Sleeper | undefined {
		let next = this.#sleepers[0];
		for (const s of this.#sleepers) if (!next || s.at < next.at || (s.at === next.at && s.order < next.order)) next = s;
		return next;
	}

	async #pump(): Promise<void> {
		if (this.#pumping) return;
		this.#pumping = true;
		this.#anchor = { own: this.#reached, base: this.#base.now() };
		try {
			for (;;) {
				await nextTurn();
				const next = this.#next();
				if (!next) return;
				const ahead = next.at - this.#ideal();
				if (ahead > 0) {
					this.#nap = new AbortController();
					// Ended early by whoever goes to sleep for less, and by a change of the speed.
					await this.#base.sleep(ahead / this.#speed, this.#nap.signal).catch(() => {});
					this.#nap = undefined;
					continue;
				}
				if (-ahead > CATCH_UP_MS * this.#speed) {
					this.#anchor = { own: next.at + CATCH_UP_MS * this.#speed, base: this.#base.now() };
				}
				this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
				this.#reached = Math.max(this.#reached, next.at);
				next.wake();
			}
		} finally {
			this.#pumping = false;
		}
	}
}
