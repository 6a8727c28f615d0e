/** The quick part of the USB lab: one guest, every platform in DFU mode, a write and a read back, modules read, a job of linac. The rest: `npm run test:lab`. docs/usb-lab.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platforms } from '@linac/catalog';
import { equalBytes, seededRandom } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { standInApplication } from '@linac/virtual';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BenchDevice, inMode, LabBench } from './devices.js';
import { DfuUtil, saidBy } from './dfu-util-runs.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { Linac } from './linac-in-guest.js';
import { ParticleUsbInGuest, type SeenModule } from './particle-usb-in-guest.js';

const why = noLabHere();
if (why) console.warn(why);

describe.skipIf(why !== undefined)('unmodified tools on a real Linux kernel', () => {
	let bench: LabBench;
	let guest: Guest;
	let dfuUtil: DfuUtil;
	let inDfu: BenchDevice[];
	let photon: BenchDevice;

	beforeAll(async () => {
		bench = await LabBench.start(platforms.map((p) => ({ platform: p.name, dfu: true })));
		inDfu = [...bench.devices];
		photon = bench.add({ platform: 'photon' });
		await Promise.all(inDfu.map((d) => inMode(d, 'dfu')));
		await inMode(photon, 'normal');
		guest = await bootGuest({ attach: bench.devices });
		dfuUtil = await DfuUtil.in(guest);
		// The first time the kernel is downloaded, too.
	}, 600_000);
	afterAll(async () => {
		await guest?.close();
		await bench?.close();
	});

	test('dfu-util lists every alternate setting of every platform in DFU mode', async () => {
		const found = (await dfuUtil.list()).map(({ serial, alternate, name }) => `${serial} ${alternate} ${name}`);
		const expected = inDfu.flatMap(({ platform, device }) =>
			platform.alternates.map((a) => `${device.deviceId} ${a.number} ${a.name}`),
		);
		expect(found.sort()).toEqual(expected.sort());
	});

	test('dfu-util writes an application to a Boron and reads the same back', async () => {
		const boron = inDfu.find((d) => d.platform.name === 'boron')!;
		const bytes = seededRandom(1).bytes(20_001);
		const result = await dfuUtil.write(boron, 0, 0xd4000, bytes);
		expect(result.status, saidBy(result)).toBe(0);
		expect(equalBytes(await dfuUtil.read(boron, 0, 0xd4000, bytes.length), bytes)).toBe(true);
		expect(equalBytes(boron.device.flash('internal').read(0xd4000, bytes.length), bytes)).toBe(true);
	});

	test('particle-usb opens a Photon and reads its version and its modules', async () => {
		const tool = new ParticleUsbInGuest(guest);
		const { device } = photon;
		const modules = await tool.with(device.deviceId, async (seen) => {
			expect(seen).toMatchObject({ id: device.deviceId, type: 'photon', firmwareVersion: '2.3.1' });
			return tool.on<SeenModule[]>(device.deviceId, 'getFirmwareModuleInfo');
		});
		const system = device.installedModules().filter((m) => m.function === ModuleFunction.system);
		expect(modules.filter((m) => /system/i.test(m.type)).map((m) => m.version)).toEqual(system.map((m) => m.version));
		await tool.end();
	});

	test('linac programs an application through the kernel: into DFU mode, written, read back, started', async () => {
		const { device, busid, version } = photon;
		const linac = new Linac(guest);
		const { module } = standInApplication('photon', version!, { version: 9, size: 8_000 });
		const file = join(guest.folder, 'application.bin');
		writeFileSync(file, module.bytes);
		const { status, json, stdout, stderr } = await linac.run(['flash', file, '--device', device.deviceId, '--offline', '--yes']);
		expect(status, stdout + stderr).toBe(0);
		expect(json.outcome).toBe('verified');
		await inMode(photon, 'normal');
		expect(device.installedModules().find((m) => m.function === ModuleFunction.user)).toMatchObject({ version: 9, valid: true });
		expect((await guest.enumerated(busid)).times).toBeGreaterThan(2);
		// 20 s on a machine that has nothing else to do.
	}, 600_000);
});
