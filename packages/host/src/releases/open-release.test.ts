import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReleaseSource, SourceProgress } from '@linac/catalog';
import { LinacError } from '@linac/core';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { particleCli, realModule } from '../../../../tests/support/real-firmware.js';
import { type ReleaseServer, restoreZip, sendFile, startReleaseServer } from '../../../../tests/support/release-server.js';
import { openCache, type ReleaseCache } from './cache.js';
import { openApplication, openRelease, type StandardSourcesOptions, standardSources, type TriedSource } from './open-release.js';

let server: ReleaseServer;
let folder: string;
let cache: ReleaseCache;
beforeEach(async () => {
	server = await startReleaseServer();
	folder = mkdtempSync(join(tmpdir(), 'linac-open-'));
	cache = openCache(join(folder, 'cache'));
	return () => rmSync(folder, { recursive: true, force: true });
});
afterEach(() => server.close());

const boron = { platform: 'boron', version: '2.2.0' };
/** The real list of sources, at the local server; npm left out where a test is about the others. */
function sources(options: StandardSourcesOptions & { without?: string[] } = {}): ReleaseSource[] {
	const { url } = server;
	const list = standardSources({
		cache,
		deviceOsApiUrl: url,
		githubUrl: url,
		docsUrl: url,
		environment: {},
		stallMs: 300,
		...options,
	});
	return list.filter((s) => !['npm particle-cli', ...(options.without ?? [])].includes(s.name));
}
const failure = (promise: Promise<unknown>) =>
	promise.then(
		() => undefined,
		(e: unknown) => e as LinacError,
	);
const triedIn = (error: LinacError | undefined) => (error?.details.tried ?? []) as unknown as TriedSource[];
const triedOf = (error: LinacError | undefined) => triedIn(error).map((t) => `${t.source}: ${t.code}`);
const refused = (_request: unknown, response: { destroy(): void }) => response.destroy();

test.each(['Device OS API', 'GitHub releases', 'docs restore zips'])(
	'%s gives a whole release with progress, and the second time no network is needed',
	async (name) => {
		const only = sources().filter((s) => s.name === 'cache' || s.name === name);
		const progress: SourceProgress[] = [];
		const first = await openRelease({ ...boron, sources: only, cache, onProgress: (p) => progress.push(p) });
		expect(first.release.source).toBe(name);
		expect(first.release.modules.map((m) => `${m.slot} ${m.module.prefix.version}`)).toEqual([
			'bootloader 1006',
			'system-part1 2202',
			'softdevice 202',
		]);
		expect(progress.length).toBeGreaterThan(0);
		expect(progress.at(-1)?.done).toBe(progress.at(-1)?.total);
		if (name === 'docs restore zips') expect(first.release.application?.slot).toBe('user-part');
		await server.close();
		const second = await openRelease({ ...boron, sources: only, cache });
		expect(second.release.modules.map((m) => m.sha256)).toEqual(first.release.modules.map((m) => m.sha256));
		expect(second.tried).toEqual([]);
	},
);

test('GitHub is asked for the files of the one platform only, and its redirects are followed', async () => {
	const only = sources().filter((s) => s.name === 'GitHub releases');
	await openRelease({ ...boron, sources: only, cache: false });
	expect(server.requests.filter((r) => r.path.startsWith('/asset/')).length).toBe(3);
	expect(server.requests.some((r) => r.path.includes('photon'))).toBe(false);
});

test('when the API has an error page, GitHub is out of questions and the docs zip is whole, the zip is used and all is told', async () => {
	server.fail('/v1/device-os', (_, response) =>
		response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><title>Sign in</title>'),
	);
	server.fail('/repos/', (_, response) => response.writeHead(403, { 'x-ratelimit-remaining': '0' }).end('{}'));
	const opened = await openRelease({ ...boron, sources: sources(), cache });
	expect(opened.release.source).toBe('docs restore zips');
	expect(opened.tried.map((t) => `${t.source}: ${t.code}`)).toEqual([
		'cache: RELEASE_NOT_AT_SOURCE',
		'Device OS API: ANSWER_IS_WEB_PAGE',
		'GitHub releases: RATE_LIMITED',
	]);
});

test('a restore zip whose files are error pages, as those published of 6.0.0, is refused file by file', async () => {
	const page = new TextEncoder().encode('<!DOCTYPE html>\n<html><head><title>Rate limit</title></head></html>');
	server.fail('/assets/files', (request, response) => {
		const zip = zipSync(
			Object.fromEntries(['softdevice', 'system-part1', 'bootloader', 'tinker'].map((n) => [`${n}.bin`, page])),
			{ level: 0 },
		);
		sendFile(request, response, zip);
	});
	const error = await failure(openRelease({ ...boron, sources: sources().filter((s) => s.name === 'docs restore zips'), cache }));
	const tried = triedIn(error)[0]!;
	expect(tried.problems.filter((p) => p.file).map((p) => p.file)).toEqual([
		'boron.zip/softdevice.bin',
		'boron.zip/system-part1.bin',
		'boron.zip/bootloader.bin',
		'boron.zip/tinker.bin',
	]);
	expect(await cache.list()).toEqual([]);
});

test.each([
	['a missing module', (f: Record<string, Uint8Array>): void => void delete f['bootloader.bin'], 'RELEASE_INCOMPLETE'],
	[
		'a cut module',
		(f: Record<string, Uint8Array>) => Object.assign(f, { 'system-part1.bin': f['system-part1.bin']!.subarray(0, 5000) }),
		undefined,
	],
	[
		'a module of another release',
		(f: Record<string, Uint8Array>) => Object.assign(f, { 'system-part1.bin': realModule('boron-system-part1@4.0.1.bin') }),
		'RELEASE_INCOMPLETE',
	],
	[
		'a module for another board',
		(f: Record<string, Uint8Array>) => Object.assign(f, { 'bootloader.bin': realModule('argon-bootloader@2.2.0.bin') }),
		'RELEASE_INCOMPLETE',
	],
] as const)('a restore zip with %s is never used', async (_, change, code) => {
	server.fail('/assets/files', (request, response) => void sendFile(request, response, restoreZip(change)));
	const error = await failure(openRelease({ ...boron, sources: sources().filter((s) => s.name === 'docs restore zips'), cache }));
	expect(error?.code).toBe('RELEASE_NOT_AVAILABLE');
	const tried = triedIn(error)[0]!;
	expect(tried.problems.some((p) => p.severity === 'error')).toBe(true);
	if (code) expect(tried.problems.map((p) => p.code)).toContain(code);
});

test.each([
	[
		'a body that breaks off',
		(_: unknown, r: import('node:http').ServerResponse): void =>
			void r.writeHead(200, { 'content-length': 5000 }).write('x', () => r.destroy()),
		'DOWNLOAD_TRUNCATED',
	],
	['silence', () => {}, 'DOWNLOAD_STALLED'],
	['a reset', refused as never, 'SOURCE_UNREACHABLE'],
	[
		'something that is not JSON',
		(_: unknown, r: import('node:http').ServerResponse): void => void r.end('hello'),
		'ANSWER_NOT_JSON',
	],
	[
		'JSON of another form',
		(_: unknown, r: import('node:http').ServerResponse): void => void r.end('{"version":"2.2.0"}'),
		'ANSWER_UNEXPECTED',
	],
	[
		'a file name that leads elsewhere',
		(_: unknown, r: import('node:http').ServerResponse): void =>
			void r.end(JSON.stringify({ version: '2.2.0', base_url: 'http://127.0.0.1/x', modules: [{ filename: '../../x' }] })),
		'ANSWER_UNEXPECTED',
	],
	['status 500', (_: unknown, r: import('node:http').ServerResponse): void => void r.writeHead(500).end(), 'HTTP_ERROR'],
] as const)('after %s from the API the next source is asked', async (_, handler, code) => {
	server.fail('/v1/device-os', handler as never);
	const opened = await openRelease({ ...boron, sources: sources(), cache });
	expect(opened.release.source).toBe('GitHub releases');
	expect(opened.tried.find((t) => t.source === 'Device OS API')?.code).toBe(code);
});

test('when nobody has it, the error names every source with its reason and says what to do', async () => {
	const error = await failure(openRelease({ platform: 'boron', version: '5.4.1', sources: sources(), cache }));
	expect(error?.code).toBe('RELEASE_NOT_AVAILABLE');
	expect(triedOf(error)).toEqual([
		'cache: RELEASE_NOT_AT_SOURCE',
		'Device OS API: RELEASE_NOT_AT_SOURCE',
		'GitHub releases: RELEASE_NOT_AT_SOURCE',
		'docs restore zips: RELEASE_NOT_AT_SOURCE',
	]);
	expect(error?.message).toContain('GitHub releases');
	expect(error?.hint).toContain('LINAC_MIRROR');
	const impossible = await failure(openRelease({ platform: 'xenon', version: '2.2.0', sources: sources(), cache }));
	expect(impossible?.hint).toContain('1.5.2');
});

test('a damaged cache entry is fetched anew without a word from the user', async () => {
	await openRelease({ ...boron, sources: sources(), cache });
	const blobs = join(cache.folder, 'blobs');
	for (const sub of readdirSync(blobs))
		for (const name of readdirSync(join(blobs, sub))) writeFileSync(join(blobs, sub, name), 'tampered');
	const again = await openRelease({ ...boron, sources: sources(), cache });
	expect(again.release.source).toBe('Device OS API');
	expect((await openRelease({ ...boron, sources: sources({ offline: true }), cache })).release.modules.length).toBe(3);
});

test('offline means that nothing is asked, by option and by environment', async () => {
	for (const list of [sources({ offline: true }), sources({ environment: { LINAC_OFFLINE: '1' } })]) {
		expect(list.map((s) => s.name)).toEqual(['cache']);
		const error = await failure(openRelease({ ...boron, sources: list, cache }));
		expect(triedOf(error)).toEqual(['cache: RELEASE_NOT_AT_SOURCE']);
	}
	expect(server.requests).toEqual([]);
	expect(standardSources({ cache, environment: { LINAC_OFFLINE: '0' } }).length).toBeGreaterThan(1);
});

test('a folder, a zip and a mirror come before everything else', async () => {
	const files = Object.fromEntries(
		['boron-bootloader@2.2.0.bin', 'boron-softdevice@2.2.0.bin', 'boron-system-part1@2.2.0.bin'].map((n) => [n, realModule(n)]),
	);
	const set = join(folder, 'set');
	await mkdir(join(set, 'deeper'), { recursive: true });
	for (const [name, bytes] of Object.entries(files)) await writeFile(join(set, 'deeper', name), bytes);
	await writeFile(join(folder, 'set.zip'), zipSync(files));
	for (const [options, name] of [
		[{ paths: [set] }, set],
		[{ paths: [join(folder, 'set.zip')] }, join(folder, 'set.zip')],
		[{ environment: { LINAC_MIRROR: set } }, set],
	] as const) {
		const opened = await openRelease({ ...boron, sources: sources(options), cache: false });
		expect(opened.release.source).toBe(name);
	}
	expect(server.requests).toEqual([]);
	const list = await standardSources({ paths: [set], cache, offline: true, environment: {} })[0]!.list();
	expect(list).toEqual([{ platform: 'boron', version: '2.2.0', source: set, offline: true }]);
});

test('a folder that is not there or a damaged zip is told, and the next source is asked', async () => {
	await writeFile(join(folder, 'bad.zip'), zipSync({ 'a.bin': realModule('boron-bootloader@2.2.0.bin') }).subarray(0, 3000));
	const opened = await openRelease({
		...boron,
		sources: sources({ paths: [join(folder, 'nowhere'), join(folder, 'bad.zip')] }),
		cache,
	});
	expect(opened.tried.slice(0, 2).map((t) => t.code)).toEqual(['FILE_NOT_FOUND', 'ZIP_CORRUPT']);
	expect(opened.release.source).toBe('Device OS API');
});

test.each([
	['boron', '2.2.0', '2.16.0'],
	['boron', '4.0.1', '3.6.0'],
	['photon', '1.5.2', '2.8.0'],
	['photon', '2.2.0', '2.16.0'],
	['tracker', '4.0.1', '3.6.0'],
	['xenon', '1.5.2', '2.8.0'],
	['esomx', '4.0.1', '3.6.0'],
	['electron', '1.5.2', '2.8.0'],
] as const)(
	'%s %s opens from the unpacked package particle-cli %s, and afterwards from the cache alone',
	async (platform, version, cli) => {
		const path = join(particleCli(cli), 'assets', 'updates');
		const opened = await openRelease({
			platform,
			version,
			sources: standardSources({ paths: [path], cache, offline: true, environment: {} }),
			cache: false,
		});
		expect(opened.release).toMatchObject({ platform, version });
		await cache.put(opened.release);
		const again = await openRelease({ platform, version, sources: sources({ offline: true }), cache });
		expect(again.release.modules.map((m) => m.sha256)).toEqual(opened.release.modules.map((m) => m.sha256));
	},
);

test('the default application comes from a release in the cache, and without one the refusal says why', async () => {
	expect((await failure(openApplication({ platform: 'boron', cache, offline: true })))?.code).toBe('APPLICATION_NOT_AVAILABLE');
	await openRelease({ ...boron, sources: sources().filter((s) => s.name === 'docs restore zips'), cache });
	expect((await openApplication({ platform: 'boron', cache, offline: true })).slot).toBe('user-part');
});

test('lines resolve to their latest release, and what nobody knows is named', async () => {
	expect((await failure(openRelease({ platform: 'boron', version: '2.x', sources: [], cache: false })))?.message).toContain(
		'2.3.1',
	);
	expect((await failure(openRelease({ platform: 'toaster', version: '2.2.0' })))?.code).toBe('PLATFORM_UNKNOWN');
	expect((await failure(openRelease({ platform: 'boron', version: 'newest', cache: false })))?.code).toBe('RELEASE_UNKNOWN');
});

test('opening can be cancelled, and then no further source is asked', async () => {
	server.fail('/v1/device-os', () => {});
	const stop = new AbortController();
	setTimeout(() => stop.abort(), 50);
	const error = await failure(openRelease({ ...boron, sources: sources(), cache, signal: stop.signal }));
	expect(error).toBeInstanceOf(LinacError);
	expect(error?.code).toBe('CANCELLED');
	expect(server.requests.some((r) => r.path.startsWith('/repos'))).toBe(false);
});

/** Places in which nobody can make a folder: below a file, and where the system itself has none. */
const unwritable = () => {
	writeFileSync(join(folder, 'file'), '');
	return [join(folder, 'file', 'c'), ...(process.platform === 'linux' ? ['/proc/nope', '/proc/nope/deeper'] : [])];
};

test('a cache that cannot be written ends the search with one clear error, before anything is fetched', async () => {
	for (const path of unwritable()) {
		const broken = openCache(path);
		const error = await failure(openRelease({ ...boron, sources: sources({ cache: broken }), cache: broken }));
		expect(error).toMatchObject({ code: 'CACHE_NOT_WRITABLE', retry: 'operator', details: { path } });
		expect(error?.message).toContain(path);
		expect(error?.hint).toContain('LINAC_CACHE');
		const application = await failure(openApplication({ platform: 'boron', cache: broken, environment: {} }));
		expect(application?.code).toBe('CACHE_NOT_WRITABLE');
	}
	expect(server.requests).toEqual([]);
});

test('files at hand need no cache that can be written', async () => {
	const set = join(folder, 'set');
	await mkdir(set);
	for (const n of ['boron-bootloader@2.2.0.bin', 'boron-softdevice@2.2.0.bin', 'boron-system-part1@2.2.0.bin'])
		await writeFile(join(set, n), realModule(n));
	for (const path of unwritable()) {
		const broken = openCache(path);
		const opened = await openRelease({ ...boron, sources: sources({ cache: broken, paths: [set] }), cache: broken });
		expect(opened.release.source).toBe(set);
	}
});

test.skipIf(process.platform === 'win32')(
	'a cache that may only be read serves what it has, and says so when asked for more',
	async () => {
		await openRelease({ ...boron, sources: sources(), cache });
		const asked = server.requests.length;
		const all = [
			cache.folder,
			...readdirSync(cache.folder, { recursive: true, encoding: 'utf8' }).map((n) => join(cache.folder, n)),
		];
		for (const path of all) chmodSync(path, 0o555);
		chmodSync(folder, 0o755);
		// Rights mean nothing to the superuser, so a test that runs as such gives them up for a while.
		const superuser = process.geteuid?.() === 0;
		if (superuser) process.seteuid!(65534);
		try {
			expect((await openRelease({ ...boron, sources: sources(), cache })).release.modules.length).toBe(3);
			const error = await failure(openRelease({ platform: 'argon', version: '2.2.0', sources: sources(), cache }));
			expect(error).toMatchObject({ code: 'CACHE_NOT_WRITABLE', details: { reason: 'EACCES' } });
		} finally {
			if (superuser) process.seteuid!(0);
			for (const path of all) chmodSync(path, 0o755);
		}
		expect(server.requests.length).toBe(asked);
	},
);

test('a disk that becomes full while a download arrives is told as that, and no other source is asked', async () => {
	// The part cannot be written where a folder stands in its place.
	const url = `${server.url}/v1/device-os/versions/2.2.0?platform_id=13`;
	const { createHash } = await import('node:crypto');
	const key = createHash('sha256').update(url).digest('hex').slice(0, 32);
	await mkdir(join(cache.partialFolder, `${key}.part`), { recursive: true });
	const error = await failure(openRelease({ ...boron, sources: sources(), cache }));
	expect(error).toMatchObject({ code: 'CACHE_NOT_WRITABLE', details: { path: cache.folder } });
	expect(server.requests.every((r) => r.path.startsWith('/v1/device-os'))).toBe(true);
});
