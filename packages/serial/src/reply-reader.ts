/**
 * Reads the reply to a command from a serial port on which anything may stand: replies end with nothing but silence, an application may print in
 * between, and a broken device may print for ever. So everything is bounded: in time, in bytes, in silence.
 */
import type { Clock } from '@linac/core';
import { LinacError } from '@linac/core';
import type { ByteStream } from './byte-stream.js';
import { quoted, serialError } from './serial-errors.js';

export interface ReplyLimits {
	/** Until the first byte, ms. */
	firstMs: number;
	/** Silence after which a reply counts as complete, ms. particle-cli 3.49.2 waits 250 (src/cmd/serial.js). */
	quietMs: number;
	/** For everything together, ms. */
	totalMs: number;
	/** Bytes. */
	limit: number;
}

export const usualLimits: ReplyLimits = { firstMs: 5_000, quietMs: 250, totalMs: 30_000, limit: 64 * 1024 };

/** What is left over from before is read away for so long at a time, and at most so often, ms. */
const STALE_MS = 20;
const STALE_READS = 50;

export class ReplyReader {
	readonly #stream: ByteStream;
	readonly #clock: Clock;

	constructor(stream: ByteStream, clock: Clock) {
		this.#stream = stream;
		this.#clock = clock;
	}

	/** Throws away what has come before a command. */
	async discard(signal?: AbortSignal): Promise<void> {
		for (let i = 0; i < STALE_READS; i++) if ((await this.#next(STALE_MS, signal)) === undefined) return;
	}

	/**
	 * Collects text (one character a byte) until `complete` says so, or until nothing more comes. Throws `SERIAL_TIMEOUT` when nothing came at all,
	 * `SERIAL_REPLY` when it does not end, `SERIAL_CLOSED`, `CANCELLED`.
	 */
	async collect(
		complete: (text: string) => boolean,
		what: string,
		limits: Partial<ReplyLimits> = {},
		signal?: AbortSignal,
	): Promise<string> {
		const { firstMs, quietMs, totalMs, limit } = { ...usualLimits, ...limits };
		const until = this.#clock.now() + totalMs;
		let text = '';
		while (!complete(text)) {
			const left = until - this.#clock.now();
			if (text.length > limit || left <= 0) {
				throw serialError('SERIAL_REPLY', `The reply to ${what} does not end: "${quoted(text)}".`, {
					details: { bytes: text.length },
				});
			}
			const more = await this.#next(Math.min(text === '' ? firstMs : quietMs, left), signal);
			if (more) text += String.fromCharCode(...more.subarray(0, limit + 1));
			else if (text !== '') break;
			else throw serialError('SERIAL_TIMEOUT', `The device did not answer ${what} within ${Math.round(firstMs)} ms.`);
		}
		return text;
	}

	async #next(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
		try {
			return await this.#stream.read(timeoutMs, signal);
		} catch (error) {
			if (error instanceof LinacError && error.code === 'SERIAL_TIMEOUT') return undefined;
			throw error;
		}
	}
}
