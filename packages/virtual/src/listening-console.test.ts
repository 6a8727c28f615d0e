import { platformByName } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { type ByteStream, ListeningDevice, sendYmodem } from '@linac/serial';
import { cdcSerialHost } from '@linac/usb';
import { expect, test } from 'vitest';
import { usbPlatforms } from '../../../tests/support/virtual-lab.js';
import { standInApplication, standInRelease, VirtualDevice, virtualUsbHost } from './index.js';

interface Bench {
	device: VirtualDevice;
	clock: VirtualClock;
	open(rate?: number): Promise<ByteStream>;
}

/** A device that has started, and a way to its serial port. */
async function bench(name: string, version: string, listening = true): Promise<Bench> {
	const platform = platformByName(name)!;
	const clock = new VirtualClock();
	const modules = [...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);
	const device = new VirtualDevice({ platform, clock, modules, setupDone: true });
	device.plug();
	await clock.sleep(3000);
	if (listening) device.holdMode();
	const host = cdcSerialHost(virtualUsbHost(device.wireBus), usbPlatforms, clock);
	const open = async (rate = 9600) => host.open((await host.ports())[0]!, rate);
	return { device, clock, open };
}

test.each([
	['photon', '1.5.2'],
	['electron', '2.3.1'],
	['boron', '2.2.0'],
	['argon', '4.0.1'],
	['tracker', '5.9.0'],
	['p2', '5.7.0'],
	['msom', '6.2.0'],
])('a listening %s with Device OS %s says who it is and what is on it', async (name, version) => {
	const { device, clock, open } = await bench(name, version);
	const stream = await open();
	const listening = new ListeningDevice(stream, clock);
	const { components } = device.platform;
	expect(await listening.version()).toBe(version);
	const identity = await listening.identity();
	expect(identity.deviceId).toBe(device.deviceId);
	expect(identity.imei !== undefined).toBe(components.cellular);
	expect((await listening.mac()) !== undefined).toBe(components.wifi);
	const { modules, platformId } = await listening.modules();
	expect(platformId).toBe(device.platform.id);
	for (const truth of device.installedModules()) {
		expect(modules).toContainEqual(
			expect.objectContaining({ function: truth.function, index: truth.index, version: truth.version }),
		);
	}
	expect(await listening.claimed()).toBe(false);
	expect(await listening.diagnostics()).toBeTypeOf('object');
	await stream.close();
});

test('a device that does not listen answers nothing, and says so by its silence', async () => {
	const { clock, open } = await bench('photon', '2.3.1', false);
	const stream = await open();
	await expect(new ListeningDevice(stream, clock).identity()).rejects.toMatchObject({ code: 'NOT_LISTENING' });
	expect(await new ListeningDevice(stream, clock).answers()).toBe(false);
	await stream.close();
});

test('28800 bits per second start listening mode before Device OS 6, and nothing from then on', async () => {
	for (const [version, expected] of [
		['5.9.0', true],
		['6.2.0', false],
	] as const) {
		const { clock, open } = await bench('boron', version, false);
		const stream = await open(28800);
		expect(await new ListeningDevice(stream, clock).answers()).toBe(expected);
	}
});

test('"x" ends listening mode, "L" restarts the device into it', async () => {
	const { device, clock, open } = await bench('photon', '2.3.1');
	const stream = await open();
	const listening = new ListeningDevice(stream, clock);
	await listening.restartListening();
	await expect(stream.read(5000)).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
	await clock.sleep(3000);
	const again = await open();
	expect(await new ListeningDevice(again, clock).answers()).toBe(true);
	await new ListeningDevice(again, clock).leave();
	await clock.sleep(100);
	expect(device.mode).toBe('safe');
	expect(await new ListeningDevice(again, clock).answers()).toBe(false);
});

test('a module that is sent over YMODEM is applied, and the device restarts by itself', async () => {
	const { device, clock, open } = await bench('photon', '2.3.1');
	const application = standInApplication(device.platform, '2.3.1');
	const stream = await open();
	const listening = new ListeningDevice(stream, clock);
	await listening.startFlashing();
	const said = await sendYmodem(stream, application.module.bytes, { clock, name: 'tinker.bin' });
	expect(said).toContain('Downloaded file successfully!');
	expect(said).toContain('Name: tinker.bin');
	await clock.sleep(5000);
	expect(device.mode).toBe('normal');
	const truth = device.installedModules().find((m) => m.function === 5);
	expect(truth?.valid).toBe(true);
});
