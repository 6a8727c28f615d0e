/** The contract of `UsbHost`, run on every implementation that needs no hardware: in this process, and over USB/IP on loopback. */
import { equalBytes, type LinacError, systemClock } from '@linac/core';
import { UsbIpServer, usbIpHost } from '@linac/host';
import { busHost, ControlDevice, DfuDevice, listDevices, type UsbHost, waitForDevice } from '@linac/usb';
import { afterEach, describe, expect, it } from 'vitest';
import { bootloader, controlFirmware, ScriptedBus, ScriptedWire, testPlatforms } from './usb-scripted-wire.js';

const ID = 'e00fce681234567890abcdef';
const MAP = '@Internal Flash   /0x00000000/1*004Ka,47*004Kg,208*004Kg';

interface World {
	bus: ScriptedBus;
	host: UsbHost;
	/** Another process that uses the same bus. */
	other(): UsbHost;
	close(): Promise<void>;
}

const implementations: Record<string, () => Promise<World>> = {
	'in-process bus': async () => {
		const bus = new ScriptedBus();
		return { bus, host: busHost(bus), other: () => busHost(bus), close: async () => {} };
	},
	'USB/IP over loopback': async () => {
		const bus = new ScriptedBus();
		const server = await UsbIpServer.start(bus, { port: 0 });
		const hosts: UsbHost[] = [];
		const other = () => {
			const host = usbIpHost({ host: '127.0.0.1', port: server.port });
			hosts.push(host);
			return host;
		};
		return {
			bus,
			host: other(),
			other,
			close: async () => {
				for (const host of hosts) await host.close?.();
				await server.close();
			},
		};
	},
};

describe.each(Object.entries(implementations))('a UsbHost: %s', (_name, make) => {
	let world: World;
	afterEach(() => world.close());

	const boot = (location = '1-1', serial = ID) => {
		const area = { base: 0, bytes: new Uint8Array(0x100000).fill(0xff), sector: 4096 };
		const loader = bootloader('nrf52840', [area]);
		const wire = new ScriptedWire({ productId: 0xd00d, serial, location, alternates: [MAP] }, loader.firmware);
		return { wire: world.bus.add(wire), loader, area };
	};
	const normal = (location = '1-1') => {
		const os = controlFirmware();
		const wire = world.bus.add(new ScriptedWire({ productId: 0xc00d, serial: ID, location }, os.firmware));
		return { wire, os };
	};

	it('lists devices with ids, names and place, and each attachment as one and the same object', async () => {
		world = await make();
		expect(await world.host.devices()).toEqual([]);
		boot('1-2.3');
		const [handle] = await world.host.devices();
		expect(handle!.location).toBe('1-2.3');
		expect(handle!.device).toMatchObject({
			vendorId: 0x2b04,
			productId: 0xd00d,
			serialNumber: ID,
			productName: 'Test device',
			manufacturerName: 'Particle',
			deviceVersionMajor: 2,
			deviceVersionMinor: 5,
			deviceVersionSubminor: 1,
			opened: false,
		});
		expect((await world.host.devices())[0]!.device).toBe(handle!.device);
	});

	it('moves a megabyte through DFU unharmed', async () => {
		world = await make();
		const { area } = boot();
		const found = (await listDevices(world.host, testPlatforms))[0]!;
		const dfu = await DfuDevice.open(found, { clock: systemClock });
		const bytes = Uint8Array.from({ length: 0xf0000 }, (_, i) => (i * 31 + (i >> 9)) & 0xff);
		await dfu.write(0, 0x1000, bytes);
		expect(equalBytes(area.bytes.subarray(0x1000, 0xf1000), bytes)).toBe(true);
		expect(equalBytes(await dfu.read(0, 0x1000, bytes.length), bytes)).toBe(true);
		await dfu.close();
	});

	it('answers control requests whose replies need several transfers', async () => {
		world = await make();
		const { os } = normal();
		const long = 'x'.repeat(9000);
		os.handlers.set(21, () => ({ reply: Uint8Array.from([0x0a, 0xa8, 0x46, ...new TextEncoder().encode(long)]) }));
		const device = await ControlDevice.open((await listDevices(world.host, testPlatforms))[0]!, { clock: systemClock });
		expect((await device.identify()).serialNumber).toBe(long);
		await device.close();
	});

	it('follows a device that restarts in another mode at the same place', async () => {
		world = await make();
		const { os, wire } = normal();
		os.handlers.set(50, () => ({}));
		os.finished = () => setTimeout(() => wire.leave(), 30);
		const found = (await listDevices(world.host, testPlatforms))[0]!;
		const device = await ControlDevice.open(found, { clock: systemClock });
		await device.enterDfu();
		expect(await listDevices(world.host, testPlatforms)).toEqual([]);
		setTimeout(() => boot(), 50);
		const back = await waitForDevice(world.host, testPlatforms, {
			deviceId: ID,
			mode: 'dfu',
			timeoutMs: 5000,
			clock: systemClock,
			gone: found.handle.device,
		});
		expect(back).toMatchObject({ mode: 'dfu', deviceId: ID, location: '1-1' });
		await (await DfuDevice.open(back, { clock: systemClock })).close();
	});

	it('sees a restart in the same mode as another attachment', async () => {
		world = await make();
		const first = boot();
		const before = (await world.host.devices())[0]!.device;
		first.wire.leave();
		boot();
		const after = (await world.host.devices())[0]!.device;
		expect(after).not.toBe(before);
		await expect(before.open()).rejects.toMatchObject({ name: 'NotFoundError' });
	});

	it('says that a device has gone when it is unplugged in the middle of a transfer', async () => {
		world = await make();
		const { wire } = boot();
		const dfu = await DfuDevice.open((await listDevices(world.host, testPlatforms))[0]!, { clock: systemClock });
		const start = wire.packets.length;
		wire.intercept = (_, n) => (n === start + 20 ? 'gone' : undefined);
		const error = await dfu.write(0, 0x30000, new Uint8Array(100_000)).catch((e: LinacError) => e);
		expect(error).toMatchObject({ code: 'USB_DISCONNECTED', retry: 'reconnect' });
		expect(await world.host.devices()).toEqual([]);
	});

	it('passes stalls on, and the device works afterwards', async () => {
		world = await make();
		boot();
		const { device } = (await world.host.devices())[0]!;
		await device.open();
		const vendor = { requestType: 'vendor', recipient: 'device', request: 0x77, value: 0, index: 0 } as const;
		expect((await device.controlTransferIn(vendor, 8)).status).toBe('stall');
		expect(await device.controlTransferOut(vendor, Uint8Array.of(1, 2))).toMatchObject({ status: 'stall', bytesWritten: 0 });
		const getStatus = { requestType: 'class', recipient: 'interface', request: 3, value: 0, index: 0 } as const;
		await device.claimInterface(0);
		expect((await device.controlTransferIn(getStatus, 6)).data!.byteLength).toBe(6);
		await device.close();
	});

	it("refuses what WebUSB refuses, with WebUSB's errors and before anything is sent", async () => {
		world = await make();
		const { wire } = boot();
		const { device } = (await world.host.devices())[0]!;
		const toInterface = { requestType: 'class', recipient: 'interface', request: 3, value: 0, index: 0 } as const;
		const sent = wire.packets.length;
		await expect(device.controlTransferIn(toInterface, 6)).rejects.toMatchObject({ name: 'InvalidStateError' });
		await device.open();
		await expect(device.controlTransferIn(toInterface, 6)).rejects.toMatchObject({ name: 'InvalidStateError' });
		await expect(device.selectAlternateInterface(0, 0)).rejects.toMatchObject({ name: 'InvalidStateError' });
		await expect(device.claimInterface(7)).rejects.toMatchObject({ name: 'NotFoundError' });
		await expect(device.selectConfiguration(9)).rejects.toMatchObject({ name: 'NotFoundError' });
		await device.claimInterface(0);
		await expect(device.selectAlternateInterface(0, 5)).rejects.toMatchObject({ name: 'NotFoundError' });
		await expect(device.transferIn(1, 8)).rejects.toMatchObject({ name: 'NotFoundError' });
		await expect(device.open()).resolves.toBeUndefined();
		expect(wire.packets.length).toBe(sent);
		await device.close();
	});

	it('moves bytes through bulk endpoints', async () => {
		world = await make();
		normal();
		const { device } = (await world.host.devices())[0]!;
		await device.open();
		await device.claimInterface(0);
		expect(await device.transferOut(2, Uint8Array.of(1, 2, 3))).toMatchObject({ status: 'ok', bytesWritten: 3 });
		const back = await device.transferIn(1, 64);
		expect([...new Uint8Array(back.data!.buffer)]).toEqual([1, 2, 3]);
		await device.close();
	});

	it('tells watchers when something comes and goes, until they stop', async () => {
		world = await make();
		let told = 0;
		const stop = world.host.watch(() => told++);
		await systemClock.sleep(300);
		const { wire } = boot();
		for (let i = 0; i < 60 && told === 0; i++) await systemClock.sleep(50);
		expect(told).toBeGreaterThan(0);
		told = 0;
		wire.leave();
		for (let i = 0; i < 60 && told === 0; i++) await systemClock.sleep(50);
		expect(told).toBeGreaterThan(0);
		stop();
		stop();
	});

	it('keeps sixteen devices apart when all are used at once', async () => {
		world = await make();
		const all = Array.from({ length: 16 }, (_, i) => ({
			i,
			...boot(`1-${i + 1}`, `e00fce68${i.toString(16).padStart(16, '0')}`),
		}));
		all[7]!.wire.intercept = (_, n) => (n === 40 ? 'gone' : undefined);
		const found = await listDevices(world.host, testPlatforms);
		expect(found.length).toBe(16);
		const outcomes = await Promise.allSettled(
			found.map(async (one, i) => {
				const dfu = await DfuDevice.open(one, { clock: systemClock });
				await dfu.write(0, 0x30000, new Uint8Array(60_000).fill(i));
				await dfu.close();
			}),
		);
		expect(outcomes.map((o) => o.status === 'fulfilled')).toEqual(all.map(({ i }) => i !== 7));
		for (const { i, area } of all)
			if (i !== 7) expect(area.bytes.subarray(0x30000, 0x30000 + 60_000).every((b) => b === i)).toBe(true);
	});
});

describe('USB/IP', () => {
	it('shows a device that another client has open, and says that it is in use', async () => {
		const bus = new ScriptedBus();
		const server = await UsbIpServer.start(bus, { port: 0 });
		const first = usbIpHost({ host: '127.0.0.1', port: server.port });
		const second = usbIpHost({ host: '127.0.0.1', port: server.port });
		const os = controlFirmware();
		bus.add(new ScriptedWire({ productId: 0xc00d, serial: ID }, os.firmware));
		const clock = systemClock;
		const mine = await ControlDevice.open((await listDevices(first, testPlatforms))[0]!, { clock });
		const [theirs] = await listDevices(second, testPlatforms);
		expect(theirs).toMatchObject({ mode: 'normal', location: '1-1' });
		await expect(ControlDevice.open(theirs!, { clock })).rejects.toMatchObject({ code: 'USB_BUSY', retry: 'operator' });
		await mine.close();
		await systemClock.sleep(50);
		await (await ControlDevice.open((await listDevices(second, testPlatforms))[0]!, { clock })).close();
		await first.close?.();
		await second.close?.();
		await server.close();
	});

	it('listens on this machine only, unless told otherwise', async () => {
		const server = await UsbIpServer.start(new ScriptedBus(), { port: 0 });
		expect(server.host).toBe('127.0.0.1');
		await expect(UsbIpServer.start(new ScriptedBus(), { port: server.port })).rejects.toMatchObject({ code: 'USBIP_LISTEN' });
		await server.close();
		const gone = usbIpHost({ host: '127.0.0.1', port: server.port });
		await expect(gone.devices()).rejects.toMatchObject({ code: 'USBIP_UNREACHABLE', retry: 'operator' });
	});
});
