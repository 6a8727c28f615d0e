/** `linac matrix` and `linac export` as a user runs them. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MatrixTable } from '@linac/catalog';
import { sha256, toHex } from '@linac/core';
import type { ExportManifest } from '@linac/image';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';
import { particleCli, realTinker } from '../support/real-firmware.js';
import { document, linac, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const env = { LINAC_CACHE: join(folder.path, 'cache') };
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
const from = (cli: '2.16.0' | '3.6.0') => ['--offline', '--source', join(particleCli(cli), 'assets', 'updates')];
const boron401 = from('3.6.0');
const photon220 = from('2.16.0');

beforeAll(() => {
	writeFileSync(join(folder.path, 'tinker.bin'), realTinker('boron'));
	writeFileSync(join(folder.path, 'photon.bin'), realTinker('photon'));
	writeFileSync(join(folder.path, 'mbr.bin'), standInMbr());
});
afterAll(() => folder.remove());

describe('matrix', () => {
	test('without a name there are four tables, as text, as Markdown and as one JSON document', async () => {
		const [text, markdown, json] = await Promise.all([
			run('matrix'),
			run('matrix', '--format', 'markdown'),
			run('matrix', '--json'),
		]);
		const titles = ['Components by device', 'File by mode', 'Programmer by generation', 'SWD by device'];
		for (const title of titles) expect(text.stdout).toContain(title);
		expect(markdown.stdout.match(/^## .*$/gm)).toEqual(titles.map((t) => `## ${t}`));
		const tables = document<Record<string, MatrixTable>>(json);
		expect(Object.keys(tables)).toEqual(['components', 'modes', 'programmers', 'swd']);
		expect(tables.programmers!.rows[2]!.cells).toMatchObject({ programmer: { text: 'ST-LINK/V2' }, nrf52840: { works: false } });
	});

	test('one table for one device; a table or a device that there is not is a wrong command line', async () => {
		const swd = await run('matrix', 'swd', '--platform', 'photon');
		expect(swd.stdout).toMatch(/SWDIO\s+D7/);
		expect(swd.stdout).toMatch(/SWCLK\s+D6/);
		expect(swd.stdout).not.toContain('Boron');
		const [table, device] = await Promise.all([run('matrix', 'pins'), run('matrix', '--platform', 'toaster')]);
		expect(table).toMatchObject({ code: 2, stderr: expect.stringContaining('components, modes, programmers, swd') });
		expect(device.code).toBe(2);
	});
});

describe('export', () => {
	test('makes a folder for dfu-util that agrees with its manifest, and asks for no MBR', async () => {
		const made = await run(
			'export',
			'-p',
			'boron',
			'-t',
			'4.0.1',
			'--app',
			'tinker.bin',
			'--for',
			'dfu-util',
			'-o',
			'a/b',
			...boron401,
		);
		expect(made.code, made.stderr).toBe(0);
		const manifest = JSON.parse(readFileSync(join(folder.path, 'a/b/manifest.json'), 'utf8')) as ExportManifest;
		for (const { path, size, sha256: hash } of manifest.files) {
			const bytes = new Uint8Array(readFileSync(join(folder.path, 'a/b', path)));
			expect([path, bytes.length, toHex(sha256(bytes))]).toEqual([path, size, hash]);
		}
		if (process.platform !== 'win32') expect(statSync(join(folder.path, 'a/b/program.sh')).mode & 0o111).toBe(0o111);
		expect(made.stdout).toContain('README.txt');
	});

	test('a folder with files in it is left as it is, unless --force is given', async () => {
		const args = ['export', '-p', 'photon', '-t', '2.2.0', '--app', 'photon.bin', '--for', 'openocd', ...photon220];
		const first = await run(...args);
		expect(first.code, first.stderr).toBe(0);
		const at = join(folder.path, 'photon-2.2.0-openocd');
		writeFileSync(join(at, 'README.txt'), 'notes of somebody');
		const second = await run(...args, '--json');
		expect(second.code).toBe(3);
		expect(document<{ error: { code: string } }>(second).error.code).toBe('FOLDER_NOT_EMPTY');
		expect(readFileSync(join(at, 'README.txt'), 'utf8')).toBe('notes of somebody');
		const third = await run(...args, '--force', '--json');
		expect(third.code).toBe(0);
		expect(document<{ files: unknown[] }>(third).files).toHaveLength(readdirSync(at).length);
		expect(readFileSync(join(at, 'README.txt'), 'utf8')).toContain('Photon');
	});

	test('for a tool over SWD an nRF52840 board needs the MBR, and takes it from a file', async () => {
		const args = ['export', '-p', 'boron', '-t', '4.0.1', '--app', 'tinker.bin', '--for', 'nrfjprog', '-o', 'nrf', ...boron401];
		const without = await run(...args);
		expect(without.code).toBe(3);
		expect(without.stderr).toContain('linac hex learn');
		expect(existsSync(join(folder.path, 'nrf'))).toBe(false);
		const made = await run(...args, '--mbr', 'mbr.bin', '--allow', 'unknown-mbr');
		expect(made.code, made.stderr).toBe(0);
		expect(readdirSync(join(folder.path, 'nrf')).sort()).toEqual([
			'README.txt',
			'boron-4.0.1.hex',
			'manifest.json',
			'program.cmd',
			'program.sh',
		]);
	});

	test('a tool that cannot program the board is refused before anything is opened; without a tool those are named that can', async () => {
		const wrong = await run('export', '-p', 'photon', '--for', 'nrfjprog', '--offline');
		expect(wrong.code).toBe(4);
		expect(wrong.stderr.replace(/\s+/g, ' ')).toContain('There is: dfu-util, openocd, jlink, stm32cubeprogrammer.');
		const none = await run('export', '-p', 'p2', '--offline');
		expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('dfu-util, openocd') });
	});

	test('an application for another board is refused, and no folder is made', async () => {
		const made = await run(
			'export',
			'-p',
			'boron',
			'-t',
			'4.0.1',
			'--app',
			'photon.bin',
			'--for',
			'dfu-util',
			'-o',
			'no',
			...boron401,
		);
		expect(made.code).toBe(3);
		expect(existsSync(join(folder.path, 'no'))).toBe(false);
	});

	test('both commands explain themselves with examples', async () => {
		for (const name of ['matrix', 'export']) {
			const { code, stdout } = await run(name, '--help');
			expect(code).toBe(0);
			expect(stdout).toMatch(new RegExp(`Examples:\n {2}linac ${name}`));
			for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(110);
		}
	});
});
