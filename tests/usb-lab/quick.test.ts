/** The quick part of the USB lab: one guest, every platform in DFU mode, a write and a read back. The rest: `npm run test:lab`. docs/usb-lab.md. */
import { platforms } from '@linac/catalog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inMode, LabBench } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';

const why = noLabHere();
if (why) console.warn(why);

describe.skipIf(why !== undefined)('unmodified tools on a real Linux kernel', () => {
	let bench: LabBench;
	let guest: Guest;

	beforeAll(async () => {
		bench = await LabBench.start(platforms.map((p) => ({ platform: p.name, dfu: true })));
		await Promise.all(bench.devices.map((d) => inMode(d, 'dfu')));
		guest = await bootGuest({ attach: bench.devices });
	});
	afterAll(async () => {
		await guest?.close();
		await bench?.close();
	});

	test('dfu-util lists every platform in DFU mode', async () => {
		const { stdout } = await guest.run(['dfu-util', '-l']);
		for (const { platform, device } of bench.devices) {
			for (const { name } of platform.alternates) expect(stdout).toContain(`name="${name}", serial="${device.deviceId}"`);
		}
	});
});
