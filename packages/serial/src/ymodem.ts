/**
 * Sends one file over YMODEM to a device that waits for it (`ListeningDevice.startFlashing`), made for the receiver of Device OS
 * (device-os v2.3.1: system/src/system_ymodem.cpp, the same from v0.4.5 through v5.9.0), which differs from the textbook:
 * - it answers 'C' to silence (5 s) and to a packet that it could not read, and NAK only to a packet with another number than the one it expects,
 *   which it also does when it has that packet already: the ACK was lost;
 * - it answers EOT at once, and checks the module when the empty block 0 behind it has come: that is answered by ACK, or by CAN CAN and a reason;
 * - it does not look at the CRC. It is sent all the same. What was received is checked by the CRC-32 of the module.
 */
import { assert, type Clock, LinacError, throwIfCancelled } from '@linac/core';
import type { ByteStream } from './byte-stream.js';
import { ReplyReader } from './reply-reader.js';
import { quoted, serialError } from './serial-errors.js';

export const Ymodem = { soh: 0x01, stx: 0x02, eot: 0x04, ack: 0x06, nak: 0x15, cancel: 0x18, crc: 0x43 } as const;

const BLOCK = 1024;
const SMALL_BLOCK = 128;
/** Tries of one packet. */
const TRIES = 5;
/** The device erases its whole update slot before it answers block 0, and checks and may copy a module before it answers the last: particle-cli waits 70 s. */
const WORK_MS = 70_000;
/** The receiver asks again after 5 s of silence. */
const ANSWER_MS = 12_000;
/** After a 'C', an answer to the packet that crossed it may still come. */
const CROSSING_MS = 300;

export interface YmodemOptions {
	clock: Clock;
	/** Told to the device and printed by it; printable ASCII, at most 100 characters. Default `firmware.bin`. */
	name?: string;
	onProgress?(done: number, total: number): void;
	/** Acted on between packets: the device is told to forget what it has. */
	signal?: AbortSignal;
}

/** CRC-16/XMODEM: polynomial 0x1021, start 0, most significant bit first. */
export function crc16(bytes: Uint8Array): number {
	let crc = 0;
	for (const byte of bytes) {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
	}
	return crc;
}

/** One packet: 128 or 1024 bytes of data, filled up with `fill`. */
export function ymodemPacket(
	number: number,
	data: Uint8Array,
	fill: number,
	size = data.length > SMALL_BLOCK ? BLOCK : SMALL_BLOCK,
): Uint8Array {
	assert(data.length <= size, 'a YMODEM packet that is too long');
	const packet = new Uint8Array(size + 5).fill(fill, 3, size + 3);
	packet[0] = size === BLOCK ? Ymodem.stx : Ymodem.soh;
	packet[1] = number & 0xff;
	packet[2] = ~number & 0xff;
	packet.set(data, 3);
	const crc = crc16(packet.subarray(3, size + 3));
	packet[size + 3] = crc >>> 8;
	packet[size + 4] = crc & 0xff;
	return packet;
}

/**
 * Sends the file. Resolves with what the device printed when it has checked and accepted it: it restarts about a second later.
 * Throws `YMODEM_REFUSED` (the device cancelled, with its reason), `YMODEM_FAILED` (it does not answer, or is out of step; it was told to forget the
 * file), `SERIAL_CLOSED`, `CANCELLED`.
 */
export async function sendYmodem(stream: ByteStream, bytes: Uint8Array, options: YmodemOptions): Promise<string> {
	const name = options.name ?? 'firmware.bin';
	assert(bytes.length > 0 && /^[ -~]{1,100}$/.test(name), 'a YMODEM file without bytes or name');
	const sender = new Sender(stream, options);
	try {
		// The space behind the size is what ends it for the receiver.
		const head = new TextEncoder().encode(`${name}\0${bytes.length} `);
		await sender.packet(ymodemPacket(0, head, 0), 'block 0', WORK_MS);
		await sender.pass(Ymodem.crc);
		let number = 1;
		for (let at = 0; at < bytes.length; ) {
			throwIfCancelled(options.signal);
			const data = bytes.subarray(at, at + BLOCK);
			// Flash that is not written stays 0xFF: so does the filling.
			await sender.packet(ymodemPacket(number, data, 0xff), `block ${number}`, ANSWER_MS);
			number++;
			at += data.length;
			options.onProgress?.(at, bytes.length);
		}
		throwIfCancelled(options.signal);
	} catch (error) {
		await sender.giveUp(error);
		throw error;
	}
	// From here it cannot be called back.
	await sender.packet(Uint8Array.of(Ymodem.eot), 'the end of the file', ANSWER_MS, 'repeatable');
	return sender.finish();
}

/** The lines that Device OS ends a transfer with. */
const VERDICT = /successfully!|Validation failed|Verification failed|Failed to|Aborted by|allowed space/;

type Answer = 'ack' | 'nak' | 'again' | 'silence';

class Sender {
	readonly #stream: ByteStream;
	readonly #clock: Clock;
	readonly #reader: ReplyReader;
	#rest: number[] = [];

	constructor(stream: ByteStream, options: YmodemOptions) {
		this.#stream = stream;
		this.#clock = options.clock;
		this.#reader = new ReplyReader(stream, options.clock);
	}

	/** Sends until it is acknowledged. `repeatable`: the device acknowledges it again and again, so NAK never means "I have it". */
	async packet(packet: Uint8Array, what: string, timeoutMs: number, kind?: 'repeatable'): Promise<void> {
		for (let attempt = 1; attempt <= TRIES; attempt++) {
			await this.#stream.write(packet);
			const answer = await this.#answer(timeoutMs, what);
			if (answer === 'ack') return;
			if (answer !== 'nak') continue;
			// It has the packet already when it was sent before: the acknowledgement was lost.
			if (attempt > 1 && kind === undefined) return;
			throw serialError('YMODEM_FAILED', `The device is out of step at ${what}.`, {
				hint: 'Restart the device and run the same command again.',
			});
		}
		throw serialError('YMODEM_FAILED', `The device did not acknowledge ${what} in ${TRIES} tries.`, {
			hint: 'Restart the device and run the same command again.',
		});
	}

	/** The empty block that ends the batch, and the device's verdict. */
	async finish(): Promise<string> {
		const packet = ymodemPacket(0, new Uint8Array(0), 0);
		for (let attempt = 1; attempt <= TRIES; attempt++) {
			await this.#stream.write(packet);
			const answer = await this.#answer(WORK_MS, 'the end of the transfer', true);
			if (answer === 'again' || answer === 'silence') continue;
			if (answer === 'nak') break;
			return this.#verdict();
		}
		throw serialError('YMODEM_FAILED', 'The device did not acknowledge the end of the transfer.');
	}

	/** Takes a byte that follows an acknowledgement, if it comes. */
	async pass(byte: number): Promise<void> {
		const next = await this.#byte(CROSSING_MS);
		if (next !== undefined && next !== byte) this.#rest.unshift(next);
	}

	/** An acknowledgement alone may belong to a packet that was sent twice: what counts is what the device says behind it. */
	async #verdict(): Promise<string> {
		const before = String.fromCharCode(...this.#rest.splice(0));
		let said = before;
		try {
			const known = (text: string) => VERDICT.test(before + text);
			if (!known(''))
				said += await this.#reader.collect(known, 'the end of the transfer', {
					firstMs: WORK_MS,
					quietMs: 2_000,
					totalMs: WORK_MS,
				});
		} catch (error) {
			// It may have restarted before it was heard: whoever called looks at the device anyway.
			if (!(error instanceof LinacError && error.code === 'SERIAL_CLOSED')) throw error;
			return said;
		}
		if (said.includes('successfully')) return said + (await this.#said());
		this.#rest.push(...Array.from(said, (c) => c.charCodeAt(0)));
		throw await this.#refusal('the end of the transfer');
	}

	/** Tells the device to forget the file, if it is still there. */
	async giveUp(cause: unknown): Promise<void> {
		const code = cause instanceof LinacError ? cause.code : '';
		if (code === 'SERIAL_CLOSED' || code === 'YMODEM_REFUSED') return;
		await this.#stream.write(Uint8Array.of(Ymodem.cancel, Ymodem.cancel)).catch(() => {});
		await this.#said().catch(() => '');
	}

	/** What one packet is answered with. Bytes that mean nothing are passed over. */
	async #answer(timeoutMs: number, what: string, last = false): Promise<Answer> {
		const until = this.#clock.now() + timeoutMs;
		let asked = false;
		for (;;) {
			const left = Math.min(until - this.#clock.now(), asked ? CROSSING_MS : timeoutMs);
			const byte = left > 0 ? await this.#byte(left) : undefined;
			if (byte === undefined) return asked ? 'again' : 'silence';
			if (byte === Ymodem.ack) return 'ack';
			if (byte === Ymodem.nak) return 'nak';
			if (byte === Ymodem.crc) asked = true;
			if (byte === Ymodem.cancel && (await this.#byte(1_000)) === Ymodem.cancel) throw await this.#refusal(what);
			// The acknowledgement was lost, but not what follows it.
			if (last && byte === 0x0d) return 'ack';
		}
	}

	async #refusal(what: string): Promise<LinacError> {
		const said = (await this.#said()).replaceAll(String.fromCharCode(Ymodem.cancel), '').trim();
		const reason = said === '' ? '' : `: "${quoted(said)}"`;
		return serialError('YMODEM_REFUSED', `The device ended the transfer at ${what}${reason}.`, {
			details: { said: quoted(said) },
			...(said.includes('higher than the allowed')
				? { hint: 'It is too large, or an earlier transfer was broken off: restart the device and try again.' }
				: {}),
		});
	}

	/** The text that the device prints now. */
	async #said(): Promise<string> {
		const before = String.fromCharCode(...this.#rest.splice(0));
		try {
			return before + (await this.#reader.collect(() => false, 'the end of the transfer', { firstMs: 1_000, totalMs: 5_000 }));
		} catch (error) {
			// It restarts, or has nothing to say.
			if (error instanceof LinacError) return before;
			throw error;
		}
	}

	async #byte(timeoutMs: number): Promise<number | undefined> {
		if (this.#rest.length === 0) {
			try {
				this.#rest.push(...(await this.#stream.read(timeoutMs)));
			} catch (error) {
				if (error instanceof LinacError && error.code === 'SERIAL_TIMEOUT') return undefined;
				throw error;
			}
		}
		return this.#rest.shift();
	}
}
