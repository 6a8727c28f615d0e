/**
 * The serial ports of this machine, by `@serialport/bindings-cpp`. The native library is loaded when the first port is opened. On Linux the ports are
 * listed from /sys: that needs no udev, which containers lack, and tells the USB place as `usb-node.ts` does. Opening a port raises DTR, as every
 * terminal program does; a Particle device restarts by neither DTR nor RTS.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, LinacError, systemClock, throwIfCancelled } from '@linac/core';
import { type ByteStream, ReceivedBytes, type SerialHost, type SerialPortInfo, serialError } from '@linac/serial';
import { deviceIdOf } from '@linac/usb';

interface Port {
	read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number }>;
	write(buffer: Buffer): Promise<void>;
	drain(): Promise<void>;
	update(options: { baudRate: number }): Promise<void>;
	close(): Promise<void>;
}

/** The part of the library that is used here. */
export interface SerialLibrary {
	list(): Promise<
		{
			path: string;
			vendorId?: string | undefined;
			productId?: string | undefined;
			serialNumber?: string | undefined;
			locationId?: string | undefined;
		}[]
	>;
	open(options: { path: string; baudRate: number }): Promise<Port>;
}

export interface SerialHostOptions {
	load?: () => Promise<SerialLibrary>;
	/** Where Linux keeps its view of the devices. Default `/sys`; where it has no `class/tty`, the library lists the ports. */
	sysfs?: string;
	clock?: Clock;
}

const READ_SIZE = 4096;
/** There is no notification: how often somebody who watches looks, ms. */
const WATCH_MS = 250;

/** The serial ports of this machine. */
export function nodeSerialHost(options: SerialHostOptions = {}): SerialHost {
	const { sysfs = '/sys', clock = systemClock } = options;
	const load = options.load ?? (async () => (await import('@serialport/bindings-cpp')).autoDetect() as unknown as SerialLibrary);
	let loading: Promise<SerialLibrary> | undefined;
	const library = () => {
		loading ??= load().catch((error: unknown) => {
			loading = undefined;
			throw serialError('SERIAL_UNAVAILABLE', `Serial ports cannot be used on this machine: ${textOf(error)}.`, { cause: error });
		});
		return loading;
	};
	return {
		name: 'serial',
		async ports() {
			const folder = join(sysfs, 'class', 'tty');
			if (existsSync(folder)) return linuxPorts(folder);
			return (await (await library()).list()).map(portOf);
		},
		async open(port, bitsPerSecond, signal) {
			throwIfCancelled(signal);
			const binding = await library();
			try {
				return new NodeStream(await binding.open({ path: port.path, baudRate: bitsPerSecond }), port.path, clock);
			} catch (error) {
				throw openFailure(error, port.path);
			}
		},
		watch(onChange) {
			const timer = setInterval(onChange, WATCH_MS);
			timer.unref();
			return () => clearInterval(timer);
		},
	};
}

/** The ports that belong to USB devices: others have no Particle device behind them. */
function linuxPorts(folder: string): SerialPortInfo[] {
	const ports: SerialPortInfo[] = [];
	for (const name of readdirSync(folder).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))) {
		const port = linuxPort(join(folder, name), name);
		if (port) ports.push(port);
	}
	return ports;
}

function linuxPort(entry: string, name: string): SerialPortInfo | undefined {
	try {
		// .../usb1/1-2/1-2.3/1-2.3:1.0: the interface; the device above it has the place as its name.
		let at = realpathSync(join(entry, 'device'));
		while (!/^\d+-\d+(\.\d+)*$/.test(at.slice(dirname(at).length + 1))) {
			if (dirname(at) === at) return undefined;
			at = dirname(at);
		}
		const text = (file: string) => {
			const path = join(at, file);
			return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
		};
		return described(`/dev/${name}`, text('idVendor'), text('idProduct'), text('serial'), at.slice(dirname(at).length + 1));
	} catch {
		// It has gone while it was looked at, or has no device behind it, like a console.
		return undefined;
	}
}

type Listed = Awaited<ReturnType<SerialLibrary['list']>>[number];

function portOf(port: Listed): SerialPortInfo {
	return described(port.path, port.vendorId, port.productId, port.serialNumber, placeOf(port.locationId));
}

function described(path: string, vendor?: string, product?: string, serial?: string, location?: string): SerialPortInfo {
	const hex = (text: string | undefined) => (text && /^(0x)?[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : undefined);
	const port: SerialPortInfo = { path };
	const vendorId = hex(vendor);
	const productId = hex(product);
	const deviceId = deviceIdOf(serial);
	if (vendorId !== undefined) port.vendorId = vendorId;
	if (productId !== undefined) port.productId = productId;
	if (deviceId !== undefined) port.deviceId = deviceId;
	if (location !== undefined) port.location = location;
	return port;
}

/** macOS tells bus and ports as eight hex digits, 0x14230000 for bus 20, port 2.3; Windows has nothing of this kind. */
function placeOf(locationId: string | undefined): string | undefined {
	const digits = /^(?:0x)?([0-9a-f]{7,8})$/i.exec(locationId ?? '')?.[1]?.padStart(8, '0');
	if (digits === undefined) return undefined;
	const ports = [...digits.slice(2).replace(/0+$/, '')].map((d) => Number.parseInt(d, 16));
	return ports.length === 0 ? undefined : `${Number.parseInt(digits.slice(0, 2), 16)}-${ports.join('.')}`;
}

function openFailure(error: unknown, path: string): LinacError {
	if (error instanceof LinacError) return error;
	const text = textOf(error);
	const more = { cause: error, details: { path } };
	if (/No such file|ENOENT|File not found|No such device/i.test(text))
		return serialError('SERIAL_CLOSED', `The port ${path} is not there.`, more);
	if (/lock|busy|Access denied/i.test(text)) return serialError('SERIAL_BUSY', `The port ${path} is in use.`, more);
	if (/permission/i.test(text)) return serialError('SERIAL_PERMISSION', `The port ${path} may not be opened.`, more);
	return serialError('SERIAL_OPEN', `The port ${path} cannot be opened: ${text}.`, more);
}

class NodeStream implements ByteStream {
	readonly #port: Port;
	readonly #path: string;
	readonly #received: ReceivedBytes;
	#closed = false;

	constructor(port: Port, path: string, clock: Clock) {
		this.#port = port;
		this.#path = path;
		this.#received = new ReceivedBytes(path, clock);
		void this.#pump();
	}

	async #pump(): Promise<void> {
		try {
			for (;;) {
				const buffer = Buffer.alloc(READ_SIZE);
				const { bytesRead } = await this.#port.read(buffer, 0, READ_SIZE);
				this.#received.push(new Uint8Array(buffer.subarray(0, bytesRead)));
			}
		} catch (error) {
			this.#fail(error);
		}
	}

	read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
		return this.#received.read(timeoutMs, signal);
	}

	async write(data: Uint8Array, signal?: AbortSignal): Promise<void> {
		throwIfCancelled(signal);
		if (this.#received.failure) throw this.#received.failure;
		try {
			await this.#port.write(Buffer.from(data));
		} catch (error) {
			throw this.#fail(error);
		}
	}

	async setRate(bitsPerSecond: number): Promise<void> {
		try {
			await this.#port.update({ baudRate: bitsPerSecond });
		} catch (error) {
			throw this.#fail(error);
		}
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#received.fail(serialError('SERIAL_CLOSED', `The port ${this.#path} was closed.`));
		// A port whose device has gone complains, and is closed all the same.
		await this.#port.close().catch(() => {});
	}

	#fail(error: unknown): LinacError {
		this.#received.fail(serialError('SERIAL_CLOSED', `The device at ${this.#path} has gone.`, { cause: error }));
		return this.#received.failure!;
	}
}

function textOf(error: unknown): string {
	return (error instanceof Error ? error.message : String(error)).replace(/^Error:? */, '').replace(/\.$/, '');
}
