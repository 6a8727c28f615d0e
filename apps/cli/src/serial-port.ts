/** Which serial port a command is about, and the way to a device that listens on it. What is said there: @linac/serial. */
import { type SerialDevice, serialDevices } from '@linac/programmer';
import { chooseDevice } from './choose-device.js';
import type { Connection } from './connect.js';
import type { DeviceOptions } from './context.js';
import { usbIds } from './usb-ids.js';

export interface SerialOptions extends DeviceOptions {
	/** A path such as `/dev/ttyACM0` or `COM5`. */
	port?: string;
}

/** The one port that is meant. A path that is not in the list is tried all the same: it may be another name for a port. */
export async function chooseSerial(connection: Connection, options: SerialOptions): Promise<SerialDevice> {
	const found = await serialDevices(connection.serial, usbIds(), options.port !== undefined);
	if (options.port !== undefined) {
		return found.find((d) => d.port.path === options.port) ?? { port: { path: options.port }, device: undefined };
	}
	const device = chooseDevice(
		found.flatMap((d) => d.device ?? []),
		connection.choose(options.device),
	);
	return found.find((d) => d.device === device)!;
}
