/** Which serial ports belong to Particle devices, and a device that listens on one. What is said there: @linac/serial. */
import type { Clock } from '@linac/core';
import { type ByteStream, ListeningDevice, type SerialHost, type SerialPortInfo } from '@linac/serial';
import { type DiscoveredDevice, identify, type UsbPlatformIds } from '@linac/usb';

export interface SerialDevice {
	port: SerialPortInfo;
	/** The same device in the words of USB; undefined for a port that is known by its path alone. Its handle is not to be used. */
	device: DiscoveredDevice | undefined;
}

/** The rate that Particle's tools open ports with. On USB it is only a number, but 14400 and 28800 mean something to the device. */
export const PLAIN_RATE = 9600;

/** The serial ports of Particle devices; with `all`, every port that is there. */
export async function serialDevices(
	serial: SerialHost,
	platforms: readonly UsbPlatformIds[],
	all = false,
): Promise<SerialDevice[]> {
	const found: SerialDevice[] = [];
	for (const port of await serial.ports()) {
		const device = asDevice(port, platforms);
		if (device || all) found.push({ port, device });
	}
	return found;
}

function asDevice(port: SerialPortInfo, platforms: readonly UsbPlatformIds[]): DiscoveredDevice | undefined {
	const { vendorId, productId, deviceId, location } = port;
	const identity = vendorId === undefined || productId === undefined ? undefined : identify(vendorId, productId, platforms);
	if (!identity) return undefined;
	return {
		handle: { device: undefined as never },
		platform: identity.platform,
		mode: identity.mode,
		...(deviceId === undefined ? {} : { deviceId }),
		...(location === undefined ? {} : { location }),
	};
}

export interface SerialWay {
	serial: SerialHost;
	clock: Clock;
	signal?: AbortSignal;
}

/** Opens the port, runs, and closes it again, whatever happens. Throws what opening throws (`SERIAL_BUSY` ...), and what `run` throws. */
export async function overSerial<T>(
	{ serial, clock, signal }: SerialWay,
	port: SerialPortInfo,
	run: (listening: ListeningDevice, stream: ByteStream) => Promise<T>,
): Promise<T> {
	const stream = await serial.open(port, PLAIN_RATE, signal);
	try {
		return await run(new ListeningDevice(stream, clock, signal), stream);
	} finally {
		await stream.close();
	}
}
