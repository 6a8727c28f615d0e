/**
 * The control request channel of Device OS: vendor control transfers that start, feed, poll and finish requests
 * (device-os v4.0.1: system/src/usb_control_request_channel.cpp). Which request does what stands in requests.ts.
 */
import { putU16le, putU32le } from '@linac/core';
import { type Answer, nothing, type SetupPacket } from './setup-packet.js';

export const Service = { init: 1, check: 2, send: 3, recv: 4, reset: 5 } as const;
export const ServiceStatus = { ok: 0, error: 1, pending: 2, busy: 3, noMemory: 4, notFound: 5 } as const;

/** MIN_WLENGTH: service replies are only given into at least this much room. */
const MIN_LENGTH = 64;
/** USB_REQUEST_MAX_ACTIVE_COUNT. */
const MAX_ACTIVE = 4;
/** USB_REQUEST_MAX_POOLED_BUFFER_SIZE: payloads up to this size are ready for at once. */
const POOLED_BUFFER = 64;

export interface RequestResult {
	/** 0 or a negative number of system_error.h. */
	result: number;
	reply?: Uint8Array;
	/** Runs when the host has fetched the result, or has given the request up. */
	finished?: () => void;
}

export interface ChannelHost {
	handle(type: number, payload: Uint8Array): Promise<RequestResult>;
	/** Runs work on the system thread: one thing after another, a little later. */
	schedule(work: () => Promise<void>): void;
	deviceId: string;
	version: string;
	rawReset(): void;
}

type State = 'allocating' | 'receiving' | 'pending' | 'done';

interface ActiveRequest {
	id: number;
	type: number;
	payload: Uint8Array;
	received: number;
	state: State;
	result: RequestResult;
	sent: number;
	cancelled: boolean;
}

export class ControlChannel {
	readonly #host: ChannelHost;
	readonly #active = new Map<number, ActiveRequest>();
	#lastId = 0;

	constructor(host: ChannelHost) {
		this.#host = host;
	}

	handle(setup: SetupPacket, data: Uint8Array): Answer {
		if (setup.request >= 1 && setup.request <= 0x0f) return this.#service(setup, data);
		return setup.request === 0x50 ? this.#raw(setup) : 'stall';
	}

	/** Bus reset or configuration: every request is given up (SYSTEM_ERROR_ABORTED). */
	reset(): void {
		for (const request of [...this.#active.values()]) this.#finish(request, true);
	}

	#service(setup: SetupPacket, data: Uint8Array): Answer {
		switch (setup.request) {
			case Service.init:
				return setup.in && setup.length >= MIN_LENGTH ? this.#init(setup) : 'stall';
			case Service.check:
				return setup.in && setup.length >= MIN_LENGTH ? this.#check(setup.index) : 'stall';
			case Service.send:
				return setup.in ? 'stall' : this.#send(setup, data);
			case Service.recv:
				return setup.in ? this.#recv(setup) : 'stall';
			case Service.reset:
				return setup.in && setup.length >= MIN_LENGTH ? this.#reset(setup.index) : 'stall';
			default:
				return 'stall';
		}
	}

	#init(setup: SetupPacket): Answer {
		if (this.#active.size >= MAX_ACTIVE) return reply(ServiceStatus.busy);
		this.#lastId = (this.#lastId + 1) & 0xffff || 1;
		const request: ActiveRequest = {
			id: this.#lastId,
			type: setup.index,
			payload: new Uint8Array(setup.value),
			received: 0,
			state: 'receiving',
			result: { result: 0 },
			sent: 0,
			cancelled: false,
		};
		this.#active.set(request.id, request);
		if (setup.value === 0) {
			this.#invoke(request);
		} else if (setup.value > POOLED_BUFFER) {
			request.state = 'allocating';
			this.#host.schedule(async () => {
				if (request.state === 'allocating') request.state = 'receiving';
			});
			return reply(ServiceStatus.pending, { id: request.id });
		}
		return reply(ServiceStatus.ok, { id: request.id });
	}

	#invoke(request: ActiveRequest): void {
		request.state = 'pending';
		this.#host.schedule(async () => {
			request.result = await this.#host.handle(request.type, request.payload);
			request.state = 'done';
			request.payload = nothing;
			if (request.cancelled) request.result.finished?.();
		});
	}

	#check(id: number): Answer {
		const request = this.#active.get(id);
		if (!request) return reply(ServiceStatus.notFound);
		if (request.state === 'allocating' || request.state === 'pending') return reply(ServiceStatus.pending);
		if (request.state === 'receiving') return reply(ServiceStatus.ok);
		const { result, reply: data } = request.result;
		const size = data?.length ?? 0;
		if (size > 0) return reply(ServiceStatus.ok, { size, result });
		this.#finish(request, false);
		return reply(ServiceStatus.ok, { result });
	}

	#send(setup: SetupPacket, data: Uint8Array): Answer {
		const request = this.#active.get(setup.index);
		if (request?.state !== 'receiving' || request.received + setup.length > request.payload.length) return 'stall';
		request.payload.set(data, request.received);
		request.received += setup.length;
		if (request.received === request.payload.length) this.#invoke(request);
		return nothing;
	}

	#recv(setup: SetupPacket): Answer {
		const request = this.#active.get(setup.index);
		const data = request?.result.reply;
		if (request?.state !== 'done' || !data || setup.length === 0 || request.sent + setup.length > data.length) return 'stall';
		const part = data.slice(request.sent, request.sent + setup.length);
		request.sent += setup.length;
		if (request.sent === data.length) this.#finish(request, false);
		return part;
	}

	#reset(id: number): Answer {
		if (id === 0) {
			for (const request of [...this.#active.values()]) this.#finish(request, true);
			return reply(ServiceStatus.ok);
		}
		const request = this.#active.get(id);
		if (!request) return reply(ServiceStatus.notFound);
		this.#finish(request, true);
		return reply(ServiceStatus.ok);
	}

	#finish(request: ActiveRequest, cancelled: boolean): void {
		this.#active.delete(request.id);
		request.cancelled = cancelled;
		if (request.state === 'done') this.#host.schedule(async () => request.result.finished?.());
	}

	/** Requests without the channel: `bRequest` 'P', `wIndex` the request type. */
	#raw(setup: SetupPacket): Answer {
		if (!setup.in) {
			if (setup.index === 40) this.#host.rawReset();
			else if (setup.index !== 302) return 'stall';
			return nothing;
		}
		// With more than 64 bytes asked for, the HAL hands over no buffer, and the request is refused.
		if (setup.length === 0 || setup.length > MIN_LENGTH) return 'stall';
		const text = setup.index === 20 ? this.#host.deviceId : setup.index === 30 ? this.#host.version : undefined;
		if (text === undefined || setup.length < text.length) return 'stall';
		return new TextEncoder().encode(text);
	}
}

function reply(status: number, more: { id?: number; size?: number; result?: number } = {}): Uint8Array {
	const out = new Uint8Array(16);
	let flags = 1;
	let at = 6;
	putU16le(out, 4, status);
	if (more.id !== undefined) {
		flags |= 2;
		putU16le(out, at, more.id);
		at += 2;
	}
	if (more.size !== undefined) {
		flags |= 4;
		putU32le(out, at, more.size);
		at += 4;
	}
	if (more.result !== undefined) {
		flags |= 8;
		putU32le(out, at, more.result >>> 0);
		at += 4;
	}
	putU32le(out, 0, flags);
	return out.slice(0, at);
}
