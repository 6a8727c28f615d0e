/**
 * linac through a real kernel: node-usb, libusb, usbfs, with cdc-acm bound to the device's serial port meanwhile. The jobs are those that it does over
 * USB/IP directly in the other tests: so what differs here is the kernel.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asPlatform, type ReleaseSet } from '@linac/catalog';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { standInApplication, standInRelease } from '@linac/virtual';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realRelease } from '../support/release-files.js';
import { checked, type Operation } from './compatibility.js';
import { type BenchDevice, inMode, LabBench, newerNcp, realVersions, running } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { Linac } from './linac-in-guest.js';
import { expectProgrammed } from './programmed.js';

const why = noLabHere();
if (why) throw new Error(why);

let bench: LabBench;
let guest: Guest;
let linac: Linac;

beforeAll(async () => {
	bench = await LabBench.start();
	guest = await bootGuest();
	linac = new Linac(guest);
});
afterAll(async () => {
	await guest?.close();
	await bench?.close();
});

const row = (it: BenchDevice, operation: string): Operation => ({
	platform: it.platform.name,
	device: [it.version, it.standIn ? 'stand-in' : ''].filter(Boolean).join(' '),
	tool: 'linac',
	toolVersion: linac.version,
	operation,
});

interface Job {
	platform: string;
	from: string;
	to: string;
}
const jobs: Job[] = [
	{ platform: 'boron', from: '2.2.0', to: '4.0.1' },
	{ platform: 'photon', from: '1.5.2', to: '2.2.0' },
	{ platform: 'tracker', from: '2.2.0', to: '4.0.1' },
	{ platform: 'electron', from: '2.2.0', to: '2.3.1' },
	{ platform: 'p2', from: '5.7.0', to: '5.9.0' },
];

describe.each(jobs)('$platform from Device OS $from to $to', ({ platform, from, to }) => {
	let it: BenchDevice;
	let release: ReleaseSet;
	let application: ParsedModule;
	/** Release and application, which is linked against it. */
	let folder: string;
	let file: string;

	beforeEach(async () => {
		const isReal = realVersions(platform).includes(to);
		const listed = isReal ? realRelease(platform, to) : standInRelease(platform, to);
		const hasNcp = listed.modules.some((m) => m.module.prefix.function === ModuleFunction.ncp);
		release = { ...listed, modules: [...listed.modules, ...(hasNcp ? [] : newerNcp(platform, from, to))] };
		application = standInApplication(asPlatform(platform), to, { version: 9, size: 30_000, seed: 9 }).module;
		folder = join(guest.folder, `${platform}-${to}`);
		file = join(guest.folder, `${platform}.bin`);
		mkdirSync(folder, { recursive: true });
		for (const { slot, module } of release.modules) writeFileSync(join(folder, `${slot}.bin`), module.bytes);
		writeFileSync(file, application.bytes);
		it = { ...bench.add({ platform, version: from }) };
		it.standIn = !realVersions(platform).includes(from);
		await inMode(it, ['normal', 'safe', 'listening']);
		await guest.attach(it);
	});
	afterEach(async () => {
		await guest.detach(it.busid);
		it.device.unplug();
	});

	const flash = () => ['flash', file, '--target', to, '--source', folder, '--offline', '--yes'];

	const expectDone = () => expectProgrammed(it, [...release.modules, { slot: 'user-part', module: application }]);

	test('is programmed and verified, and found right afterwards', () =>
		checked(row(it, 'flash --target, verify'), async () => {
			const report = await linac.done(...flash());
			expect(report.outcome).toBe('verified');
			expectDone();
			const verified = await linac.run(['verify', file, '--target', to, '--source', folder, '--offline']);
			expect(verified.status, verified.stdout + verified.stderr).toBe(0);
			expect(it.device.mode).toBe('normal');
			// The same once more has nothing to do.
			await running(guest, it);
			const again = await linac.done(...flash());
			expect(again.outcome).toBe('already');
			return `to ${to}`;
		}));

	test('survives a pulled cable: the same command finishes the job', () =>
		checked(row(it, 'flash, cable pulled, flash'), async () => {
			// In the middle of what is written, wherever that is: some jobs have ten times the transfers of others.
			const third = [...release.modules.map((m) => m.module), application].reduce((sum, m) => sum + m.bytes.length, 0) / 3;
			const from = it.device.counters.bytesProgrammed;
			const running = linac.run(flash());
			const pulled = setInterval(() => {
				if (it.device.counters.bytesProgrammed - from > third) it.device.unplug();
			}, 5);
			const cut = await running.finally(() => clearInterval(pulled));
			// Pulled while it was attached, or while it was restarting and then did not come back: docs/exit-codes.md.
			const code = cut.json.error?.code ?? cut.json.report?.error?.code;
			const expected = code === 'DEVICE_NOT_BACK' ? 9 : 6;
			expect(code, cut.stdout + cut.stderr).toMatch(/^(USB_DISCONNECTED|DEVICE_NOT_BACK)$/);
			expect(cut.status, cut.stdout + cut.stderr).toBe(expected);
			it.device.plug();
			await inMode(it, ['normal', 'safe', 'listening', 'dfu']);
			await guest.enumerated(it.busid);
			const report = await linac.done(...flash());
			expect(report.outcome).toBe('verified');
			expectDone();
			return `to ${to}`;
		}));

	test('is listed and identified, and goes to every mode and back', () =>
		checked(row(it, 'devices, identify, usb'), async () => {
			const id = it.device.deviceId;
			expect(await linac.done('devices')).toMatchObject([{ platform, deviceId: id, mode: 'normal', osVersion: from }]);
			expect(await linac.done('identify')).toMatchObject({ deviceId: id });
			await linac.done('usb', 'dfu');
			expect(it.device.mode).toBe('dfu');
			expect(await linac.done('devices')).toMatchObject([{ platform, deviceId: id, mode: 'dfu' }]);
			await linac.done('usb', 'reset');
			await running(guest, it);
			await linac.done('usb', 'start-listening');
			expect(it.device.mode).toBe('listening');
			await linac.done('usb', 'stop-listening');
			expect(it.device.mode).toBe('normal');
			await linac.done('usb', 'safe-mode');
			await inMode(it, 'safe');
		}));

	test('tells who it is and what is on it over the serial port that the kernel made', () =>
		checked(row(it, 'serial list, identify, inspect'), async () => {
			const id = it.device.deviceId;
			const { serialPort } = await guest.enumerated(it.busid);
			expect(JSON.stringify(await linac.done('serial', 'list'))).toContain(serialPort);
			await linac.done('usb', 'start-listening');
			await inMode(it, 'listening');
			expect(await linac.done('serial', 'identify', '--port', serialPort!)).toMatchObject({ deviceId: id });
			const inspected = JSON.stringify(await linac.done('serial', 'inspect', '--port', serialPort!));
			for (const m of it.device.installedModules().filter((one) => one.function === ModuleFunction.system))
				expect(inspected).toContain(String(m.version));
		}));
});

describe('what a kernel refuses', () => {
	test('somebody who may not open the device is told so, and what to do', async () => {
		const it = bench.add({ platform: 'argon' });
		await inMode(it, 'normal');
		await guest.attach(it);
		await checked(row(it, 'identify without permission'), async () => {
			const result = await linac.run(['identify'], { as: 65534, cwd: '/' });
			expect(result.status, result.stdout + result.stderr).toBe(9);
			expect(result.json.error).toMatchObject({ code: 'USB_PERMISSION', hint: expect.stringContaining('udev') });
			return 'USB_PERMISSION';
		});
		await guest.detach(it.busid);
		it.device.unplug();
	});
});
