/** What has come from an open port and was not read yet, with waiting readers: the half of a `ByteStream` that every implementation needs. */
import { type Clock, type LinacError, throwIfCancelled } from '@linac/core';
import { serialError } from './serial-errors.js';

export class ReceivedBytes {
	readonly #path: string;
	readonly #clock: Clock;
	#chunks: Uint8Array[] = [];
	#failure: LinacError | undefined;
	#wake: () => void = () => {};

	constructor(path: string, clock: Clock) {
		this.#path = path;
		this.#clock = clock;
	}

	/** Why nothing more will come. */
	get failure(): LinacError | undefined {
		return this.#failure;
	}

	push(bytes: Uint8Array): void {
		if (bytes.length > 0) this.#chunks.push(bytes);
		this.#wake();
	}

	/** The port has gone or was closed. What came before can still be read. The first reason stays. */
	fail(error: LinacError): void {
		this.#failure ??= error;
		this.#wake();
	}

	/** `ByteStream.read`. One reader at a time. */
	async read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
		const until = this.#clock.now() + timeoutMs;
		for (;;) {
			throwIfCancelled(signal);
			const bytes = this.#chunks.shift();
			if (bytes) return bytes;
			if (this.#failure) throw this.#failure;
			const left = until - this.#clock.now();
			if (left <= 0) throw serialError('SERIAL_TIMEOUT', `Nothing came from ${this.#path} within ${Math.round(timeoutMs)} ms.`);
			const nap = new AbortController();
			const stop = () => nap.abort();
			signal?.addEventListener('abort', stop, { once: true });
			const woken = new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
			await Promise.race([woken, this.#clock.sleep(left, nap.signal).catch(() => {})]);
			signal?.removeEventListener('abort', stop);
			nap.abort();
		}
	}
}
