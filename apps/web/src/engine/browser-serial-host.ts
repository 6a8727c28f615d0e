/**
 * The serial ports that this browser lets the page use, by Web Serial (https://wicg.github.io/serial/) as it stands in a worker: it lists and opens ports,
 * and the page alone may ask for permission. Browsers tell the ids of a port's USB device and nothing else, neither its serial number nor its place, so
 * that a port is known by a number of this visit. Not for the ports of virtual devices (`@linac/usb`, cdc-serial.ts).
 */
import { type Clock, type LinacError, throwIfCancelled } from '@linac/core';
import { type ByteStream, ReceivedBytes, type SerialHost, type SerialPortInfo, serialError } from '@linac/serial';

/** What is used of `navigator.serial`. */
export type BrowserSerial = Pick<Serial, 'getPorts' | 'addEventListener' | 'removeEventListener'>;

/** Room for what has come and was not fetched, bytes: a device in listening mode answers less. */
const BUFFER = 64 * 1024;

export function browserSerialHost(serial: BrowserSerial, clock: Clock): SerialHost {
	const numbers = new WeakMap<SerialPort, number>();
	let last = 0;
	const pathOf = (port: SerialPort) => {
		const number = numbers.get(port) ?? ++last;
		numbers.set(port, number);
		return `serial:${number}`;
	};
	// Ports that were permitted once stay in the list of some browsers while their device is away.
	const present = async () => (await serial.getPorts()).filter((port) => port.connected !== false);
	return {
		name: 'Web Serial',
		async ports() {
			return (await present()).map((port) => {
				const { usbVendorId, usbProductId } = port.getInfo();
				const info: SerialPortInfo = { path: pathOf(port) };
				if (usbVendorId !== undefined) info.vendorId = usbVendorId;
				if (usbProductId !== undefined) info.productId = usbProductId;
				return info;
			});
		},
		async open({ path }, bitsPerSecond, signal) {
			throwIfCancelled(signal);
			const port = (await present()).find((p) => pathOf(p) === path);
			if (!port) throw serialError('SERIAL_CLOSED', `The device at ${path} is not there.`);
			await openPort(port, path, bitsPerSecond);
			return new BrowserStream(port, path, clock);
		},
		watch(onChange) {
			serial.addEventListener('connect', onChange);
			serial.addEventListener('disconnect', onChange);
			return () => {
				serial.removeEventListener('connect', onChange);
				serial.removeEventListener('disconnect', onChange);
			};
		},
	};
}

async function openPort(port: SerialPort, path: string, baudRate: number): Promise<void> {
	try {
		await port.open({ baudRate, bufferSize: BUFFER });
		// Device OS prints to a host that says it is there. Not every driver does so by itself.
		await port.setSignals({ dataTerminalReady: true, requestToSend: true }).catch(() => {});
	} catch (error) {
		throw openFailure(error, port, path);
	}
}

/** `NetworkError` is all that browsers say when the operating system refuses; why stays with it. */
function openFailure(error: unknown, port: SerialPort, path: string): LinacError {
	const { name, message } = error as DOMException;
	const more = { cause: error, details: { path } };
	if (name === 'InvalidStateError') return serialError('SERIAL_BUSY', `The port ${path} is in use by this page.`, more);
	if (name === 'SecurityError') return serialError('SERIAL_PERMISSION', `The browser does not permit the port ${path}.`, more);
	if (port.connected === false) return serialError('SERIAL_CLOSED', `The device at ${path} has gone.`, more);
	return serialError('SERIAL_OPEN', `The port ${path} could not be opened: ${message || name}`, {
		...more,
		hint:
			'Another program or another tab has it open (a serial monitor, for one): close it. ' +
			'Or this user may not open it: on Linux add the user to the group dialout (uucp on some systems), and log in again.',
	});
}

/** Errors of the line after which a port goes on (Web Serial 4.4, "UnknownError" excluded). */
const passing = new Set(['BufferOverrunError', 'BreakError', 'FramingError', 'ParityError']);

class BrowserStream implements ByteStream {
	readonly #port: SerialPort;
	readonly #path: string;
	readonly #received: ReceivedBytes;
	#reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
	#pumping: Promise<void>;
	/** The port is closed on purpose, for good or for another speed. */
	#pausing = false;

	constructor(port: SerialPort, path: string, clock: Clock) {
		this.#port = port;
		this.#path = path;
		this.#received = new ReceivedBytes(path, clock);
		this.#pumping = this.#pump();
	}

	async #pump(): Promise<void> {
		let cause: unknown;
		// A passing error ends the stream, and the port has another one then.
		while (!this.#pausing && this.#port.readable) {
			const reader = this.#port.readable.getReader();
			this.#reader = reader;
			try {
				for (;;) {
					const { value, done } = await reader.read();
					if (done) break;
					this.#received.push(value);
				}
				if (!this.#pausing) break;
			} catch (error) {
				cause = error;
				if (!passing.has((error as DOMException).name)) break;
			} finally {
				this.#reader = undefined;
				reader.releaseLock();
			}
		}
		if (!this.#pausing) this.#fail(cause);
	}

	read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
		return this.#received.read(timeoutMs, signal);
	}

	async write(data: Uint8Array, signal?: AbortSignal): Promise<void> {
		throwIfCancelled(signal);
		if (this.#received.failure) throw this.#received.failure;
		const writer = this.#port.writable?.getWriter();
		if (!writer) throw this.#fail(undefined);
		try {
			await writer.write(data);
		} catch (error) {
			throw this.#fail(error);
		} finally {
			writer.releaseLock();
		}
	}

	/** A port cannot change its speed while it is open: it is closed and opened again. What comes in between is lost. */
	async setRate(bitsPerSecond: number): Promise<void> {
		if (this.#received.failure) throw this.#received.failure;
		try {
			await this.#pause();
		} catch (error) {
			throw this.#fail(error);
		}
		await openPort(this.#port, this.#path, bitsPerSecond);
		this.#pausing = false;
		this.#pumping = this.#pump();
	}

	async close(): Promise<void> {
		this.#received.fail(serialError('SERIAL_CLOSED', `The port ${this.#path} was closed.`));
		// A port whose device has gone complains, and is closed all the same.
		await this.#pause().catch(() => {});
	}

	async #pause(): Promise<void> {
		this.#pausing = true;
		await this.#reader?.cancel().catch(() => {});
		await this.#pumping;
		await this.#port.close();
	}

	#fail(cause: unknown): LinacError {
		this.#received.fail(serialError('SERIAL_CLOSED', `The device at ${this.#path} has gone.`, { cause }));
		return this.#received.failure!;
	}
}
