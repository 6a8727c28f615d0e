/**
 * The manual flow of the page "Programming devices", by the command line as a user has it: a folder or zip of binaries, whatever is in it
 * and whatever it is called, onto a device in whatever mode; as one command, and as its parts.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platformByName, releaseByVersion } from '@linac/catalog';
import { unwrap } from '@linac/core';
import { ModuleFunction, parseModule } from '@linac/firmware';
import { restoreZip } from '@linac/image';
import { standInApplication, standInModule, standInRelease } from '@linac/virtual';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realModule } from '../support/real-firmware.js';
import { applicationFor, realRelease } from '../support/release-files.js';
import { document, Lab, linac, type Result, realSources, temporaryFolder } from './cli-harness.js';

interface Listed {
	deviceId: string;
	mode: string;
	osVersion: string;
	setupDone?: boolean;
	modules: { function: number; index: number; version: number; valid: boolean }[];
}
interface ReportLike {
	outcome: string;
	files: { name: string; verdict: string; reason: string; code: string }[];
	evidence: { slot: string; ok: boolean; proof: string; after?: { version: number } }[];
	steps: { title: string; result: string }[];
}
interface PlanLike {
	steps: { title: string; transport?: string }[];
}

const folder = temporaryFolder();
const env: Record<string, string> = { LINAC_CACHE: join(folder.path, 'cache'), LINAC_OFFLINE: '1' };

/** One lab for all tests: each takes devices of its own from it. */
const specs = [
	...Array<string>(7).fill('boron@2.2.0'),
	'boron@4.0.1',
	'argon@2.2.0',
	'photon@1.5.2',
	'electron@2.2.0',
	'tracker@2.1.0',
	'p2@5.7.0',
];
let lab: Lab;
let taken = 0;
const run = (...args: string[]): Promise<Result> => linac(args, { cwd: folder.path, env });
const look = async (device: string) => document<Listed[]>(await run('devices', '--device', device, '--json'))[0]!;
/** The id of a Boron on 2.2.0 that no test has used yet. */
const freshBoron = () => lab.devices[taken++]!.deviceId;
const idOf = (spec: string) => lab.devices[specs.indexOf(spec)]!.deviceId;

beforeAll(async () => {
	lab = await Lab.start([...specs.flatMap((s) => ['--device', s]), '--timing', 'none', ...realSources()], env);
	env.LINAC_USBIP = lab.address;
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

/** The zip of a release as "linac zip" makes it, of real modules, in the folder of the tests. */
function zipOf(platform: string, version: string): string {
	const { zip } = restoreZip(realRelease(platform, version), applicationFor(platform, version));
	writeFileSync(join(folder.path, `${platform}-${version}.zip`), zip);
	return `${platform}-${version}.zip`;
}

/** Stand-ins for a release whose files cannot be had, as a folder, with names that say nothing. */
function standIns(platform: string, version: string, more: { ncp?: number; mbr?: boolean } = {}): string {
	const facts = platformByName(platform)!;
	const number = releaseByVersion(version)!.moduleVersion;
	const files = [...standInRelease(facts, version).modules, standInApplication(facts, version)];
	const other = (slot: string, functionNumber: number, index: number, moduleVersion: number) =>
		files.push(standInModule(facts, number, { slot, function: functionNumber, index, version: moduleVersion, dependencies: [] }));
	const has = (f: number, i: number) => files.some((m) => m.module.prefix.function === f && m.module.prefix.index === i);
	if (more.ncp !== undefined && !has(ModuleFunction.ncp, 0)) other('ncp', ModuleFunction.ncp, 0, more.ncp);
	if (more.mbr && !has(ModuleFunction.bootloader, 1)) other('prebootloader-mbr', ModuleFunction.bootloader, 1, 2);
	const name = `${platform}-${version}`;
	mkdirSync(join(folder.path, name), { recursive: true });
	for (const [i, file] of files.entries()) writeFileSync(join(folder.path, name, `${files.length - i}.bin`), file.module.bytes);
	return name;
}

/**
 * What `particle flash --local` passes over without a word: particle-cli (e2e1229), src/lib/flash-helper.js, filterModulesToFlash (radio
 * stack, NCP, encrypted modules; the first two are kept by `particle update` only).
 */
function droppedByParticleCli(bytes: Uint8Array): boolean {
	const { prefix } = unwrap(parseModule(bytes));
	const encrypted = prefix.function === ModuleFunction.bootloader && prefix.index === 1;
	return encrypted || prefix.function === ModuleFunction.radioStack || prefix.function === ModuleFunction.ncp;
}

const flash = ['flash', '--local', '--yes', '--json', '--offline'];

describe('a device in any mode', () => {
	test.each([
		['normal', undefined],
		['listening', 'start-listening'],
		['safe', 'safe-mode'],
		['dfu', 'dfu'],
	])('%s: one command installs the zip of a release, bootloader included', async (_mode, command) => {
		const deviceId = freshBoron();
		if (command) expect(await run('usb', command, '--device', deviceId)).toMatchObject({ code: 0 });
		const result = await run(...flash, zipOf('boron', '4.0.1'), '--device', deviceId);
		expect(result).toMatchObject({ code: 0 });
		const report = document<ReportLike>(result);
		expect(report.outcome).toBe('verified');
		expect(report.files).toHaveLength(4);
		const has = Object.fromEntries(report.evidence.map((e) => [e.slot, e.ok && e.after?.version]));
		expect(has).toMatchObject({ bootloader: 1101, 'system-part1': 4005, softdevice: 202 });
		expect((await look(deviceId)).osVersion).toBe('4.0.1');
	});
});

describe('whatever is in the folder', () => {
	const deviceId = () => lab.devices[6]!.deviceId;
	const into = (path: string, bytes: Uint8Array | string) => {
		const at = join(folder.path, path);
		mkdirSync(join(at, '..'), { recursive: true });
		writeFileSync(at, bytes);
	};
	beforeAll(() => {
		const entries = Object.entries(unzipSync(readFileSync(join(folder.path, zipOf('boron', '4.0.1')))));
		for (const [i, [, bytes]] of entries.entries()) into(`mess/${'deep/'.repeat(i)}${9 - i}.bin`, bytes);
		into('mess/README.md', '# Firmware\n');
		into('mess/.DS_Store', '\0\0\0\x01Bud1');
		into('mess/deep/._9.bin', '\0\x05\x16\x07');
		into('mess/deep/.git/config.bin', 'not looked at');
		into('mess/again.bin', entries[0]![1]);
	});

	test('every file has a verdict: modules by their contents in folders of folders, others with the reason', async () => {
		const report = document<ReportLike>(await run(...flash, '--device', deviceId(), 'mess'));
		expect(report.outcome).toBe('verified');
		const verdicts = Object.fromEntries(report.files.map((f) => [f.name, f.verdict]));
		expect(Object.keys(verdicts)).toHaveLength(9);
		expect(verdicts).toMatchObject({
			'mess/README.md': 'not-needed',
			'mess/.DS_Store': 'not-needed',
			'mess/deep/._9.bin': 'not-needed',
			'mess/deep/.git/': 'not-needed',
		});
		// One module under two names is one module; both names are answered alike.
		expect(verdicts['mess/again.bin']).toBe(verdicts['mess/9.bin']);
		for (const f of report.files) expect(f.reason, f.name).not.toBe('');
	});

	test("another platform's module among them ends it before anything is written, and is named", async () => {
		into('mixed/argon.bin', realModule('argon-system-part1@2.2.0.bin'));
		copyFileSync(join(folder.path, 'mess', '9.bin'), join(folder.path, 'mixed', 'boron.bin'));
		const result = await run(...flash, '--device', deviceId(), 'mixed');
		expect(result).toMatchObject({ code: 3 });
		const { error } = document<{ error: { code: string; message: string } }>(result);
		expect(error.code).toBe('WRONG_PLATFORM');
		expect(error.message).toMatch(/mixed\/argon\.bin.*Argon.*Boron/);
	});

	test('two different modules for one place, and a damaged one, are refused', async () => {
		into('two/a.bin', realModule('boron-system-part1@4.0.1.bin'));
		into('two/inner/b.bin', realModule('boron-system-part1@2.2.0.bin'));
		expect(document<{ error: { code: string } }>(await run(...flash, '--device', deviceId(), 'two')).error.code).toBe(
			'TWO_FILES_FOR_ONE_PLACE',
		);
		const damaged = Uint8Array.from(realModule('boron-bootloader@4.0.1.bin'));
		damaged[3000]! ^= 1;
		into('damaged/b.bin', damaged);
		expect(await run(...flash, '--device', deviceId(), 'damaged')).toMatchObject({ code: 3 });
	});

	test('an empty folder, a folder without firmware, and no folder at all are no job', async () => {
		mkdirSync(join(folder.path, 'empty'));
		into('notes/readme.txt', 'hello');
		expect((await run(...flash, '--device', deviceId(), 'empty')).code).toBe(3);
		expect((await run(...flash, '--device', deviceId(), 'notes')).code).toBe(2);
		expect((await run(...flash)).code).toBe(2);
	});

	test('without --local folders inside are not searched, as before', async () => {
		const plan = await run('plan', 'mess', '--device', deviceId(), '--offline', '--json');
		expect(document<{ files: { name: string }[] }>(plan).files.map((f) => f.name)).not.toContain('mess/deep/8.bin');
	});
});

describe('every generation', () => {
	test.each([
		['argon@2.2.0', 'argon', '4.0.1'],
		['photon@1.5.2', 'photon', '2.2.0'],
		['electron@2.2.0', 'electron', '2.3.1'],
	])('%s takes the real files of %s %s', async (spec, platform, version) => {
		const device = idOf(spec);
		const zip = zipOf(platform, version);
		const entries = Object.entries(unzipSync(readFileSync(join(folder.path, zip))));
		const report = document<ReportLike>(await run(...flash, zip, '--device', device));
		expect(report.outcome).toBe('verified');
		expect(report.evidence.every((e) => e.ok)).toBe(true);
		expect(report.files.map((f) => f.name).sort()).toEqual(entries.map(([name]) => `${zip}/${name}`).sort());
		// What particle-cli would have dropped has an answer and is on the device.
		for (const [name, bytes] of entries) {
			if (!droppedByParticleCli(bytes)) continue;
			expect(report.files.find((f) => f.name === `${zip}/${name}`)!.verdict).toMatch(/^(write|already-there)$/);
			const { prefix } = unwrap(parseModule(bytes));
			expect((await look(device)).modules).toContainEqual(
				expect.objectContaining({ function: prefix.function, version: prefix.version, valid: true }),
			);
		}
		expect((await look(device)).osVersion).toBe(version);
	});

	test('a Tracker takes its network processor firmware with the rest, before DFU, and never an older one', async () => {
		const device = ['--device', idOf('tracker@2.1.0')];
		const set = standIns('tracker', '3.0.0', { ncp: 7 });
		const ncp = async () => (await look(idOf('tracker@2.1.0'))).modules.find((m) => m.function === ModuleFunction.ncp)?.version;
		expect(await ncp()).toBeLessThan(7);
		const plan = document<PlanLike>(await run('plan', '--local', set, ...device, '--json'));
		expect(plan.steps.find((s) => s.title.includes('ncp'))?.transport).toBe('control');
		const report = document<ReportLike>(await run(...flash, set, ...device));
		expect(report.outcome).toBe('verified');
		expect(await ncp()).toBe(7);
		const older = standIns('tracker', '3.0.0', {});
		writeFileSync(
			join(folder.path, older, 'old-ncp.bin'),
			standInModule(platformByName('tracker')!, 3005, {
				slot: 'ncp',
				function: ModuleFunction.ncp,
				index: 0,
				version: 5,
				dependencies: [],
			}).module.bytes,
		);
		const refused = await run(...flash, older, ...device);
		// The set has an NCP of its own, so this one is a second for the same place.
		expect(document<{ error: { code: string } }>(refused).error.code).toBe('TWO_FILES_FOR_ONE_PLACE');
		expect(await ncp()).toBe(7);
	});

	test('a P2 takes its pre-bootloader and bootloader in order; the MBR of one chip is refused by name and the rest goes on', async () => {
		const device = idOf('p2@5.7.0');
		const set = standIns('p2', '5.8.2', { mbr: true });
		const report = document<ReportLike>(await run(...flash, set, '--device', device));
		expect(report.outcome).toBe('verified');
		const refused = report.files.filter((f) => f.verdict === 'refused');
		expect(refused).toHaveLength(1);
		expect(refused[0]!.reason).toMatch(/MBR|prebootloader-mbr/);
		expect(report.files.filter((f) => f.verdict === 'write').length).toBeGreaterThanOrEqual(3);
		expect((await look(device)).osVersion).toBe('5.8.2');
	});
});

describe('setup done', () => {
	test('is marked where the device needs it, also when nothing else is to be done, and not without --local', async () => {
		const deviceId = freshBoron();
		const device = ['--device', deviceId];
		const zip = zipOf('boron', '2.2.0');
		expect(document<ReportLike>(await run(...flash, zip, ...device)).outcome).toMatch(/verified|already/);
		const reset = document<{ mode: string }>(await run('usb', 'setup-done', '--reset', ...device, '--json'));
		expect(reset.mode).toBe('listening');
		expect(await look(deviceId)).toMatchObject({ mode: 'listening', setupDone: false });
		const application = 'app.bin';
		writeFileSync(join(folder.path, application), applicationFor('boron', '2.2.0').module.bytes);
		const titles = async (...args: string[]) =>
			document<PlanLike>(await run('plan', application, ...args, ...device, '--json')).steps.map((s) => s.title);
		expect(await titles()).not.toContain('Mark the setup as done');
		expect(await titles('--local')).toContain('Mark the setup as done');
		const report = document<ReportLike>(await run(...flash, zip, ...device));
		expect(report.outcome).toBe('verified');
		expect(report.files.filter((f) => f.verdict === 'write')).toEqual([]);
		expect(report.steps).toContainEqual(expect.objectContaining({ title: 'Mark the setup as done', result: 'done' }));
		expect(await look(deviceId)).toMatchObject({ mode: 'normal', setupDone: true });
	});
});

describe('the parts, one by one, as the page tells them', () => {
	test('start-listening, identify, flash --local, setup-done', async () => {
		const deviceId = freshBoron();
		const device = ['--device', deviceId];
		expect(document<{ mode: string }>(await run('usb', 'start-listening', ...device, '--json')).mode).toBe('listening');
		expect(document(await run('identify', ...device, '--json'))).toMatchObject({
			deviceId,
			mode: 'listening',
			iccid: expect.stringMatching(/^\d{19,20}$/),
			imei: expect.stringMatching(/^\d{15}$/),
		});
		expect(await run(...flash, zipOf('boron', '2.2.0'), ...device)).toMatchObject({ code: 0 });
		await run('usb', 'setup-done', '--reset', ...device);
		const marked = document<{ mode: string; changed: boolean }>(await run('usb', 'setup-done', ...device, '--json'));
		expect(marked).toMatchObject({ mode: 'normal', changed: true });
		// It is a mark in flash: it outlives a restart.
		await run('usb', 'reset', ...device);
		expect(await look(deviceId)).toMatchObject({ mode: 'normal', setupDone: true });
	});

	test.each([['boron@4.0.1'], ['photon@1.5.2']])('setup-done says that a %s needs none', async (spec) => {
		const result = await run('usb', 'setup-done', '--device', idOf(spec));
		expect(result).toMatchObject({ code: 0 });
		expect(result.stdout).toMatch(/no such mark/);
		const reset = await run('usb', 'setup-done', '--reset', '--device', idOf(spec), '--json');
		expect(document<{ changed: boolean }>(reset).changed).toBe(false);
	});
});
