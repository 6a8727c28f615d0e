/** No transfer of linac is longer than any operating system's USB library takes. */
import { type HostSystem, hostDifferences } from '@linac/host';
import { expect, test } from 'vitest';
import { lab, modules, tinker } from '../support/virtual-lab.js';

const systems: HostSystem[] = ['linux', 'windows', 'macos'];
const shortest = Math.min(...systems.map((s) => hostDifferences(s).controlTransferBytes.value ?? Number.POSITIVE_INFINITY));

test('reading and writing in DFU, and giving a module to the running system, stay within the data stage that all systems allow', async () => {
	const set = [
		...modules('boron-bootloader@2.2.0.bin', 'boron-system-part1@2.2.0.bin', 'boron-softdevice@2.2.0.bin'),
		tinker('boron'),
	];
	const l = lab('boron', { modules: set, setupDone: true, timing: 'none' });
	const lengths: number[] = [];
	const record = (device: USBDevice) => {
		const { controlTransferIn, controlTransferOut } = device;
		device.controlTransferIn = (setup, length) => {
			lengths.push(length);
			return controlTransferIn.call(device, setup, length);
		};
		device.controlTransferOut = (setup, data) => {
			lengths.push(data?.byteLength ?? 0);
			return controlTransferOut.call(device, setup, data);
		};
	};
	record((await l.find('normal')).handle.device);
	const control = await l.control();
	const [bootloader] = modules('boron-bootloader@4.0.1.bin');
	await control.updateFirmware(bootloader!.bytes);
	await control.close();
	const before = lengths.length;
	expect(before).toBeGreaterThan(10);

	l.device.pressModeAndReset();
	record((await l.find('dfu')).handle.device);
	const dfu = await l.dfu();
	const bytes = await dfu.read(0, 0x30000, 64 * 1024);
	await dfu.write(0, 0xd4000, bytes.subarray(0, 20_000));
	await dfu.close();
	expect(lengths.length).toBeGreaterThan(before + 20);
	expect(Math.max(...lengths)).toBe(shortest);
});
