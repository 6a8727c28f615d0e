/** The bus of this computer, or of a USB/IP server, as watch-usb.ts looks at it: on Linux by sysfs, which shows every device; elsewhere by libusb. */
import { existsSync } from 'node:fs';
import type { UsbHost } from '@linac/usb';
import { hostSystemOf } from '../host-differences.js';
import { unavailable } from '../usb-node.js';
import type { SeenUsbDevice } from './observations.js';
import { linuxUsbDevices, openKernelLog } from './observe-linux.js';
import type { UsbWatcher } from './watch-usb.js';

const HUB_CLASS = 9;

/** Watches the USB of this computer. Throws `USB_UNAVAILABLE` where it has none. On systems without sysfs the devices' names are not asked for: that would open foreign devices. */
export function hostWatcher(nodePlatform: string = process.platform): UsbWatcher {
	if (hostSystemOf(nodePlatform) === 'linux') {
		// Nothing can come where there is no USB: "nothing appeared" would be no answer.
		if (!existsSync('/sys/bus/usb')) throw unavailable(new Error('there is no /sys/bus/usb'), 'linux');
		const log = openKernelLog();
		return { devices: async () => linuxUsbDevices(), kernelLog: () => log?.read(), close: () => log?.close() };
	}
	return {
		async devices() {
			const usb = await import('usb');
			return usb.getDeviceList().map((d): SeenUsbDevice => {
				const { idVendor, idProduct, bDeviceClass } = d.deviceDescriptor;
				return {
					port: `${d.busNumber}-${d.portNumbers?.join('.') ?? d.deviceAddress}`,
					vendorId: idVendor,
					productId: idProduct,
					hub: bDeviceClass === HUB_CLASS,
				};
			});
		},
	};
}

/** Watches what a `UsbHost` lists, such as a USB/IP server. */
export function watcherOf(host: UsbHost): UsbWatcher {
	return {
		async devices() {
			return (await host.devices()).map(({ device, location }) => ({
				...(location === undefined ? {} : { port: location }),
				vendorId: device.vendorId,
				productId: device.productId,
				...(device.productName ? { product: device.productName } : {}),
				...(device.serialNumber ? { serialNumber: device.serialNumber } : {}),
				hub: false,
			}));
		},
	};
}
