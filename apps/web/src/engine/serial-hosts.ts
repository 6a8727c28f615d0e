/** The serial ports of the page: those that the browser lets it use, and those of virtual devices. */
import { platforms } from '@linac/catalog';
import { type Clock, systemClock } from '@linac/core';
import { usbIdsOf } from '@linac/programmer';
import { type SerialHost, serialError } from '@linac/serial';
import { cdcSerialHost } from '@linac/usb';
import { browserSerialHost } from './browser-serial-host.js';
import { virtualBench } from './virtual-bench.js';

export interface PageSerial {
	serial: SerialHost;
	clock: Clock;
}

/** Undefined in browsers without Web Serial. */
export const realSerial: PageSerial | undefined =
	typeof navigator === 'object' && 'serial' in navigator
		? { serial: browserSerialHost(navigator.serial, systemClock), clock: systemClock }
		: undefined;

const ids = platforms.map(usbIdsOf);

export const virtualSerial: PageSerial = {
	serial: cdcSerialHost(virtualBench.host, ids, virtualBench.clock),
	clock: virtualBench.clock,
};

/** For a USB device of the browser: nothing ties its serial port to it. */
export const noSerial: SerialHost = {
	name: 'no serial port',
	ports: async () => [],
	open: ({ path }) => Promise.reject(serialError('SERIAL_CLOSED', `The device at ${path} is not there.`)),
	watch: () => () => {},
};

/** One port alone, at a place of its own: for what looks up the port of a device by its place. */
export function onlyPort({ serial }: PageSerial, path: string): SerialHost {
	return {
		...serial,
		async ports() {
			return (await serial.ports()).filter((port) => port.path === path).map((port) => ({ ...port, location: path }));
		},
	};
}
