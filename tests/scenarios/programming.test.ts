import { expectedModules, latestInLine, platforms, releases, releasesFor } from '@linac/catalog';
import { equalBytes, LinacError, VirtualClock } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { plan as makePlan } from '@linac/planner';
import { type Report, runJob, takeSnapshot, usbIdsOf } from '@linac/programmer';
import { listDevices } from '@linac/usb';
import { standInRelease, type VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { realModule, realTinker } from '../support/real-firmware.js';
import { application, type Bench, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

type Outcome = Awaited<ReturnType<typeof run>>;

function report(outcome: Outcome): Report {
	if (!outcome.verdict.ok)
		throw new Error(`refused: ${outcome.verdict.problems.map((p) => `${p.code} ${p.message}`).join('\n')}`);
	const { value } = outcome.verdict;
	if (value.error) throw new Error(`${value.error.code}: ${value.error.message}\n${JSON.stringify(value.steps, null, 1)}`);
	return value;
}

/** What is in the device's flash arrays, as `function.index -> version`, whole modules only. */
function truth(device: VirtualDevice): Record<string, number> {
	return Object.fromEntries(
		device
			.installedModules()
			.filter((m) => m.valid)
			.map((m) => [`${m.function}.${m.index}`, m.version]),
	);
}

const boron220 = realRelease('boron', '2.2.0');
const boron401 = realRelease('boron', '4.0.1');
const app401 = application('boron', { needs: 4005, index: 2, size: 200_000 });

describe('a Boron on 2.2.0', () => {
	test('is programmed to 4.0.1 with an application, and every module is proved', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.outcome).toBe('verified');
		expect(r.evidence.length).toBeGreaterThanOrEqual(4);
		expect(r.evidence.every((row) => row.ok && row.proof !== 'none')).toBe(true);
		expect(r.evidence.find((row) => row.slot === 'system-part1')).toMatchObject({
			before: { version: 2202 },
			after: { version: 4005 },
			proof: 'read-back-sha256',
		});
		expect(truth(b.device)).toMatchObject({ '4.1': 4005, '2.0': 1101, '8.0': 202, '5.2': 6 });
		expect(b.device.mode).toBe('normal');
	});

	test('that has been programmed already is left alone, and that is not called a success of writing', async () => {
		const b = bench('boron', { release: boron401, application: app401 });
		const writes = b.device.counters.flashWrites;
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.outcome).toBe('already');
		expect(r.files[0]).toMatchObject({ verdict: 'already-there' });
		expect(b.device.counters.flashWrites).toBe(writes);
		expect(r.evidence.every((row) => row.ok)).toBe(true);
	});

	test('is known and programmed when it is found in DFU mode', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		b.device.pressModeAndReset();
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.before).toMatchObject({ mode: 'dfu', depth: 'read', osVersion: '2.2.0' });
		expect(r.before.modules?.map((m) => `${m.function}.${m.index} ${m.version} ${m.valid}`).sort()).toEqual([
			'2.0 1006 true',
			'4.1 2202 true',
			'5.1 5 true',
			'8.0 202 true',
		]);
		expect(r.outcome).toBe('verified');
		expect(truth(b.device)).toMatchObject({ '4.1': 4005, '2.0': 1101, '5.2': 6 });
	});
});

describe('what is on the device decides', () => {
	test('a SoftDevice of the right version with one wrong byte is found by its hash and written again', async () => {
		const b = bench('boron', { release: boron220 });
		const flash = b.device.flash('internal');
		const bytes = flash.read(0x12345, 1);
		flash.put(0x12345, Uint8Array.of(bytes[0]! ^ 0xff));
		b.device.pressModeAndReset();
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.outcome).toBe('verified');
		expect(flash.read(0x12345, 1)).toEqual(bytes);
	});

	test('a system part with the right version and a right CRC, but other bytes, is found by reading it, and written again', async () => {
		const b = bench('boron', { release: boron401, application: app401 });
		const flash = b.device.flash('internal');
		const good = realModule('boron-system-part1@4.0.1.bin');
		const other = good.slice();
		other[0x20000]! ^= 1;
		new DataView(other.buffer).setUint32(other.length - 4, nodeDigests.crc32(other.subarray(0, -4)));
		flash.put(0x30000, other);
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.outcome).toBe('verified');
		expect(r.before.modules).toContainEqual(expect.objectContaining({ function: 4, version: 4005, valid: true }));
		expect(equalBytes(flash.read(0x30000, good.length), good)).toBe(true);
	});

	test('a damaged system part of the target version is found in DFU mode and written again', async () => {
		const b = bench('boron', { release: boron401, application: app401 });
		const flash = b.device.flash('internal');
		const bytes = flash.read(0x40000, 4);
		flash.put(
			0x40000,
			Uint8Array.from(bytes, (v) => v ^ 0xff),
		);
		b.device.pressModeAndReset();
		const r = report(await run(b, { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 }));
		expect(r.outcome).toBe('verified');
		expect(r.before.modules).toContainEqual(expect.objectContaining({ function: 4, index: 1, version: 4005, valid: false }));
		expect(r.files[0]).toMatchObject({ verdict: 'already-there' });
		expect(flash.read(0x40000, 4)).toEqual(bytes);
	});

	test('with --application-only nothing but the application is written', async () => {
		const b = bench('boron', { release: boron401 });
		const app = application('boron', { needs: 4005, index: 2, size: 30_000 });
		const before = b.device.flash('internal').read(0, 0xb4000);
		const r = report(await run(b, { goal: goal(undefined, [goalFile('boron', app)], { applicationOnly: true }) }));
		expect(r.outcome).toBe('verified');
		expect(truth(b.device)['5.2']).toBe(6);
		expect(equalBytes(b.device.flash('internal').read(0, 0xb4000), before)).toBe(true);
	});

	test('an application of 128 KB gives way to one of 256 KB, and only the new one is left', async () => {
		const b = bench('boron', {
			release: boron401,
			application: application('boron', { needs: 2202, index: 1, size: 90_000, seed: 7 }),
		});
		expect(truth(b.device)).toMatchObject({ '5.1': 6 });
		const app = application('boron', { needs: 4005, index: 2, size: 120_000 });
		const r = report(await run(b, { goal: goal(undefined, [goalFile('boron', app)], { applicationOnly: true }) }));
		expect(r.outcome).toBe('verified');
		expect(truth(b.device)['5.1']).toBeUndefined();
		expect(truth(b.device)['5.2']).toBe(6);
	});

	test('a downgrade is done when it is allowed by name, and refused when it is not', async () => {
		const app = application('boron', { needs: 2202, index: 1, size: 30_000 });
		const b = bench('boron', { release: boron401 });
		const refused = await run(b, { goal: goal('2.2.0', [goalFile('boron', app)]), release: boron220 });
		expect(refused.verdict.ok).toBe(false);
		expect(b.device.counters.flashWrites).toBe(0);
		const r = report(
			await run(b, { goal: goal('2.2.0', [goalFile('boron', app)], { allow: ['downgrade'] }), release: boron220 }),
		);
		expect(r.outcome).toBe('verified');
		expect(truth(b.device)).toMatchObject({ '4.1': 2202, '5.1': 6 });
	});
});

describe('a plan that was made before', () => {
	const environmentOf = (b: Pick<Bench, 'bus' | 'clock'>) => ({
		host: virtualUsbHost(b.bus),
		platforms,
		releases,
		clock: b.clock,
		digests: nodeDigests,
	});
	async function planned() {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		await b.clock.sleep(5000);
		const [found] = await listDevices(virtualUsbHost(b.bus), platforms.map(usbIdsOf));
		const device = await takeSnapshot(found!, environmentOf(b));
		const made = makePlan(device, goal('4.0.1', [goalFile('boron', app401)]), { platform: b.device.platform, release: boron401 });
		if (!made.ok) throw new Error(JSON.stringify(made.problems));
		return { ...b, ...made.value };
	}

	test('is run as it stands, and run again it finds everything done', async () => {
		const b = await planned();
		const plan = JSON.parse(JSON.stringify(b.plan));
		const first = await runJob({ ...environmentOf(b), plan, inputs: b.inputs });
		expect(first).toMatchObject({ outcome: 'verified', planId: b.plan.id });
		const writes = b.device.counters.flashWrites;
		const second = await runJob({ ...environmentOf(b), plan, inputs: b.inputs });
		expect(second.outcome).toBe('already');
		expect(second.steps.filter((s) => s.result === 'done').map((s) => s.title)).not.toContain('Write system-part1 4005');
		expect(b.device.counters.flashWrites).toBe(writes);
	});

	test('that ends before anything is written lets the device run again', async () => {
		const b = await planned();
		const writes = b.device.counters.flashWrites;
		const backup = () => Promise.reject(new LinacError('FILE_NOT_WRITTEN', 'The disk is full.', { retry: 'operator' }));
		const report = await runJob({ ...environmentOf(b), plan: b.plan, inputs: b.inputs, backup });
		expect(report).toMatchObject({ outcome: 'failed', error: { code: 'FILE_NOT_WRITTEN' } });
		expect(b.device.counters.flashWrites).toBe(writes);
		expect(b.device.mode).toBe('normal');
	});

	test('is refused when the device has been changed since, or is another one', async () => {
		const b = await planned();
		const other = bench('boron', { release: realRelease('boron', '1.5.2') });
		await other.clock.sleep(5000);
		const plan = { ...b.plan, deviceId: other.device.deviceId };
		await expect(runJob({ ...environmentOf(other), plan, inputs: b.inputs })).rejects.toMatchObject({ code: 'PLAN_STALE' });
		const argon = bench('argon', { release: realRelease('argon', '2.2.0') });
		await argon.clock.sleep(5000);
		const moved = { ...b.plan, deviceId: argon.device.deviceId };
		await expect(runJob({ ...environmentOf(argon), plan: moved, inputs: b.inputs })).rejects.toMatchObject({
			code: 'PLAN_DEVICE_MISMATCH',
		});
		expect(other.device.counters.flashWrites + argon.device.counters.flashWrites).toBe(0);
	});
});

test('an A SoM, which was never sold, gets the system that was published for it back, and an application', async () => {
	const release = realRelease('asom', '1.4.4');
	expect(release.modules.map((m) => m.slot).sort()).toEqual(['bootloader', 'softdevice', 'system-part1']);
	const b = bench('asom', { release });
	b.device.flash('internal').put(0x50000, new Uint8Array(64));
	b.device.pressReset();
	await b.clock.sleep(5000);
	expect(b.device.mode).toBe('dfu');
	const app = application('asom', { needs: 1406 });
	const r = report(await run(b, { goal: goal('1.4.4', [goalFile('asom', app)]), release }));
	expect(r.outcome).toBe('verified');
	expect(truth(b.device)).toMatchObject({ '4.1': 1406, '2.0': 501, '8.0': 202, '5.1': 6 });
	expect(b.device.mode).toBe('normal');
});

describe('every platform', () => {
	const programmable = platforms.filter((p) => releasesFor(p).length >= 2);
	test.each(programmable.map((p) => [p.name, p] as const))(
		'%s is programmed from one release to the next and ends verified',
		async (_, platform) => {
			const usable = releasesFor(platform).filter(
				(r) => r.channel === 'release' && expectedModules(platform, r.version).length > 0,
			);
			const to = latestInLine(platform)!;
			const from = usable[usable.indexOf(to) + 1]!;
			const b = bench(platform.name, { release: standInRelease(platform, from.version) });
			const app = application(platform.name, {
				needs: to.moduleVersion,
				index: platform.modules.some((m) => m.function === 5 && m.index === 2) && to.moduleVersion >= 3103 ? 2 : 1,
			});
			const r = report(
				await run(b, { goal: goal(to.version, [goalFile(platform.name, app)]), release: standInRelease(platform, to.version) }),
			);
			expect(r.outcome).toBe('verified');
			for (const module of expectedModules(platform, to.version)) {
				const there = truth(b.device)[`${module.function}.${module.index}`];
				if (there !== undefined) expect(there, `${module.slot}`).toBeGreaterThanOrEqual(module.version);
			}
			expect(r.after).toMatchObject({ mode: 'normal', osVersion: to.version });
		},
	);
});

describe('every platform in DFU mode', () => {
	const programmable = platforms.filter((p) => releasesFor(p).length > 0);
	test.each(programmable.map((p) => [p.name, p] as const))('%s is known by what stands in its flash', async (_, platform) => {
		const release = standInRelease(platform, latestInLine(platform)!.version);
		const b = bench(platform.name, { release, application: application(platform.name, { needs: release.moduleVersion }) });
		await b.clock.sleep(5000);
		b.device.pressModeAndReset();
		await b.clock.sleep(5000);
		const [found] = await listDevices(virtualUsbHost(b.bus), platforms.map(usbIdsOf));
		const environment = { host: virtualUsbHost(b.bus), platforms, releases, clock: b.clock, digests: nodeDigests };
		const snapshot = await takeSnapshot(found!, environment);
		expect(snapshot).toMatchObject({ platform: platform.name, mode: 'dfu', depth: 'read', osVersion: release.version });
		const read = snapshot.modules!.map((m) => `${m.function}.${m.index} ${m.version} ${m.valid}`);
		for (const { module } of release.modules) {
			const { prefix } = module;
			// The firmware of another chip cannot be read over DFU, and a module that is encrypted for one chip by nobody.
			if (prefix.function === 7 || module.encrypted) continue;
			expect(read).toContain(`${prefix.function}.${prefix.index} ${prefix.version} true`);
		}
		expect(read).toContain('5.1 6 true');
	});
});

describe('a file that is not right is refused with its own code, and nothing is written to the device', () => {
	const cases: { what: string; bytes: Uint8Array; name?: string; target?: string; code: RegExp }[] = [
		{ what: 'a system part for another platform', bytes: realModule('argon-system-part1@4.0.1.bin'), code: /^WRONG_PLATFORM$/ },
		{ what: 'an application for another platform', bytes: realTinker('argon'), code: /^WRONG_PLATFORM$/ },
		{
			what: 'an application that is too large for its slot',
			bytes: application('boron', { needs: 4005, index: 2, size: 0x40000 + 4096 }),
			target: '4.0.1',
			code: /TOO_LARGE|OUT_OF_PLACE|DOES_NOT_FIT/,
		},
		{
			what: 'an application that needs a newer Device OS than the target',
			bytes: application('boron', { needs: 6100, index: 2 }),
			target: '4.0.1',
			code: /NEWER/,
		},
		{
			what: 'a system part whose bootloader is missing',
			bytes: realModule('boron-system-part1@4.0.1.bin'),
			code: /^MISSING_DEPENDENCY$/,
		},
		{
			what: 'a web page instead of a hex file',
			bytes: new TextEncoder().encode('<!DOCTYPE html><html><body>Not found</body></html>'),
			name: 'given.hex',
			code: /WEB_PAGE|HTML/,
		},
		{ what: 'a corrupt zip', bytes: Uint8Array.of(0x50, 0x4b, 3, 4, ...app401.subarray(0, 500)), name: 'given.zip', code: /ZIP/ },
		{ what: 'a damaged application', bytes: damaged(app401), code: /SOUND|CRC/ },
		{ what: 'a file cut short', bytes: app401.slice(0, app401.length - 5000), code: /TRUNCATED|SHORT|CUT/ },
	];
	test.each(cases)('$what', async ({ bytes, name = 'given.bin', target, code }) => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		await b.clock.sleep(5000);
		const before = { ...b.device.counters };
		const file = goalFile('boron', bytes, name);
		const outcome = await run(b, { goal: goal(target, [file]), ...(target ? { release: boron401 } : {}) });
		expect(outcome.verdict.ok).toBe(false);
		const errors = outcome.verdict.problems.filter((p) => p.severity === 'error');
		expect(errors[0]?.code).toMatch(code);
		expect(errors[0]?.message.length).toBeGreaterThan(30);
		expect(b.device.counters.flashWrites).toBe(before.flashWrites);
		expect(b.device.counters.flashErases).toBe(before.flashErases);
		expect(b.device.mode).toBe('normal');
	});
});

function damaged(bytes: Uint8Array): Uint8Array {
	const copy = bytes.slice();
	copy[bytes.length >> 1]! ^= 0x40;
	return copy;
}

describe('disturbances within one call', () => {
	const job = { goal: goal('4.0.1', [goalFile('boron', app401)]), release: boron401 };
	const outcomeEvents: string[] = [];

	test('a stalled transfer is tried again, and the job ends verified', async () => {
		for (const at of [60, 300, 900]) {
			const b = bench('boron', { release: boron220 });
			b.device.faults.stallAtTransfer(at);
			expect(report(await run(b, job)).outcome).toBe('verified');
		}
	});

	test('an error status of the bootloader is tried again, and the job ends verified', async () => {
		const b = bench('boron', { release: boron220 });
		b.device.faults.dfuErrorAtTransfer(500);
		const outcome = await run(b, job);
		expect(report(outcome).outcome).toBe('verified');
		expect(outcome.events.some((e) => e.type === 'retry')).toBe(true);
	});

	test('a device that is plugged in again within seconds is programmed to the end by the same call', async () => {
		const b = bench('boron', { release: boron220 });
		b.device.faults.unplugAtTransfer(800);
		const stop = b.device.onChange(() => {
			if (b.device.mode === 'off') void b.clock.sleep(2000).then(() => b.device.plug());
		});
		const outcome = await run(b, job);
		stop();
		expect(report(outcome).outcome).toBe('verified');
		expect(outcome.events.filter((e) => e.type === 'retry')).toHaveLength(1);
	});

	test('a device that keeps stalling ends with a classified error after a bounded number of tries', async () => {
		const b = bench('boron', { release: boron220 });
		for (let n = 500; n < 4000; n++) b.device.faults.stallAtTransfer(n);
		const outcome = await run(b, job);
		if (!outcome.verdict.ok) throw new Error('refused');
		expect(outcome.verdict.value.outcome).toBe('failed');
		expect(outcome.verdict.value.error?.code).toMatch(/^(USB_STALL|DFU_STATUS)$/);
		expect(b.clock.now()).toBeLessThan(120_000);
		b.device.faults.clear();
		expect(report(await run(b, job)).outcome).toBe('verified');
	});

	test('cancelling stops at a safe point, says so, and the same command finishes the job', async () => {
		const b = bench('boron', { release: boron220 });
		const stop = new AbortController();
		const outcome = await run(b, {
			...job,
			signal: stop.signal,
			onEvent: (e) => {
				if (e.type === 'progress' && e.what === 'write' && e.done > 100_000) stop.abort();
			},
		});
		expect(outcome.verdict).toMatchObject({ ok: true, value: { outcome: 'cancelled', error: { code: 'CANCELLED' } } });
		expect(report(await run(b, job)).outcome).toBe('verified');
	});

	test('a device that does not start asks for two buttons, waits as long as it was told to, and goes on when they are pressed', async () => {
		const b = bench('boron', { release: boron220 });
		b.device.flash('internal').put(0x5000, new Uint8Array(64));
		b.device.pressReset();
		await b.clock.sleep(10_000);
		expect(b.device.mode).toBe('dead');
		await expect(run(b, job)).rejects.toMatchObject({
			code: 'DEVICE_NOT_FOUND',
			retry: 'operator',
			hint: expect.stringContaining('RESET'),
		});
		const began = b.clock.now();
		await expect(run(b, { ...job, limits: { operatorMs: 30_000 } })).rejects.toMatchObject({ retry: 'operator' });
		expect(b.clock.now() - began).toBeLessThan(60_000);
		void b.clock.sleep(12_000).then(() => b.device.pressModeAndReset());
		const outcome = await run(b, { ...job, limits: { operatorMs: 30_000 } });
		expect(outcome.events[0]).toMatchObject({ type: 'waiting', hint: expect.stringContaining('MODE') });
		expect(report(outcome).outcome).toBe('verified');
	});

	test('a device that does not come back from a restart asks for the buttons, and is repaired when they are pressed in time', async () => {
		const b = bench('boron', { release: boron220 });
		let leaving = false;
		let once = true;
		const stop = b.device.onChange(() => {
			if (!leaving || b.device.attached || !once) return;
			once = false;
			// A SoftDevice that is damaged at the worst moment: nobody checks it, and the system crashes with it again and again.
			b.device.flash('internal').put(0x5000, new Uint8Array(64));
			void b.clock.sleep(60_000).then(() => b.device.pressModeAndReset());
		});
		const outcome = await run(b, {
			...job,
			limits: { operatorMs: 60_000 },
			onEvent: (e) => {
				if (e.type === 'step-started' && e.title.startsWith('Restart')) leaving = true;
				outcomeEvents.push(e.type === 'retry' ? e.code : e.type);
			},
		});
		stop();
		expect(outcomeEvents).toContain('NEEDS_DFU_BUTTON');
		expect(outcomeEvents.lastIndexOf('waiting')).toBeGreaterThan(outcomeEvents.indexOf('NEEDS_DFU_BUTTON'));
		expect(report(outcome).outcome).toBe('verified');
		expect(b.device.mode).toBe('normal');
	});

	test('a device that stays in the bootloader after a restart is read there, and repaired by the same call', async () => {
		const b = bench('boron', { release: boron220 });
		let armed = false;
		let once = true;
		b.device.onChange(() => {
			if (!armed || b.device.attached || !once) return;
			once = false;
			b.device.flash('internal').put(0x50000, new Uint8Array(64));
		});
		const codes: string[] = [];
		const outcome = await run(b, {
			...job,
			onEvent: (e) => {
				if (e.type === 'step-started' && e.title.startsWith('Restart')) armed = true;
				if (e.type === 'retry') codes.push(e.code);
			},
		});
		expect(codes).toEqual(['WRONG_MODE']);
		expect(report(outcome).outcome).toBe('verified');
		expect(b.device.mode).toBe('normal');
	});

	test('events are numbered without gaps, progress never goes back, and it ends at the whole', async () => {
		const b = bench('boron', { release: boron220 });
		const { events } = await run(b, job);
		expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1));
		const fractions = events.flatMap((e) => (e.type === 'progress' ? [e.fraction] : []));
		for (let i = 1; i < fractions.length; i++) expect(fractions[i]!).toBeGreaterThanOrEqual(fractions[i - 1]!);
		expect(events[0]?.type).toBe('job-started');
		expect(events.at(-1)).toMatchObject({ type: 'job-finished', outcome: 'verified' });
	});

	test('a job takes its time from the clock that it was given', async () => {
		const b = bench('boron', { release: boron220, timing: 'datasheet' }, { clock: new VirtualClock() });
		const r = report(await run(b, job));
		expect(r.ms).toBeGreaterThan(10_000);
		expect(r.ms).toBe(b.clock.now());
	});
});
