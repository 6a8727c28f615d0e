/**
 * `linac flash bundle.zip` on virtual devices: the application, then its assets, each proved by what the device tells; what is stored already
 * is skipped; what cannot work is refused before anything is written; and power may fail at any moment.
 */
import { assetStore, platformByName } from '@linac/catalog';
import { seededRandom, toHex, VirtualClock } from '@linac/core';
import { createModule, withAssets } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type Goal, plan as makePlan, releaseNeeded } from '@linac/planner';
import type { Report } from '@linac/programmer';
import { standInApplication, standInRelease, VirtualDevice } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { assetApplication } from '../support/asset-applications.js';
import { assetGoal, bundleFile, bundleGoal, someAssets } from '../support/asset-bundles.js';
import { type Bench, bench, goal, goalFile, parsed, run } from './programming-setup.js';

const all = process.env.LINAC_SWEEP === 'all';
Error.stackTraceLimit = 0;

function made(platform: string, version: string, options: Parameters<typeof bench>[1] = {}): Bench {
	const application = standInApplication(platform, version).module.bytes;
	return bench(platform, { release: standInRelease(platform, version), application, ...options });
}

async function flash(b: Bench, g: Goal, more: Partial<Parameters<typeof run>[1]> = {}): Promise<Report> {
	const { verdict } = await run(b, { goal: g, ...more });
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => `${p.code}: ${p.message}`).join(' '));
	return verdict.value;
}

async function inDfu(b: Bench) {
	b.device.pressModeAndReset();
	for (let n = 0; n < 100 && b.device.mode !== 'dfu'; n++) await b.clock.sleep(10);
	expect(b.device.mode).toBe('dfu');
}

async function refusal(b: Bench, g: Goal) {
	const before = b.device.counters.flashWrites;
	const { verdict } = await run(b, { goal: g });
	expect(verdict.ok).toBe(false);
	expect(b.device.counters.flashWrites, 'nothing is written').toBe(before);
	return verdict.problems.map((p) => p.code);
}

const sha = (bytes: Uint8Array) => toHex(nodeDigests.sha256(bytes));
const assetRows = (report: Report) =>
	report.evidence.filter((r) => r.slot === 'asset').map((r) => [r.asset, r.proof, r.sha256, r.ok]);
const proofs = someAssets.map((a) => [a.name, 'device-hash', sha(a.bytes), true]);

describe.each(['boron', 'argon', 'tracker', 'p2', 'msom'])('a bundle on a %s with Device OS 5.8.0', (platform) => {
	test('puts the application and every asset on it, runs, and is left alone the second time', async () => {
		const b = made(platform, '5.8.0');
		const files = bundleGoal(bundleFile(platform));
		const report = await flash(b, goal(undefined, files));
		expect(report.outcome).toBe('verified');
		expect(assetRows(report)).toEqual(proofs);
		expect(report.evidence.every((r) => r.ok)).toBe(true);
		expect(b.device.mode).toBe('normal');
		expect([...b.device.storedAssets().keys()].sort()).toEqual(someAssets.map((a) => a.name).sort());
		// Byte for byte the modules that were made.
		for (const file of files.slice(1)) {
			const bytes = [...b.device.storedAssets().values()].map(sha);
			expect(bytes).toContain(file.module!.sha256);
		}
		const again = await flash(b, goal(undefined, files));
		expect(again.outcome).toBe('already');
		expect(assetRows(again)).toEqual(proofs);
		expect(again.files.map((f) => f.verdict)).toEqual(['already-there', 'already-there', 'already-there', 'already-there']);
		expect(again.bytesWritten).toBeLessThan(2000);
	});

	test('is begun by nothing but the application when the device has the assets', async () => {
		const b = made(platform, '5.8.0');
		await flash(b, goal(undefined, bundleGoal(bundleFile(platform))));
		const other = bundleFile(platform, someAssets, assetApplication(platform, { size: 25_000 }));
		const report = await flash(b, goal(undefined, bundleGoal(other)));
		expect(report.outcome).toBe('verified');
		expect(report.steps.some((s) => s.title.startsWith('Store'))).toBe(false);
		expect(assetRows(report)).toEqual(proofs);
	});
});

test('the application alone leaves the device in safe mode, which it says, until its assets are stored', async () => {
	const b = made('boron', '5.8.0');
	const [application, ...assets] = bundleGoal(bundleFile('boron'));
	expect(await refusal(b, goal(undefined, [application!]))).toEqual(['ASSET_MISSING']);
	const alone = await flash(b, goal(undefined, [application!], { applicationOnly: true }));
	expect(alone.outcome).toBe('verified');
	expect(alone.after?.mode).toBe('safe');
	expect(b.device.mode).toBe('safe');
	expect(b.device.why).toContain('cat.txt');
	const rest = await flash(b, goal(undefined, assets));
	expect(rest.outcome).toBe('verified');
	expect(rest.after?.mode).toBe('normal');
	expect(b.device.mode).toBe('normal');
});

test('assets outlive a restart, an update of Device OS and a saved state', async () => {
	const b = made('p2', '5.8.0');
	const files = bundleGoal(bundleFile('p2'));
	await flash(b, goal(undefined, files));
	const updated = await flash(b, goal('6.2.1', files), { release: standInRelease('p2', '6.2.1') });
	expect(updated.steps.some((s) => s.title.startsWith('Store'))).toBe(false);
	expect(assetRows(updated)).toEqual(proofs);
	const saved = new VirtualDevice({
		platform: platformByName('p2')!,
		clock: new VirtualClock(),
		timing: 'none',
		modules: [],
		state: JSON.parse(JSON.stringify(b.device.saveState())),
	});
	expect([...saved.storedAssets()]).toEqual([...b.device.storedAssets()]);
});

test('a device in DFU mode gets the application there and the assets after it; what is stored is not sent again', async () => {
	const b = made('tracker', '5.8.0', { ncp: { version: 7 } });
	const files = bundleGoal(bundleFile('tracker'));
	await inDfu(b);
	const first = await flash(b, goal(undefined, files));
	expect(assetRows(first)).toEqual(proofs);
	await inDfu(b);
	const second = await flash(b, goal(undefined, files));
	expect(second.outcome).toBe('already');
	expect(second.steps.filter((s) => s.title.startsWith('Store')).map((s) => s.result)).toEqual(['skipped', 'skipped', 'skipped']);
});

test('a new application takes its assets in place of the former ones, which the device removes by itself', async () => {
	const b = made('boron', '6.1.1');
	await flash(b, goal(undefined, bundleGoal(bundleFile('boron'))));
	const assets = [
		{ name: 'cat.txt', bytes: new TextEncoder().encode('another cat') },
		{ name: 'dog.txt', bytes: new TextEncoder().encode('woof') },
	];
	const files = bundleGoal(bundleFile('boron', assets, assetApplication('boron', { size: 21_000 })));
	const { verdict, events } = await run(b, { goal: goal(undefined, files) });
	expect(verdict.ok && verdict.value.outcome).toBe('verified');
	const started = events.find((e) => e.type === 'job-started');
	const notes = started?.type === 'job-started' ? started.plan.notes : [];
	expect(notes.find((n) => n.code === 'ASSETS_NOT_WANTED')?.message).toContain('"song.wav"');
	expect([...b.device.storedAssets().keys()].sort()).toEqual(['cat.txt', 'dog.txt']);
});

describe('refused before anything is written:', () => {
	const noise = (name: string, bytes: number) => ({ name, bytes: seededRandom(bytes).bytes(bytes) });

	test('assets for a board that keeps none', async () => {
		const b = made('photon', '2.3.1');
		expect(await refusal(b, goal(undefined, [assetGoal(someAssets[0]!)]))).toEqual(['ASSET_NOT_SUPPORTED']);
	});

	test('a target that keeps no assets, or cannot tell which; the refusal names one that can', async () => {
		const b = made('boron', '4.0.1');
		const files = bundleGoal(bundleFile('boron', someAssets, assetApplication('boron', { needs: 5501 })));
		const old = await run(b, { goal: goal('4.1.0', files), release: standInRelease('boron', '4.1.0') });
		expect(old.verdict.problems.map((p) => p.code)).toEqual(['APPLICATION_NEEDS_NEWER_TARGET', 'ASSETS_NEED_NEWER_SYSTEM']);
		const mute = await run(b, { goal: goal('5.5.0', files), release: standInRelease('boron', '5.5.0') });
		expect(mute.verdict.problems.map((p) => p.code)).toEqual(['ASSETS_NOT_TOLD']);
		expect(mute.verdict.problems[0]).toMatchObject({ route: ['5.6.0'] });
	});

	test('an asset that is another one than the application was built with', async () => {
		const b = made('boron', '5.8.0');
		const [application] = bundleGoal(bundleFile('boron', [someAssets[0]!]));
		const other = assetGoal({ name: 'cat.txt', bytes: Uint8Array.of(1) });
		expect(await refusal(b, goal(undefined, [application!, other]))).toEqual(['ASSET_HASH_MISMATCH']);
	});

	test('one asset that is too large for the board, and assets that together do not fit', async () => {
		const store = assetStore('boron', 5800)!;
		const b = made('boron', '5.8.0');
		const large = [noise('large', store.largest + 5000)];
		const many = [1, 2, 3, 4].map((n) => noise(`part-${n}`, 300_000 + n));
		for (const [assets, code] of [
			[large, 'ASSET_TOO_LARGE'],
			[many, 'ASSETS_DO_NOT_FIT'],
		] as const) {
			const files = assets.map((a) => assetGoal(a));
			const app = boronAskingFor(files);
			expect(await refusal(b, goal(undefined, [app, ...files]))).toEqual([code]);
		}
	});

	test('two assets of one name', async () => {
		const b = made('boron', '5.8.0');
		const [application, asset] = bundleGoal(bundleFile('boron', [someAssets[0]!]));
		const twin = assetGoal({ name: 'cat.txt', bytes: Uint8Array.of(2) }, 'twin.bin');
		expect(await refusal(b, goal(undefined, [application!, asset!, twin]))).toEqual(['TWO_FILES_FOR_ONE_PLACE']);
	});

	test('an asset alone that the application on the device does not ask for', async () => {
		const b = made('boron', '5.8.0');
		expect(await refusal(b, goal(undefined, [assetGoal(someAssets[0]!)]))).toEqual(['NOTHING_TO_WRITE']);
	});
});

/** NCP firmware of a size; contents invented, header as the real one has it. */
function ncpFile(platform: string, version: number, size: number) {
	const { id } = platformByName(platform)!;
	const body = seededRandom(version).bytes(size);
	return goalFile(
		platform,
		createModule({ platformId: id, function: 7, index: 0, version, start: 0, reserved: 33, body }),
		'ncp.bin',
	);
}

/** An application that asks for these assets, whether they fit or not. */
function boronAskingFor(files: ReturnType<typeof assetGoal>[]) {
	const refs = files.map((f) => {
		const e = f.module!.module.suffix.extensions;
		const name = e.find((x) => x.type === 'name');
		const hash = e.find((x) => x.type === 'hash');
		if (name?.type !== 'name' || hash?.type !== 'hash') throw new Error('an asset');
		return { name: name.name, sha256: hash.hash };
	});
	const app = withAssets(parsed(assetApplication('boron')), refs, { form: 'suffix' });
	if (!app.ok) throw new Error(app.problems[0]?.message);
	return goalFile('boron', app.value);
}

test('Device OS is raised to the first line that can tell its assets, when the device is too old for a bundle', async () => {
	const b = made('boron', '4.0.1');
	const files = bundleGoal(bundleFile('boron'));
	const asked: string[] = [];
	const report = await flash(b, goal(undefined, files), {
		release: async (device) => {
			const needed = releaseNeeded(device, goal(undefined, files));
			asked.push(needed ?? 'none');
			return standInRelease('boron', needed!);
		},
	});
	expect(asked).toEqual(['5.6.0']);
	expect(report.outcome).toBe('verified');
	expect(report.after?.osVersion).toBe('5.6.0');
	expect(assetRows(report)).toEqual(proofs);
});

test('an asset that the device does not keep is no success: the job fails with its name', async () => {
	const b = made('boron', '5.8.0');
	// A store that does not take anything: every block of it is worn.
	const region = platformByName('boron')!.memory.find((r) => r.name === 'assets')!;
	for (let at = region.start; at < region.end; at += 4096) b.device.flash('external').wearOut(at + 100, 0xff);
	const report = await flash(b, goal(undefined, bundleGoal(bundleFile('boron'))));
	expect(report.outcome).toBe('failed');
	expect(report.error?.code).toBe('ASSET_NOT_STORED');
	expect(report.evidence.filter((r) => r.slot === 'asset').every((r) => !r.ok)).toBe(true);
	expect(b.device.mode).toBe('safe');
});

describe('an NCP update on an Argon with a full store', () => {
	test('that is received over the beginning of the store costs the assets, which the plan says and makes good', async () => {
		const b = made('argon', '5.8.0', { ncp: { version: 4 } });
		const files = bundleGoal(bundleFile('argon'));
		await flash(b, goal(undefined, files));
		const ncp = ncpFile('argon', 5, 820_000);
		const report = await flash(b, goal(undefined, [...files, ncp]));
		expect(report.outcome).toBe('verified');
		expect(report.steps.filter((s) => s.title.startsWith('Store')).map((s) => s.result)).toEqual(['done', 'done', 'done']);
		expect(assetRows(report)).toEqual(proofs);
	});
});

test('power may fail at any flash write while assets are stored: the same command finishes the job', async () => {
	for (const platform of ['boron', 'p2']) {
		const files = bundleGoal(bundleFile(platform));
		const g = () => goal(undefined, files);
		const whole = made(platform, '5.8.0');
		await flash(whole, { ...g(), files: [files[0]!], applicationOnly: true });
		const state = whole.device.saveState();
		const from = whole.device.counters.flashWrites;
		await flash(whole, g());
		const writes = whole.device.counters.flashWrites - from;
		expect(writes).toBeGreaterThan(60);
		const step = all ? 1 : Math.ceil(writes / 40);
		let safe = 0;
		for (let n = 1; n <= writes; n += step) {
			const b = bench(platform, { modules: [], state });
			b.device.faults.powerLossAtFlashWrite(n);
			await run(b, { goal: g() }).catch(() => {});
			b.device.faults.clear();
			b.device.plug();
			const report = await flash(b, g());
			expect([n, report.outcome === 'verified' || report.outcome === 'already']).toEqual([n, true]);
			expect(assetRows(report)).toEqual(proofs);
			expect(b.device.mode).toBe('normal');
			if (report.before.mode === 'safe') safe++;
		}
		// Most of the points lie before the last asset is whole.
		expect(safe).toBeGreaterThan(10);
	}
}, 600_000);

test('the cable may be pulled at any transfer while assets are stored', async () => {
	const files = bundleGoal(bundleFile('boron', [someAssets[0]!]));
	const whole = made('boron', '5.8.0');
	await flash(whole, goal(undefined, [files[0]!], { applicationOnly: true }));
	const state = whole.device.saveState();
	const from = whole.device.counters.transfers;
	await flash(whole, goal(undefined, files));
	const transfers = whole.device.counters.transfers - from;
	const step = all ? 1 : Math.ceil(transfers / 25);
	for (let n = 1; n <= transfers; n += step) {
		const b = bench('boron', { modules: [], state });
		b.device.faults.unplugAtTransfer(n);
		await run(b, { goal: goal(undefined, files) }).catch(() => {});
		b.device.faults.clear();
		b.device.plug();
		const report = await flash(b, goal(undefined, files));
		expect(assetRows(report).every((r) => r[3])).toBe(true);
		expect(b.device.mode).toBe('normal');
	}
}, 600_000);

test('a plan is the same whatever the order of the files, and tells what each asset waits for', () => {
	const platform = platformByName('boron')!;
	const files = bundleGoal(bundleFile('boron'));
	const device = {
		platform: 'boron',
		mode: 'normal' as const,
		osVersion: '5.8.0',
		modules: [...standInRelease('boron', '5.8.0').modules, standInApplication('boron', '5.8.0')].map((m) => ({
			function: m.module.prefix.function,
			index: m.module.prefix.index,
			version: m.module.prefix.version,
			valid: true,
			dependencies: m.module.dependencies,
		})),
		assets: { available: [], required: [] },
		depth: 'reported' as const,
		via: 'usb' as const,
	};
	const one = makePlan(device, goal(undefined, files), { platform });
	const other = makePlan(device, goal(undefined, [...files].reverse()), { platform });
	if (!one.ok || !other.ok) throw new Error('plans');
	expect(other.value.plan.id).toBe(one.value.plan.id);
	const stores = one.value.plan.steps.filter((s) => s.action.kind === 'update-control');
	expect(stores.map((s) => s.after.boots)).toEqual(['safe', 'safe', 'normal']);
	expect(one.value.plan.steps.at(-1)?.action.kind).toBe('verify');
	expect(stores.every((s) => s.ifInterrupted.way === 'same-command')).toBe(true);
});
