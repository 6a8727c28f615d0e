/** Particle's own client, particle-usb 4.1.0, finds in a virtual device what it finds in a real one: it lists it, asks it, and programs it. */
import { platformByName } from '@linac/catalog';
import { equalBytes, seededRandom, systemClock } from '@linac/core';
import type { ParsedModule } from '@linac/firmware';
import { standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { afterEach, expect, test } from 'vitest';
import { type PeerDevice, particleUsb } from '../support/particle-usb.js';
import { realModule, realTinker } from '../support/real-firmware.js';
import { modules, parsed, tinker } from '../support/virtual-lab.js';

interface Case {
	name: string;
	modules: ParsedModule[];
	version: string;
	system: number;
	/** Where an application stands, and the alternate setting that reaches it. */
	application: number;
}

const release = (name: string, version: string) => standInRelease(name, version).modules.map((m) => m.module);
const cases: Case[] = [
	{
		name: 'boron',
		modules: modules('boron-bootloader@2.2.0.bin', 'boron-softdevice@2.2.0.bin', 'boron-system-part1@2.2.0.bin'),
		version: '2.2.0',
		system: 2202,
		application: 0xd4000,
	},
	{
		name: 'photon',
		modules: [
			...modules('photon-bootloader@2.3.1+lto.bin', 'photon-system-part1@2.3.1.bin', 'photon-system-part2@2.3.1.bin'),
			tinker('photon'),
		],
		version: '2.3.1',
		system: 2302,
		application: 0x80a0000,
	},
	{ name: 'p2', modules: release('p2', '5.9.0'), version: '5.9.0', system: 5901, application: 0x8500000 },
];

const bus = new VirtualBus();
const peer = particleUsb(virtualUsbHost(bus));
const opened: PeerDevice[] = [];
const onBus: VirtualDevice[] = [];

function plugged(name: string, held: ParsedModule[]): VirtualDevice {
	const platform = platformByName(name)!;
	const device = new VirtualDevice({ platform, clock: systemClock, timing: 'none', setupDone: true, modules: held });
	bus.add(device);
	device.plug();
	onBus.push(device);
	return device;
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
	for (let n = 0; n < 200; n++) {
		const answer = await ask().catch(() => undefined);
		if (answer !== undefined) return answer;
		await systemClock.sleep(50);
	}
	throw new Error('It did not come.');
}

async function open(device: VirtualDevice, dfu: boolean): Promise<PeerDevice> {
	const found = await until(async () => {
		const candidate = await peer.openDeviceById(device.deviceId);
		opened.push(candidate);
		if (candidate.isInDfuMode === dfu) return candidate;
		await candidate.close();
		return undefined;
	});
	return found;
}

afterEach(async () => {
	for (const device of opened.splice(0)) await device.close().catch(() => {});
	for (const device of onBus.splice(0)) device.unplug();
});

test.each(cases.map((c) => [c.name, c] as const))('particle-usb reads and programs a virtual %s', async (name, c) => {
	const device = plugged(name, c.modules);
	await until(async () => device.attached || undefined);
	const listed = await until(async () => {
		const all = await peer.getDevices({ types: [name] });
		return all.length > 0 ? all : undefined;
	});
	expect(listed.map((d) => d.type)).toEqual([name]);

	const running = await open(device, false);
	expect(running).toMatchObject({ id: device.deviceId, type: name, firmwareVersion: c.version, isInDfuMode: false });
	const info = await running.getFirmwareModuleInfo();
	const system = info.filter((m) => /system/i.test(m.type));
	expect(system.length).toBe(device.installedModules().filter((m) => m.function === 4).length);
	expect(new Set(system.map((m) => m.version))).toEqual(new Set([c.system]));
	await running.enterDfuMode({ noReconnectWait: true });
	await running.close();

	const loader = await open(device, true);
	expect(loader).toMatchObject({ id: device.deviceId, type: name });
	const bytes = seededRandom(5).bytes(20_000);
	await loader.writeOverDfu(Buffer.from(bytes), { altSetting: 0, startAddr: c.application, leave: true });
	await loader.close();
	await (await open(device, false)).close();
	expect(device.mode).toBe('safe');

	// Read from a fresh start of the bootloader. Right after a write it would send CLRSTATUS outside of dfuERROR, which is a stall
	// (device-os v4.0.1: bootloader/src/nRF52840/usbd_dfu.cpp, handleDfuClrStatus), here as on a real device.
	device.pressModeAndReset();
	const reader = await open(device, true);
	const back = await reader.readOverDfu({ altSetting: 0, startAddr: c.application, size: bytes.length });
	expect(equalBytes(new Uint8Array(back), bytes)).toBe(true);
	expect(equalBytes(device.flash('internal').read(c.application, bytes.length), bytes)).toBe(true);
	await reader.reset();
	await reader.close();

	const again = await open(device, false);
	expect(again.firmwareVersion).toBe(c.version);
	await again.close();
});

test('particle-usb gives a virtual Boron a real bootloader by control requests, and the device installs it', async () => {
	const device = plugged('boron', [...cases[0]!.modules, parsed(realTinker('boron'))]);
	const running = await open(device, false);
	const before = device.installedModules().find((m) => m.function === 2)!.version;
	await running.updateFirmware(Buffer.from(realModule('boron-bootloader@4.0.1.bin')));
	await running.close();
	await until(async () => device.installedModules().find((m) => m.function === 2 && m.version === 1101 && m.valid));
	expect(before).toBeLessThan(1101);
	const again = await open(device, false);
	expect((await again.getFirmwareModuleInfo()).find((m) => /bootloader/i.test(m.type))).toMatchObject({ version: 1101 });
	await again.close();
});
