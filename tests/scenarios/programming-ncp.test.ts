/**
 * NCP firmware given as a file, or found in a folder, under any name: it goes by control requests in normal and in listening mode, is left alone where
 * it is there or newer, and is never made older. No package of the npm registry holds real NCP firmware, so linac's builder makes it, with header
 * and size of the real one.
 */
import { platformByName } from '@linac/catalog';
import { seededRandom, VirtualClock } from '@linac/core';
import { createModule, ModuleFlag } from '@linac/firmware';
import type { Goal } from '@linac/planner';
import { ControlDevice, listDevices } from '@linac/usb';
import { standInApplication, standInRelease, virtualUsbHost } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { usbPlatforms } from '../support/virtual-lab.js';
import { bench, goal, goalFile, run } from './programming-setup.js';

/** As argon-ncp-firmware 0.0.5 has it: 829,248 bytes, no start address, header dropped, MCU byte 33. */
function ncp(platform: string, version: number, options: { size?: number; mcu?: number; name?: string } = {}) {
	const { id } = platformByName(platform)!;
	const body = seededRandom(version).bytes((options.size ?? 829_248) - 64);
	const bytes = createModule({
		platformId: id,
		function: 7,
		index: 0,
		version,
		start: 0,
		reserved: options.mcu ?? 33,
		flags: ModuleFlag.dropModuleInfo,
		suffix: 'base',
		body,
	});
	return { bytes, file: goalFile(platform, bytes, options.name ?? 'ncp.bin') };
}

function made(platform: string, version: string, installed: number, options: Parameters<typeof bench>[1] = {}) {
	const release = standInRelease(platform, version);
	return bench(platform, {
		release: { ...release, modules: release.modules.filter((m) => m.slot !== 'ncp') },
		application: standInApplication(platform, version).module.bytes,
		ncp: { version: installed },
		...options,
	});
}

const installedOn = (b: ReturnType<typeof made>) => b.device.installedModules().find((m) => m.function === 7)?.version;

/** The device when it has come to where it starts into. */
async function settled(b: ReturnType<typeof made>) {
	for (let n = 0; n < 100 && !b.device.attached; n++) await b.clock.sleep(10);
	return b.device.mode;
}

async function flash(b: ReturnType<typeof made>, g: Goal) {
	const { verdict } = await run(b, { goal: g });
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => `${p.code}: ${p.message}`).join(' '));
	return verdict.value;
}

describe.each([
	['argon', '4.0.1', 5, 4],
	['argon', '6.2.1', 5, 4],
	['tracker', '2.3.1', 7, 6],
	['tracker', '4.0.1', 7, 6],
	['tracker', '5.5.0', 7, 6],
])('NCP firmware for an %s with Device OS %s', (platform, version, number, older) => {
	test('is installed by control requests, whatever the file is called, and reported', async () => {
		const b = made(platform, version, older);
		const report = await flash(b, goal(undefined, [ncp(platform, number, { name: 'whatever.dat' }).file]));
		expect(report.outcome).toBe('verified');
		expect(report.evidence).toMatchObject([{ slot: 'ncp', before: { version: older }, after: { version: number }, ok: true }]);
		expect(report.steps.map((s) => s.title)).toEqual([
			`Give ncp ${number} to the running system`,
			'See that the device is running with what was planned',
		]);
		expect(installedOn(b)).toBe(number);
	});

	test('is installed in listening mode too', async () => {
		const b = made(platform, version, older);
		// A system that asks for a newer NCP waits in safe mode.
		const before = await settled(b);
		const found = await listDevices(virtualUsbHost(b.bus), usbPlatforms);
		const control = await ControlDevice.open(found[0]!, { clock: b.clock });
		await control.startListening();
		await control.close();
		expect(b.device.mode).toBe(before === 'safe' ? 'safe' : 'listening');
		const report = await flash(b, goal(undefined, [ncp(platform, number).file]));
		expect(report.outcome).toBe('verified');
		expect(installedOn(b)).toBe(number);
	});

	test('is left alone when it is there', async () => {
		const b = made(platform, version, number);
		const report = await flash(b, goal(undefined, [ncp(platform, number).file]));
		expect(report.outcome).toBe('already');
		expect(report.files).toMatchObject([{ verdict: 'already-there', code: 'SAME_VERSION_THERE' }]);
		expect(b.device.counters.flashWrites).toBe(0);
	});

	test('is never made older, not even when downgrades are allowed', async () => {
		const b = made(platform, version, number);
		for (const allow of [[], ['downgrade']] as Goal['allow'][]) {
			const { verdict } = await run(b, { goal: goal(undefined, [ncp(platform, older).file], { allow }) });
			expect(verdict.ok).toBe(false);
			expect(verdict.problems).toMatchObject([{ code: 'NCP_NEVER_OLDER', file: 'ncp.bin' }]);
		}
		// In a set with others it is passed over, and its verdict says why.
		const app = goalFile(platform, standInApplication(platform, version, { seed: 9 }).module.bytes);
		const report = await flash(b, goal(undefined, [app, ncp(platform, older).file], { allow: ['downgrade'] }));
		expect(report.outcome).toBe('verified');
		expect(report.files.find((f) => f.name === 'ncp.bin')).toMatchObject({ verdict: 'not-needed', code: 'NEWER_STAYS' });
		expect(installedOn(b)).toBe(number);
	});
});

test('a device in DFU mode is asked once it runs: the same or a newer NCP is not touched, an older one is replaced', async () => {
	for (const [installed, result] of [
		[7, 'skipped'],
		[6, 'done'],
	] as const) {
		const b = made('tracker', '4.0.1', installed);
		await settled(b);
		b.device.pressModeAndReset();
		expect(await settled(b)).toBe('dfu');
		const report = await flash(b, goal(undefined, [ncp('tracker', 7, { size: 40_000 }).file]));
		expect([installed, report.steps.find((s) => s.title.startsWith('Give ncp'))?.result]).toEqual([installed, result]);
		expect(installedOn(b)).toBe(Math.max(installed, 7));
	}
});

test('a device in DFU mode that turns out to have a newer NCP keeps it, and the file is refused', async () => {
	const b = made('tracker', '4.0.1', 8);
	await settled(b);
	b.device.pressModeAndReset();
	expect(await settled(b)).toBe('dfu');
	const { verdict } = await run(b, { goal: goal(undefined, [ncp('tracker', 7, { size: 40_000 }).file]) });
	expect(verdict.problems).toMatchObject([{ code: 'NCP_NEVER_OLDER' }]);
	expect(installedOn(b)).toBe(8);
});

describe('refused, with nothing written:', () => {
	test('for a Tracker whose Device OS takes no NCP firmware any more, which names those that do', async () => {
		const b = made('tracker', '5.6.0', 6);
		const { verdict } = await run(b, { goal: goal(undefined, [ncp('tracker', 7).file]) });
		expect(verdict.problems).toMatchObject([{ code: 'NO_SAFE_ORDER' }]);
		expect(verdict.problems[0]!.message).toContain('3.0.0 to 5.5.0');
		expect(b.device.counters.flashWrites).toBe(0);
		expect(installedOn(b)).toBe(6);
	});

	test('firmware of another board, of another co-processor, or for a board that has none', async () => {
		const b = made('argon', '4.0.1', 4);
		const problems = async (platform: string, file: ReturnType<typeof ncp>) => {
			const device = platform === 'argon' ? b : bench(platform, { release: standInRelease(platform, '5.8.0') });
			const { verdict } = await run(device, { goal: goal(undefined, [file.file]) });
			return verdict.problems.map((p) => p.code);
		};
		expect(await problems('argon', ncp('tracker', 7))).toEqual(['WRONG_PLATFORM']);
		expect(await problems('argon', ncp('argon', 5, { mcu: 34 }))).toEqual(['WRONG_PLATFORM']);
		expect(await problems('boron', ncp('boron', 5))).toEqual(['NO_SUCH_SLOT']);
		expect(await problems('p2', ncp('p2', 5))).toEqual(['NO_SUCH_SLOT']);
	});
});

test('a Tracker from before 3.0.0 reaches new releases by way of 5.5.0, which brings NCP 7', async () => {
	const b = made('tracker', '2.3.1', 6);
	const direct = await run(b, { goal: goal('6.2.1'), release: standInRelease('tracker', '6.2.1') });
	expect(direct.verdict.problems).toMatchObject([{ code: 'STEPPING_STONE_NEEDED', route: ['5.5.0', '6.2.1'] }]);
	for (const version of ['5.5.0', '6.2.1']) {
		const { verdict } = await run(b, { goal: goal(version), release: standInRelease('tracker', version) });
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		expect(installedOn(b)).toBe(7);
	}
});

test('going back to an older Device OS leaves the NCP as it is', async () => {
	const b = made('tracker', '4.0.1', 7);
	const application = goalFile('tracker', standInApplication('tracker', '2.3.1').module.bytes);
	const { verdict } = await run(b, {
		goal: goal('2.3.1', [application], { allow: ['downgrade'] }),
		release: standInRelease('tracker', '2.3.1'),
	});
	expect(verdict.ok && verdict.value.outcome).toBe('verified');
	expect(installedOn(b)).toBe(7);
});

test('an Argon takes the time of the wire and of the co-processor: about 10 s for the real size', async () => {
	const clock = new VirtualClock();
	const b = made('argon', '4.0.1', 4, { timing: 'datasheet', clock });
	const began = clock.now();
	const report = await flash({ ...b, clock }, goal(undefined, [ncp('argon', 5).file]));
	expect(report.outcome).toBe('verified');
	// 829,248 bytes at 80 bytes a millisecond, and what the flash of the slot and the wire take.
	expect(clock.now() - began).toBeGreaterThan(10_000);
	expect(clock.now() - began).toBeLessThan(60_000);
});
