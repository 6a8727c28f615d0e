/** DFU and control requests against the device models: how their faults are classified, and what a write costs on the wire. */
import { equalBytes, type LinacError } from '@linac/core';
import { readModuleAt } from '@linac/usb';
import { describe, expect, it } from 'vitest';
import { realModule } from '../support/real-firmware.js';
import { lab, modules, tinker } from '../support/virtual-lab.js';

const boron = () =>
	lab('boron', {
		modules: [
			...modules('boron-softdevice@2.2.0.bin', 'boron-bootloader@2.2.0.bin', 'boron-system-part1@2.2.0.bin'),
			tinker('boron'),
		],
		setupDone: true,
	});
const photon = () =>
	lab('photon', {
		modules: [
			...modules('photon-bootloader@2.2.0+lto.bin', 'photon-system-part1@2.2.0.bin', 'photon-system-part2@2.2.0.bin'),
			tinker('photon'),
		],
	});

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 13 + (i >> 7)) & 0xff);

describe.each([
	{ name: 'Boron', make: boron, address: 0xd4000 },
	{ name: 'Photon', make: photon, address: 0x080a0000 },
])('a $name in DFU mode', ({ make, address }) => {
	const job = async (world: ReturnType<typeof boron>) => {
		const dfu = await world.dfu();
		try {
			await dfu.write(0, address, noise(20_000));
			return equalBytes(await dfu.read(0, address, 20_000), noise(20_000));
		} finally {
			await dfu.close();
		}
	};
	const failure = (promise: Promise<unknown>) =>
		promise.then(
			() => undefined,
			(error: LinacError) => error,
		);

	it('that is unplugged at any transfer says so, and the job can be done again', async () => {
		for (let n = 1; n < 70; n += 3) {
			const world = make();
			world.device.pressModeAndReset();
			await world.find('dfu');
			world.device.faults.unplugAtTransfer(n);
			const error = await failure(job(world));
			if (!error) continue;
			expect(error, `transfer ${n}`).toMatchObject({ code: expect.stringMatching(/^(USB_DISCONNECTED|DEVICE_NOT_BACK)$/) });
			world.device.faults.clear();
			world.device.plug();
			expect(await job(world)).toBe(true);
		}
	});

	it('that stalls or reports an error once can be given the same step again', async () => {
		for (const fault of ['stallAtTransfer', 'dfuErrorAtTransfer'] as const) {
			for (let n = 1; n < 70; n += 3) {
				const world = make();
				world.device.pressModeAndReset();
				await world.find('dfu');
				world.device.faults[fault](n);
				const error = await failure(job(world));
				if (error) {
					expect(error, `${fault} ${n}`).toMatchObject({
						code: expect.stringMatching(/^(USB_STALL|DFU_STATUS)$/),
						retry: 'step',
					});
				}
				// One that has not struck yet would strike now.
				world.device.faults.clear();
				expect(await job(world)).toBe(true);
			}
		}
	});

	it('with slow flash is waited for', async () => {
		const world = make();
		world.device.faults.slowFlash(10);
		expect(await job(world)).toBe(true);
	});
});

describe('a write of a whole system part to a Boron', () => {
	it('takes hardly longer than its flash and its wire need', async () => {
		const world = boron();
		const dfu = await world.dfu();
		const part = realModule('boron-system-part1@4.0.1.bin');
		const { physicalMs: before } = structuredClone(world.device.counters);
		const start = world.clock.now();
		await dfu.write(0, 0x30000, part);
		const took = world.clock.now() - start;
		const { physicalMs: after } = world.device.counters;
		const bound = after.erase - before.erase + (after.program - before.program) + (after.wire - before.wire);
		expect(bound).toBeGreaterThan(1000);
		// On the virtual clock: what the host adds by sleeping and by needless transfers. The bench holds the whole job to 1.15.
		expect(took / bound).toBeLessThan(1.05);
		expect(dfu.counters.transfers).toBeLessThan((part.length / 4096) * 6.5 + 40);
	});

	it('reads back as the module that its own header describes', async () => {
		const world = boron();
		const dfu = await world.dfu();
		const module = await readModuleAt(dfu, { alternate: 0, address: 0x30000, prefixOffset: [0, 0x200], limit: 0xa4000 });
		expect(equalBytes(module!, realModule('boron-system-part1@2.2.0.bin'))).toBe(true);
		const place = { alternate: 2, address: 0x80289000, prefixOffset: [0, 0x200], limit: 0x100000 };
		expect(await readModuleAt(dfu, place)).toBeUndefined();
	});
});
