/**
 * Small devices for tests of the USB package alone: a wire with a script, a bus to put it on, and bootloaders and firmware just
 * big enough to have the state machines of the real ones (device-os v2.3.1: usbd_dfu_core.c; v4.0.1: usbd_dfu.cpp,
 * usb_control_request_channel.cpp). The models with flash timing and boot behaviour are in @linac/virtual.
 */
import { LinacError, putU16le, putU32le, u16le, u32le } from '@linac/core';
import type { UsbBus, UsbPlatformIds, UsbTransferResult, UsbWire } from '@linac/usb';

export const testPlatforms: UsbPlatformIds[] = [
	{ name: 'boron', id: 13, vendorId: 0x2b04, productId: 0xc00d, dfuProductId: 0xd00d, controlOutNeedsDataStage: false },
	{ name: 'photon', id: 6, vendorId: 0x2b04, productId: 0xc006, dfuProductId: 0xd006, controlOutNeedsDataStage: false },
];

export interface Packet {
	type: number;
	request: number;
	value: number;
	index: number;
	length: number;
}
/** Bytes: IN data or OUT accepted. `hang`: never answers. `gone`: the device leaves. */
export type Answer = Uint8Array | 'ok' | 'stall' | 'hang' | 'gone';
export type Firmware = (packet: Packet, data: Uint8Array) => Answer;

export interface WireOptions {
	productId: number;
	serial?: string;
	location?: string;
	/** Names of the alternate settings of the DFU interface; none: a vendor interface with a bulk endpoint pair. */
	alternates?: string[];
}

export class ScriptedWire implements UsbWire {
	readonly speed = 'full' as const;
	readonly location: string;
	readonly deviceDescriptor: Uint8Array;
	readonly configurationDescriptor: Uint8Array;
	readonly packets: Packet[] = [];
	/** Called before the firmware sees a packet: answers instead of it. */
	intercept: ((packet: Packet, n: number) => Answer | undefined) | undefined;
	closed = false;
	readonly #strings: (string | undefined)[];
	readonly #firmware: Firmware;
	readonly #detach = new Set<() => void>();
	gone = false;

	constructor(options: WireOptions, firmware: Firmware) {
		this.location = options.location ?? '1-1';
		this.#firmware = firmware;
		const names = options.alternates ?? [];
		this.#strings = [undefined, 'Particle', 'Test device', options.serial, ...names];
		this.deviceDescriptor = Uint8Array.of(18, 1, 0, 2, 0, 0, 0, 64, 4, 0x2b, 0, 0, 0x51, 2, 1, 2, options.serial ? 3 : 0, 1);
		putU16le(this.deviceDescriptor, 10, options.productId);
		const body =
			names.length === 0
				? [9, 4, 0, 0, 2, 0xff, 0, 0, 0, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0]
				: [...names.flatMap((_, i) => [9, 4, 0, i, 0, 0xfe, 1, 2, 4 + i]), 9, 0x21, 0x0b, 255, 0, 0, 0x10, 0x1a, 1];
		this.configurationDescriptor = Uint8Array.from([9, 2, 9 + body.length, 0, 1, 1, 0, 0xc0, 50, ...body]);
	}

	async control(setup: Uint8Array, dataOut: Uint8Array): Promise<UsbTransferResult> {
		const packet = {
			type: setup[0]!,
			request: setup[1]!,
			value: u16le(setup, 2),
			index: u16le(setup, 4),
			length: u16le(setup, 6),
		};
		if (this.gone) throw disconnected();
		this.packets.push(packet);
		const answer = this.intercept?.(packet, this.packets.length) ?? this.#standard(packet) ?? this.#firmware(packet, dataOut);
		return this.#result(answer, packet.length, dataOut.length);
	}

	/** Echoes: what was sent last comes back. Endpoint 0x81 in, 0x02 out. */
	#echo: Uint8Array = new Uint8Array();
	async bulk(endpoint: number, data: Uint8Array | number): Promise<UsbTransferResult> {
		if (this.gone) throw disconnected();
		if (typeof data === 'number') return { status: 'ok', data: this.#echo.subarray(0, data), written: 0 };
		if (endpoint !== 2) return { status: 'stall', data: new Uint8Array(), written: 0 };
		this.#echo = data.slice();
		return { status: 'ok', data: new Uint8Array(), written: data.length };
	}

	onDetach(fn: () => void) {
		this.#detach.add(fn);
		return () => this.#detach.delete(fn);
	}

	async close() {
		this.closed = true;
	}

	leave(): void {
		if (this.gone) return;
		this.gone = true;
		for (const fn of [...this.#detach]) fn();
	}

	async #result(answer: Answer, length: number, sent: number): Promise<UsbTransferResult> {
		if (answer === 'hang') return new Promise(() => {});
		if (answer === 'gone') {
			this.leave();
			throw disconnected();
		}
		if (answer === 'stall') return { status: 'stall', data: new Uint8Array(), written: 0 };
		if (answer === 'ok') return { status: 'ok', data: new Uint8Array(), written: sent };
		return { status: 'ok', data: answer.slice(0, length), written: 0 };
	}

	#standard({ type, request, value }: Packet): Answer | undefined {
		if ((type & 0x60) !== 0) return undefined;
		if (request === 6 && value >> 8 === 1) return this.deviceDescriptor;
		if (request === 6 && value >> 8 === 2) return this.configurationDescriptor;
		if (request === 6 && value >> 8 === 3) {
			const text = this.#strings[value & 0xff];
			return text === undefined ? (this.#firmwareString(value & 0xff) ?? 'stall') : stringDescriptor(text);
		}
		return type & 0x80 ? 'stall' : request === 11 ? undefined : 'ok';
	}

	/** Strings beyond the standard ones: what the firmware answers to GET_DESCRIPTOR. */
	extraStrings = new Map<number, string>();
	#firmwareString(index: number): Uint8Array | undefined {
		const text = this.extraStrings.get(index);
		return text === undefined ? undefined : stringDescriptor(text);
	}
}

export function stringDescriptor(text: string): Uint8Array {
	const bytes = new Uint8Array(2 + text.length * 2);
	bytes[0] = bytes.length;
	bytes[1] = 3;
	for (let i = 0; i < text.length; i++) putU16le(bytes, 2 + i * 2, text.charCodeAt(i));
	return bytes;
}

function disconnected(): LinacError {
	return new LinacError('USB_DISCONNECTED', 'The device has gone.', { retry: 'reconnect' });
}

export class ScriptedBus implements UsbBus {
	#wires: ScriptedWire[] = [];
	readonly #watchers = new Set<() => void>();

	async wires() {
		return this.#wires.filter((w) => !w.gone);
	}

	watch(onChange: () => void) {
		this.#watchers.add(onChange);
		return () => this.#watchers.delete(onChange);
	}

	add(wire: ScriptedWire): ScriptedWire {
		this.#wires.push(wire);
		wire.onDetach(() => this.#tell());
		this.#tell();
		return wire;
	}

	#tell() {
		for (const fn of this.#watchers) fn();
	}
}

export interface Bootloader {
	firmware: Firmware;
	memory: Map<number, Uint8Array>;
	erased: number[];
	writes: { alternate: number; address: number; length: number }[];
	state: number;
	/** The next flash work ends with this status instead. */
	fail: number | undefined;
	leaving: (() => void) | undefined;
	alternate: number;
}

/** The DFU state machine of a kind of bootloader. `bases`: address and bytes of each alternate setting. */
export function bootloader(kind: 'nrf52840' | 'stm32', areas: { base: number; bytes: Uint8Array; sector: number }[]): Bootloader {
	let status = 0;
	let pointer = 0;
	let pending: { block: number; data: Uint8Array } | undefined;
	const self: Bootloader = {
		memory: new Map(areas.map((a, i) => [i, a.bytes])),
		erased: [],
		writes: [],
		state: 2,
		fail: undefined,
		leaving: undefined,
		alternate: 0,
		firmware: () => 'stall',
	};
	const error = (code: number): Answer => {
		self.state = 10;
		status = code;
		return 'stall';
	};
	const work = (): boolean => {
		const area = areas[self.alternate]!;
		const { block, data } = pending!;
		pending = undefined;
		if (self.fail !== undefined) {
			const code = self.fail;
			self.fail = undefined;
			if (kind === 'nrf52840') error(code);
			return false;
		}
		if (block === 0 && data[0] === 0x21) pointer = u32le(data, 1);
		else if (block === 0 && data[0] === 0x41) {
			const at = u32le(data, 1);
			if (kind === 'stm32') pointer = at;
			self.erased.push(at);
			const offset = at - area.base;
			area.bytes.fill(0xff, offset - (offset % area.sector), offset - (offset % area.sector) + area.sector);
		} else if (block > 1) {
			const address = pointer + (block - 2) * 4096;
			self.writes.push({ alternate: self.alternate, address, length: data.length });
			for (let i = 0; i < data.length; i++) area.bytes[address - area.base + i]! &= data[i]!;
		} else error(1);
		return true;
	};
	const reply = (state: number) => Uint8Array.of(status, 0, 0, 0, state, 0);
	self.firmware = ({ type, request, value, length }, data) => {
		if (type === 1 && request === 11) {
			self.alternate = value;
			return 'ok';
		}
		if ((type & 0x60) !== 0x20) return 'stall';
		switch (request) {
			case 1:
				if (self.state !== 2 && self.state !== 5) return error(14);
				if (length === 0) self.state = 6;
				else {
					pending = { block: value, data: data.slice() };
					self.state = 3;
				}
				return 'ok';
			case 2: {
				if (self.state !== 2 && self.state !== 9) return error(14);
				if (value < 2) return error(14);
				self.state = 9;
				const area = areas[self.alternate]!;
				const at = pointer + (value - 2) * 4096 - area.base;
				return area.bytes.slice(at, at + length);
			}
			case 3:
				if (self.state === 3 && !pending) self.state = 5;
				if (self.state === 3) {
					// STM32 is in dfuDNLOAD-SYNC again when its work is done, until it is asked once more.
					if (kind === 'nrf52840') self.state = 5;
					const busy = reply(4);
					// STM32 stalls the status stage of this very request when its work fails, and is idle afterwards.
					return work() || kind === 'nrf52840' ? busy : 'stall';
				}
				if (self.state === 6) {
					self.state = 8;
					self.leaving?.();
					return reply(kind === 'stm32' ? 5 : 7);
				}
				return reply(self.state);
			case 4:
				if (self.state !== 10) return error(14);
				self.state = 2;
				status = 0;
				return 'ok';
			case 5:
				return Uint8Array.of(self.state);
			case 6:
				if (self.state >= 10) return error(14);
				self.state = 2;
				pending = undefined;
				return 'ok';
			default:
				return 'stall';
		}
	};
	return self;
}

export interface ControlFirmware {
	firmware: Firmware;
	/** Request type -> result and reply. Unknown types are "not supported". */
	handlers: Map<number, (payload: Uint8Array) => { result?: number; reply?: Uint8Array; pendingFor?: number }>;
	calls: { type: number; payload: Uint8Array }[];
	/** Requests begun and not finished. */
	active: number;
	finished: ((type: number) => void) | undefined;
}

/** The service protocol of Device OS: INIT, CHECK, SEND, RECV, RESET. */
export function controlFirmware(): ControlFirmware {
	interface Request {
		type: number;
		size: number;
		payload: number[];
		state: 'alloc' | 'receiving' | 'done';
		result: number;
		reply: Uint8Array;
		wait: number;
		sent: number;
	}
	const requests = new Map<number, Request>();
	let last = 0;
	const self: ControlFirmware = { firmware: () => 'stall', handlers: new Map(), calls: [], active: 0, finished: undefined };
	const run = (request: Request) => {
		const payload = Uint8Array.from(request.payload);
		self.calls.push({ type: request.type, payload });
		const outcome = self.handlers.get(request.type)?.(payload) ?? { result: -120 };
		request.state = 'done';
		request.result = outcome.result ?? 0;
		request.reply = outcome.reply ?? new Uint8Array();
		request.wait = outcome.pendingFor ?? 0;
	};
	const finish = (id: number) => {
		const type = requests.get(id)!.type;
		requests.delete(id);
		self.active = requests.size;
		self.finished?.(type);
	};
	const service = (fields: { status: number; id?: number; size?: number; result?: number }) => {
		const bytes = new Uint8Array(16);
		let flags = 1;
		putU16le(bytes, 4, fields.status);
		let at = 6;
		if (fields.id !== undefined) {
			flags |= 2;
			putU16le(bytes, at, fields.id);
			at += 2;
		}
		if (fields.size !== undefined) {
			flags |= 4;
			putU32le(bytes, at, fields.size);
			at += 4;
		}
		if (fields.result !== undefined) {
			flags |= 8;
			putU32le(bytes, at, fields.result >>> 0);
			at += 4;
		}
		putU32le(bytes, 0, flags);
		return bytes.subarray(0, at);
	};
	self.firmware = ({ request, value, index, length }, data) => {
		const found = requests.get(index);
		switch (request) {
			case 1: {
				if (length < 64) return 'stall';
				if (requests.size === 4) return service({ status: 3 });
				const id = ++last;
				const fresh: Request = {
					type: index,
					size: value,
					payload: [],
					state: value > 64 ? 'alloc' : 'receiving',
					result: 0,
					reply: new Uint8Array(),
					wait: 0,
					sent: 0,
				};
				requests.set(id, fresh);
				self.active = requests.size;
				if (value === 0) run(fresh);
				return service({ status: fresh.state === 'alloc' ? 2 : 0, id });
			}
			case 2:
				if (!found) return service({ status: 5 });
				if (found.state === 'alloc') {
					found.state = 'receiving';
					return service({ status: 2 });
				}
				if (found.state === 'receiving') return service({ status: 0 });
				if (found.wait-- > 0) return service({ status: 2 });
				if (found.reply.length === 0) {
					finish(index);
					return service({ status: 0, result: found.result });
				}
				return service({ status: 0, result: found.result, size: found.reply.length });
			case 3:
				if (found?.state !== 'receiving' || found.payload.length + data.length > found.size) return 'stall';
				found.payload.push(...data);
				if (found.payload.length === found.size) run(found);
				return 'ok';
			case 4: {
				if (found?.state !== 'done') return 'stall';
				const part = found.reply.slice(found.sent, found.sent + length);
				found.sent += length;
				if (found.sent >= found.reply.length) finish(index);
				return part;
			}
			case 5:
				if (index === 0) requests.clear();
				else requests.delete(index);
				self.active = requests.size;
				return service({ status: 0 });
			case 0x50:
				if (index === 30) return new TextEncoder().encode('4.0.1');
				return 'stall';
			default:
				return 'stall';
		}
	};
	return self;
}
