import { platformByName, releasesFor } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { standInApplication, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import { lab, modules, parsed, tinker } from '../../../tests/support/virtual-lab.js';

const photon = (release: string) => [
	...modules(`photon-bootloader@${release}+lto.bin`, `photon-system-part1@${release}.bin`, `photon-system-part2@${release}.bin`),
	tinker('photon'),
];

test('a Photon on 1.5.2 takes the system parts of 2.2.0 by DFU, is in safe mode until its bootloader follows, and then runs', async () => {
	const { device, dfu, control, find } = lab('photon', { modules: photon('1.5.2') });
	const before = await control();
	expect(await before.osVersion()).toBe('1.5.2');
	await before.close();
	const d = await dfu();
	for (const [name, at] of [
		['photon-system-part1@2.2.0.bin', 0x08020000],
		['photon-system-part2@2.2.0.bin', 0x08060000],
	] as const) {
		const bytes = realModule(name);
		await d.write(0, at, bytes);
		expect(equalBytes(await d.read(0, at, bytes.length), bytes)).toBe(true);
	}
	await d.leave();
	const safe = await control();
	expect(device.mode).toBe('safe');
	expect(device.why).toContain('something newer');
	await safe.updateFirmware(realModule('photon-bootloader@2.2.0+lto.bin'));
	const found = await find('normal');
	expect(found.deviceId).toBe(device.deviceId);
	expect(device.mode).toBe('normal');
	expect(device.installedModules().every((m) => m.valid)).toBe(true);
});

test('an Electron with real 2.2.0 modules runs, whatever its files are called', async () => {
	const names = [
		'electron-bootloader@2.2.0+lto.bin',
		'electron-system-part1@2.2.0.bin',
		'electron-system-part2@2.2.0.bin',
		'electron-system-part3@2.2.0.bin',
	];
	const { device, control } = lab('electron', { modules: [...modules(...names), tinker('electron')] });
	const dev = await control();
	expect(await dev.osVersion()).toBe('2.2.0');
	expect(device.mode).toBe('normal');
	// Generation 2 has no request for the numbers of its modem: it tells them over serial, in listening mode.
	expect((await dev.identify()).imei).toBeUndefined();
});

test('a P2 takes a whole newer release: system part by DFU, bootloader and prebootloader by control requests', async () => {
	const set = (version: string) =>
		[...standInRelease('p2', version).modules, standInApplication('p2', '5.3.0')].map((m) => m.module);
	const { device, dfu, control, find } = lab('p2', { modules: set('5.3.0') });
	const dev = await control();
	expect(await dev.osVersion()).toBe('5.3.0');
	await dev.close();
	expect(device.mode).toBe('normal');
	const next = standInRelease('p2', '5.7.0');
	for (const index of [2, 0]) {
		const part = next.modules.find((m) => m.module.prefix.function === 2 && m.module.prefix.index === index)!;
		await (await control()).updateFirmware(part.module.bytes);
		await find('normal');
	}
	const system = next.modules.find((m) => m.module.prefix.function === 4)!.module;
	const d = await dfu();
	await d.write(0, system.prefix.start, system.bytes);
	await d.leave();
	const after = await control();
	expect(await after.osVersion()).toBe('5.7.0');
	expect(device.mode).toBe('normal');
	for (const m of next.modules) {
		const { function: fn, index, version } = m.module.prefix;
		expect(device.installedModules()).toContainEqual({ function: fn, index, version, valid: true, sha256: m.sha256 });
	}
	const reported = (await after.modules()).find((m) => m.function === 4)!;
	expect(reported.version).toBe(5700);
});

test('a Core runs its monolithic firmware, and DFU replaces it', async () => {
	const core = parsed(realTinker('core'));
	const { device, dfu } = lab('core', { modules: [core] });
	const d = await dfu();
	const bytes = core.bytes;
	await d.write(0, core.prefix.start, bytes);
	expect(equalBytes(await d.read(0, core.prefix.start, bytes.length), bytes)).toBe(true);
	expect(device.installedModules()).toMatchObject([{ function: 3, valid: true }]);
});

const platformsWithReleases = [
	'photon',
	'p1',
	'electron',
	'argon',
	'boron',
	'xenon',
	'esomx',
	'bsom',
	'b5som',
	'tracker',
	'trackerm',
	'p2',
	'msom',
];

test.each(platformsWithReleases)('stand-ins of every release of %s start in normal mode with their application', async (name) => {
	const platform = platformByName(name)!;
	for (const release of releasesFor(platform)) {
		const set = standInRelease(platform, release.version);
		const all = [...set.modules, standInApplication(platform, release.version)].map((m) => m.module);
		const ncp = set.modules.find((m) => m.module.prefix.function === 7)?.module.prefix.version;
		const { device, find } = lab(name, {
			modules: all,
			setupDone: true,
			...(platform.components.ncp ? { ncp: { version: ncp ?? 7 } } : {}),
		});
		await find('normal', 20_000);
		expect([release.version, device.mode, device.why]).toEqual([release.version, 'normal', 'Everything is in place.']);
		device.unplug();
	}
});
