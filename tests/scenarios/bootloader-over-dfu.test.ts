import { compareVersions, platforms, type ReleaseSet, releasesFor } from '@linac/catalog';
import { fromHex } from '@linac/core';
import { encodeModuleSlot, ModuleFunction } from '@linac/firmware';
import type { BootloaderWay, Goal } from '@linac/planner';
import type { JobEvent, Report } from '@linac/programmer';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, it } from 'vitest';
import { application, type Bench, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const all: Partial<Goal> = { allow: ['downgrade', 'experimental'] };

async function flash(
	b: Bench,
	platform: string,
	release: ReleaseSet,
	app: Uint8Array | undefined,
	way: BootloaderWay,
	more: Partial<Goal> = all,
): Promise<Report> {
	const files = app ? [goalFile(platform, app)] : [];
	const { verdict } = await run(b, { goal: goal(release.version, files, { ...more, bootloaderWay: way }), release });
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => `${p.code} ${p.message}`).join(' '));
	return verdict.value;
}

function bootloaderOf(b: Bench): number | undefined {
	return b.device.installedModules().find((m) => m.function === ModuleFunction.bootloader && m.index === 0 && m.valid)?.version;
}

function proves(b: Bench, report: Report, release: ReleaseSet): void {
	expect(report.error).toBeUndefined();
	expect(report.outcome).toBe('verified');
	expect(report.evidence.every((r) => r.ok)).toBe(true);
	const wanted = release.modules.find(
		(m) => m.module.prefix.function === ModuleFunction.bootloader && m.module.prefix.index === 0,
	);
	expect(bootloaderOf(b)).toBe(wanted?.module.prefix.version);
	expect(b.device.mode).toBe('normal');
	// Nothing is left that a later start would carry out.
	const { dct } = b.device.platform;
	expect(b.device.readDct(dct.otaFlag, 1)[0]).not.toBe(0xa5);
	for (let slot = 1; slot < 5; slot++) expect([...b.device.readDct(dct.moduleSlots + slot * 20, 2)]).not.toEqual([0xcd, 0xab]);
	// No module has come by control requests.
	expect(report.steps.some((s) => s.title.includes('to the running system'))).toBe(false);
}

const real = [
	{ platform: 'boron', from: '2.2.0', to: '4.0.1', app: application('boron', { needs: 4005, index: 2, size: 256 * 1024 }) },
	{ platform: 'argon', from: '2.2.0', to: '4.0.1', app: application('argon', { needs: 4005, index: 2, size: 60_000 }) },
	{ platform: 'photon', from: '1.5.2', to: '2.2.0', app: application('photon', { needs: 2202, index: 1, size: 60_000 }) },
	{ platform: 'electron', from: '2.2.0', to: '2.3.1', app: application('electron', { needs: 2302, index: 1, size: 60_000 }) },
] as const;

describe('real modules: a bootloader over nothing but DFU', () => {
	for (const { platform, from, to, app } of real) {
		for (const way of ['ota-slot', 'module-slot'] as const) {
			if (way === 'module-slot' && (platform === 'photon' || platform === 'electron')) continue;
			it(`comes by ${way} to a ${platform}, from ${from} to ${to}`, async () => {
				const b = bench(platform, { release: realRelease(platform, from) });
				const release = realRelease(platform, to);
				const report = await flash(b, platform, release, app, way);
				proves(b, report, release);
				const again = await flash(b, platform, release, app, way);
				expect(again.error).toBeUndefined();
				expect(again.outcome).toBe('already');
			});
		}
	}

	it('a Boron whose system does not start is brought back by module slot in one DFU session, bootloader and SoftDevice included', async () => {
		const release = realRelease('boron', '4.0.1');
		const app = application('boron', { needs: 4005, index: 2, size: 256 * 1024 });
		const b = bench('boron', { release: realRelease('boron', '2.2.0') });
		b.device.flash('internal').put(0x31000, new Uint8Array(8192).fill(0));
		b.device.flash('internal').put(0x9000, new Uint8Array(4096).fill(0));
		b.device.pressReset();
		await b.clock.sleep(10_000);
		expect(b.device.mode).toBe('dfu');
		const report = await flash(b, 'boron', release, app, 'module-slot');
		proves(b, report, release);
		expect(report.steps.filter((s) => s.title === 'Enter DFU mode')).toHaveLength(0);
		expect(report.steps.filter((s) => s.title.startsWith('Restart'))).toHaveLength(1);
		expect(report.evidence.find((r) => r.slot === 'softdevice')).toMatchObject({ ok: true, proof: 'read-back-sha256' });
	});
});

describe('every platform that has a bootloader', () => {
	const withBootloader = platforms.filter((p) => p.components.bootloader && p.mcu !== 'stm32f1' && releasesFor(p).length > 1);

	it('is all of them but the Core', () => {
		expect(withBootloader.length).toBeGreaterThanOrEqual(12);
	});

	for (const platform of withBootloader) {
		const versions = releasesFor(platform)
			.filter((r) => r.channel === 'release' && r.version !== '6.1.2')
			.map((r) => r.version)
			.sort(compareVersions);
		const target = versions.at(-1)!;
		// Trackers before 3.0.0 have to take a stepping stone for the sake of their NCP.
		const from = versions.find((v) => platform.generation > 2 && compareVersions(v, '3.0.0') >= 0) ?? versions[0]!;
		for (const way of ['ota-slot', 'module-slot'] as const) {
			if (way === 'module-slot' && platform.mcu === 'stm32f2') continue;
			it(`${platform.name} gets the bootloader of ${target} by ${way}`, async () => {
				const release = standInRelease(platform, target);
				const old = standInRelease(platform, from);
				const app = standInApplication(platform, from).module.bytes;
				const b = bench(platform.name, { release: old, application: app });
				// Named as a file: where it is replaced in place, one that need not be newer is left alone otherwise.
				const named = release.modules.find(
					(m) => m.module.prefix.function === ModuleFunction.bootloader && m.module.prefix.index === 0,
				);
				const report = await flash(b, platform.name, release, named!.module.bytes, way);
				proves(b, report, release);
			});
		}
	}
});

describe('orders that were in the DCT before', () => {
	const release = standInRelease(platforms.find((p) => p.name === 'boron')!, '4.0.1');
	const old = standInRelease(platforms.find((p) => p.name === 'boron')!, '2.2.0');
	const app = standInApplication(platforms.find((p) => p.name === 'boron')!, '4.0.1').module.bytes;
	const foreign = encodeModuleSlot({
		sourceExternal: true,
		destinationExternal: false,
		source: 0x300000,
		destination: 0x30000,
		length: 4096,
		flags: 0,
		function: ModuleFunction.none,
	});

	async function inDfu(slot: number, record: Uint8Array): Promise<Bench> {
		const b = bench('boron', { release: old });
		await b.clock.sleep(10_000);
		b.device.pressModeAndReset();
		await b.clock.sleep(10_000);
		b.device.flash('dct').put(b.device.platform.dct.moduleSlots + slot * 20, record);
		return b;
	}

	for (const way of ['control', 'ota-slot', 'module-slot'] as const) {
		it(`are named and taken out before the next start, when the bootloader comes by ${way}`, async () => {
			const b = await inDfu(3, foreign);
			let notes: string[] = [];
			let firstStep = '';
			const { verdict } = await run(b, {
				goal: goal('4.0.1', [goalFile('boron', app)], { ...all, bootloaderWay: way }),
				release,
				confirm: (plan) => {
					notes = plan.notes.filter((n) => n.code === 'UPDATE_PENDING').map((n) => n.message);
					firstStep = plan.steps[0]!.title;
					return true;
				},
			});
			if (!verdict.ok) throw new Error(JSON.stringify(verdict.problems));
			expect(notes).toHaveLength(1);
			expect(notes[0]).toContain('Module slot 3');
			expect(notes[0]).toContain('0x00030000');
			expect(firstStep).toBe('Free module slot 3');
			expect(verdict.value.error).toBeUndefined();
			expect([...b.device.readDct(b.device.platform.dct.moduleSlots + 60, 2)]).toEqual([0xff, 0xff]);
			// The rest of the record stays: only the order is gone.
			expect([...b.device.readDct(b.device.platform.dct.moduleSlots + 62, 18)]).toEqual([...foreign.subarray(2)]);
		});
	}

	it('are kept where they are this very job, interrupted: what was left is not written again', async () => {
		const b = bench('boron', { release: old });
		let cut = false;
		const events: JobEvent[] = [];
		const first = await run(b, {
			goal: goal('4.0.1', [goalFile('boron', app)], { ...all, bootloaderWay: 'module-slot' }),
			release,
			onEvent: (event) => {
				events.push(event);
				// Power fails as soon as everything has been asked for.
				if (!cut && event.type === 'step-started' && event.title.startsWith('Restart, and see')) {
					cut = true;
					b.device.unplug();
					b.device.plug();
					b.device.pressModeAndReset();
				}
			},
		});
		if (!first.verdict.ok) throw new Error(JSON.stringify(first.verdict.problems));
		expect(first.verdict.value.error).toBeUndefined();
		const asked = events.filter((e) => e.type === 'step-skipped' && e.reason.includes('asked for already'));
		expect(asked.length).toBeGreaterThan(0);
	});

	it('an OTA flag of somebody else is cleared', async () => {
		const b = await inDfu(4, fromHex('ff'.repeat(20))!);
		b.device.flash('dct').put(b.device.platform.dct.otaFlag, Uint8Array.of(0xa5));
		const report = await flash(b, 'boron', release, app, 'control');
		expect(report.error).toBeUndefined();
		expect(report.steps[0]!.title).toBe('Clear the OTA flag');
		expect(b.device.readDct(b.device.platform.dct.otaFlag, 1)[0]).toBe(0xff);
	});
});
