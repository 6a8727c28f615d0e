/** Whole jobs over the serial port of virtual devices, with everything that can come between two modules. */
import { platformByName, platforms, releases, type SourcedModule } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import type { Goal } from '@linac/planner';
import { cdcSerialHost } from '@linac/usb';
import { standInApplication, standInRelease, VirtualDevice, type VirtualDeviceOptions, virtualUsbHost } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { realRelease } from '../../../../tests/support/release-files.js';
import { usbPlatforms } from '../../../../tests/support/virtual-lab.js';
import type { JobEvent } from '../types.js';
import { programOverSerial, type SerialJobOptions } from './serial-job.js';

async function bench(name: string, modules: readonly SourcedModule[], version: string, more: Partial<VirtualDeviceOptions> = {}) {
	const platform = platformByName(name)!;
	const clock = new VirtualClock();
	const all = [...modules, standInApplication(platform, version)].map((m) => m.module);
	const device = new VirtualDevice({ platform, clock, modules: all, setupDone: true, ...more });
	device.plug();
	await clock.sleep(3000);
	const host = virtualUsbHost(device.wireBus);
	const serial = cdcSerialHost(host, usbPlatforms, clock);
	const events: JobEvent[] = [];
	const run = async (files: readonly SourcedModule[], goal: Partial<Goal> = {}, options: Partial<SerialJobOptions> = {}) =>
		programOverSerial({
			host,
			serial,
			platforms,
			releases,
			clock,
			platform,
			port: (await serial.ports())[0]!,
			goal: {
				files: files.map((module) => ({ name: module.origin, module, problems: [] })),
				applicationOnly: false,
				allow: ['downgrade'],
				...goal,
			},
			onEvent: (event) => events.push(event),
			...options,
		});
	const installed = (index: number) =>
		device.installedModules().find((m) => m.function === ModuleFunction.system && m.index === index);
	return { device, clock, run, events, installed, platform };
}

const real = (name: string, version: string) =>
	realRelease(name, version).modules.filter((m) => m.module.prefix.function !== ModuleFunction.user);

describe('real modules', () => {
	test.each([
		['photon', '1.5.2', '2.3.1'],
		['photon', '2.3.1', '1.5.2'],
		['electron', '1.5.2', '2.3.1'],
		['electron', '2.3.1', '1.5.2'],
		['boron', '1.5.2', '2.2.0'],
		['argon', '2.2.0', '4.0.1'],
	])('a %s goes from %s to %s, restarting by itself after every module', async (name, from, to) => {
		const { device, run, installed } = await bench(name, real(name, from), from);
		const verdict = await run(real(name, to));
		if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join('\n'));
		expect(verdict.value.error).toBeUndefined();
		expect(verdict.value.outcome).toBe('verified');
		expect(verdict.value.after?.osVersion).toBe(to);
		expect(verdict.value.evidence.every((row) => row.ok && row.proof !== 'none')).toBe(true);
		const number = releases.find((r) => r.version === to)!.moduleVersion;
		expect(installed(1)).toMatchObject({ version: number, valid: true });
		// It was brought into listening mode for the job, and does not stay there.
		expect(['normal', 'safe']).toContain(device.mode);
		const again = await run(real(name, to));
		expect(again.ok && again.value.outcome).toBe('already');
	});
});

test.each([
	['tracker', '3.3.1', '4.2.0'],
	['p2', '5.1.0', '5.9.0'],
])('a %s goes from %s to %s (stand-ins)', async (name, from, to) => {
	const { run, installed } = await bench(name, standInRelease(name, from).modules, from);
	const files = standInRelease(name, to).modules.filter((m) => m.module.prefix.function === ModuleFunction.system);
	const needed = standInRelease(name, to).modules.filter(
		(m) => m.module.prefix.function === ModuleFunction.bootloader && m.module.prefix.index !== 1,
	);
	const verdict = await run([...needed, ...files]);
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join('\n'));
	expect(verdict.value.error).toBeUndefined();
	expect(installed(1)?.version).toBe(releases.find((r) => r.version === to)!.moduleVersion);
});

describe('between two modules', () => {
	const from = real('photon', '1.5.2');
	const to = real('photon', '2.3.1');

	test('a device that restarts in the middle of a transfer is waited for, brought back into listening mode, and gets the module again', async () => {
		const { device, run, events } = await bench('photon', from, '1.5.2');
		let resets = 0;
		const verdict = await run(
			to,
			{},
			{
				onEvent: (event) => {
					events.push(event);
					if (event.type === 'progress' && event.done > 50_000 && event.what === 'send' && resets < 1) {
						resets++;
						device.pressReset();
					}
				},
			},
		);
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		expect(resets).toBe(1);
		expect(events.filter((e) => e.type === 'retry')).toHaveLength(1);
	});

	test('a cable that is pulled ends the job, and the same call finishes it from what is on the device', async () => {
		const { device, clock, run, installed } = await bench('photon', from, '1.5.2');
		let pulled = false;
		const first = await run(
			to,
			{},
			{
				limits: { applyMs: 3000 },
				onEvent: (event) => {
					if (event.type === 'step-started' && event.index === 3 && !pulled) {
						pulled = true;
						device.faults.unplugAtTransfer(200);
					}
				},
			},
		);
		expect(first).toMatchObject({
			ok: true,
			value: { outcome: 'failed', error: { code: 'DEVICE_NOT_BACK', retry: 'operator' } },
		});
		device.plug();
		await clock.sleep(3000);
		const second = await run(to);
		expect(second).toMatchObject({ ok: true, value: { outcome: 'verified' } });
		expect(second.ok && second.value.steps.filter((s) => s.result === 'done' && s.title.startsWith('Send'))).toHaveLength(1);
		expect(installed(2)).toMatchObject({ version: 2302, valid: true });
	});

	test('a device that completes the upgrade over the air undoes a downgrade: that is told, and never called success', async () => {
		// The application was built for 2.3.1: with part 2 of 1.5.2 the device waits in safe mode, and the cloud sends it part 2 again.
		const cloud = { modules: to.map((m) => m.module), afterMs: 0 };
		const { run, installed } = await bench('photon', to, '2.3.1', { cloud, timing: 'none' });
		const verdict = await run(from);
		expect(verdict).toMatchObject({ ok: true, value: { outcome: 'failed', error: { code: 'MODULE_NOT_APPLIED' } } });
		expect(verdict.ok && verdict.value.error?.hint).toContain('over the air');
		expect(installed(2)).toMatchObject({ version: 2302, valid: true });
	});

	test('without a network, or brought into listening mode in time, the same downgrade succeeds', async () => {
		const cloud = { modules: to.map((m) => m.module), afterMs: 5 };
		const { run, installed } = await bench('photon', to, '2.3.1', { cloud });
		expect(await run(from)).toMatchObject({ ok: true, value: { outcome: 'verified' } });
		expect([installed(1)?.version, installed(2)?.version]).toEqual([1512, 1512]);
	});

	test('a part that has changed since it was sent is noticed before the next one is sent', async () => {
		const part2 = to.find((m) => m.slot === 'system-part2')!.module;
		const { device, run, installed } = await bench('photon', to, '2.3.1');
		const verdict = await run(
			from,
			{},
			{
				onEvent: (event) => {
					if (event.type === 'step-started' && event.index === 2) device.flash('internal').put(part2.prefix.start, part2.bytes);
				},
			},
		);
		expect(verdict).toMatchObject({ ok: true, value: { outcome: 'failed', error: { code: 'CHANGED_OVER_THE_AIR' } } });
		expect(installed(1)?.version).toBe(2302);
	});
});

test('a device that listens already is left as it was found when nothing is to be done', async () => {
	const { device, run } = await bench('photon', real('photon', '2.3.1'), '2.3.1');
	device.holdMode();
	expect(await run(real('photon', '2.3.1'))).toMatchObject({ ok: true, value: { outcome: 'already', bytesWritten: 0 } });
	expect(device.mode).toBe('listening');
});

test('Device OS 6 is refused before a byte of a module is sent', async () => {
	const { run } = await bench('boron', standInRelease('boron', '6.2.0').modules, '6.2.0');
	expect(await run([standInApplication('boron', '6.2.0')])).toMatchObject({
		ok: false,
		problems: [{ code: 'SERIAL_NOT_SUPPORTED' }],
	});
});

test('nothing is sent when it is not confirmed', async () => {
	const { run, installed } = await bench('photon', real('photon', '1.5.2'), '1.5.2');
	await expect(run(real('photon', '2.3.1'), {}, { confirm: async () => false })).rejects.toMatchObject({ code: 'CANCELLED' });
	expect(installed(1)?.version).toBe(1512);
});
