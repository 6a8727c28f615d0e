/** Opens the way to the devices: this machine's USB, or a USB/IP server such as `linac lab`. Which device is meant is for choose-device.ts. */
import { platforms, releases } from '@linac/catalog';
import { systemClock } from '@linac/core';
import { hostDifferences, nodeDigests, nodeSerialHost, nodeUsbHost, usbIpHost } from '@linac/host';
import type { Environment } from '@linac/programmer';
import type { SerialHost } from '@linac/serial';
import { cdcSerialHost, type DiscoveredDevice, type UsbHost } from '@linac/usb';
import type { ChooseOptions } from './choose-device.js';
import type { Context, DeviceOptions } from './context.js';
import { platformNamed } from './facts.js';
import { parseHostPort } from './host-port.js';
import { usbIds } from './usb-ids.js';

export interface Connection {
	host: UsbHost;
	/** The serial ports of the same devices: this machine's, or those of the USB/IP server's devices. */
	serial: SerialHost;
	environment: Environment;
	/** For sentences: `on USB`, `at 127.0.0.1:3240`. */
	where: string;
	displayName(device: DiscoveredDevice): string;
	choose(name: string | undefined): ChooseOptions;
	close(): Promise<void>;
}

export async function connect(context: Context, options: DeviceOptions): Promise<Connection> {
	const text = options.usbip ?? context.env.LINAC_USBIP ?? '';
	const address = text === '' ? undefined : parseHostPort(text, options.usbip === undefined ? 'LINAC_USBIP' : '--usbip');
	const host = address === undefined ? nodeUsbHost() : usbIpHost(address);
	const where = address === undefined ? 'on USB' : `at ${address.host}:${address.port}`;
	const displayName = (device: DiscoveredDevice) => platformNamed(device.platform.name).displayName;
	return {
		host,
		serial: address === undefined ? nodeSerialHost() : cdcSerialHost(host, usbIds(), systemClock),
		where,
		displayName,
		environment: {
			host,
			platforms,
			releases,
			clock: systemClock,
			digests: nodeDigests,
			signal: context.signal,
			// Devices of a USB/IP server are shown by that server, not by this system.
			limits: address === undefined ? hostDifferences().reenumeration.value : {},
		},
		choose: (name) => ({
			where,
			displayName,
			isKind: (device, kind) => {
				const platform = platformNamed(device.platform.name);
				return [platform.name, platform.displayName, ...platform.aliases].some((n) => n.toLowerCase() === kind);
			},
			...(name === undefined ? {} : { name }),
		}),
		close: async () => {
			await host.close?.();
		},
	};
}
