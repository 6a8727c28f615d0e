/**
 * The folder that `export` makes for dfu-util, used as an operator uses it: its script runs in a shell, and what it tells dfu-util is done on a virtual
 * device, which then starts. So addresses, order and the update of bootloaders are proved on the model of Particle's bootloaders.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { platformByName, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { equalBytes, seededRandom } from '@linac/core';
import { contentBytes } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type ExportManifest, type ExportOptions, exportFor } from '@linac/image';
import { DfuDevice } from '@linac/usb';
import { standInApplication, standInRelease } from '@linac/virtual';
import { afterAll, describe, expect, test } from 'vitest';
import { type FakeDfuUtil, type FakeDfuUtilOptions, fakeDfuUtil } from '../support/fake-dfu-util.js';
import { realTinker } from '../support/real-firmware.js';
import { type Lab, lab } from '../support/virtual-lab.js';
import { application, realRelease, sourced } from './programming-setup.js';

const base = mkdtempSync(join(tmpdir(), 'linac-export-'));
let folders = 0;
afterAll(() => rmSync(base, { recursive: true, force: true }));

function folderFor(options: ExportOptions): { folder: string; manifest: ExportManifest } {
	const made = exportFor('dfu-util', { digests: nodeDigests, ...options });
	if (!made.ok) throw new Error(made.problems.map((p) => p.message).join(' '));
	const folder = join(base, String(++folders));
	for (const { path, bytes, executable } of made.value) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), bytes);
		if (executable) chmodSync(join(folder, path), 0o755);
	}
	return { folder, manifest: JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as ExportManifest };
}

interface Run {
	code: number;
	stdout: string;
	stderr: string;
	calls: string[];
}

/** Runs the script of the folder with an operator at the buttons. */
async function runScript(
	folder: string,
	platform: string,
	bench: Lab,
	more: Partial<FakeDfuUtilOptions> & { env?: Record<string, string>; shell?: string } = {},
): Promise<Run> {
	const { usb } = platformByName(platform)!;
	const hex = (n: number) => n.toString(16).padStart(4, '0');
	const open = async () =>
		bench.device.mode === 'dfu' ? DfuDevice.open(await bench.find('dfu'), { clock: bench.clock }) : undefined;
	const fake: FakeDfuUtil = await fakeDfuUtil({
		id: `${hex(usb.vendorId)}:${hex(usb.dfuProductId)}`,
		serial: bench.device.deviceId,
		open,
		async onWait() {
			if (bench.device.mode === 'dfu') return;
			// The script has waited before it asks: whatever Device OS had to do is done.
			await bench.find('normal');
			bench.device.pressModeAndReset();
			await bench.find('dfu');
		},
		...more,
	});
	try {
		return await new Promise((resolve, reject) => {
			const child = spawn(more.shell ?? 'sh', [join(folder, 'program.sh')], {
				env: { PATH: process.env.PATH ?? '', DFU_UTIL: fake.program, APPLY: '0', WAIT: '3', ...more.env },
				stdio: ['ignore', 'pipe', 'pipe'],
			});
			const out = { stdout: '', stderr: '' };
			child.stdout.on('data', (d) => {
				out.stdout += d;
			});
			child.stderr.on('data', (d) => {
				out.stderr += d;
			});
			child.on('error', reject);
			child.on('close', (code) => resolve({ code: code ?? -1, ...out, calls: fake.calls }));
		});
	} finally {
		fake.close();
	}
}

function expectInstalled(bench: Lab, release: ReleaseSet, app: SourcedModule): void {
	const there = bench.device.installedModules();
	for (const { slot, module } of [...release.modules, app]) {
		const { function: fn, index, version } = module.prefix;
		if (fn === 7) continue;
		expect(
			there.find((t) => t.function === fn && t.index === index),
			slot,
		).toMatchObject({ version, valid: true });
	}
	const { prefix } = app.module;
	expect(equalBytes(bench.device.flash('internal').read(prefix.start, app.module.bytes.length), contentBytes(app.module))).toBe(
		true,
	);
}

interface Case {
	platform: string;
	before: ReleaseSet;
	after: ReleaseSet;
	oldApplication: SourcedModule;
	application: SourcedModule;
	passes: number;
}

const real = (platform: string, from: string, to: string, more: Partial<Case> = {}): Case => ({
	platform,
	before: realRelease(platform, from),
	after: realRelease(platform, to),
	oldApplication: sourced(platform, application(platform, { needs: realRelease(platform, from).moduleVersion, seed: 5 }), 'old'),
	application: sourced(platform, realTinker(platform), 'tinker'),
	passes: 1,
	...more,
});

const standIn = (platform: string, from: string, to: string, passes: number): Case => ({
	platform,
	before: standInRelease(platform, from),
	after: standInRelease(platform, to),
	oldApplication: standInApplication(platform, from, { seed: 5 }),
	application: standInApplication(platform, to),
	passes,
});

const cases: [string, () => Case][] = [
	['Boron 2.2.0 to 4.0.1', () => real('boron', '2.2.0', '4.0.1')],
	[
		'Boron 2.2.0 to 4.0.1 with an application for the 256 KB slot',
		() => {
			const app = application('boron', { needs: 4005, index: 2, size: 200_000 });
			return real('boron', '2.2.0', '4.0.1', { application: sourced('boron', app, 'large') });
		},
	],
	[
		'Boron 4.0.1 back to 2.2.0',
		() => real('boron', '4.0.1', '2.2.0', { application: sourced('boron', application('boron', { needs: 2202 }), 'app') }),
	],
	['Photon 1.5.2 to 2.2.0', () => real('photon', '1.5.2', '2.2.0', { passes: 2 })],
	['Tracker 2.2.0 to 4.0.1', () => real('tracker', '2.2.0', '4.0.1')],
	['Electron 1.5.2 to 2.3.1', () => real('electron', '1.5.2', '2.3.1')],
	['a stand-in Boron 5.4.1 to 5.5.0, where the slot for updates moves', () => standIn('boron', '5.4.1', '5.5.0', 1)],
	['a stand-in P2 5.3.2 to 5.4.1, whose slot lies behind the new system part', () => standIn('p2', '5.3.2', '5.4.1', 2)],
	['a stand-in P2 5.4.1 to 5.9.0', () => standIn('p2', '5.4.1', '5.9.0', 2)],
];

describe('the script for dfu-util brings a device to the release with its bootloaders', () => {
	test.each(cases)('%s', async (_name, make) => {
		const c = make();
		const bench = lab(c.platform, {
			modules: [...c.before.modules, c.oldApplication].map((m) => m.module),
			timing: 'none',
			setupDone: true,
			...(platformByName(c.platform)!.components.ncp ? { ncp: { version: 7 } } : {}),
		});
		const { folder, manifest } = folderFor({ release: c.after, application: c.application });
		const run = await runScript(folder, c.platform, bench);
		expect(run.stderr).toBe('');
		expect(run.code, run.stdout).toBe(0);
		expect(run.stdout).toMatch(/DONE: Device OS/);
		expect(manifest.passes).toHaveLength(c.passes);
		const dev = await bench.control();
		expect(await dev.osVersion()).toBe(c.after.version);
		expect(bench.device.mode).toBe('normal');
		expectInstalled(bench, c.after, c.application);
	});
});

const boron = () => {
	const c = real('boron', '2.2.0', '4.0.1');
	const bench = lab('boron', {
		modules: [...c.before.modules, c.oldApplication].map((m) => m.module),
		timing: 'none',
		setupDone: true,
	});
	return { ...c, bench };
};

test('the setup of a Boron is marked as done for a release that looks at it, and not for others', async () => {
	const { before, bench } = boron();
	await (async () => {
		const app = sourced('boron', application('boron', { needs: 2202 }), 'app');
		const run = await runScript(folderFor({ release: before, application: app }).folder, 'boron', bench);
		expect(run.code).toBe(0);
		expect(run.calls.some((c) => c.includes('-s 0x00001FC6 -D dct/setup-done.bin'))).toBe(true);
		expect(bench.device.readDct(8134, 1)).toEqual(Uint8Array.of(1));
	})();
	expect(folderFor({ release: realRelease('boron', '4.0.1') }).manifest.files.map((f) => f.path)).not.toContain(
		'dct/setup-done.bin',
	);
});

test('settings of one unit are written into the DCT from files, and never stand in a script', async () => {
	const { after, bench, application: app } = boron();
	const key = seededRandom(9).bytes(121);
	const { folder } = folderFor({
		release: after,
		application: app,
		dct: [{ name: 'device-private-key', offset: 3106, bytes: key }],
	});
	const run = await runScript(folder, 'boron', bench);
	expect(run.code).toBe(0);
	expect(bench.device.readDct(3106, 121)).toEqual(key);
	const hex = Buffer.from(key).toString('hex');
	for (const name of ['program.sh', 'program.cmd', 'README.txt', 'manifest.json']) {
		const text = readFileSync(join(folder, name), 'latin1');
		expect(text).not.toContain(hex.slice(0, 16));
		expect(text).not.toContain(Buffer.from(key).toString('base64').slice(0, 16));
	}
});

test('dfu-util that reports a failure only because the board has restarted does not stop the script', async () => {
	const { after, bench, application: app } = boron();
	const run = await runScript(folderFor({ release: after, application: app }).folder, 'boron', bench, { failAfterLeave: true });
	expect(run.code).toBe(0);
	expect(run.stdout).toContain('DONE');
	await bench.control();
	expect(bench.device.installedModules().find((m) => m.function === 2)).toMatchObject({ version: 1101, valid: true });
});

test('the script stops at the first error, whichever call it is, names the step, and says what to do', async () => {
	const { after, application: app } = boron();
	const { folder } = folderFor({ release: after, application: app });
	for (let failAt = 1; failAt <= 5; failAt++) {
		const { bench } = boron();
		const run = await runScript(folder, 'boron', bench, { failAt });
		expect(run.code).toBe(1);
		expect(run.calls).toHaveLength(failAt);
		expect(run.stderr).toMatch(new RegExp(`STOPPED at step ${failAt + 2} of 8`));
		expect(run.stderr).toMatch(/What to do: Bring the board into DFU mode .* run this script again/);
		expect(run.stdout).not.toContain('DONE');
	}
});

test('a run that was stopped can be taken up again in the pass that was not finished', async () => {
	const c = real('photon', '1.5.2', '2.2.0');
	const bench = lab('photon', { modules: [...c.before.modules, c.oldApplication].map((m) => m.module), timing: 'none' });
	const { folder } = folderFor({ release: c.after, application: c.application });
	const first = await runScript(folder, 'photon', bench, { failAt: 4 });
	expect(first.code).toBe(1);
	expect(first.stderr).toContain('PASS=2 sh program.sh');
	bench.device.pressModeAndReset();
	await bench.find('dfu');
	const second = await runScript(folder, 'photon', bench, { env: { PASS: '2' } });
	expect(second.code).toBe(0);
	expect(second.calls).toHaveLength(3);
	const dev = await bench.control();
	expect(await dev.osVersion()).toBe('2.2.0');
	expectInstalled(bench, c.after, c.application);
});

test('where something else stands in the place of a bootloader after the first pass, the second is not begun', async () => {
	const c = standIn('p2', '5.4.1', '5.9.0', 2);
	const bench = lab('p2', { modules: [...c.before.modules, c.oldApplication].map((m) => m.module), timing: 'none' });
	const { folder } = folderFor({ release: c.after, application: c.application });
	const part = c.after.modules.find((m) => m.slot === 'prebootloader-part1')!.module;
	let waits = 0;
	const run = await runScript(folder, 'p2', bench, {
		async onWait() {
			waits++;
			if (bench.device.mode !== 'dfu') {
				await bench.find('normal');
				bench.device.pressModeAndReset();
				await bench.find('dfu');
			}
			// As if Device OS had refused it.
			if (waits === 2) bench.device.flash('internal').put(part.prefix.start, seededRandom(3).bytes(part.bytes.length));
		},
	});
	expect(run.code).toBe(1);
	expect(run.stderr).toContain('Device OS has not put it in its place');
	expect(run.calls.filter((call) => call.includes('modules/bootloader.bin'))).toEqual([]);
});

test('a damaged file is noticed before the device is touched', async () => {
	const { after, bench, application: app } = boron();
	const { folder } = folderFor({ release: after, application: app });
	const path = join(folder, 'modules', 'system-part1.bin');
	const bytes = readFileSync(path);
	bytes[1000]! ^= 1;
	writeFileSync(path, bytes);
	const run = await runScript(folder, 'boron', bench);
	expect(run.code).toBe(1);
	expect(run.calls).toEqual([]);
	expect(run.stderr).toMatch(/modules\/system-part1\.bin is missing or damaged/);
});

test('another board on the same bus is not touched: the script waits for the one that was named', async () => {
	const { after, bench, application: app } = boron();
	const { folder } = folderFor({ release: after, application: app });
	const run = await runScript(folder, 'boron', bench, { env: { SERIAL: 'e00fce68ffffffffffffffff', WAIT: '0' } });
	expect(run.code).toBe(1);
	expect(run.calls).toEqual([]);
	expect(run.stderr).toContain('STOPPED at step 2');
});
