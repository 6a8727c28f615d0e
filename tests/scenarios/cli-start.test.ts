/** How a command starts, as `npm run linac` starts it: from the bundle, which has to say and do what the build says and does. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const built = join(root, 'apps', 'cli', 'dist', 'main.js');
const bundled = join(root, 'apps', 'cli', 'bundle', 'main.cjs');
const folder = mkdtempSync(join(tmpdir(), 'linac-start-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(main: string, args: string[], cache = join(folder, 'cache')) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
		encoding: 'utf8',
		env: { ...process.env, LINAC_CACHE: cache, LINAC_USBIP: '' },
	});
	return { status, stdout, stderr };
}

beforeAll(() => {
	const made = spawnSync(process.execPath, [join(root, 'scripts', 'bundle.mjs')], { encoding: 'utf8' });
	expect(made.stderr).toBe('');
}, 60_000);

test.each([
	[['--version']],
	[['--help']],
	[['matrix', '--platform', 'boron', '--json']],
	[['releases', '--offline', '--json']],
	[['inspect', 'nothing-there.bin']],
	[['plan', '--target', '4.0.1', '--usbip', '127.0.0.1:1']],
	[['lab', 'nonsense']],
	[['serial', 'list', '--json']],
	[['no-such-command']],
])('the bundle answers %j as the build does', (args) => {
	const one = run(bundled, args);
	expect(one.stdout + one.stderr).not.toBe('');
	expect(one).toEqual(run(built, args));
});

const keeps = 'enableCompileCache' in (await import('node:module')).default;

test.runIf(keeps)('what Node has compiled is kept in the cache of linac and nowhere else, and nothing depends on it', () => {
	const there = join(folder, 'fresh');
	const first = run(bundled, ['matrix', '--platform', 'boron', '--json'], there);
	expect(existsSync(join(there, 'compiled'))).toBe(true);
	expect(run(bundled, ['matrix', '--platform', 'boron', '--json'], there)).toEqual(first);
});

test('where nothing can be kept a command works all the same', () => {
	const file = join(folder, 'a-file');
	writeFileSync(file, '');
	const { status, stderr } = run(bundled, ['matrix', '--platform', 'boron', '--json'], join(file, 'below'));
	expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
