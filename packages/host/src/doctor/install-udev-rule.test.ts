import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinacError } from '@linac/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installUdevRule } from './install-udev-rule.js';

let folder: string;
let ran: string[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'linac-rule-'));
	ran = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const run = async (file: string, args: readonly string[]) => {
	ran.push([file, ...args].join(' '));
};

test('the rule is written, and udev is told to read it and to apply it to what is connected', async () => {
	const path = join(folder, 'rules.d', '60-linac.rules');
	expect(await installUdevRule({ path, text: 'rule\n', run })).toEqual({ path, written: true });
	expect(readFileSync(path, 'utf8')).toBe('rule\n');
	expect(ran[0]).toBe('udevadm control --reload');
	expect(ran[1]).toMatch(/^udevadm trigger .*usb.*tty/);
	// The same again changes nothing in the file.
	expect((await installUdevRule({ path, text: 'rule\n', run })).written).toBe(false);
});

test('where udev does not run the rule is written, and that is said', async () => {
	const path = join(folder, '60-linac.rules');
	const done = await installUdevRule({ path, text: 'rule\n', run: () => Promise.reject(new Error('spawn udevadm ENOENT')) });
	expect(done).toMatchObject({ written: true, reloadProblem: expect.stringContaining('ENOENT') });
});

test.each(['EACCES', 'EPERM', 'EROFS'])('without the right to write (%s) the command that has it is named', async (code) => {
	const path = join(folder, '60-linac.rules');
	// As writeWhole tells it.
	const cause = Object.assign(new Error(code), { code });
	const write = () => Promise.reject(new LinacError('FILE_NOT_WRITTEN', 'no', { cause }));
	await expect(installUdevRule({ path, text: 'rule\n', run, write })).rejects.toMatchObject({
		code: 'NOT_ROOT',
		retry: 'operator',
		hint: expect.stringContaining('sudo linac doctor --install-udev-rule'),
	});
	expect(existsSync(path)).toBe(false);
	expect(ran).toEqual([]);
});

test('another failure is what it is', async () => {
	const cause = Object.assign(new Error('full'), { code: 'ENOSPC' });
	const write = () => Promise.reject(new LinacError('FILE_NOT_WRITTEN', 'no', { cause }));
	await expect(installUdevRule({ path: join(folder, 'x'), text: 'rule\n', run, write })).rejects.toMatchObject({
		code: 'FILE_NOT_WRITTEN',
	});
});
