/** Which serial port a command is about, and the way to a device that listens on it. What is said there: @linac/serial. */
import type { ByteStream, ListeningDevice, SerialPortInfo } from '@linac/serial';
import { type DiscoveredDevice, identify } from '@linac/usb';
import { chooseDevice } from './choose-device.js';
import type { Connection } from './connect.js';
import type { Context, DeviceOptions } from './context.js';
import { usbIds } from './usb-ids.js';

export interface SerialOptions extends DeviceOptions {
	/** A path such as `/dev/ttyACM0` or `COM5`. */
	port?: string;
}

export interface SerialDevice {
	port: SerialPortInfo;
	/** The same device in the words of `choose-device.ts`; undefined for a port that is known by its path alone. */
	device: DiscoveredDevice | undefined;
}

/** The rate that Particle's tools open ports with. On USB it is only a number, but 14400 and 28800 mean something to the device. */
export const PLAIN_RATE = 9600;

/** The serial ports of Particle devices; with `all`, every port that is there. */
export async function serialDevices(connection: Connection, all = false): Promise<SerialDevice[]> {
	const found: SerialDevice[] = [];
	for (const port of await connection.serial.ports()) {
		const device = asDevice(port);
		if (device || all) found.push({ port, device });
	}
	return found;
}

/** A serial port as a device to choose from; its handle is not to be used. */
function asDevice(port: SerialPortInfo): DiscoveredDevice | undefined {
	const { vendorId, productId, deviceId, location } = port;
	const identity = vendorId === undefined || productId === undefined ? undefined : identify(vendorId, productId, usbIds());
	if (!identity) return undefined;
	return {
		handle: { device: undefined as never },
		platform: identity.platform,
		mode: identity.mode,
		...(deviceId === undefined ? {} : { deviceId }),
		...(location === undefined ? {} : { location }),
	};
}

/** The one port that is meant. A path that is not in the list is tried all the same: it may be another name for a port. */
export async function chooseSerial(connection: Connection, options: SerialOptions): Promise<SerialDevice> {
	const found = await serialDevices(connection, options.port !== undefined);
	if (options.port !== undefined) {
		return found.find((d) => d.port.path === options.port) ?? { port: { path: options.port }, device: undefined };
	}
	const device = chooseDevice(
		found.flatMap((d) => d.device ?? []),
		connection.choose(options.device),
	);
	return found.find((d) => d.device === device)!;
}

/** Opens the port, runs, and closes it again, whatever happens. */
export async function overSerial<T>(
	context: Context,
	connection: Connection,
	port: SerialPortInfo,
	run: (listening: ListeningDevice, stream: ByteStream) => Promise<T>,
): Promise<T> {
	const { ListeningDevice } = await import('@linac/serial');
	const stream = await connection.serial.open(port, PLAIN_RATE, context.signal);
	try {
		return await run(new ListeningDevice(stream, connection.environment.clock, context.signal), stream);
	} finally {
		await stream.close();
	}
}
