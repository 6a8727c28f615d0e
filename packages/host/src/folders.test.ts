import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { makeFolder } from './folders.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'linac-folders-'));
	return () => rmSync(folder, { recursive: true, force: true });
});
const codeOf = (path: string) => {
	try {
		makeFolder(path);
		return 'made';
	} catch (error) {
		return (error as { code?: string }).code;
	}
};

test('a folder is made with all folders above it, and again without complaint', () => {
	const path = join(folder, 'a', 'b', 'c');
	makeFolder(path);
	makeFolder(path);
	expect(statSync(path).isDirectory()).toBe(true);
});

test('below a file, or in place of one, no folder is made', () => {
	writeFileSync(join(folder, 'file'), '');
	expect(codeOf(join(folder, 'file', 'c', 'd'))).toBe('ENOTDIR');
	expect(codeOf(join(folder, 'file'))).toBe('EEXIST');
	expect(existsSync(join(folder, 'file', 'c'))).toBe(false);
});

test.runIf(process.platform === 'linux')(
	'where the system makes no folders the answer comes at once: it is not tried for ever',
	() => {
		expect(codeOf('/proc/nope')).toBe('ENOENT');
		expect(codeOf('/proc/nope/deeper/still')).toBe('ENOENT');
	},
);
