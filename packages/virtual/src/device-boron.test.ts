import { equalBytes } from '@linac/core';
import { expect, test } from 'vitest';
import { realModule } from '../../../tests/support/real-firmware.js';
import { lab, modules, tinker } from '../../../tests/support/virtual-lab.js';

const boron220 = () => modules('boron-softdevice@2.2.0.bin', 'boron-bootloader@2.2.0.bin', 'boron-system-part1@2.2.0.bin');

test('a Boron on 2.2.0 starts in listening mode because its setup is not done, and tells its id, version and modules', async () => {
	const { device, control } = lab('boron', { modules: boron220() });
	const dev = await control();
	expect(await dev.deviceId()).toBe(device.deviceId);
	expect(device.deviceId).toMatch(/^e00fce68/);
	expect(await dev.osVersion()).toBe('2.2.0');
	const found = await dev.modules();
	expect(found.map((m) => [m.function, m.index, m.version])).toEqual([
		[2, 0, 1006],
		[4, 1, 2202],
		[8, 0, 202],
	]);
	await dev.close();
});

test('DFU writes a system part into a Boron, reads it back, and the device then runs the new version', async () => {
	const { device, dfu, control } = lab('boron', { modules: [...boron220(), tinker('boron')], setupDone: true });
	const part = realModule('boron-system-part1@4.0.1.bin');
	const d = await dfu();
	await d.write(0, 0x30000, part);
	expect(equalBytes(await d.read(0, 0x30000, part.length), part)).toBe(true);
	await d.leave();
	const dev = await control();
	expect(await dev.osVersion()).toBe('4.0.1');
	expect(device.installedModules().find((m) => m.function === 4)).toMatchObject({ version: 4005, valid: true });
});

test('a bootloader given by control requests passes through the MBR and is installed after two restarts', async () => {
	const { device, control, find } = lab('boron', { modules: [...boron220(), tinker('boron')], setupDone: true });
	const dev = await control();
	await dev.updateFirmware(realModule('boron-bootloader@4.0.1.bin'));
	await find('normal');
	expect(device.installedModules().find((m) => m.function === 2)).toMatchObject({ version: 1101, valid: true });
	expect(device.installedModules().find((m) => m.function === 5)).toMatchObject({ valid: true });
});
