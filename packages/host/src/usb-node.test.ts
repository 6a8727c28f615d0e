import { describe, expect, it } from 'vitest';
import { makeHost, nodeUsbHost } from './usb-node.js';

/** As much of node-usb as the host uses, with one Boron at bus 3, ports 1.4. */
function library(create: () => Promise<unknown>) {
	const device = {
		busNumber: 3,
		deviceAddress: 9,
		portNumbers: [1, 4],
		timeout: 1000,
		deviceDescriptor: {
			idVendor: 0x2b04,
			idProduct: 0xc00d,
			bcdDevice: 0x0251,
			bDeviceClass: 0,
			bDeviceSubClass: 0,
			bDeviceProtocol: 0,
		},
	};
	// A mouse: not opened, not listed; it keeps the bus from being empty.
	const other = { ...device, deviceDescriptor: { ...device.deviceDescriptor, idVendor: 0x046d } };
	const list = [device, other];
	const usb = { getDeviceList: () => [...list], WebUSBDevice: { createInstance: create }, usb: { on() {}, off() {} } };
	return { list, device, host: makeHost(async () => usb as never) };
}

describe('USB in Node', () => {
	it("gives Particle's devices with bus and port path, each attachment as one object", async () => {
		const { host, device, list } = library(async () => ({ serialNumber: 'e00fce681234567890abcdef' }));
		const [handle, ...rest] = await host.devices();
		expect(rest).toEqual([]);
		expect(handle!.location).toBe('3-1.4');
		expect((await host.devices())[0]!.device).toBe(handle!.device);
		expect(device.timeout).toBeGreaterThan(60_000);
		list.shift();
		expect(await host.devices()).toEqual([]);
	});

	it('lists a device that may not be opened, and says what to do when it is opened', async () => {
		const { host } = library(async () => {
			throw new Error('initialize error: Error: LIBUSB_ERROR_ACCESS');
		});
		const [handle] = await host.devices();
		expect(handle!.device).toMatchObject({ vendorId: 0x2b04, productId: 0xc00d, serialNumber: null });
		await expect(handle!.device.open()).rejects.toMatchObject({
			code: 'USB_PERMISSION',
			retry: 'operator',
			hint: expect.stringContaining('udev'),
		});
	});

	it('says clearly when USB cannot be used on this machine', async () => {
		const host = makeHost(() => Promise.reject(new Error('LIBUSB_ERROR_OTHER')));
		await expect(host.devices()).rejects.toMatchObject({ code: 'USB_UNAVAILABLE', retry: 'operator' });
		const stop = host.watch(() => {});
		stop();
	});

	it('has one host for the whole process', () => {
		expect(nodeUsbHost()).toBe(nodeUsbHost());
	});
});
