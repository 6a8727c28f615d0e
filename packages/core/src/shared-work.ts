/**
 * Work that several ask for at the same time is done once: a download, the opening of a release. It goes on as long as one of them waits for it.
 * Not a cache: whoever asks after the end has it done again.
 */
import { cancelled } from './errors.js';

interface Running<T> {
	promise: Promise<T>;
	stop: AbortController;
	waiting: number;
}

export class SharedWork<T> {
	readonly #running = new Map<string, Running<T>>();

	/**
	 * Joins the work with this key, or begins it. Rejects with what `work` throws, and with `CANCELLED` as soon as `signal` is raised; the work's own
	 * signal is raised when nobody waits any more.
	 */
	do(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
		if (signal?.aborted) return Promise.reject(cancelled(signal.reason));
		const running = this.#running.get(key) ?? this.#begin(key, work);
		running.waiting++;
		return new Promise((resolve, reject) => {
			const leave = () => {
				signal?.removeEventListener('abort', leave);
				reject(cancelled(signal?.reason));
				if (--running.waiting > 0) return;
				this.#forget(key, running);
				running.stop.abort(signal?.reason);
			};
			signal?.addEventListener('abort', leave, { once: true });
			const end = () => signal?.removeEventListener('abort', leave);
			running.promise.then(resolve, reject).finally(end);
		});
	}

	#begin(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
		const stop = new AbortController();
		const running: Running<T> = { promise: Promise.resolve().then(() => work(stop.signal)), stop, waiting: 0 };
		this.#running.set(key, running);
		const forget = () => this.#forget(key, running);
		running.promise.then(forget, forget);
		return running;
	}

	/** Another one may have begun under the same key meanwhile. */
	#forget(key: string, running: Running<T>): void {
		if (this.#running.get(key) === running) this.#running.delete(key);
	}
}
