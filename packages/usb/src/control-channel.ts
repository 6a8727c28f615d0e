/**
 * The service protocol under control requests: INIT, CHECK, SEND, RECV, RESET as vendor control transfers to the device.
 * It moves bytes of requests and replies; what they mean is in `control-messages.ts` and `control.ts`.
 * Source: device-os v4.0.1: system/src/usb_control_request_channel.cpp. Format: docs/formats/usb-control.md.
 */
import { LinacError, throwIfCancelled, u16le, u32le } from '@linac/core';
import { controlResultError } from './control-results.js';
import type { UsbConnection } from './usb-connection.js';
import { usbError } from './usb-errors.js';

const Service = { init: 1, check: 2, send: 3, receive: 4, reset: 5 } as const;
const Status = { ok: 0, error: 1, pending: 2, busy: 3, noMemory: 4, notFound: 5 } as const;
/** An IN service request with a shorter data stage is stalled. */
const REPLY_LENGTH = 64;
/** Windows and Chromium allow control transfers of 4 KB. */
const CHUNK = 4096;
/** Longer replies do not exist: the longest, module info of a device full of assets, has some kilobytes. */
const LONGEST_REPLY = 256 * 1024;
/** wValue of INIT has 16 bits. */
export const LONGEST_REQUEST = 0xffff;
/**
 * Pauses between CHECKs, ms. The last one repeats. Most requests are done within some frames, and a CHECK takes a frame of its own, so at
 * first there is no pause: with one, an update of many small pieces would spend most of its time waiting.
 */
const POLLS_MS = [0, 0, 0, 0, 1, 2, 5, 10, 20, 50, 100, 250];
const DEFAULT_TIMEOUT_MS = 60_000;

interface ServiceReply {
	status: number;
	id?: number;
	size?: number;
	result?: number;
}

/** Reads a service reply (all little-endian): u32 which fields, u16 status, and then id u16, size u32, result i32 where present. */
export function parseServiceReply(bytes: Uint8Array): ServiceReply {
	const refuse = () =>
		new LinacError('PROTOCOL_ERROR', `A service reply of ${bytes.length} bytes cannot be read.`, { retry: 'reconnect' });
	if (bytes.length < 6) throw refuse();
	const fields = u32le(bytes, 0);
	if ((fields & 1) === 0) throw refuse();
	const reply: ServiceReply = { status: u16le(bytes, 4) };
	let at = 6;
	const take = (size: number) => {
		if (at + size > bytes.length) throw refuse();
		at += size;
		return at - size;
	};
	if (fields & 2) reply.id = u16le(bytes, take(2));
	if (fields & 4) reply.size = u32le(bytes, take(4));
	if (fields & 8) reply.result = u32le(bytes, take(4)) | 0;
	return reply;
}

/** How long a request may take, and how it is called in messages. */
interface Limit {
	type: number;
	until: number;
	during: string;
}

export interface RequestOptions {
	/** For the whole request, ms. Default 60 s. */
	timeoutMs?: number;
	signal?: AbortSignal;
	/** The device may be gone before it answers: that counts as accepted once the request has been taken. */
	mayDetach?: boolean;
}

export class ControlChannel {
	readonly #connection: UsbConnection;
	/** A request is one conversation: the next one waits. */
	#last: Promise<unknown> = Promise.resolve();
	/** Whether this device has ever answered a service request. */
	#answers = false;
	bytesSent = 0;
	bytesReceived = 0;

	constructor(connection: UsbConnection) {
		this.#connection = connection;
	}

	/** Drops whatever requests another program has left behind. A device too old for the protocol stalls: that is told at the first request. */
	async reset(): Promise<void> {
		try {
			await this.#service(Service.reset, 0, 0, 'while old requests were dropped');
			this.#answers = true;
		} catch (error) {
			if (!(error instanceof LinacError && error.code === 'USB_STALL')) throw error;
		}
	}

	/**
	 * Sends a request and returns its reply. Throws `CONTROL_NOT_SUPPORTED`, `CONTROL_RESULT` (the device's own error code in
	 * `details.result`), `USB_TIMEOUT`, `CANCELLED`, `PROTOCOL_ERROR` or an error of the connection.
	 */
	request(type: number, payload: Uint8Array = new Uint8Array(), options: RequestOptions = {}): Promise<Uint8Array> {
		const run = this.#last.then(() => this.#request(type, payload, options));
		this.#last = run.catch(() => {});
		return run;
	}

	/**
	 * Sends a request for each payload, in order, each when the one before has been answered; `done` is told of each. The next one is announced while
	 * the device works on the one before, so that its memory is ready by then. Throws as `request` does; `CANCELLED` between two of them.
	 */
	requestEach(
		type: number,
		payloads: readonly Uint8Array[],
		options: Omit<RequestOptions, 'mayDetach'>,
		done: (index: number) => void,
	): Promise<void> {
		const run = this.#last.then(() => this.#requestEach(type, payloads, options, done));
		this.#last = run.catch(() => {});
		return run;
	}

	async #request(type: number, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
		throwIfCancelled(options.signal);
		const limit = this.#limitOf(type, options);
		try {
			return await this.#converse(await this.#begin(payload.length, limit, options.signal), payload, limit, options.signal);
		} catch (error) {
			if (error instanceof LinacError && error.code === 'USB_DISCONNECTED' && options.mayDetach) return new Uint8Array();
			throw error;
		}
	}

	async #requestEach(
		type: number,
		payloads: readonly Uint8Array[],
		options: RequestOptions,
		done: (index: number) => void,
	): Promise<void> {
		const announce = (index: number) => this.#begin(payloads[index]!.length, this.#limitOf(type, options)).then((id) => ({ id }));
		let announced: Promise<{ id: number } | undefined> | undefined;
		try {
			for (const [index, payload] of payloads.entries()) {
				throwIfCancelled(options.signal);
				// A device without memory for two at once has refused: now there is one again.
				const { id } = (await announced) ?? (await announce(index));
				announced = undefined;
				const answer = this.#converse(id, payload, this.#limitOf(type, options));
				if (index + 1 < payloads.length) announced = announce(index + 1).catch(() => undefined);
				await answer;
				done(index);
			}
		} catch (error) {
			const unused = await announced;
			if (unused) await this.#drop(unused.id);
			throw error;
		}
	}

	#limitOf(type: number, options: RequestOptions): Limit {
		return {
			type,
			until: this.#connection.clock.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
			during: `during control request ${type}`,
		};
	}

	/** Everything behind the announcement: the payload, the wait, and the reply. */
	async #converse(id: number, payload: Uint8Array, limit: Limit, signal?: AbortSignal): Promise<Uint8Array> {
		const { during } = limit;
		return this.#orDrop(id, during, async () => {
			const done = await this.#send(id, payload, limit, signal);
			const reply = await this.#receive(id, done.size ?? 0, during);
			if ((done.result ?? 0) < 0) throw controlResultError(limit.type, done.result!);
			return reply;
		});
	}

	/** Runs a part of a conversation; when it fails, the device is told to forget the request. */
	async #orDrop<T>(id: number, during: string, part: () => Promise<T>): Promise<T> {
		try {
			return await part();
		} catch (error) {
			if (!(error instanceof LinacError)) throw error;
			if (error.code === 'CANCELLED' || error.code === 'USB_STALL' || error.code === 'REQUEST_LATE') await this.#drop(id);
			if (error.code === 'REQUEST_LATE') throw usbError('USB_TIMEOUT', during, error);
			throw error;
		}
	}

	/** Announces a request and waits until the device has memory for it. Returns its number. */
	async #begin(size: number, limit: Limit, signal?: AbortSignal): Promise<number> {
		if (size > LONGEST_REQUEST) {
			throw new LinacError('PROTOCOL_ERROR', `A request of ${size} bytes is too long: at most ${LONGEST_REQUEST}.`);
		}
		const { id, pending } = await this.#announce(size, limit, signal);
		// A buffer that is not there at once is PENDING, and CHECK says when it is.
		if (pending) await this.#orDrop(id, limit.during, () => this.#poll(id, limit, signal));
		return id;
	}

	async #announce(size: number, { type, until, during }: Limit, signal?: AbortSignal): Promise<{ id: number; pending: boolean }> {
		const { clock } = this.#connection;
		for (let attempt = 0; ; attempt++) {
			throwIfCancelled(signal);
			let reply: ServiceReply;
			try {
				reply = await this.#service(Service.init, type, size, during);
				this.#answers = true;
			} catch (error) {
				if (!(error instanceof LinacError && error.code === 'USB_STALL') || this.#answers) throw error;
				// Once may be an accident; a device without the protocol stalls every time.
				if (attempt === 0) continue;
				throw new LinacError('CONTROL_NOT_SUPPORTED', `The ${this.#connection.name} knows no control requests.`, {
					retry: 'never',
					hint: 'Its Device OS is older than 0.8.0, or the application switched them off. Use DFU mode.',
					details: { request: type },
					cause: error,
				});
			}
			if (reply.status === Status.ok || reply.status === Status.pending) {
				if (reply.id === undefined || reply.id === 0) throw protocolError('gave no request id', during);
				return { id: reply.id, pending: reply.status === Status.pending };
			}
			if (reply.status !== Status.busy) throw statusError(reply.status, during);
			if (clock.now() >= until) throw usbError('USB_TIMEOUT', during);
			await clock.sleep(POLLS_MS[Math.min(attempt + 7, POLLS_MS.length - 1)]!, signal);
		}
	}

	/** Sends the payload, and CHECKs until it has been worked on. The first CHECK goes along with the last piece. */
	async #send(id: number, payload: Uint8Array, limit: Limit, signal?: AbortSignal): Promise<ServiceReply> {
		const sending: Promise<void>[] = [];
		for (let at = 0; at < payload.length; at += CHUNK) {
			const chunk = payload.subarray(at, at + CHUNK);
			const sent = this.#connection.controlOut(vendor(Service.send, id, 0), chunk, limit.during);
			if (at + CHUNK < payload.length) await sent;
			else sending.push(sent);
			this.bytesSent += chunk.length;
		}
		const [sent, checked] = await Promise.allSettled([Promise.all(sending), this.#poll(id, limit, signal)]);
		if (sent.status === 'rejected') throw sent.reason;
		if (checked.status === 'rejected') throw checked.reason;
		return checked.value;
	}

	/** CHECKs until the request is not pending any more. */
	async #poll(id: number, { until, during }: Limit, signal?: AbortSignal): Promise<ServiceReply> {
		const { clock } = this.#connection;
		for (let attempt = 0; ; attempt++) {
			throwIfCancelled(signal);
			const reply = await this.#service(Service.check, id, 0, during);
			if (reply.status === Status.ok) return reply;
			if (reply.status !== Status.pending) throw statusError(reply.status, during);
			if (clock.now() >= until) throw new LinacError('REQUEST_LATE', `No answer ${during}.`, { retry: 'reconnect' });
			await clock.sleep(POLLS_MS[Math.min(attempt, POLLS_MS.length - 1)]!, signal);
		}
	}

	async #receive(id: number, size: number, during: string): Promise<Uint8Array> {
		if (size > LONGEST_REPLY) throw protocolError(`announced a reply of ${size} bytes`, during);
		const reply = new Uint8Array(size);
		for (let at = 0; at < size; at += CHUNK) {
			const length = Math.min(CHUNK, size - at);
			const chunk = await this.#connection.controlIn(vendor(Service.receive, id, 0), length, during);
			if (chunk.length !== length) throw protocolError(`sent ${chunk.length} of ${length} bytes`, during);
			reply.set(chunk, at);
			this.bytesReceived += length;
		}
		return reply;
	}

	async #drop(id: number): Promise<void> {
		try {
			await this.#service(Service.reset, id, 0, 'while a request was dropped');
		} catch (error) {
			this.#connection.log.debug('A request could not be dropped.', { error: String(error) });
		}
	}

	async #service(service: number, index: number, value: number, during: string): Promise<ServiceReply> {
		return parseServiceReply(await this.#connection.controlIn(vendor(service, index, value), REPLY_LENGTH, during));
	}
}

function vendor(request: number, index: number, value: number): USBControlTransferParameters {
	return { requestType: 'vendor', recipient: 'device', request, value, index };
}

function protocolError(what: string, during: string): LinacError {
	return new LinacError('PROTOCOL_ERROR', `The device ${what} ${during}.`, { retry: 'reconnect' });
}

const statusNames = ['OK', 'ERROR', 'PENDING', 'BUSY', 'NO_MEMORY', 'NOT_FOUND'];

/** A status of the service protocol itself. All of them pass: memory is freed, a lost request can be sent again. */
function statusError(status: number, during: string): LinacError {
	const name = statusNames[status] ?? `status ${status}`;
	return new LinacError('CONTROL_RESULT', `The device answered ${name} ${during}.`, {
		retry: 'step',
		details: { serviceStatus: status, name },
	});
}
