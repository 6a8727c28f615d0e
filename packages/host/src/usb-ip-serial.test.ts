/** The serial port of a virtual device behind USB/IP: many waiting transfers, as a kernel's cdc-acm driver keeps them, and the whole way of linac. */
import { platformByName, platforms } from '@linac/catalog';
import { systemClock } from '@linac/core';
import { ListeningDevice } from '@linac/serial';
import { cdcSerialHost, type UsbPlatformIds } from '@linac/usb';
import { standInApplication, standInRelease, VirtualDevice } from '@linac/virtual';
import { afterEach, expect, test } from 'vitest';
import { usbIpHost } from './usb-ip-host.js';
import { UsbIpServer } from './usb-ip-server.js';
import { UsbIpWire } from './usb-ip-wire.js';

const ids: UsbPlatformIds[] = platforms.map((p) => ({
	name: p.name,
	id: p.id,
	vendorId: p.usb.vendorId,
	productId: p.usb.productId,
	dfuProductId: p.usb.dfuProductId,
	controlOutNeedsDataStage: p.quirks.controlOutNeedsDataStage,
}));
const SERIAL_IN = 0x81;
const NOTIFY_IN = 0x82;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

let server: UsbIpServer | undefined;
afterEach(async () => {
	await server?.close();
	server = undefined;
});

async function served(name: string, version: string) {
	const platform = platformByName(name)!;
	const modules = [...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);
	const device = new VirtualDevice({ platform, clock: systemClock, timing: 'none', modules, location: '1-1', setupDone: true });
	device.plug();
	for (let i = 0; i < 200 && !device.attached; i++) await systemClock.sleep(10);
	server = await UsbIpServer.start(device.wireBus, { port: 0 });
	return { device, address: { host: '127.0.0.1', port: server.port } };
}

async function attached(address: { host: string; port: number }, device: VirtualDevice): Promise<UsbIpWire> {
	const { vendorId, productId } = device.platform.usb;
	const exported = {
		busId: '1-1',
		busNumber: 1,
		deviceNumber: 2,
		speed: 'full' as const,
		vendorId,
		productId,
		deviceVersion: 0x0252,
		deviceClass: 0xef,
		deviceSubclass: 2,
		deviceProtocol: 1,
		configurationValue: 1,
		configurations: 1,
		interfaces: 3,
	};
	return UsbIpWire.attach(address, exported);
}

test('transfers that wait for bytes are answered in their order, those that are unlinked never, and no byte is lost', async () => {
	const { device, address } = await served('photon', '2.3.1');
	const wire = await attached(address, device);
	const stop = Array.from({ length: 16 }, () => new AbortController());
	const order: string[] = [];
	const transfers = stop.map((controller, i) =>
		wire.bulk(SERIAL_IN, 64, controller.signal).then(
			(result) => order.push(`${i}: ${text(result.data)}`),
			(error: { code: string }) => order.push(`${i}: ${error.code}`),
		),
	);
	const notify = new AbortController();
	const notification = wire.bulk(NOTIFY_IN, 8, notify.signal).catch((error: { code: string }) => error.code);
	await systemClock.sleep(50);
	expect(order).toEqual([]);
	// The first one in the queue and one in the middle.
	stop[0]!.abort();
	stop[2]!.abort();
	await systemClock.sleep(50);
	device.say('one');
	await systemClock.sleep(20);
	device.say('two');
	await systemClock.sleep(50);
	expect(order).toEqual(['0: CANCELLED', '2: CANCELLED', '1: one', '3: two']);
	for (const controller of stop) controller.abort();
	notify.abort();
	await Promise.all(transfers);
	expect(await notification).toBe('CANCELLED');
	await systemClock.sleep(50);
	// Nobody waits now: what comes is kept for the next one.
	device.say('three');
	expect(text((await wire.bulk(SERIAL_IN, 64)).data)).toBe('three');
	await wire.release();
});

test('a device that leaves ends the transfers that wait', async () => {
	const { device, address } = await served('photon', '2.3.1');
	const wire = await attached(address, device);
	const waiting = wire.bulk(SERIAL_IN, 64);
	waiting.catch(() => {});
	await systemClock.sleep(20);
	device.unplug();
	await expect(waiting).rejects.toMatchObject({ code: 'USB_DISCONNECTED' });
});

test('a device behind USB/IP is listed as a serial port, answers in listening mode, and is free again when the port is closed', async () => {
	const { device, address } = await served('boron', '2.2.0');
	device.holdMode();
	const usb = usbIpHost(address);
	const serial = cdcSerialHost(usb, ids, systemClock);
	const [port] = await serial.ports();
	expect(port).toMatchObject({ path: 'usb:1-1', deviceId: device.deviceId, location: '1-1' });
	for (let i = 0; i < 2; i++) {
		const stream = await serial.open(port!, 9600);
		const identity = await new ListeningDevice(stream, systemClock).identity();
		expect(identity.deviceId).toBe(device.deviceId);
		await stream.close();
	}
	await expect(serial.open({ path: 'usb:9-9' }, 9600)).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
	await usb.close?.();
});
