/** `linac hex inspect`, `verify`, `diff` and `convert`, as a user runs them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeIntelHex } from '@linac/firmware';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trackerWithGuardOverApplication, trackerWithoutRadio, webPageAsImage } from '../support/broken-images.js';
import { realMbr } from '../support/nordic-mbr.js';
import { realModule } from '../support/real-firmware.js';
import { realImage } from '../support/release-files.js';
import { document, linac, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const path = (name: string) => join(folder.path, name);
const run = (...args: string[]) => linac(['hex', ...args], { cwd: folder.path });
/** Where the real MBR is not at hand its stand-in has to be allowed. */
const allow = realMbr() ? [] : ['--allow', 'unknown-mbr'];

beforeAll(() => {
	writeFileSync(path('boron.hex'), writeIntelHex(realImage('boron', '4.0.1').image));
	writeFileSync(path('boron-old.hex'), writeIntelHex(realImage('boron', '2.2.0').image));
	writeFileSync(path('photon.hex'), writeIntelHex(realImage('photon', '2.3.1').image));
	writeFileSync(path('tracker.hex'), trackerWithoutRadio());
	writeFileSync(path('overlap.hex'), trackerWithGuardOverApplication());
	writeFileSync(path('page.hex'), webPageAsImage());
});
afterAll(() => folder.remove());

describe('linac hex inspect', () => {
	test('shows the parts on a map, and draws it as SVG, but not over a file that is there', async () => {
		const first = await run('inspect', 'boron.hex', '--svg', 'map.svg');
		expect(first.code).toBe(0);
		expect(first.stdout).toMatch(/0x00030000 {2}system-part1 4005 .*█.* ok/);
		expect(first.stdout).toContain('NRFFW[0]');
		expect(readFileSync(path('map.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
		writeFileSync(path('mine.svg'), 'mine');
		const second = await run('inspect', 'boron.hex', '--svg', 'mine.svg');
		expect(second.code).toBe(3);
		expect(readFileSync(path('mine.svg'), 'utf8')).toBe('mine');
		expect((await run('inspect', 'boron.hex', '--svg', 'mine.svg', '--force')).code).toBe(0);
	});

	test('a broken image ends with 3, with what is wrong in words, and with --json as one document', async () => {
		const overlap = await run('inspect', 'overlap.hex');
		expect(overlap.code).toBe(3);
		expect(overlap.stdout).toContain('IMAGE_OVERLAP');
		const { code, stdout } = await run('inspect', 'overlap.hex', '--json');
		expect(code).toBe(3);
		const doc = JSON.parse(stdout) as { overlaps: { start: number }[]; parts: { name: string }[]; blankBoard: { ok: boolean } };
		expect(doc.overlaps[0]!.start).toBe(0xd4000);
		expect(doc.parts.map((p) => p.name)).toContain('user-part2');
		expect(doc.blankBoard.ok).toBe(false);
		expect((await run('inspect', 'page.hex')).stdout).toContain('a web page');
	});

	test('where the locale knows no UTF-8 the map is ASCII', async () => {
		const { stdout } = await linac(['hex', 'inspect', 'boron.hex'], { cwd: folder.path, env: { LC_ALL: 'C' } });
		expect(stdout).toMatch(/system-part1 4005 .*###/);
		expect(stdout).not.toContain('█');
	});

	test('a file that is none, a folder, and an address that is none are refused with the reason', async () => {
		expect((await run('inspect', 'nothing.hex')).stderr).toContain('FILE_NOT_FOUND');
		expect((await run('inspect', '.')).code).toBe(3);
		const wrong = await run('inspect', 'boron.hex', '--base', 'here');
		expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('is no address')]);
		expect((await run('inspect', 'boron.hex', '--base', '0x0')).stderr).toContain('BASE_NOT_NEEDED');
	});
});

describe('linac hex verify', () => {
	test('a whole image ends with 0, one that a blank board does not start with, with 7, a contradiction with 3', async () => {
		const good = await run('verify', 'boron.hex', ...allow);
		expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('starts with it, into its application')]);
		const listening = await run('verify', 'boron-old.hex', ...allow);
		expect([listening.code, listening.stdout]).toEqual([0, expect.stringContaining('linac usb setup-done')]);
		const missing = await run('verify', 'tracker.hex');
		expect([missing.code, missing.stdout]).toEqual([7, expect.stringContaining('Missing: mbr, uicr, softdevice')]);
		expect((await run('verify', 'overlap.hex')).code).toBe(3);
		expect((await run('verify', 'page.hex')).code).toBe(3);
	});

	test('with --json a script finds the verdict, the reasons and what is missing', async () => {
		const result = await run('verify', 'tracker.hex', '--json');
		expect(document(result)).toMatchObject({
			format: 'linac-hex-verify/1',
			platform: 'tracker',
			ok: false,
			boots: 'dead',
			missing: ['mbr', 'uicr', 'softdevice'],
			exitCode: 7,
		});
		expect(result.code).toBe(7);
	});
});

describe('linac hex diff', () => {
	test('the same memory ends with 0, however it is written down; another one with 7 and the table of modules', async () => {
		writeFileSync(
			path('other-form.hex'),
			writeIntelHex(realImage('boron', '4.0.1').image, { recordLength: 32, upperCase: false }),
		);
		expect((await run('diff', 'boron.hex', 'other-form.hex')).code).toBe(0);
		const { code, stdout } = await run('diff', 'boron-old.hex', 'boron.hex');
		expect(code).toBe(7);
		expect(stdout).toMatch(/bootloader +1006 +1101 +other version/);
		const doc = document<{ identical: boolean; parts: { name: string; kind: string }[] }>(
			await run('diff', 'boron-old.hex', 'boron.hex', '--json'),
		);
		expect(doc.identical).toBe(false);
		expect(doc.parts.find((p) => p.name === 'mbr')!.kind).toBe('same');
	});
});

describe('linac hex convert', () => {
	test('to plain bytes and back, and to a folder and back, is the same memory', async () => {
		expect((await run('convert', 'photon.hex', '-o', 'photon.bin')).code).toBe(0);
		expect((await run('convert', 'photon.bin', '--base', '0x08000000', '-o', 'again.hex')).code).toBe(0);
		expect(document<{ sameOnBlankChip: boolean }>(await run('diff', 'photon.hex', 'again.hex', '--json')).sameOnBlankChip).toBe(
			true,
		);
		expect((await run('convert', 'boron.hex', '-o', 'modules/')).code).toBe(0);
		expect(readdirSync(path('modules'))).toEqual([
			'boron-bootloader@1101.bin',
			'boron-guard.hex',
			'boron-mbr.hex',
			'boron-softdevice@202.hex',
			'boron-system-part1@4005.bin',
			'boron-uicr.hex',
			'boron-user-part2@6.bin',
		]);
		expect((await run('convert', 'modules', '-o', 'joined.hex')).code).toBe(0);
		expect((await run('diff', 'boron.hex', 'joined.hex')).code).toBe(0);
		expect(readFileSync(path('joined.hex'), 'utf8')).toBe(readFileSync(path('boron.hex'), 'utf8'));
	});

	test('a folder of published modules becomes an image that says what it is not', async () => {
		mkdirSync(path('published'));
		for (const name of ['boron-bootloader@4.0.1.bin', 'boron-system-part1@4.0.1.bin', 'boron-softdevice@4.0.1.bin'])
			writeFileSync(join(path('published'), name), realModule(name));
		const { code, stdout } = await run('convert', 'published', '-o', 'published.hex');
		expect(code).toBe(0);
		expect(stdout.replace(/\s+/g, ' ')).toContain('a blank board misses mbr, uicr, application');
	});

	test('nothing is written over a file without --force, and nothing at all when something is refused', async () => {
		writeFileSync(path('there.bin'), 'mine');
		const there = await run('convert', 'photon.hex', '-o', 'there.bin');
		expect([there.code, readFileSync(path('there.bin'), 'utf8')]).toEqual([3, 'mine']);
		const sparse = await run('convert', 'boron.hex', '-o', 'sparse.bin');
		expect([sparse.code, sparse.stderr]).toEqual([3, expect.stringContaining('IMAGE_TOO_SPARSE')]);
		expect((await run('convert', 'overlap.hex', '-o', 'over.bin')).code).toBe(3);
		for (const name of ['sparse.bin', 'over.bin']) expect(existsSync(path(name))).toBe(false);
		expect((await run('convert', 'boron.hex', '-o', 'what')).code).toBe(2);
		expect((await run('convert', 'boron.hex')).code).toBe(2);
	});

	test('a range and a filler are taken as they are written', async () => {
		await run('convert', 'boron.hex', '--range', '0xFFC00-0x100000', '--fill', '00', '-o', 'end.bin');
		const bytes = readFileSync(path('end.bin'));
		expect(bytes.length).toBe(0x400);
		expect(bytes[0x3ff]).toBe(0);
		expect((await run('convert', 'boron.hex', '--fill', '100', '-o', 'x.bin')).code).toBe(2);
		expect((await run('convert', 'boron.hex', '--range', '5', '-o', 'x.bin')).code).toBe(2);
	});
});
