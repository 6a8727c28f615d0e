/**
 * The two buffers of a USB serial port, as the firmware has them: what the host has sent and nobody has read yet, and what waits to be fetched.
 * An IN transfer that finds nothing waits (the device answers NAK). Not for what is said over it: listening-console.ts.
 */
import { assert } from '@linac/core';

/**
 * Bytes that wait for a host that does not fetch them; more are dropped, as nobody listens. An estimate: devices have 256 ... 1024 bytes and block or
 * drop besides, by chip and version.
 */
const OUTPUT_ROOM = 16 * 1024;

interface Waiting {
	limit: number;
	resolve(data: Uint8Array): void;
	taken(): void;
}

export class SerialPipe {
	#output: number[] = [];
	readonly #waiting = new Set<Waiting>();
	#input: number[] = [];
	#arrived: (() => void) | undefined;
	#ended = false;

	/** Host side: what is there, at most `limit` bytes; waits for the first one. The promise of a transfer that was taken back never settles. */
	fetch(limit: number, signal?: AbortSignal): Promise<Uint8Array> {
		return new Promise((resolve) => {
			const forget = () => {
				this.#waiting.delete(waiting);
			};
			const waiting: Waiting = { limit, resolve, taken: () => signal?.removeEventListener('abort', forget) };
			this.#waiting.add(waiting);
			signal?.addEventListener('abort', forget, { once: true });
			this.#hand();
		});
	}

	/** Host side: bytes arrive. */
	deliver(data: Uint8Array): void {
		for (const byte of data) this.#input.push(byte);
		this.#arrived?.();
	}

	/** The host has closed the port: what it has not fetched is gone. */
	dropOutput(): void {
		this.#output = [];
	}

	dropInput(): void {
		this.#input = [];
	}

	/** Firmware side: prints text (one byte a character) or bytes. */
	print(what: string | Uint8Array): void {
		const bytes = typeof what === 'string' ? Array.from(what, (c) => c.charCodeAt(0) & 0xff) : Array.from(what);
		this.#output.push(...bytes);
		if (this.#output.length > OUTPUT_ROOM) this.#output.length = OUTPUT_ROOM;
		this.#hand();
	}

	/** Firmware side: the number of bytes that can be read at once. */
	get available(): number {
		return this.#input.length;
	}

	/** Firmware side: the next byte, which stays. */
	peek(): number | undefined {
		return this.#input[0];
	}

	/** Firmware side: takes the next byte. */
	take(): number | undefined {
		return this.#input.shift();
	}

	/** Firmware side: resolves when there is a byte to read, or when somebody calls `wake` or `end`. */
	async woken(): Promise<void> {
		assert(!this.#arrived, 'two readers of a serial port');
		if (this.#input.length > 0 || this.#ended) return;
		await new Promise<void>((resolve) => {
			this.#arrived = resolve;
		});
		this.#arrived = undefined;
	}

	/** Wakes a reader that waits, with or without a byte: the firmware looks at its state again. */
	wake(): void {
		this.#arrived?.();
	}

	/** The firmware that reads has ended. */
	end(): void {
		this.#ended = true;
		this.#arrived?.();
	}

	get ended(): boolean {
		return this.#ended;
	}

	#hand(): void {
		for (const waiting of this.#waiting) {
			if (this.#output.length === 0) return;
			this.#waiting.delete(waiting);
			waiting.taken();
			waiting.resolve(Uint8Array.from(this.#output.splice(0, waiting.limit)));
		}
	}
}
