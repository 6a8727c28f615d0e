import { platformByName } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { ControlDevice, DfuDevice, listDevices } from '@linac/usb';
import { standInApplication, standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { expect, test } from 'vitest';
import { realModule } from '../../../tests/support/real-firmware.js';
import { lab, modules, tinker, usbPlatforms } from '../../../tests/support/virtual-lab.js';

const boron = (release: string) =>
	modules(`boron-softdevice@${release}.bin`, `boron-bootloader@${release}.bin`, `boron-system-part1@${release}.bin`);

test('without setup a Boron on 2.2.0 listens until the flag is set, on 4.0.1 it does not care', async () => {
	const before = lab('boron', { modules: [...boron('2.2.0'), tinker('boron')] });
	const dev = await before.control();
	expect(before.device.mode).toBe('listening');
	expect(await dev.setupDone()).toBe(false);
	await dev.setSetupDone(true);
	expect(before.device.readDct(8134, 1)[0]).toBe(1);
	await dev.reset();
	await before.find('normal');
	expect(before.device.mode).toBe('normal');
	const after = lab('boron', { modules: [...boron('4.0.1'), tinker('boron')] });
	await after.find('normal');
	expect(after.device.mode).toBe('normal');
});

test('safe mode says why: no application, an application for a newer system, a bootloader that is too old', async () => {
	const none = lab('boron', { modules: boron('4.0.1') });
	await none.find('normal');
	expect([none.device.mode, none.device.why]).toEqual(['safe', expect.stringContaining('no application')]);

	const newer = lab('boron', { modules: [...boron('4.0.1'), standInApplication('boron', '5.0.0').module] });
	await newer.find('normal');
	expect(newer.device.mode).toBe('safe');

	const mixed = lab('boron', {
		modules: [
			...modules('boron-softdevice@2.2.0.bin', 'boron-bootloader@2.2.0.bin', 'boron-system-part1@4.0.1.bin'),
			tinker('boron'),
		],
	});
	const dev = await mixed.control();
	expect(mixed.device.mode).toBe('safe');
	const system = (await dev.modules()).find((m) => m.function === 4)!;
	expect(system.dependenciesMet).toBe(false);
});

test('a torn SoftDevice makes a Boron crash again and again, and DFU by the button saves it', async () => {
	const { device, dfu, find, clock } = lab('boron', { modules: [...boron('4.0.1'), tinker('boron')] });
	const d = await dfu();
	const payload = realModule('boron-softdevice@4.0.1.bin').subarray(24);
	await d.write(0, 0x1000, payload.subarray(0, 40_000));
	await d.erase(0, 0x14000, 4096);
	await d.leave();
	await clock.sleep(10_000);
	expect([device.mode, device.why]).toEqual(['dead', expect.stringContaining('SoftDevice')]);
	const again = await dfu();
	await again.write(0, 0x1000, payload);
	await again.leave();
	await find('normal');
	expect(device.mode).toBe('normal');
});

test('an update that cannot be applied is refused with the result code of Device OS', async () => {
	const { device, control } = lab('boron', { modules: [...boron('2.2.0'), tinker('boron')], setupDone: true });
	const dev = await control();
	const bootloader = realModule('boron-bootloader@4.0.1.bin');
	const torn = bootloader.slice();
	torn[5000]! ^= 1;
	await expect(dev.updateFirmware(torn)).rejects.toMatchObject({ details: { result: -1330 } });
	await expect(dev.updateFirmware(realModule('argon-bootloader@4.0.1.bin'))).rejects.toMatchObject({
		details: { result: -1360 },
	});
	await expect(dev.updateFirmware(realModule('boron-system-part1@4.0.1.bin'))).rejects.toMatchObject({
		details: { result: -1340 },
	});
	expect(device.installedModules().find((m) => m.function === 2)).toMatchObject({ version: 1006, valid: true });
	await dev.updateFirmware(bootloader);
});

test('a system part and then an application given by control requests are copied by the bootloader at the next start', async () => {
	const { device, control, find } = lab('boron', { modules: [...boron('2.2.0'), tinker('boron')], setupDone: true });
	for (const bytes of [realModule('boron-bootloader@4.0.1.bin'), realModule('boron-system-part1@4.0.1.bin')]) {
		const dev = await control();
		await dev.updateFirmware(bytes);
		await find('normal');
	}
	const app = standInApplication('boron', '4.0.1');
	const dev = await control();
	expect(await dev.osVersion()).toBe('4.0.1');
	await dev.updateFirmware(app.module.bytes);
	await find('normal');
	expect(device.mode).toBe('normal');
	const users = device.installedModules().filter((m) => m.function === 5);
	expect(users).toEqual([{ function: 5, index: 2, version: 6, valid: true, sha256: app.sha256 }]);
});

test('from 5.6.0 on module info comes in the form of the cloud, with hashes, and says the same', async () => {
	for (const version of ['5.5.0', '5.6.0']) {
		const set = [...standInRelease('b5som', version).modules, standInApplication('b5som', version)];
		const { device, control } = lab('b5som', { modules: set.map((m) => m.module) });
		const dev = await control();
		const reported = await dev.modules();
		const truth = device.installedModules();
		expect(reported.map((m) => [m.function, m.index, m.version, m.valid]).sort()).toEqual(
			truth.map((m) => [m.function, m.index, m.version, m.valid]).sort(),
		);
	}
});

test('an NCP module takes its time and then is what the device reports', async () => {
	const names = ['argon-softdevice@4.0.1.bin', 'argon-bootloader@4.0.1.bin', 'argon-system-part1@4.0.1.bin'];
	const { device, control, find, clock } = lab('argon', {
		modules: [...modules(...names), tinker('argon')],
		ncp: { version: 4 },
	});
	const release = standInRelease('tracker', '4.0.1', { sizes: { ncp: 200_000 } });
	expect(release.modules.some((m) => m.module.prefix.function === 7)).toBe(true);
	const argon = standInRelease('argon', '4.0.1', { sizes: { ncp: 200_000 } }).modules.find((m) => m.module.prefix.function === 7);
	expect((await (await control()).identify()).ncpModuleVersion).toBe(4);
	if (argon) {
		const dev = ControlDevice.open(await find('normal'), { clock });
		await (await dev).updateFirmware(argon.module.bytes);
		await find('normal');
		expect(device.installedModules().find((m) => m.function === 7)).toMatchObject({ version: argon.module.prefix.version });
	}
});

test('the cable pulled at any transfer of a DFU write leaves a device that comes back, and no other device notices', async () => {
	const clock = new VirtualClock();
	const facts = platformByName('boron')!;
	const set = [...standInRelease('boron', '4.0.1').modules, standInApplication('boron', '4.0.1')].map((m) => m.module);
	const make = (seed: number) => new VirtualDevice({ platform: facts, clock, seed, modules: set, timing: 'none' });
	const [one, two] = [make(1), make(2)];
	const bus = new VirtualBus(one, two);
	one.plug();
	two.plug();
	await clock.sleep(5000);
	const host = virtualUsbHost(bus);
	const found = await listDevices(host, usbPlatforms);
	expect(found.map((f) => f.deviceId).sort()).toEqual([one.deviceId, two.deviceId].sort());
	one.faults.unplugAtTransfer(3);
	const dev = ControlDevice.open(found.find((f) => f.deviceId === one.deviceId)!, { clock });
	await expect(dev.then((d) => d.modules())).rejects.toMatchObject({ code: 'USB_DISCONNECTED' });
	expect([one.mode, two.mode]).toEqual(['off', 'normal']);
	expect((await listDevices(host, usbPlatforms)).map((f) => f.deviceId)).toEqual([two.deviceId]);
	one.plug();
	await clock.sleep(1);
	expect(one.mode).toBe('normal');
});

test('saved state brings back the same device with everything that outlives its power', async () => {
	const first = lab('photon', {
		modules: modules('photon-bootloader@2.2.0+lto.bin', 'photon-system-part1@2.2.0.bin', 'photon-system-part2@2.2.0.bin'),
		seed: 77,
	});
	const d = await first.dfu();
	await d.write(1, 1762, new TextEncoder().encode('claim'), { erase: false });
	const state = JSON.parse(JSON.stringify(first.device.saveState()));
	const second = lab('photon', { modules: [], state });
	expect(second.device.deviceId).toBe(first.device.deviceId);
	expect(second.device.installedModules()).toEqual(first.device.installedModules());
	expect(new TextDecoder().decode(second.device.readDct(1762, 5))).toBe('claim');
	expect(() => lab('boron', { modules: [], state })).toThrow(/platform/);
});

test('counters hold the time that the hardware cannot do without, and the job takes no less', async () => {
	const { device, dfu, clock } = lab('boron', { modules: [...boron('4.0.1'), tinker('boron')] });
	const d = await dfu();
	const before = structuredClone(device.counters);
	const start = clock.now();
	const part = realModule('boron-system-part1@4.0.1.bin');
	await d.write(0, 0x30000, part);
	const c = device.counters;
	const pages = Math.ceil(part.length / 4096);
	expect(c.flashErases - before.flashErases).toBe(pages);
	expect(c.physicalMs.erase - before.physicalMs.erase).toBe(pages * 85);
	expect(c.physicalMs.program - before.physicalMs.program).toBeCloseTo((Math.ceil(part.length / 4) * 41) / 1000, 0);
	const physical = c.physicalMs.erase + c.physicalMs.program + c.physicalMs.wire;
	expect(clock.now() - start).toBeGreaterThan(
		physical - before.physicalMs.erase - before.physicalMs.program - before.physicalMs.wire - 1,
	);
});

test('a slow flash makes the job slower by its factor, a stall and a DFU error reach the host', async () => {
	const { device, dfu, clock } = lab('boron', { modules: [...boron('4.0.1'), tinker('boron')] });
	const d = await dfu();
	const time = async () => {
		const start = clock.now();
		await d.erase(0, 0xb4000, 4096 * 20);
		return clock.now() - start;
	};
	const normal = await time();
	device.faults.slowFlash(3);
	expect((await time()) / normal).toBeGreaterThan(2.8);
	device.faults.clear();
	device.faults.dfuErrorAtTransfer(2);
	await expect(d.erase(0, 0xb4000, 4096)).rejects.toMatchObject({ code: expect.stringMatching(/DFU_STATUS|USB_STALL/) });
});

test('the way of the documentation works too: a bootloader in the update slot by DFU, and the flag 0xA5 in the DCT', async () => {
	for (const [platform, alternate, at, version] of [
		['boron', 2, 0x80289000, '4.0.1'],
		['photon', 0, 0x080c0000, '2.2.0'],
		['msom', 0, 0x08300000, '5.9.0'],
	] as const) {
		const set = [...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);
		const { device, dfu, find } = lab(platform, { modules: set, setupDone: true });
		const other = platform === 'boron' ? '4.1.0' : platform === 'photon' ? '3.3.1' : '6.2.0';
		const fresh = standInRelease(platform, other).modules.find(
			(m) => m.module.prefix.function === 2 && m.module.prefix.index === 0,
		)!;
		const d = await dfu();
		await d.write(alternate, at, fresh.module.bytes);
		await d.write(1, 1753, Uint8Array.of(0xa5), { erase: false });
		await d.leave();
		await find('normal');
		expect(device.readDct(1753, 1)[0]).toBe(0xff);
		const found = device.installedModules().find((m) => m.function === 2 && m.index === 0);
		expect([platform, found?.version, found?.valid]).toEqual([platform, fresh.module.prefix.version, true]);
	}
});

test('sixteen devices are programmed at once in one process, and the one that is unplugged harms nobody else', async () => {
	const clock = new VirtualClock();
	const facts = platformByName('boron')!;
	const set = [...standInRelease('boron', '4.0.1').modules, standInApplication('boron', '4.0.1')].map((m) => m.module);
	const devices = Array.from(
		{ length: 16 },
		(_, seed) => new VirtualDevice({ platform: facts, clock, seed: seed + 1, modules: set }),
	);
	expect(new Set(devices.map((d) => d.deviceId)).size).toBe(16);
	const bus = new VirtualBus(...devices);
	for (const d of devices) {
		d.plug();
		d.pressModeAndReset();
	}
	await clock.sleep(5000);
	const app = standInApplication('boron', '4.0.1', { size: 50_000, seed: 9 }).module;
	devices[7]!.faults.unplugAtTransfer(40);
	const start = clock.now();
	const results = await Promise.allSettled(
		(await listDevices(virtualUsbHost(bus), usbPlatforms)).map(async (found) => {
			const d = await DfuDevice.open(found, { clock });
			await d.write(0, app.prefix.start, app.bytes);
		}),
	);
	expect(results.filter((r) => r.status === 'rejected').length).toBe(1);
	const done = devices.filter((d) => d.installedModules().some((m) => m.function === 5 && m.index === 2 && m.valid));
	expect(done.length).toBe(15);
	expect(done).not.toContain(devices[7]);
	// Side by side: no longer than one of them would need alone.
	expect(clock.now() - start).toBeLessThan(2500);
});
