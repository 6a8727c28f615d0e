/** The command line against `linac lab`: what a user does with devices on cables, cables that come out, and several devices at once. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realModule, realTinker } from '../support/real-firmware.js';
import { document, Lab, linac, realSources, temporaryFolder } from './cli-harness.js';

interface Listed {
	platform: string;
	deviceId: string;
	location: string;
	mode: string;
	osVersion: string;
	modules: { function: number; index: number; version: number; valid: boolean }[];
}
interface ReportLike {
	outcome: string;
	bytesWritten: number;
	evidence: { slot: string; ok: boolean; proof: string; after?: { version: number } }[];
	files: { name: string; verdict: string }[];
	error?: { code: string };
}

const folder = temporaryFolder();
const state = join(folder.path, 'state');
// Without network: whatever these tests need is in real files at hand, or stands in.
const env: Record<string, string> = { LINAC_CACHE: join(folder.path, 'cache'), LINAC_OFFLINE: '1' };
const sources = realSources();
const labArgs = ['--device', 'boron@2.2.0', '--device', 'photon@1.5.2', '--timing', 'none', '--state', state, ...sources];
let lab: Lab;
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
const withSources = (...args: string[]) => run(...args, ...sources);
const boron = async () => document<Listed[]>(await run('devices', '--device', 'boron', '--json'))[0]!;
const flash = ['flash', 'tinker.bin', '--target', '4.0.1', '--device', 'boron'];

async function startLab(): Promise<void> {
	lab = await Lab.start(labArgs, env);
	env.LINAC_USBIP = lab.address;
}

beforeAll(async () => {
	writeFileSync(join(folder.path, 'tinker.bin'), realTinker('boron'));
	writeFileSync(join(folder.path, 'page.bin'), '<html>not found</html>');
	writeFileSync(join(folder.path, 'argon.bin'), realModule('argon-system-part1@4.0.1.bin'));
	await startLab();
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

describe('looking', () => {
	test('the lab says where it serves and what', () => {
		expect(lab.address).toMatch(/^127\.0\.0\.1:\d+$/);
		expect(lab.devices.map((d) => d.name)).toEqual(['boron', 'photon']);
		for (const device of lab.devices) expect(device.deviceId).toMatch(/^[0-9a-f]{24}$/);
	});

	test('devices are listed with their ids, ports, versions and modules, in words and as JSON', async () => {
		const list = document<Listed[]>(await run('devices', '--json'));
		expect(list.map((d) => [d.platform, d.deviceId, d.osVersion])).toEqual([
			['boron', lab.devices[0]!.deviceId, '2.2.0'],
			['photon', lab.devices[1]!.deviceId, '1.5.2'],
		]);
		expect(list[0]!.modules).toContainEqual(expect.objectContaining({ function: 4, index: 1, version: 2202, valid: true }));
		const { stdout, stderr, code } = await run('devices');
		expect(code).toBe(0);
		expect(stderr).toBe('');
		expect(stdout).toMatch(/^Boron {2}.*2\.2\.0/m);
		expect(stdout).toContain(lab.devices[1]!.deviceId);
	});

	test('--brief asks nobody what is on it', async () => {
		const list = document<Listed[]>(await run('devices', '--brief', '--json'));
		expect(list.map((d) => d.modules)).toEqual([null, null]);
	});

	test('identify tells the id that the lab knows', async () => {
		expect(document(await run('identify', '--device', 'boron', '--json'))).toMatchObject({
			deviceId: lab.devices[0]!.deviceId,
			osVersion: '2.2.0',
		});
	});

	test('a device can be named by id, beginning of id, port or kind', async () => {
		const { deviceId, location } = lab.devices[0]!;
		for (const name of [deviceId, deviceId.slice(0, 10), location, 'boron']) {
			expect(document<{ deviceId: string }>(await run('identify', '--device', name, '--json')).deviceId).toBe(deviceId);
		}
	});

	test('a --source that is missing or damaged ends the command, even where another source has the release', async () => {
		writeFileSync(join(folder.path, 'cut.zip'), Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0));
		const plan = ['plan', '--target', '4.0.1', '--device', 'boron', '--json'];
		const missing = await withSources(...plan, '--source', 'nowhere.zip');
		expect(missing.code).toBe(3);
		expect(document<{ error: { code: string } }>(missing).error.code).toBe('FILE_NOT_FOUND');
		const damaged = await withSources(...plan, '--source', 'cut.zip');
		expect(damaged.code).toBe(3);
		expect(document<{ error: { message: string } }>(damaged).error.message).toContain('cut.zip');
	});
});

describe('refusals, before anything is written', () => {
	test('several devices and none named is refused with the list of them', async () => {
		const result = await withSources('flash', 'tinker.bin', '--yes');
		expect(result).toMatchObject({ code: 5 });
		for (const { deviceId } of lab.devices) expect(result.stderr).toContain(deviceId);
		const { error } = document<{ error: { code: string; details: { devices: unknown[] } } }>(
			await withSources('plan', 'tinker.bin', '--json'),
		);
		expect(error.code).toBe('DEVICE_AMBIGUOUS');
		expect(error.details.devices).toHaveLength(2);
	});

	test('where nobody can be asked, nothing is written without --yes', async () => {
		const result = await withSources(...flash);
		expect(result).toMatchObject({ code: 10 });
		expect(result.stdout).toContain('Write system-part1 4005');
		expect(result.stderr).toContain('--yes');
		expect((await boron()).osVersion).toBe('2.2.0');
	});

	const refused: [what: string, args: string[], code: number][] = [
		['a module for another platform', ['flash', 'argon.bin', '--device', 'boron', '--yes'], 3],
		['a web page among good files', ['flash', 'tinker.bin', 'page.bin', '--device', 'boron', '--yes'], 3],
		['a device that is not there', ['flash', '--target', '4.0.1', '--device', 'argon', '--yes'], 5],
		['a version that the platform never had', ['update', '--target', '4.0.1', '--device', 'photon', '--yes'], 4],
		['a version that does not exist', ['update', '--target', '9.9.9', '--device', 'boron', '--yes'], 8],
		['a version that no source has', ['update', '--target', '6.2.1', '--device', 'boron', '--yes'], 8],
	];

	test.each(refused)('%s', async (_what, args, code) => {
		const result = await withSources(...args);
		expect(result.stdout).toBe('');
		expect(result).toMatchObject({ code: code });
		const inJson = await withSources(...args, '--json');
		expect(document<{ error: { exitCode: number } }>(inJson).error.exitCode).toBe(code);
		expect(inJson).toMatchObject({ code: code });
		expect((await boron()).osVersion).toBe('2.2.0');
	});
});

describe('planning', () => {
	test('a plan names every step and writes nothing', async () => {
		const result = await withSources('plan', 'tinker.bin', '--target', '4.0.1', '--device', 'boron');
		expect(result).toMatchObject({ code: 0 });
		for (const text of ['bootloader 1101', 'system-part1 4005', 'Nothing was written.']) expect(result.stdout).toContain(text);
		expect((await boron()).osVersion).toBe('2.2.0');
	});

	test('--dry-run of flash is the same plan, and --json is the plan itself', async () => {
		const plan = document(await withSources('plan', 'tinker.bin', '--target', '4.0.1', '--device', 'boron', '--json'));
		const dry = document(await withSources(...flash, '--dry-run', '--json'));
		expect(plan).toMatchObject({ format: 'linac-plan/1', platform: 'boron', empty: false });
		expect(dry).toEqual(plan);
	});

	test('--explain gives the reason for each step and what happens if it is interrupted', async () => {
		const { stdout } = await withSources('plan', '--target', '4.0.1', '--device', 'boron', '--explain');
		expect(stdout).toContain('Why:');
		expect(stdout).toContain('If interrupted:');
	});
});

describe('modes', () => {
	const mode = async () => (await boron()).mode;

	test('a device goes to DFU mode and back, and is known there too', async () => {
		expect((await run('usb', 'dfu', '--device', 'boron')).code).toBe(0);
		const inDfu = await boron();
		expect(inDfu.mode).toBe('dfu');
		expect(inDfu.osVersion).toBe('2.2.0');
		expect(document(await run('usb', 'dfu', '--device', 'boron', '--json'))).toMatchObject({ mode: 'dfu', changed: false });
		const wrong = await run('usb', 'start-listening', '--device', 'boron');
		expect(wrong).toMatchObject({ code: 9 });
		expect((await run('usb', 'reset', '--device', 'boron')).code).toBe(0);
		expect(await mode()).toBe('normal');
	});

	test('listening mode begins and ends', async () => {
		expect((await run('usb', 'start-listening', '--device', 'boron')).code).toBe(0);
		expect(await mode()).toBe('listening');
		expect((await run('usb', 'stop-listening', '--device', 'boron')).code).toBe(0);
		expect(await mode()).toBe('normal');
	});

	test('setup-done is accepted for a device that has the mark and for one that needs none', async () => {
		expect((await run('usb', 'setup-done', '--device', 'boron')).code).toBe(0);
		expect(document(await run('usb', 'setup-done', '--device', 'photon', '--json'))).toMatchObject({ changed: false });
	});

	test('the buttons and the cable of the lab work', async () => {
		await lab.type('button boron');
		await expect.poll(mode, { timeout: 10_000 }).toBe('dfu');
		await lab.type('unplug boron');
		expect(document<Listed[]>(await run('devices', '--brief', '--json')).map((d) => d.platform)).toEqual(['photon']);
		await lab.type('plug boron');
		await expect
			.poll(async () => document<Listed[]>(await run('devices', '--brief', '--json')).length, { timeout: 10_000 })
			.toBe(2);
		expect(await lab.type('unplug nobody')).toContain('Devices: boron, photon');
	});
});

// The tests from here on build on each other: one device's life.
describe('programming', () => {
	test('a cable that comes out ends the job with its own code; the same command then finishes it', async () => {
		await lab.type('unplug-at boron 600');
		const torn = await withSources(...flash, '--yes', '--json');
		expect(torn).toMatchObject({ code: 6 });
		expect(document<ReportLike>(torn)).toMatchObject({ outcome: 'failed', error: { code: 'USB_DISCONNECTED' } });
		await lab.type('plug boron');
		await expect
			.poll(async () => document<Listed[]>(await run('devices', '--brief', '--json')).length, { timeout: 10_000 })
			.toBe(2);
		const again = await withSources(...flash, '--yes', '--json');
		expect(again).toMatchObject({ code: 0 });
		const report = document<ReportLike>(again);
		expect(report.outcome).toBe('verified');
		expect(report.evidence.every((row) => row.ok)).toBe(true);
		expect(report.evidence.find((row) => row.slot === 'system-part1')).toMatchObject({
			proof: 'read-back-sha256',
			after: { version: 4005 },
		});
		expect((await boron()).osVersion).toBe('4.0.1');
	});

	test('once more writes nothing and says so plainly', async () => {
		const result = await withSources(...flash, '--yes');
		expect(result).toMatchObject({ code: 0 });
		expect(result.stdout).toContain('Nothing was written');
		const report = document<ReportLike>(await withSources(...flash, '--yes', '--json'));
		expect(report).toMatchObject({ outcome: 'already', bytesWritten: 0 });
		expect(report.files).toEqual([expect.objectContaining({ name: 'tinker.bin', verdict: 'already-there' })]);
	});

	test('verify finds it right, and another release wrong with a code of its own', async () => {
		const right = await withSources('verify', 'tinker.bin', '--target', '4.0.1', '--device', 'boron');
		expect(right).toMatchObject({ code: 0 });
		expect(right.stdout).toContain('Verified');
		const wrong = await withSources('verify', '--target', '2.2.0', '--device', 'boron', '--json');
		expect(wrong).toMatchObject({ code: 7 });
		expect(document<{ outcome: string; error: { code: string } }>(wrong)).toMatchObject({
			outcome: 'mismatch',
			error: { code: 'VERIFY_MISMATCH' },
		});
		// It has been put back into the mode that it was in.
		expect((await boron()).mode).toBe('normal');
	});

	test('a downgrade needs to be allowed by name', async () => {
		const refused = await withSources('update', '--target', '2.2.0', '--device', 'boron', '--yes');
		expect(refused).toMatchObject({ code: 4 });
		expect(refused.stderr).toContain('--allow downgrade');
	});

	test('a Photon is updated, and the progress in a pipe is plain lines', async () => {
		const result = await withSources('update', '--target', '2.2.0', '--device', 'photon', '--yes', '--local').catch(
			(error: unknown) => error,
		);
		expect(result).toMatchObject({ code: 2 });
		const done = await withSources('update', '--target', '2.2.0', '--device', 'photon', '--yes');
		expect(done).toMatchObject({ code: 0 });
		expect(done.stdout).toContain('Verified');
		expect(done.stderr).toMatch(/^\[1\/\d+\] /m);
		expect(done.stdout + done.stderr).not.toMatch(/[\r\u2588]/);
	});

	test('flash --local is accepted, as in existing scripts', async () => {
		const result = await withSources('flash', '--local', ...flash.slice(1), '--yes', '--json');
		expect(document<ReportLike>(result).outcome).toBe('already');
	});

	test('a downgrade that is allowed by name is done, with an application that fits', async () => {
		const result = await withSources(
			'flash',
			'tinker.bin',
			'--target',
			'2.2.0',
			'--device',
			'boron',
			'--allow',
			'downgrade',
			'--yes',
			'--json',
		);
		expect(result).toMatchObject({ code: 0 });
		expect((await boron()).osVersion).toBe('2.2.0');
		expect(await withSources(...flash, '--yes')).toMatchObject({ code: 0 });
	});

	test('with --state the devices are as they were when the lab is started again', async () => {
		const before = await boron();
		expect(await lab.stop()).toBe(0);
		await startLab();
		expect(lab.devices.map((d) => d.restored)).toEqual([true, true]);
		const after = await boron();
		expect(after.deviceId).toBe(before.deviceId);
		expect(after.osVersion).toBe('4.0.1');
		expect(after.modules).toEqual(before.modules);
		expect((await withSources('verify', 'tinker.bin', '--target', '4.0.1', '--device', 'boron')).code).toBe(0);
	});
});

test('Ctrl-C stops at a safe point with a code of its own, and the same command finishes the job', async () => {
	const slow = await Lab.start(['--device', 'boron@2.2.0', '--speed', '5', ...sources], env);
	try {
		const args = [...flash, '--usbip', slow.address, '--yes', ...sources];
		const stopped = await linac(args, { cwd: folder.path, env, interruptAt: /^\[3\/\d+\] /m });
		expect(stopped).toMatchObject({ code: 130 });
		expect(stopped.stderr).toContain('Stopping at the next safe point');
		expect(stopped.stderr).toContain('Run the same command again');
		const finished = await linac([...args, '--json'], { cwd: folder.path, env });
		expect(finished).toMatchObject({ code: 0 });
		expect(document<ReportLike>(finished).outcome).toBe('verified');
	} finally {
		await slow.stop();
	}
});

test('a folder of modules is programmed as it is, whatever the files are called, and every file gets a verdict', async () => {
	const electron = await Lab.start(['--device', 'electron@1.5.2', '--timing', 'none', ...sources], env);
	try {
		const modules = ['bootloader@2.2.0+lto', 'system-part1@2.2.0', 'system-part2@2.2.0', 'system-part3@2.2.0'];
		mkdirSync(join(folder.path, 'release'));
		// The published names are rotated against the numbers in the headers; here they mean nothing at all.
		for (const [i, name] of modules.entries()) {
			writeFileSync(join(folder.path, 'release', `${i}.bin`), realModule(`electron-${name}.bin`));
		}
		writeFileSync(join(folder.path, 'release', 'README.md'), '# notes\n');
		const result = await run('flash', '--local', 'release', '--usbip', electron.address, '--yes', '--json');
		expect(result).toMatchObject({ code: 0 });
		const report = document<ReportLike>(result);
		expect(report.outcome).toBe('verified');
		expect(report.files.map((f) => [f.name, f.verdict])).toEqual([
			...[0, 1, 2, 3].map((i) => [`release/${i}.bin`, 'write']),
			['release/README.md', 'not-needed'],
		]);
		expect(await run('verify', 'release', '--usbip', electron.address)).toMatchObject({ code: 0 });
		expect(await withSources('verify', '--target', '2.2.0', '--usbip', electron.address)).toMatchObject({ code: 0 });
	} finally {
		await electron.stop();
	}
});

test('a lab whose saved state is damaged says which file it is', async () => {
	const bad = join(folder.path, 'bad-state');
	const first = await Lab.start(['--device', 'boron@2.2.0', '--state', bad, ...sources], { ...env });
	await first.stop();
	writeFileSync(join(bad, 'boron.json'), '{"half');
	const result = await run('lab', '--device', 'boron@2.2.0', '--state', bad, '--listen', '127.0.0.1:0', ...sources);
	expect(result).toMatchObject({ code: 3 });
	expect(result.stderr).toContain('boron.json');
	rmSync(bad, { recursive: true });
});
