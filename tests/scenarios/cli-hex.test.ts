/** `linac hex` and `linac zip`, as a user runs them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeIntelHex } from '@linac/firmware';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';
import { realTinker } from '../support/real-firmware.js';
import { applicationFor, realImage } from '../support/release-files.js';
import { document, linac, realSources, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const env = { LINAC_CACHE: join(folder.path, 'cache') };
const path = (name: string) => join(folder.path, name);
const read = (name: string) => readFileSync(path(name), 'utf8');
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
const offline = [...realSources(), '--offline'];
const hex = (...args: string[]) => run('hex', ...args, ...offline);
const mbrHex = () => writeIntelHex([{ start: 0, bytes: standInMbr() }]);

beforeAll(() => {
	writeFileSync(path('app.bin'), applicationFor('boron', '4.0.1').module.bytes);
	writeFileSync(path('tinker.bin'), realTinker('photon'));
	writeFileSync(path('argon.bin'), realTinker('argon'));
	writeFileSync(path('mbr.hex'), mbrHex());
});
afterAll(() => folder.remove());

describe('making an image', () => {
	test('a Photon image is what the library composes, and a file that is there is not replaced without --force', async () => {
		const args = ['--platform', 'photon', '--target', '2.2.0', '--app', 'tinker.bin', '-o', 'photon.hex'];
		const made = await hex(...args);
		expect(made.stderr).toBe('');
		expect(made.code).toBe(0);
		expect(made.stdout).toContain('photon.hex: Device OS 2.2.0 for the Photon');
		expect(read('photon.hex')).toBe(writeIntelHex(realImage('photon', '2.2.0').image));
		writeFileSync(path('photon.hex'), 'mine');
		const again = await hex(...args);
		expect(again.code).toBe(3);
		expect(again.stderr).toContain('FILE_EXISTS');
		expect(read('photon.hex')).toBe('mine');
		expect((await hex(...args, '--force')).code).toBe(0);
		expect(read('photon.hex')).not.toBe('mine');
	});

	test('a Boron image needs an MBR; it says where to get one; once learned it is made, with JSON for programs', async () => {
		const args = ['--platform', 'boron', '--target', '4.0.1', '--app', 'app.bin', '-o', 'boron.hex'];
		const without = await hex(...args);
		expect(without.code).toBe(3);
		expect(without.stderr).toContain('linac hex learn');
		expect(existsSync(path('boron.hex'))).toBe(false);
		// The stand-in of this test is no MBR that is known.
		const unknown = await run('hex', 'learn', 'mbr.hex');
		expect(unknown.code).toBe(3);
		expect(unknown.stderr).toContain('MBR_UNKNOWN');
		expect((await run('hex', 'learn', 'mbr.hex', '--allow', 'unknown-mbr')).code).toBe(0);
		const made = await hex(...args, '--allow', 'unknown-mbr', '--json');
		expect(made.code).toBe(0);
		const told = document<{ sha256: string; parts: { name: string; start: number }[] }>(made);
		expect(told.parts.map((p) => p.name)).toEqual([
			'mbr',
			'softdevice',
			'system-part1',
			'user-part2',
			'guard',
			'bootloader',
			'uicr',
		]);
		expect(read('boron.hex')).toBe(writeIntelHex(realImage('boron', '4.0.1', { mbr: standInMbr() }).image));
	});

	test('the same arguments in another order, in another time zone and language, give the same file', async () => {
		const one = ['--platform', 'electron', '--target', '1.5.2', '--no-app', '-o', 'one.hex', ...offline];
		const two = [
			...offline.slice(-1),
			...offline.slice(0, -1),
			'-o',
			'two.hex',
			'--no-app',
			'--target',
			'1.5.2',
			'--platform',
			'electron',
		];
		expect((await run('hex', ...one)).code).toBe(0);
		const elsewhere = { ...env, TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' };
		expect((await linac(['hex', ...two], { cwd: folder.path, env: elsewhere })).code).toBe(0);
		expect(read('two.hex')).toBe(read('one.hex'));
	});

	test('an application for another board is refused before anything is written', async () => {
		const { code, stderr } = await hex(
			'--platform',
			'boron',
			'--target',
			'4.0.1',
			'--app',
			'argon.bin',
			'--mbr',
			'mbr.hex',
			'-o',
			'no.hex',
		);
		expect(code).toBe(3);
		expect(stderr).toContain('Argon');
		expect(existsSync(path('no.hex'))).toBe(false);
	});

	test.each([
		[['--target', '4.0.1'], 2, 'Which kind of board'],
		[['--platform', 'borun'], 2, 'There is no platform'],
		[['--platform', 'photon', '--target', '9.9.9'], 8, 'no Device OS version'],
		[['--platform', 'photon', '--target', '2.2.0', '--layout', 'pretty'], 2, '--layout'],
		[['--platform', 'photon', '--target', '2.2.0', '--app', 'tinker.bin', '--mbr', 'mbr.hex'], 2, 'no MBR'],
		[['--platform', 'photon', '--target', '2.2.0', '--app', 'nowhere.bin'], 3, 'There is no file'],
		[['--platform', 'photon', '--target', '2.2.0', '--app', 'tinker.bin', '--allow', 'everything'], 2, 'nothing called'],
	])('%j ends with code %i and says why', async (args, expected, words) => {
		const { code, stderr } = await hex(...(args as string[]));
		expect(code).toBe(expected);
		expect(stderr).toContain(words);
	});
});

describe('restore zips', () => {
	test('the zip of a release is a source for everything else', async () => {
		expect(
			(await run('zip', '--platform', 'photon', '--target', '2.2.0', '--app', 'tinker.bin', '-o', 'photon.zip', ...offline)).code,
		).toBe(0);
		expect(Object.keys(JSON.parse(read('photon.json')))).toEqual(['system-part1', 'system-part2', 'bootloader', 'tinker']);
		const inspected = await run('inspect', 'photon.zip', '--json');
		expect(document<unknown[]>(inspected)).toHaveLength(4);
		// Tinker comes along with it.
		const made = await run(
			'hex',
			'--platform',
			'photon',
			'--target',
			'2.2.0',
			'--source',
			'photon.zip',
			'--offline',
			'-o',
			'from-zip.hex',
		);
		expect(made.code).toBe(0);
		expect(read('from-zip.hex')).toBe(writeIntelHex(realImage('photon', '2.2.0').image));
	});

	test('neither the zip nor its manifest is written over what is there', async () => {
		writeFileSync(path('kept.json'), 'mine');
		const { code } = await run('zip', '--platform', 'photon', '--target', '2.2.0', '--no-app', '-o', 'kept.zip', ...offline);
		expect(code).toBe(3);
		expect(read('kept.json')).toBe('mine');
		expect(existsSync(path('kept.zip'))).toBe(false);
	});
});
