/** What the command line says and returns where no device is needed, or where none is there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { particleCli, realModule, realTinker } from '../support/real-firmware.js';
import { document, linac, linacProcess, type Result, realSources, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const env = { LINAC_CACHE: join(folder.path, 'cache') };
const file = (name: string, bytes: Uint8Array | string) => {
	writeFileSync(join(folder.path, name), bytes);
	return name;
};
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
/** A port on which nothing listens: the discard port. */
const nowhere = ['--usbip', '127.0.0.1:9'];

beforeAll(() => {
	file('system.bin', realModule('boron-system-part1@4.0.1.bin'));
	file('tinker.bin', realTinker('boron'));
	file('page.bin', '<!DOCTYPE html><html><body>404 Not Found</body></html>');
	const damaged = Uint8Array.from(realTinker('boron'));
	damaged[1000]! ^= 1;
	file('damaged.bin', damaged);
});
afterAll(() => folder.remove());

describe('help', () => {
	const commands = [
		'flash',
		'update',
		'plan',
		'verify',
		'restore',
		'devices',
		'identify',
		'assets',
		'inspect',
		'doctor',
		'releases',
		'matrix',
		'backup',
		'keys',
		'serial',
		'hex',
		'zip',
		'export',
		'bundle',
		'demo',
		'lab',
	];

	test('without arguments linac says what it can do and ends with the code for a wrong command line', async () => {
		const { code, stdout, stderr } = await run();
		expect(code).toBe(2);
		expect(stdout).toBe('');
		for (const name of commands) expect(stderr).toContain(`\n  ${name}`);
	});

	test('--help is no failure, and shows the first steps', async () => {
		const { code, stdout } = await run('--help');
		expect(code).toBe(0);
		expect(stdout).toContain('First steps:');
		for (const name of commands) expect(stdout).toContain(`\n  ${name}`);
	});

	test.each(commands)('"%s --help" explains the command with examples that begin with it', async (name) => {
		const { code, stdout } = await run(name, '--help');
		expect(code).toBe(0);
		expect(stdout).toMatch(new RegExp(`^Usage: linac ${name}`));
		expect(stdout).toMatch(new RegExp(`Examples:\n {2}linac ${name}`));
		for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
	});

	test('every command of "usb" is in its help', async () => {
		const { stdout } = await run('usb', '--help');
		for (const verb of ['start-listening', 'stop-listening', 'dfu', 'safe-mode', 'reset', 'setup-done'])
			expect(stdout).toContain(verb);
	});

	test('--version prints the version that package.json has', async () => {
		const { version } = JSON.parse(readFileSync(new URL('../../apps/cli/package.json', import.meta.url), 'utf8')) as {
			version: string;
		};
		expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
	});
});

describe('a wrong command line', () => {
	const wrong: [what: string, args: string[], code: number, errorCode: string][] = [
		['an unknown command', ['flsh'], 2, 'USAGE'],
		['an unknown option', ['flash', '--bogus'], 2, 'USAGE'],
		['an option without its value', ['flash', 'tinker.bin', '--target'], 2, 'USAGE'],
		['nothing to flash', ['flash'], 2, 'USAGE'],
		['nothing to plan', ['plan'], 2, 'USAGE'],
		['something unknown to allow', ['flash', 'tinker.bin', '--allow', 'everything', ...nowhere], 2, 'USAGE'],
		[
			'two options that contradict each other',
			['flash', 'tinker.bin', '--application-only', '--target', '4.0.1', ...nowhere],
			2,
			'USAGE',
		],
		['an update of the application only', ['update', '--application-only', ...nowhere], 2, 'USAGE'],
		['an address that is none', ['devices', '--usbip', 'a:b:c'], 2, 'USAGE'],
		['an unknown platform', ['releases', '--platform', 'banana'], 2, 'UNKNOWN_PLATFORM'],
		['an unknown line', ['releases', '--line', '99.x'], 2, 'USAGE'],
		['an unknown channel', ['releases', '--channel', 'gold'], 2, 'USAGE'],
		['a lab without devices', ['lab'], 2, 'USAGE'],
		['a lab with a device that has no version', ['lab', '--device', 'boron'], 2, 'USAGE'],
		['a lab with an unknown speed', ['lab', '--device', 'boron@2.2.0', '--speed', 'fast'], 2, 'USAGE'],
		['a file that is not there', ['flash', 'nowhere.bin', ...nowhere], 3, 'FILE_NOT_FOUND'],
		['a web page instead of firmware', ['flash', 'page.bin', ...nowhere], 3, 'HTML_PAGE'],
		['a file with one wrong bit', ['flash', 'damaged.bin', ...nowhere], 3, 'CRC_MISMATCH'],
		['a part to restore that there is not', ['backup', 'restore', 'tinker.bin', '--only', 'everything'], 2, 'USAGE'],
		['a backup that is not there', ['backup', 'inspect', 'nowhere.json'], 3, 'FILE_NOT_FOUND'],
		['a firmware instead of a backup', ['backup', 'restore', 'tinker.bin', ...nowhere], 3, 'BACKUP_UNREADABLE'],
		['a key that is not there', ['keys', 'load', 'nowhere.pem', ...nowhere], 3, 'FILE_NOT_FOUND'],
		['a key in a file that is there already', ['keys', 'save', 'tinker.bin', ...nowhere], 3, 'FILE_EXISTS'],
		['a form of key that there is not', ['keys', 'save', 'new.pem', '--format', 'jwk', ...nowhere], 2, 'USAGE'],
		['a port without a host', ['keys', 'server', 'tinker.bin', '--port', '1', ...nowhere], 2, 'USAGE'],
		['nobody at the USB/IP address', ['devices', ...nowhere], 5, 'USBIP_UNREACHABLE'],
		['a flash where nobody is at the USB/IP address', ['flash', 'tinker.bin', '--yes', ...nowhere], 5, 'USBIP_UNREACHABLE'],
	];

	test.each(wrong)('%s is told with a code, and nothing is on stdout', async (_what, args, code, errorCode) => {
		const result = await run(...args);
		expect(result.stdout).toBe('');
		expect(result.stderr).toMatch(/^Error: \S/m);
		expect(result.stderr).toContain(`Code:  ${errorCode} (exit code ${code}`);
		expect(result).toMatchObject({ code: code });
	});

	test.each(wrong)('%s is told as one JSON document with --json', async (_what, args, code, errorCode) => {
		const result = await run(...args, '--json');
		const { error } = document<{ error: { code: string; message: string; exitCode: number } }>(result);
		expect(error).toMatchObject({ code: errorCode });
		expect(error.exitCode).toBe(code);
		expect(error.message.length).toBeGreaterThan(10);
		expect(result).toMatchObject({ code: code });
		expect(result.stderr).toBe('');
	});

	test('a misspelt command gets a suggestion', async () => {
		expect((await run('flsh')).stderr).toContain('flash');
	});
});

describe('inspect', () => {
	const fields = [
		'file',
		'platformId',
		'platform',
		'function',
		'functionName',
		'index',
		'version',
		'start',
		'end',
		'flags',
		'dependencies',
		'size',
		'productId',
		'productVersion',
		'crcOk',
		'shaOk',
		'problems',
	];

	test('a real system part is described, in words and as JSON', async () => {
		const told = await run('inspect', 'system.bin');
		expect(told).toMatchObject({ code: 0 });
		expect(told.stdout).toContain('system-part1 4005, for Boron (platform 13), sound');
		expect(told.stdout).toContain('bootloader 1101 or newer');
		const rows = document<Record<string, unknown>[]>(await run('inspect', 'system.bin', '--json'));
		expect(rows).toHaveLength(1);
		expect(Object.keys(rows[0]!)).toEqual(fields);
		expect(rows[0]).toMatchObject({
			file: 'system.bin',
			platformId: 13,
			platform: 'boron',
			function: 4,
			functionName: 'system-part',
			index: 1,
			version: 4005,
			start: 0x30000,
			crcOk: true,
			shaOk: true,
			problems: [],
		});
		expect(rows[0]!.dependencies).toContainEqual({ function: 2, index: 0, version: 1101 });
		expect(rows[0]!.size).toBe((rows[0]!.end as number) - 0x30000 + 4);
	});

	test('a bad file among good ones does not hide them, and its row has the same fields', async () => {
		const result = await run('inspect', 'tinker.bin', 'page.bin', 'nowhere.bin', 'damaged.bin', '--json');
		expect(result).toMatchObject({ code: 3 });
		const rows = document<Record<string, unknown>[]>(result);
		expect(rows.map((r) => r.file)).toEqual(['tinker.bin', 'page.bin', 'nowhere.bin', 'damaged.bin']);
		for (const row of rows) expect(Object.keys(row)).toEqual(fields);
		expect(rows[1]).toMatchObject({ platformId: null, crcOk: null, problems: [{ code: 'HTML_PAGE', severity: 'error' }] });
		expect(rows[3]).toMatchObject({ crcOk: false, platform: 'boron' });
	});

	test('colours never reach a pipe', async () => {
		const { stdout, stderr } = await run('inspect', 'damaged.bin', 'system.bin');
		expect(stdout + stderr).not.toContain('\u001b');
	});
});

describe('releases', () => {
	const list = async (...args: string[]) =>
		document<{ version: string; latestInLine: boolean; channel: string; platforms: string[] }[]>(
			await run('releases', '--json', '--offline', ...args),
		);

	test('only the latest of each line is shown unless all are asked for', async () => {
		const latest = await list('--platform', 'boron');
		expect(latest.every((r) => r.latestInLine && r.platforms.includes('boron'))).toBe(true);
		expect(latest.map((r) => r.version)).toContain('2.3.1');
		expect(latest.map((r) => r.version)).not.toContain('2.3.0');
		expect((await list('--platform', 'boron', '--all')).map((r) => r.version)).toContain('2.3.0');
	});

	test('the whole catalogue has 53 releases', async () => {
		expect(await list('--all')).toHaveLength(53);
	});

	test('a channel can be chosen', async () => {
		const rows = await list('--channel', 'rc');
		expect(rows.length).toBeGreaterThan(0);
		for (const row of rows) expect(row.channel).toBe('rc');
	});

	test('the latest for a platform is the latest that this platform has', async () => {
		const rows = await list('--platform', 'photon');
		expect(rows.map((r) => r.version)).toContain('3.3.1');
	});

	test('what LINAC_MIRROR names needs no network, and a mirror that is away is told and passed over', async () => {
		const mirror = join(particleCli('2.16.0'), 'assets', 'updates');
		const result = await linac(['releases', '--json', '--offline', '--all', '--platform', 'boron'], {
			cwd: folder.path,
			env: { ...env, LINAC_MIRROR: ['/not/mounted', mirror].join(delimiter) },
		});
		expect(result).toMatchObject({ code: 0 });
		const rows = document<{ version: string; offline: string[] }[]>(result).filter((r) => r.offline.length > 0);
		expect(rows.map((r) => r.version)).toEqual(['2.2.0']);
		expect(result.stderr).toContain('LINAC_MIRROR is passed over: There is no file or folder /not/mounted.');
	});

	test('the table for people fits its width', async () => {
		const { stdout } = await run('releases', '--offline');
		expect(stdout).toContain('4.2.0');
		for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
	});
});

describe('a cache that cannot be written', () => {
	const places = ['page.bin/c', ...(process.platform === 'linux' ? ['/proc/nope', '/proc/nope/c'] : [])];

	test.each(places)(
		'LINAC_CACHE=%s ends the command at once with the way out, and no stand-in takes the place',
		async (place) => {
			const result = await linacProcess(['lab', '--device', 'boron@4.0.1', '--listen', '127.0.0.1:0', '--json'], {
				cwd: folder.path,
				env: { LINAC_CACHE: place },
			});
			expect(result).toMatchObject({ code: 8 });
			const { error } = document<{ error: { code: string; retry: string; hint: string; message: string } }>(result);
			expect(error).toMatchObject({ code: 'CACHE_NOT_WRITABLE', retry: 'operator' });
			expect(error.message).toContain(place);
			expect(error.hint).toContain('LINAC_CACHE');
		},
	);
});

describe('a --source that holds nothing', () => {
	const nothing: [what: string, path: string, found: string][] = [
		['an empty folder', 'empty', 'nothing'],
		['a folder with other things', 'other', 'notes.txt'],
		['a web page', 'page.hex', 'page.hex'],
		['a module with one wrong bit', 'damaged.bin', 'damaged.bin'],
		['an application', 'tinker.bin', 'application for Boron'],
	];

	test.each(nothing)('%s ends the command, although another source has the release', async (_what, path, found) => {
		mkdirSync(join(folder.path, 'empty'), { recursive: true });
		mkdirSync(join(folder.path, 'other'), { recursive: true });
		file('other/notes.txt', 'for later');
		file('page.hex', '<!DOCTYPE html><html><body>404 Not Found</body></html>');
		const lab = ['lab', '--device', 'boron@4.0.1', '--listen', '127.0.0.1:0', '--offline', '--json'];
		for (const args of [lab, ['releases', '--offline', '--json']]) {
			const result = await run(...args, ...realSources(), '--source', path);
			expect(result).toMatchObject({ code: 3 });
			const { error } = document<{ error: { code: string; message: string } }>(result);
			expect(error.code).toBe('SOURCE_EMPTY');
			expect(error.message).toContain(join(folder.path, path));
			expect(error.message).toContain(found);
		}
	});
});

test('whatever the arguments, --json gives one document or nothing but help', async () => {
	const attempts = [
		['--json'],
		['usb', '--json'],
		['help', '--json'],
		['inspect', '--json'],
		['releases', '--json', '--offline'],
		['--version', '--json'],
	];
	for (const args of attempts) {
		const result: Result = await run(...args);
		if (result.stdout !== '') expect(() => JSON.parse(result.stdout)).not.toThrow();
	}
});
