/**
 * Serves the devices of a `UsbBus` over USB/IP, so that another process, or a real Linux kernel, uses a virtual device as if it
 * were on a cable. A device that leaves the bus closes its connection, and is exported again when it returns. It listens on this
 * machine only unless told otherwise: USB/IP knows no passwords. Format: docs/formats/usb-ip.md.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { asLinacError, LinacError, type Log, silentLog } from '@linac/core';
import { parseConfigurationDescriptor, parseDeviceDescriptor, type UsbBus, type UsbWire } from '@linac/usb';
import {
	BUS_ID_SIZE,
	Command,
	decodeBusId,
	decodeOp,
	decodeSubmit,
	type ExportedDevice,
	encodeDevice,
	encodeOp,
	encodeReturn,
	ImportStatus,
	LONGEST_TRANSFER,
	OP_HEADER,
	Op,
	type Submit,
	URB_HEADER,
	UrbStatus,
	viewOf,
} from './usb-ip-protocol.js';
import { ByteSocket } from './usb-ip-socket.js';

export interface UsbIpServerOptions {
	/** Address to listen on. Default `127.0.0.1`. */
	host?: string;
	/** Default 3240, the port that IANA gave to USB/IP. 0: any free one. */
	port?: number;
	log?: Log;
}

/** A connection that has said nothing for this long after it was opened is closed, ms. */
const GREETING_MS = 10_000;

export class UsbIpServer {
	readonly host: string;
	readonly port: number;
	readonly #bus: UsbBus;
	readonly #server: Server;
	readonly #log: Log;
	readonly #sockets = new Set<ByteSocket>();
	readonly #imported = new Map<UsbWire, ByteSocket>();
	readonly #numbers = new WeakMap<UsbWire, number>();
	#lastNumber = 1;

	/** Starts to listen. Throws `USBIP_LISTEN` when it cannot, e.g. because the port is taken. */
	static async start(bus: UsbBus, options: UsbIpServerOptions = {}): Promise<UsbIpServer> {
		const host = options.host ?? '127.0.0.1';
		const port = options.port ?? 3240;
		const server = createServer({ noDelay: true });
		await new Promise<void>((resolve, reject) => {
			server.once('error', (error) => {
				const text = `Cannot listen for USB/IP on ${host}:${port}: ${error.message}.`;
				reject(
					new LinacError('USBIP_LISTEN', text, { retry: 'operator', cause: error, hint: 'Choose another port with --port.' }),
				);
			});
			server.listen(port, host, resolve);
		});
		const bound = server.address();
		return new UsbIpServer(bus, server, host, typeof bound === 'object' && bound ? bound.port : port, options.log ?? silentLog);
	}

	private constructor(bus: UsbBus, server: Server, host: string, port: number, log: Log) {
		this.#bus = bus;
		this.#server = server;
		this.host = host;
		this.port = port;
		this.#log = log;
		server.on('connection', (socket) => void this.#serve(socket));
		server.on('error', (error) => log.warn('The USB/IP server failed.', { error: String(error) }));
	}

	/** Stops listening and closes every connection. The devices stay as they are. */
	async close(): Promise<void> {
		const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
		for (const socket of this.#sockets) socket.destroy();
		await closed;
	}

	async #serve(raw: Socket): Promise<void> {
		const socket = new ByteSocket(raw);
		this.#sockets.add(socket);
		const greeting = setTimeout(() => socket.destroy(), GREETING_MS);
		try {
			const header = await socket.read(OP_HEADER);
			if (!header) return;
			const { code } = decodeOp(header);
			if (code === Op.requestList) {
				clearTimeout(greeting);
				await this.#list(socket);
			} else if (code === Op.requestImport) {
				const busId = await socket.read(BUS_ID_SIZE);
				clearTimeout(greeting);
				if (busId) await this.#import(socket, decodeBusId(busId));
			}
		} catch (error) {
			this.#log.warn('A USB/IP connection failed.', { error: asLinacError(error).toJSON() });
		} finally {
			clearTimeout(greeting);
			socket.end();
			this.#sockets.delete(socket);
		}
	}

	async #list(socket: ByteSocket): Promise<void> {
		const parts: Uint8Array[] = [];
		const wires = await this.#bus.wires();
		for (const wire of wires) {
			parts.push(encodeDevice(this.#describe(wire)));
			for (const face of firstAlternates(wire)) parts.push(Uint8Array.of(...face, 0));
		}
		const count = new Uint8Array(4);
		viewOf(count).setUint32(0, wires.length);
		socket.write(encodeOp(Op.replyList), count, ...parts);
	}

	async #import(socket: ByteSocket, busId: string): Promise<void> {
		const wire = (await this.#bus.wires()).find((w) => w.location === busId);
		if (!wire || this.#imported.has(wire)) {
			socket.write(encodeOp(Op.replyImport, wire ? ImportStatus.busy : ImportStatus.noDevice));
			return;
		}
		this.#imported.set(wire, socket);
		let left = false;
		const forget = wire.onDetach(() => {
			left = true;
			// Replies that are under way still arrive: the last answer before a restart is one of them.
			socket.end();
		});
		this.#log.debug('A device was attached over USB/IP.', { busId });
		try {
			socket.write(encodeOp(Op.replyImport), encodeDevice(this.#describe(wire)));
			await new Attachment(wire, socket).run(() => left);
		} finally {
			forget();
			this.#imported.delete(wire);
			this.#log.debug('A device was detached from USB/IP.', { busId });
		}
	}

	#describe(wire: UsbWire): ExportedDevice {
		const device = parseDeviceDescriptor(wire.deviceDescriptor);
		const configuration = parseConfigurationDescriptor(wire.configurationDescriptor);
		let deviceNumber = this.#numbers.get(wire);
		if (deviceNumber === undefined) {
			deviceNumber = ++this.#lastNumber & 0xffff;
			this.#numbers.set(wire, deviceNumber);
		}
		return {
			busId: wire.location,
			busNumber: (Number.parseInt(wire.location, 10) || 1) & 0xffff,
			deviceNumber,
			speed: wire.speed,
			vendorId: device.vendorId,
			productId: device.productId,
			deviceVersion: wire.deviceDescriptor[12]! | (wire.deviceDescriptor[13]! << 8),
			deviceClass: device.deviceClass,
			deviceSubclass: device.deviceSubclass,
			deviceProtocol: device.deviceProtocol,
			configurationValue: configuration.value,
			configurations: device.configurations,
			interfaces: firstAlternates(wire).length,
		};
	}
}

function firstAlternates(wire: UsbWire): [number, number, number][] {
	return parseConfigurationDescriptor(wire.configurationDescriptor)
		.alternates.filter((a) => a.alternate === 0)
		.map((a) => [a.interfaceClass, a.interfaceSubclass, a.interfaceProtocol]);
}

/** One imported device: URBs come in, run in order per endpoint, and are answered. */
class Attachment {
	readonly #wire: UsbWire;
	readonly #socket: ByteSocket;
	readonly #running = new Map<number, AbortController>();
	readonly #queues = new Map<number, Promise<void>>();

	constructor(wire: UsbWire, socket: ByteSocket) {
		this.#wire = wire;
		this.#socket = socket;
	}

	async run(left: () => boolean): Promise<void> {
		try {
			while (!left()) {
				const header = await this.#socket.read(URB_HEADER);
				if (!header) return;
				const command = viewOf(header).getUint32(0);
				if (command === Command.submit) {
					const submit = decodeSubmit(header);
					if (submit.length > LONGEST_TRANSFER || submit.packets > 0) return;
					const data =
						submit.direction === 'out' && submit.length > 0 ? await this.#socket.read(submit.length) : new Uint8Array();
					if (!data) return;
					this.#enqueue(submit, data.slice());
				} else if (command === Command.unlink) this.#unlink(viewOf(header).getUint32(4), viewOf(header).getUint32(20));
				else return;
			}
		} finally {
			for (const controller of this.#running.values()) controller.abort();
		}
	}

	#enqueue(submit: Submit, data: Uint8Array): void {
		const controller = new AbortController();
		this.#running.set(submit.sequence, controller);
		const queue = submit.endpoint === 0 ? 0 : submit.direction === 'in' ? 0x80 | submit.endpoint : submit.endpoint;
		const before = this.#queues.get(queue) ?? Promise.resolve();
		this.#queues.set(
			queue,
			before.then(() => this.#submit(submit, queue, data, controller.signal)),
		);
	}

	async #submit(submit: Submit, address: number, data: Uint8Array, signal: AbortSignal): Promise<void> {
		if (signal.aborted) return;
		let status: number = UrbStatus.ok;
		let reply: Uint8Array = new Uint8Array();
		let actual = 0;
		try {
			const result =
				address === 0
					? await this.#wire.control(submit.setup, data, signal)
					: await this.#wire.bulk(address, submit.direction === 'in' ? submit.length : data, signal);
			if (result.status === 'stall') status = UrbStatus.stall;
			else if (submit.direction === 'in') {
				reply = result.data.subarray(0, submit.length);
				actual = reply.length;
			} else actual = result.written;
		} catch (error) {
			const code = asLinacError(error).code;
			if (code === 'USB_DISCONNECTED') {
				this.#socket.end();
				return;
			}
			status = code === 'USB_TIMEOUT' ? UrbStatus.timeout : UrbStatus.protocol;
		}
		// An unlinked URB has been answered already.
		if (!this.#running.delete(submit.sequence)) return;
		this.#socket.write(encodeReturn(Command.retSubmit, submit.sequence, status, actual), reply);
	}

	#unlink(sequence: number, victim: number): void {
		const controller = this.#running.get(victim);
		this.#running.delete(victim);
		controller?.abort();
		this.#socket.write(encodeReturn(Command.retUnlink, sequence, controller ? UrbStatus.unlinked : UrbStatus.ok));
	}
}
