/**
 * One device behind a USB/IP server, as a `UsbWire`. It is attached (imported) while somebody has it open, and only then: the
 * server lends a device to one client at a time, and other commands want to see it too. Format: docs/formats/usb-ip.md.
 */
import { connect, type Socket } from 'node:net';
import { type Disposer, LinacError } from '@linac/core';
import { setupPacket, type UsbTransferResult, type UsbWire, usbError } from '@linac/usb';
import {
	Command,
	DEVICE_RECORD,
	decodeDevice,
	decodeOp,
	decodeReturn,
	type ExportedDevice,
	encodeBusId,
	encodeOp,
	encodeSubmit,
	encodeUnlink,
	ImportStatus,
	OP_HEADER,
	Op,
	URB_HEADER,
	UrbStatus,
	usbIpProtocolError,
} from './usb-ip-protocol.js';
import { ByteSocket } from './usb-ip-socket.js';

/** Limit for connecting and for the answers before an attachment, ms. */
export const HANDSHAKE_MS = 3_000;
const LONGEST_CONFIGURATION = 4096;

interface Pending {
	/** Bytes that an IN transfer may bring. */
	room: number;
	resolve(result: UsbTransferResult): void;
	reject(error: LinacError): void;
}

export interface UsbIpServerAddress {
	host: string;
	port: number;
}

/** Opens a connection. Throws `USBIP_UNREACHABLE`. */
export function connectUsbIp(server: UsbIpServerAddress): Promise<ByteSocket> {
	return new Promise((resolve, reject) => {
		const socket: Socket = connect({ host: server.host, port: server.port, noDelay: true });
		const fail = (why: string, cause?: unknown) => {
			socket.destroy();
			reject(
				new LinacError('USBIP_UNREACHABLE', `No USB/IP server answers at ${server.host}:${server.port}: ${why}.`, {
					retry: 'operator',
					cause,
					details: { host: server.host, port: server.port },
					hint: 'Start one with `linac lab --device boron@2.2.0`, or check --usbip and LINAC_USBIP.',
				}),
			);
		};
		const timer = setTimeout(() => fail(`nothing within ${HANDSHAKE_MS} ms`), HANDSHAKE_MS);
		socket.once('error', (error) => {
			clearTimeout(timer);
			fail(error.message, error);
		});
		socket.once('connect', () => {
			clearTimeout(timer);
			socket.removeAllListeners('error');
			resolve(new ByteSocket(socket));
		});
	});
}

/** Runs a handshake with its time limit: the connection is destroyed when it is over, and every read then ends. */
export async function withinHandshake<T>(socket: ByteSocket, run: () => Promise<T>): Promise<T> {
	const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
	try {
		return await run();
	} catch (error) {
		socket.destroy();
		throw error;
	} finally {
		clearTimeout(timer);
	}
}

export class UsbIpWire implements UsbWire {
	readonly exported: ExportedDevice;
	deviceDescriptor: Uint8Array = new Uint8Array();
	configurationDescriptor: Uint8Array = new Uint8Array();
	readonly #server: UsbIpServerAddress;
	#socket: ByteSocket | undefined;
	#left = false;
	#sequence = 0;
	readonly #pending = new Map<number, Pending>();
	/** Given up by us, but an answer may be on its way: how many bytes it may bring. */
	readonly #abandoned = new Map<number, number>();
	readonly #onDetach = new Set<() => void>();

	/** Attaches, reads the descriptors, and stays attached until `release`. Throws `USB_BUSY` when another client has the device. */
	static async attach(server: UsbIpServerAddress, exported: ExportedDevice): Promise<UsbIpWire> {
		const wire = new UsbIpWire(server, exported);
		await wire.acquire();
		try {
			wire.deviceDescriptor = await wire.#descriptor(1, 18);
			const head = await wire.#descriptor(2, 9);
			const total = (head[2] ?? 0) | ((head[3] ?? 0) << 8);
			if (total < 9 || total > LONGEST_CONFIGURATION) throw usbIpProtocolError(`a configuration descriptor of ${total} bytes`);
			wire.configurationDescriptor = await wire.#descriptor(2, total);
		} catch (error) {
			await wire.release();
			throw error;
		}
		return wire;
	}

	private constructor(server: UsbIpServerAddress, exported: ExportedDevice) {
		this.#server = server;
		this.exported = exported;
	}

	get location(): string {
		return this.exported.busId;
	}

	get speed(): 'low' | 'full' | 'high' {
		return this.exported.speed;
	}

	get left(): boolean {
		return this.#left;
	}

	/** Imports the device, and makes sure that it is still the same. */
	async acquire(): Promise<void> {
		if (this.#left) throw usbError('USB_DISCONNECTED', 'before it could be attached over USB/IP');
		if (this.#socket) return;
		const { busId } = this.exported;
		const socket = await connectUsbIp(this.#server);
		const now = await withinHandshake(socket, async () => {
			socket.write(encodeOp(Op.requestImport), encodeBusId(busId));
			const header = await socket.read(OP_HEADER);
			if (!header) throw usbError('USB_DISCONNECTED', `while it was attached over USB/IP (${busId})`);
			const { code, status } = decodeOp(header);
			if (code !== Op.replyImport) throw usbIpProtocolError(`code 0x${code.toString(16)} in answer to an import`);
			if (status === ImportStatus.busy || status === ImportStatus.notAvailable) {
				throw usbError('USB_BUSY', `by another client of the USB/IP server (${busId})`);
			}
			const record = status === ImportStatus.ok ? await socket.read(DEVICE_RECORD) : undefined;
			if (!record) throw usbError('USB_DISCONNECTED', `when it was to be attached over USB/IP (${busId})`);
			return decodeDevice(record);
		});
		const was = this.exported;
		if (now.deviceNumber !== was.deviceNumber || now.vendorId !== was.vendorId || now.productId !== was.productId) {
			socket.destroy();
			this.detach();
			throw usbError('USB_DISCONNECTED', 'before it could be attached over USB/IP: it has restarted');
		}
		this.#socket = socket;
		void this.#receive(socket);
	}

	/** Gives the attachment back. The device stays as it is, and can be acquired again. */
	async release(): Promise<void> {
		const socket = this.#socket;
		this.#socket = undefined;
		socket?.end();
		this.#failAll('while it was given back');
	}

	close(): Promise<void> {
		return this.release();
	}

	control(setup: Uint8Array, dataOut: Uint8Array, signal?: AbortSignal): Promise<UsbTransferResult> {
		const length = setup[6]! | (setup[7]! << 8);
		return this.#submit(0, (setup[0]! & 0x80) !== 0 ? length : dataOut, setup, signal);
	}

	bulk(endpoint: number, data: Uint8Array | number, signal?: AbortSignal): Promise<UsbTransferResult> {
		return this.#submit(endpoint & 0xf, data, new Uint8Array(8), signal);
	}

	onDetach(fn: () => void): Disposer {
		if (this.#left) queueMicrotask(fn);
		else this.#onDetach.add(fn);
		return () => this.#onDetach.delete(fn);
	}

	/** The device has left the bus: told by the server closing the connection, or by a list in which it is not the same any more. */
	detach(): void {
		if (this.#left) return;
		this.#left = true;
		this.#socket?.destroy();
		this.#socket = undefined;
		this.#failAll('during a transfer over USB/IP');
		for (const fn of this.#onDetach) fn();
		this.#onDetach.clear();
	}

	#submit(endpoint: number, data: Uint8Array | number, setup: Uint8Array, signal?: AbortSignal): Promise<UsbTransferResult> {
		return new Promise((resolve, reject) => {
			const socket = this.#socket;
			if (!socket) return reject(usbError('USB_DISCONNECTED', 'before a transfer over USB/IP'));
			if (signal?.aborted) return reject(new LinacError('CANCELLED', 'Cancelled.', { retry: 'job' }));
			const sequence = ++this.#sequence;
			const incoming = typeof data === 'number';
			const cancel = () => {
				this.#pending.delete(sequence);
				this.#abandoned.set(sequence, incoming ? data : 0);
				socket.write(encodeUnlink(++this.#sequence, this.#deviceId, sequence));
				reject(new LinacError('CANCELLED', 'Cancelled.', { retry: 'job' }));
			};
			const settle = () => signal?.removeEventListener('abort', cancel);
			signal?.addEventListener('abort', cancel, { once: true });
			this.#pending.set(sequence, {
				room: incoming ? data : 0,
				resolve: (result) => {
					settle();
					resolve(incoming ? result : { ...result, data: new Uint8Array() });
				},
				reject: (error) => {
					settle();
					reject(error);
				},
			});
			const direction = incoming ? 'in' : 'out';
			const length = incoming ? data : data.length;
			const submit = encodeSubmit({ sequence, deviceId: this.#deviceId, direction, endpoint, length, setup, packets: 0 });
			if (incoming) socket.write(submit);
			else socket.write(submit, data);
		});
	}

	get #deviceId(): number {
		return ((this.exported.busNumber << 16) | this.exported.deviceNumber) >>> 0;
	}

	async #receive(socket: ByteSocket): Promise<void> {
		for (;;) {
			const header = await socket.read(URB_HEADER);
			if (!header) break;
			const reply = decodeReturn(header);
			if (reply.command === Command.retUnlink) continue;
			const pending = this.#pending.get(reply.sequence);
			const room = pending?.room ?? this.#abandoned.get(reply.sequence);
			this.#pending.delete(reply.sequence);
			this.#abandoned.delete(reply.sequence);
			if (reply.command !== Command.retSubmit || room === undefined || (room > 0 && reply.actual > room)) {
				pending?.reject(usbIpProtocolError(`command ${reply.command}, sequence ${reply.sequence}, ${reply.actual} bytes`));
				break;
			}
			// For OUT, `actual` counts what was taken and nothing follows.
			const data = room > 0 && reply.actual > 0 ? await socket.read(reply.actual) : new Uint8Array();
			if (!data) {
				if (pending) this.#pending.set(reply.sequence, pending);
				break;
			}
			if (pending) finish(pending, reply.status, data, reply.actual);
		}
		socket.destroy();
		// Given back by ourselves, or lost?
		if (this.#socket === socket) this.detach();
	}

	#failAll(during: string): void {
		const pending = [...this.#pending.values()];
		this.#pending.clear();
		this.#abandoned.clear();
		for (const { reject } of pending) reject(usbError('USB_DISCONNECTED', during));
	}

	async #descriptor(type: number, length: number): Promise<Uint8Array> {
		const timer = setTimeout(() => this.#socket?.destroy(), HANDSHAKE_MS);
		try {
			const result = await this.control(setupPacket(0x80, 6, type << 8, 0, length), new Uint8Array());
			if (result.status !== 'ok') throw usbIpProtocolError('a device without descriptors');
			return result.data.slice();
		} finally {
			clearTimeout(timer);
		}
	}
}

function finish(pending: Pending, status: number, data: Uint8Array, written: number): void {
	if (status === UrbStatus.ok) pending.resolve({ status: 'ok', data: data.slice(), written });
	else if (status === UrbStatus.stall) pending.resolve({ status: 'stall', data: new Uint8Array(), written: 0 });
	else if (status === UrbStatus.noDevice || status === UrbStatus.shutdown) {
		pending.reject(usbError('USB_DISCONNECTED', 'during a transfer over USB/IP'));
	} else if (status === UrbStatus.timeout) pending.reject(usbError('USB_TIMEOUT', 'during a transfer over USB/IP'));
	else pending.reject(usbError('USB_TRANSFER', `over USB/IP (status ${status})`, undefined, { status }));
}
