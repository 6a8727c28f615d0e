/**
 * Time is injected: a four-minute flash is tested in milliseconds. `VirtualClock` jumps to the next timer as soon as every
 * task that could run has run; `systemClock` is the real one. Times are milliseconds, with fractions.
 */
import { cancelled } from './errors.js';
import type { Disposer } from './events.js';

export interface Clock {
	/** Milliseconds since some fixed point. Monotonic. */
	now(): number;
	/** Resolves after `ms` milliseconds (0 or more). Rejects with `CANCELLED` when the signal is raised first. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** Calls back after `ms` milliseconds unless it is stopped before: for limits that are hardly ever reached, of which there are many. */
	timer(ms: number, onTime: () => void): Disposer;
}

declare const performance: { now(): number };
declare function setTimeout(fn: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

export const systemClock: Clock = {
	now: () => performance.now(),
	sleep(ms, signal) {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(cancelled(signal.reason));
			const stop = () => {
				clearTimeout(timer);
				reject(cancelled(signal?.reason));
			};
			const timer = setTimeout(() => {
				signal?.removeEventListener('abort', stop);
				resolve();
			}, ms);
			signal?.addEventListener('abort', stop, { once: true });
		});
	},
	timer(ms, onTime) {
		const timer = setTimeout(onTime, ms);
		return () => clearTimeout(timer);
	},
};

/** A real clock that runs `factor` times faster: 10 makes a 20 s flash take 2 s. Factor must be greater than 0. */
export function scaledClock(factor: number, base: Clock = systemClock): Clock {
	return {
		now: () => base.now() * factor,
		sleep: (ms, signal) => base.sleep(ms / factor, signal),
		timer: (ms, onTime) => base.timer(ms / factor, onTime),
	};
}

interface Timer {
	at: number;
	order: number;
	fire(): void;
}

/**
 * A clock on which time passes only when nothing else is left to do: when a sleeper exists and the microtask and macrotask
 * queues have been given a turn, the clock jumps to the earliest sleeper. Several devices and a job may share one clock.
 *
 * Deterministic for work that only awaits promises, timers of this clock and in-process I/O. Not for sockets or files.
 */
export class VirtualClock implements Clock {
	#now = 0;
	#order = 0;
	#timers: Timer[] = [];
	#pumping = false;
	readonly #yieldTurn: () => Promise<void>;

	/** `yieldTurn` gives other work a turn; the default is one macrotask. */
	constructor(yieldTurn?: () => Promise<void>) {
		this.#yieldTurn = yieldTurn ?? nextTurn;
	}

	now(): number {
		return this.#now;
	}

	/** Adds time spent without sleeping, for work whose duration is computed rather than waited for. */
	advance(ms: number): void {
		this.#now += ms;
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(cancelled(signal.reason));
			const stop = () => {
				stopTimer();
				reject(cancelled(signal?.reason));
			};
			const stopTimer = this.timer(ms, () => {
				signal?.removeEventListener('abort', stop);
				resolve();
			});
			signal?.addEventListener('abort', stop, { once: true });
		});
	}

	timer(ms: number, onTime: () => void): Disposer {
		const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fire: onTime };
		this.#timers.push(timer);
		void this.#pump();
		return () => {
			this.#timers = this.#timers.filter((t) => t !== timer);
		};
	}

	async #pump(): Promise<void> {
		if (this.#pumping) return;
		this.#pumping = true;
		try {
			while (this.#timers.length > 0) {
				await this.#yieldTurn();
				let next = this.#timers[0];
				for (const t of this.#timers) if (!next || t.at < next.at || (t.at === next.at && t.order < next.order)) next = t;
				if (!next) break;
				this.#timers.splice(this.#timers.indexOf(next), 1);
				if (next.at > this.#now) this.#now = next.at;
				next.fire();
			}
		} finally {
			this.#pumping = false;
		}
	}
}

// A message channel turn is a macrotask without the 1 ms (Node) or 4 ms (browser) floor of a nested timer.
declare const MessageChannel: { new (): { port1: MessagePortLike; port2: MessagePortLike } };
interface MessagePortLike {
	postMessage(value: unknown): void;
	onmessage: (() => void) | null;
	unref?(): void;
	ref?(): void;
}
declare const setImmediate: ((fn: () => void) => unknown) | undefined;

let channel: { port1: MessagePortLike; port2: MessagePortLike } | undefined;
const waiting: (() => void)[] = [];

/** One macrotask: everything that could run has had its turn then. */
export function nextTurn(): Promise<void> {
	if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve));
	if (!channel) {
		channel = new MessageChannel();
		channel.port1.onmessage = () => waiting.shift()?.();
	}
	const port = channel.port2;
	return new Promise((resolve) => {
		waiting.push(resolve);
		port.postMessage(0);
	});
}
