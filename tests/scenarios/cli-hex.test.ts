/** `linac hex` and `linac zip`, as a user runs them. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIntelHex, writeIntelHex } from '@linac/firmware';
import { readDct } from '@linac/image';
import { standInApplication } from '@linac/virtual';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';
import { realTinker } from '../support/real-firmware.js';
import { applicationFor, realImage, value } from '../support/release-files.js';
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
		[['--platform', 'core', '--no-app'], 4, 'linac hex convert'],
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

describe('an application in an image that is there', () => {
	test('is replaced, and what comes out is what would have been composed', async () => {
		writeFileSync(path('base.hex'), writeIntelHex(realImage('photon', '2.2.0').image));
		const wanted = standInApplication('photon', '2.2.0', { seed: 3, size: 30_000 });
		writeFileSync(path('mine.bin'), wanted.module.bytes);
		const made = await run('hex', '--base', 'base.hex', '--app', 'mine.bin', '-o', 'mine.hex', '--json');
		expect(made.code).toBe(0);
		expect(document<{ replaced: { name: string }[] }>(made).replaced.map((r) => r.name)).toEqual(['user-part']);
		expect(read('mine.hex')).toBe(writeIntelHex(realImage('photon', '2.2.0', { application: wanted }).image));
	});

	test('a base with one changed byte anywhere in a module is refused, and nothing is written', async () => {
		const { image, parts } = realImage('photon', '2.2.0');
		for (const name of ['bootloader', 'system-part1', 'system-part2']) {
			const part = parts.find((p) => p.name === name)!;
			const at = part.start + 5000;
			const pieces = image.segments.map((s) => {
				const bytes = s.bytes.slice();
				if (at >= s.start && at < s.end) bytes[at - s.start]! ^= 4;
				return { start: s.start, bytes };
			});
			writeFileSync(path('damaged.hex'), writeIntelHex(pieces));
			const { code, stderr } = await run('hex', '--base', 'damaged.hex', '--app', 'tinker.bin', '-o', 'never.hex');
			expect(code, name).toBe(3);
			expect(stderr).toContain('CRC');
			expect(existsSync(path('never.hex'))).toBe(false);
		}
	});

	test.each([
		[['--base', 'base.hex', '-o', 'x.hex'], 'Which application'],
		[['--base', 'base.hex', '--app', 'tinker.bin', '--target', '2.2.0'], '--target has no use'],
		[['--base', 'base.hex', '--app', 'tinker.bin', '--layout', 'classic'], 'classic'],
		[['--base', 'base.hex', '--app', 'tinker.bin', '--no-uicr'], '--no-uicr has no use'],
		[['--base', 'base.hex', '--app', 'tinker.bin', '--claim-code', 'x'], 'Settings of a unit'],
	])('%j means nothing', async (args, words) => {
		const { code, stderr } = await run('hex', ...(args as string[]));
		expect(code).toBe(2);
		expect(stderr).toContain(words);
	});
});

describe('settings of units', () => {
	const claim = (c: string) => c.repeat(63);
	const image = (...args: string[]) => hex('--platform', 'photon', '--target', '2.2.0', '--app', 'tinker.bin', ...args);

	test('one image has the settings where the device looks for them', async () => {
		expect((await image('--claim-code', claim('a'), '--antenna', 'external', '-o', 'unit.hex')).code).toBe(0);
		const { image: memory } = value(parseIntelHex(read('unit.hex')));
		const bytes = memory.read(0x08004000, 0x8000)!;
		const settings = value(readDct('photon', bytes));
		expect(settings.fields.filter((f) => f.set).map((f) => f.name)).toEqual(['claim-code', 'antenna']);
		const shown = await run('hex', 'inspect', 'unit.hex');
		expect(shown.code).toBe(0);
		expect(shown.stdout).toContain('antenna external');
		expect(shown.stdout).not.toContain(claim('a'));
	});

	test('a list makes one image a unit, each the one that its row alone would make, and a manifest with their hashes', async () => {
		const rows = ['unit,claim-code,antenna', `one,${claim('a')},external`, `two,${claim('b')},`];
		writeFileSync(path('units.csv'), `${rows.join('\r\n')}\r\n`);
		const made = await image('--units', 'units.csv', '--out', 'units');
		expect(made.stderr).toBe('');
		expect(made.code).toBe(0);
		expect(made.stdout).not.toContain(claim('a'));
		await image('--claim-code', claim('a'), '--antenna', 'external', '-o', 'one.hex', '--force');
		const same = (a: string, b: string) => {
			const [left, right] = [a, b].map((name) => value(parseIntelHex(read(name))).image);
			return (
				left!.segments.length === right!.segments.length &&
				left!.segments.every((s, i) => Buffer.from(s.bytes).equals(right!.segments[i]!.bytes))
			);
		};
		expect(same('units/one.hex', 'one.hex')).toBe(true);
		expect(same('units/two.hex', 'one.hex')).toBe(false);
		const manifest = JSON.parse(read('units/manifest.json')) as { files: { file: string; sha256: string }[] };
		expect(manifest.files.map((f) => f.file)).toEqual(['one.hex', 'two.hex']);
		for (const { file, sha256 } of manifest.files) {
			expect(
				createHash('sha256')
					.update(read(`units/${file}`))
					.digest('hex'),
			).toBe(sha256);
		}
	});

	test('after an interruption the same command finishes the folder; a file that is something else is never replaced', async () => {
		writeFileSync(path('more.csv'), `unit,claim-code\none,${claim('a')}\ntwo,${claim('b')}\n`);
		expect((await image('--units', 'more.csv', '--out', 'more')).code).toBe(0);
		const [whole, manifest] = [read('more/two.hex'), read('more/manifest.json')];
		expect((await image('--units', 'more.csv', '--out', 'more')).stderr).toContain('FILE_EXISTS');
		// As a run leaves it that was stopped between two files.
		rmSync(path('more/manifest.json'));
		rmSync(path('more/two.hex'));
		expect((await image('--units', 'more.csv', '--out', 'more')).code).toBe(0);
		expect([read('more/two.hex'), read('more/manifest.json')]).toEqual([whole, manifest]);
		rmSync(path('more/manifest.json'));
		writeFileSync(path('more/one.hex'), 'mine');
		const refusedAgain = await image('--units', 'more.csv', '--out', 'more');
		expect([refusedAgain.code, read('more/one.hex')]).toEqual([3, 'mine']);
	});

	test('one wrong row keeps all images from being made, and it is named by line and column', async () => {
		writeFileSync(path('wrong.csv'), `unit,claim-code\none,${claim('a')}\ntwo,short\n`);
		const { code, stderr } = await image('--units', 'wrong.csv', '--out', 'wrong');
		expect(code).toBe(3);
		expect(stderr).toContain('line 3');
		expect(existsSync(path('wrong'))).toBe(false);
	});

	test('on a Boron they are refused with the way that works, before anything else is asked for', async () => {
		writeFileSync(path('boron.csv'), `unit,claim-code\none,${claim('a')}\n`);
		const { code, stderr } = await hex(
			'--platform',
			'boron',
			'--target',
			'4.0.1',
			'--no-app',
			'--units',
			'boron.csv',
			'--out',
			'no',
		);
		expect(code).toBe(3);
		expect(stderr).toContain('linac export --for dfu-util');
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
