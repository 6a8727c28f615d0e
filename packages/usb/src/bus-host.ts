/**
 * A `UsbHost` over a `UsbBus` in this process: virtual devices as WebUSB devices, without any driver in between. One WebUSB device
 * stands for one attachment, as in a browser: a device that restarts comes back as another object.
 */
import { LinacError } from '@linac/core';
import { WebUsbDevice } from './web-usb-device.js';
import type { UsbBus, UsbHandle, UsbHost, UsbWire } from './wire.js';

/** Makes a host of a bus. `name` is for messages. */
export function busHost(bus: UsbBus, name = 'bus'): UsbHost {
	const known = new WeakMap<UsbWire, Promise<WebUsbDevice | undefined>>();
	const deviceOf = (wire: UsbWire) => {
		let device = known.get(wire);
		if (!device) {
			device = WebUsbDevice.from(wire).catch((error: unknown) => {
				known.delete(wire);
				// It left while its strings were read: then it is simply not there.
				if (error instanceof LinacError && error.code === 'USB_DISCONNECTED') return undefined;
				throw error;
			});
			known.set(wire, device);
		}
		return device;
	};
	return {
		name,
		async devices() {
			const handles: UsbHandle[] = [];
			for (const wire of await bus.wires()) {
				const device = await deviceOf(wire);
				if (device) handles.push({ device, location: wire.location });
			}
			return handles;
		},
		watch: (onChange) => bus.watch(onChange),
	};
}
