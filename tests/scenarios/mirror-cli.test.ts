/** `linac releases mirror` as its user sees it: made where the releases are, used where there is nothing else. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { toHex } from '@linac/core';
import { nodeDigests, openCache } from '@linac/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow, makeKeys } from '../support/mirrors.js';
import { standInMbr } from '../support/nordic-mbr.js';
import { particleCli, realTinker } from '../support/real-firmware.js';
import { document, Lab, linac, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const env = { LINAC_CACHE: at('cache') };
/** A machine that has nothing but what is brought to it. */
const bare = { LINAC_CACHE: at('empty-cache'), LINAC_OFFLINE: '1' };
const run = (args: string[], more: Record<string, string> = {}) => linac(args, { cwd: folder.path, env: { ...env, ...more } });
const there = (args: string[], more: Record<string, string> = {}) => linac(args, { cwd: folder.path, env: { ...bare, ...more } });
const hashes = (name: string) => [...filesBelow(at(name))].map(([path, bytes]) => `${path} ${toHex(nodeDigests.sha256(bytes))}`);
const keys = makeKeys();
const others = makeKeys();
const folders = [join('2.8.0', 'assets', 'updates'), join('2.16.0', 'assets', 'updates'), join('3.6.0', 'assets')];
const sources = ['--offline', ...folders.flatMap((f) => ['--source', join(dirname(particleCli('3.6.0')), f)])];
const wanted = ['--platform', 'boron', '--platform', 'photon', '--target', '2.2.0', '--target', '4.0.1'];
const codeIn = (result: Parameters<typeof document>[0]) => document<{ error: { code: string; message: string } }>(result).error;
interface Made {
	manifestSha256: string;
	signedBy: { keyId: string; publicKey: string } | null;
	releases: { platform: string; version: string }[];
	missing: { platform: string; version: string; message: string }[];
	notes: string[];
}

beforeAll(async () => {
	for (const version of ['2.8.0', '2.16.0'] as const) particleCli(version);
	writeFileSync(at('key.pem'), keys.privatePem);
	writeFileSync(at('key.pub.pem'), keys.publicPem);
	writeFileSync(at('other.pub.pem'), others.publicPem);
	writeFileSync(at('tinker.bin'), realTinker('boron'));
	const plain = await run(['releases', 'mirror', 'plain', ...wanted, ...sources]);
	expect(plain).toMatchObject({ code: 0 });
	await openCache(at('cache')).keep('nrf52840-mbr', standInMbr());
	const signed = await run(['releases', 'mirror', 'signed', ...wanted, ...sources, '--sign', 'key.pem']);
	expect(signed).toMatchObject({ code: 0 });
});
afterAll(() => folder.remove());

describe('making a mirror', () => {
	test('says what is in it, what is not, and how to use it', async () => {
		const { stdout, code } = await run(['releases', 'mirror', 'told', ...wanted, ...sources, '--sign', 'key.pem']);
		expect(code).toBe(0);
		expect(stdout).toMatch(/boron +4\.0\.1 +bootloader 1101, softdevice 202, system-part1 4005/);
		expect(stdout).toContain('with the MBR');
		expect(stdout).toContain('Without a default application (Tinker), because no source had one');
		expect(stdout).toContain('export LINAC_MIRROR_KEY=ed25519:');
		expect(stdout).toContain('linac releases --source told --offline');
		for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
	});

	test('puts in the MBR that was learned, and else says how it is had', () => {
		expect(existsSync(at('signed/further/nrf52840-mbr.bin'))).toBe(true);
		expect(existsSync(at('plain/further'))).toBe(false);
	});

	test('gives the same bytes whatever the order of arguments, time zone, locale and place', async () => {
		const order = ['--target', '4.0.1', '--platform', 'photon', '--target', '2.2.0', '--platform', 'boron'];
		const backwards = sources.filter((s) => !s.startsWith('--')).reverse();
		const from = ['--offline', '--sign', join(folder.path, 'key.pem'), ...backwards.flatMap((s) => ['--source', s])];
		const other = await run(['releases', 'mirror', ...from, ...order, 'else/where'], {
			TZ: 'Pacific/Kiritimati',
			LC_ALL: 'tr_TR.UTF-8',
			LANG: 'tr_TR.UTF-8',
		});
		expect(other).toMatchObject({ code: 0 });
		expect(hashes('else/where')).toEqual(hashes('signed'));
	});

	test('lists what cannot be had with the reason, keeps the rest, and ends with 8', async () => {
		const args = ['releases', 'mirror', 'part', '--platform', 'boron', '--target', '4.0.1', '--target', '5.9.0', ...sources];
		const result = await run([...args, '--json']);
		expect(result.code).toBe(8);
		const made = document<Made>(result);
		expect(made.releases).toMatchObject([{ platform: 'boron', version: '4.0.1' }]);
		expect(made.missing).toMatchObject([{ platform: 'boron', version: '5.9.0' }]);
		expect(made.missing[0]?.message).toContain('could not be had');
		expect((await run(args)).stdout).toContain('Not in it: boron 5.9.0.');
	});

	test('without --platform takes every platform that the release was made for', async () => {
		const result = await run(['releases', 'mirror', 'all', '--target', '4.0.1', ...sources, '--json']);
		expect(result.code).toBe(0);
		expect(document<Made>(result).releases.map((r) => r.platform)).toEqual([
			'argon',
			'b5som',
			'boron',
			'bsom',
			'esomx',
			'tracker',
		]);
	});

	test('without --target takes the latest LTS of each platform', async () => {
		const result = await run(['releases', 'mirror', 'lts', '--platform', 'xenon', '--platform', 'photon', ...sources, '--json']);
		expect(result).toMatchObject({ code: 0 });
		expect(document<Made>(result).releases).toMatchObject([
			{ platform: 'photon', version: '2.3.1' },
			{ platform: 'xenon', version: '1.5.2' },
		]);
	});

	test.each([
		[['--platform', 'toaster'], 2, 'UNKNOWN_PLATFORM'],
		[['--target', '4.0.99'], 8, 'UNKNOWN_RELEASE'],
		[['--platform', 'photon', '--target', '4.0.1'], 4, 'PLAN_RELEASE_NOT_FOR_PLATFORM'],
		[['--platform', 'boron', '--platform', 'argon', '--target', '3.3.1', '--target', 'nonsense'], 8, 'UNKNOWN_RELEASE'],
		[['--sign', 'key.pub.pem'], 3, 'KEY_IS_PUBLIC'],
		[['--sign', 'nowhere.pem'], 3, 'FILE_NOT_FOUND'],
	] as const)('%j is refused before anything is written', async (args, code, error) => {
		const result = await run(['releases', 'mirror', 'refused', ...args, '--offline', '--json']);
		expect(result.code).toBe(code);
		expect(codeIn(result).code).toBe(error);
		expect(existsSync(at('refused'))).toBe(false);
	});

	test('leaves a folder alone that is not empty and no mirror', async () => {
		mkdirSync(at('mine'), { recursive: true });
		writeFileSync(at('mine/notes.txt'), 'mine');
		const result = await run(['releases', 'mirror', 'mine', ...wanted, ...sources, '--json']);
		expect(result.code).toBe(3);
		expect(codeIn(result).code).toBe('MIRROR_FOLDER_NOT_EMPTY');
		expect([...filesBelow(at('mine')).keys()]).toEqual(['notes.txt']);
	});

	test('stopped by Ctrl-C it leaves no half mirror, and the same command finishes it', async () => {
		const args = ['releases', 'mirror', 'stopped', '--target', '4.0.1', ...sources];
		const stopped = await linac(args, { cwd: folder.path, env, interruptAt: /\[2\/6\]/ });
		expect(stopped.code).toBe(130);
		expect(stopped.stderr).toContain('The mirror stays as it was');
		expect(await run(args)).toMatchObject({ code: 0 });
		expect(await run(['releases', 'mirror', 'verify', 'stopped'])).toMatchObject({ code: 0 });
	});

	test('the private key is in nothing that is printed or written', async () => {
		const result = await run(['releases', 'mirror', 'signed', ...wanted, ...sources, '--sign', 'key.pem', '--json', '--debug']);
		const secret = keys.privatePem.split('\n')[1]!.slice(22);
		const raw = Buffer.from(keys.privateKey.toPkcs8().subarray(16));
		expect(result.code).toBe(0);
		for (const text of [result.stdout, result.stderr]) expect(text).not.toContain(secret);
		for (const bytes of filesBelow(at('signed')).values()) {
			expect(Buffer.from(bytes).includes(raw)).toBe(false);
			expect(Buffer.from(bytes).includes(secret)).toBe(false);
		}
	});
});

describe('a machine with nothing but the mirror', () => {
	const offline = async (...args: string[]) => {
		const result = await there(['releases', '--all', '--json', ...args]);
		const rows = document<{ version: string; offline: string[] }[]>(result).filter((r) => r.offline.length > 0);
		return rows.map((r) => `${r.version} ${r.offline.join(' ')}`);
	};
	const all = ['4.0.1 boron', '2.2.0 boron photon'];

	test('sees its releases, by --source, by its manifest, and by LINAC_MIRROR', async () => {
		expect(await offline('--source', 'plain')).toEqual(all);
		expect(await offline('--source', 'plain/linac-mirror.json')).toEqual(all);
		const byVariable = await there(['releases', '--all', '--json'], {
			LINAC_MIRROR: ['/not/there', at('signed')].join(delimiter),
		});
		expect(byVariable.code).toBe(0);
		expect(byVariable.stderr).toMatch(/Mirror .*signed: signed by key [0-9a-f]{16}, not checked against a key that you trust/);
	});

	test('plans, with a virtual board made from the mirror too', async () => {
		const source = ['--source', 'signed', '--mirror-key', 'key.pub.pem'];
		const lab = await Lab.start(['--device', 'boron@2.2.0', '--timing', 'none', '--source', at('plain')], { ...bare });
		try {
			expect(lab.devices[0]).toMatchObject({ standIn: false });
			const plan = await there(['plan', 'tinker.bin', '--target', '4.0.1', '--usbip', lab.address, ...source]);
			expect(plan).toMatchObject({ code: 0 });
			expect(plan.stderr).toContain('which you trust');
		} finally {
			await lab.stop();
		}
	});

	test('inspects the modules in it', async () => {
		const result = await there(['inspect', 'plain/modules/boron/4.0.1']);
		expect(result).toMatchObject({ code: 0 });
	});

	test('a changed module ends the command that would use it, by name, and the cache is no way around', async () => {
		cpSync(at('plain'), at('changed'), { recursive: true });
		const path = 'changed/modules/boron/4.0.1/boron-bootloader@4.0.1.bin';
		const bytes = readFileSync(at(path));
		bytes[1000]! ^= 1;
		writeFileSync(at(path), bytes);
		const lab = ['lab', '--device', 'boron@4.0.1', '--listen', '127.0.0.1:0', '--json'];
		const named = await run([...lab, '--source', 'changed', '--offline']);
		expect(named.code).toBe(3);
		expect(codeIn(named)).toMatchObject({ code: 'MIRROR_FILE_CHANGED' });
		expect(codeIn(named).message).toContain('boron-bootloader@4.0.1.bin');
		const verified = await there(['releases', 'mirror', 'verify', 'changed', '--json']);
		expect(verified.code).toBe(3);
		expect(codeIn(verified).message).toContain('boron-bootloader@4.0.1.bin');
	});

	test('a file that is missing ends the command; of a LINAC_MIRROR it is told, and the mirror passed over', async () => {
		cpSync(at('plain'), at('missing'), { recursive: true });
		rmSync(at('missing/modules/photon/2.2.0/photon-system-part1@2.2.0.bin'));
		const named = await there(['releases', '--source', 'missing', '--json']);
		expect(named.code).toBe(3);
		expect(codeIn(named)).toMatchObject({ code: 'MIRROR_FILE_MISSING' });
		const byVariable = await there(['releases', '--json'], { LINAC_MIRROR: at('missing') });
		expect(byVariable.code).toBe(0);
		expect(byVariable.stderr).toContain('LINAC_MIRROR is passed over');
		expect(byVariable.stderr).toContain('photon-system-part1@2.2.0.bin');
	});
});

describe('a key that must have signed', () => {
	const line = `ed25519:${Buffer.from(keys.publicKey).toString('base64')}`;
	const releases = (args: string[], more: Record<string, string> = {}) => there(['releases', '--json', ...args], more);

	test.each([
		['a file', ['--mirror-key', 'key.pub.pem'], {}],
		['a line', ['--mirror-key', line], {}],
		['a variable with a file', [], { LINAC_MIRROR_KEY: at('key.pub.pem') }],
		['a variable with a line', [], { LINAC_MIRROR_KEY: line }],
	] as const)('is named by %s, and lets the mirror that it signed pass', async (_, args, more) => {
		const result = await releases(['--source', 'signed', ...args], { ...more });
		expect(result.code).toBe(0);
		expect(result.stderr).toContain('which you trust');
		expect((await releases(['--source', 'plain', ...args], { ...more })).code).toBe(3);
	});

	test.each([
		['no signature', 'plain', 'key.pub.pem', 'MIRROR_NOT_SIGNED'],
		['a signature of another key', 'signed', 'other.pub.pem', 'MIRROR_KEY_NOT_TRUSTED'],
		['no manifest, which would be a plain folder', 'signed/modules', 'key.pub.pem', 'MIRROR_NOT_SIGNED'],
		['a private key named by mistake', 'signed', 'key.pem', 'KEY_IS_PRIVATE'],
	] as const)('ends the command for a mirror with %s, also for one of LINAC_MIRROR', async (_, mirror, key, code) => {
		const named = await releases(['--source', mirror, '--mirror-key', key]);
		expect(named.code).toBe(3);
		expect(codeIn(named).code).toBe(code);
		const byVariable = await releases([], { LINAC_MIRROR: at(mirror), LINAC_MIRROR_KEY: at(key) });
		expect(byVariable.code).toBe(3);
		expect(codeIn(byVariable).code).toBe(code);
		const opening = await there(['lab', '--device', 'boron@4.0.1', '--listen', '127.0.0.1:0', '--json'], {
			LINAC_MIRROR: at(mirror),
			LINAC_MIRROR_KEY: at(key),
		});
		expect(codeIn(opening).code).toBe(code);
	});

	test('is asked for a mirror: without one it would check nothing', async () => {
		expect(await releases(['--mirror-key', 'key.pub.pem'])).toMatchObject({ code: 2 });
	});

	test('verify says who signed, and what does not belong to the mirror', async () => {
		cpSync(at('signed'), at('with-notes'), { recursive: true });
		writeFileSync(at('with-notes/README.txt'), 'from the office');
		const { code, stdout } = await there(['releases', 'mirror', 'verify', 'with-notes', '--mirror-key', 'key.pub.pem']);
		expect(code).toBe(0);
		expect(stdout).toContain('which you trust');
		expect(stdout).toContain('README.txt');
		expect(await there(['releases', 'mirror', 'verify', 'plain', '--mirror-key', 'key.pub.pem'])).toMatchObject({ code: 3 });
		expect((await there(['releases', 'mirror', 'verify', 'plain'])).stdout).toContain('It is not signed');
	});
});

test('"linac releases" takes its own options as before, and its help shows the mirror', async () => {
	const rows = document<{ platforms: string[] }[]>(await there(['releases', '--platform', 'xenon', '--json']));
	for (const row of rows) expect(row.platforms).toContain('xenon');
	expect((await there(['--json', 'releases', '--line', 'lts'])).code).toBe(0);
	const { stdout } = await there(['releases', '--help']);
	expect(stdout).toContain('mirror [options] <dir>');
	expect((await there(['releases', 'mirror', '--help'])).stdout).toContain('--sign <file>');
	expect((await there(['releases', 'mirror'])).code).toBe(2);
	expect((await there(['releases', 'mirrors'])).code).toBe(2);
});
