/**
 * The serial ports of USB devices that no driver holds, as a `SerialHost`: their CDC-ACM interfaces are claimed and used directly (USB CDC PSTN 1.2).
 * For virtual devices in this process or behind USB/IP, and for machines without a driver; where a kernel has made a `/dev/ttyACM0` of a device, that
 * is the port. One owner at a time: while a port is open, control requests of this process wait, and the other way round.
 */
import { type Clock, LinacError, putU32le, throwIfCancelled } from '@linac/core';
import { type ByteStream, ReceivedBytes, type SerialHost, type SerialPortInfo, serialError } from '@linac/serial';
import { listDevices, type UsbPlatformIds } from './discovery.js';
import { UsbConnection } from './usb-connection.js';
import type { UsbHost } from './wire.js';

const SET_LINE_CODING = 0x20;
const SET_CONTROL_LINE_STATE = 0x22;
/** Data terminal ready, and request to send. */
const DTR_RTS = 3;
/** Bytes of one IN transfer: it ends earlier, with the first packet that is not full. */
const IN_LENGTH = 512;
const OUT_LENGTH = 1024;
/** A device that is busy with its flash takes no bytes meanwhile, ms. */
const OUT_TIMEOUT_MS = 60_000;
const PREFIX = 'usb:';

/** The serial ports of the devices of this table on this host. */
export function cdcSerialHost(host: UsbHost, platforms: readonly UsbPlatformIds[], clock: Clock): SerialHost {
	const found = async () => (await listDevices(host, platforms)).filter((device) => device.mode === 'normal');
	const pathOf = (device: { location?: string; deviceId?: string }) => `${PREFIX}${device.location ?? device.deviceId ?? ''}`;
	return {
		name: `serial over ${host.name}`,
		async ports() {
			return (await found()).map((device) => {
				const port: SerialPortInfo = {
					path: pathOf(device),
					vendorId: device.handle.device.vendorId,
					productId: device.handle.device.productId,
				};
				if (device.deviceId !== undefined) port.deviceId = device.deviceId;
				if (device.location !== undefined) port.location = device.location;
				return port;
			});
		},
		async open(port, bitsPerSecond, signal) {
			const device = (await found()).find((d) => pathOf(d) === port.path);
			if (!device) throw serialError('SERIAL_CLOSED', `The device at ${port.path} is not there.`);
			const options = signal ? { clock, signal } : { clock };
			return CdcStream.open(await UsbConnection.open(device, undefined, options), port.path, bitsPerSecond);
		},
		watch: (onChange) => host.watch(onChange),
	};
}

class CdcStream implements ByteStream {
	readonly #connection: UsbConnection;
	readonly #path: string;
	readonly #control: number;
	readonly #in: number;
	readonly #out: number;
	readonly #received: ReceivedBytes;

	static async open(connection: UsbConnection, path: string, bitsPerSecond: number): Promise<CdcStream> {
		try {
			const stream = new CdcStream(connection, path);
			await stream.#start(bitsPerSecond);
			return stream;
		} catch (error) {
			await connection.close();
			throw asSerial(error, path);
		}
	}

	private constructor(connection: UsbConnection, path: string) {
		const face = (wanted: number) => connection.interfaces.find((i) => i.alternate.interfaceClass === wanted);
		const control = face(0x02);
		const endpoint = (direction: USBDirection) =>
			face(0x0a)?.alternate.endpoints.find((e) => e.direction === direction && e.type === 'bulk')?.endpointNumber;
		const [input, output] = [endpoint('in'), endpoint('out')];
		if (!control || input === undefined || output === undefined)
			throw serialError('SERIAL_OPEN', `The USB device at ${path} has no serial port.`);
		this.#connection = connection;
		this.#received = new ReceivedBytes(path, connection.clock);
		this.#path = path;
		this.#control = control.interfaceNumber;
		this.#in = input;
		this.#out = output;
	}

	async #start(bitsPerSecond: number): Promise<void> {
		await this.#connection.claim(this.#control);
		await this.#connection.claim(this.#connection.interfaces.find((i) => i.alternate.interfaceClass === 0x0a)!.interfaceNumber);
		await this.setRate(bitsPerSecond);
		await this.#request(SET_CONTROL_LINE_STATE, DTR_RTS, new Uint8Array());
		void this.#pump();
	}

	async #pump(): Promise<void> {
		try {
			for (;;) {
				const bytes = await this.#connection.bulkIn(this.#in, IN_LENGTH, 'while its serial port was read');
				this.#received.push(bytes.slice());
			}
		} catch (error) {
			this.#received.fail(asSerial(error, this.#path));
		}
	}

	read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
		return this.#received.read(timeoutMs, signal);
	}

	async write(data: Uint8Array, signal?: AbortSignal): Promise<void> {
		for (let at = 0; at < data.length; at += OUT_LENGTH) {
			throwIfCancelled(signal);
			if (this.#received.failure) throw this.#received.failure;
			try {
				const part = data.subarray(at, at + OUT_LENGTH);
				await this.#connection.bulkOut(this.#out, part, 'while its serial port was written', OUT_TIMEOUT_MS);
			} catch (error) {
				throw asSerial(error, this.#path);
			}
		}
	}

	async setRate(bitsPerSecond: number): Promise<void> {
		// One stop bit, no parity, eight data bits.
		const coding = Uint8Array.of(0, 0, 0, 0, 0, 0, 8);
		putU32le(coding, 0, bitsPerSecond);
		await this.#request(SET_LINE_CODING, 0, coding);
	}

	async close(): Promise<void> {
		if (!this.#received.failure) await this.#request(SET_CONTROL_LINE_STATE, 0, new Uint8Array()).catch(() => {});
		this.#received.fail(serialError('SERIAL_CLOSED', `The port ${this.#path} was closed.`));
		await this.#connection.close();
	}

	async #request(request: number, value: number, data: Uint8Array): Promise<void> {
		const setup: USBControlTransferParameters = {
			requestType: 'class',
			recipient: 'interface',
			request,
			value,
			index: this.#control,
		};
		try {
			await this.#connection.controlOut(setup, data, 'while its serial port was set up');
		} catch (error) {
			throw asSerial(error, this.#path);
		}
	}
}

/** A USB failure in the words of serial ports. */
function asSerial(error: unknown, path: string): LinacError {
	if (!(error instanceof LinacError)) return serialError('SERIAL_CLOSED', `The port ${path} failed.`, { cause: error });
	if (error.code === 'USB_DISCONNECTED' || error.code === 'USB_TRANSFER' || error.code === 'USB_TIMEOUT')
		return serialError('SERIAL_CLOSED', `The device at ${path} has gone.`, { cause: error });
	if (error.code === 'USB_BUSY') return serialError('SERIAL_BUSY', `The port ${path} is in use.`, { cause: error });
	return error;
}
