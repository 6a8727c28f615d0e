import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { particleCli } from '../../../../tests/support/real-firmware.js';
import { openCache, type ReleaseCache } from './cache.js';
import { cacheSource } from './cache-source.js';
import { openApplication, openRelease, standardSources } from './open-release.js';

let base: string;
/** The modules and applications of the real particle-cli 3.6.0, packed as npm packs them. */
let packed: Uint8Array;
let folder: string;
let cache: ReleaseCache;

beforeAll(() => {
	base = mkdtempSync(join(tmpdir(), 'linac-kept-'));
	for (const part of ['updates', 'knownApps'])
		cpSync(join(particleCli('3.6.0'), 'assets', part), join(base, 'package', 'assets', part), { recursive: true });
	execFileSync('tar', ['-czf', 'p.tgz', 'package'], { cwd: base });
	packed = new Uint8Array(readFileSync(join(base, 'p.tgz')));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));
beforeEach(() => {
	folder = mkdtempSync(join(base, 'cache-'));
	cache = openCache(folder);
});

const offline = (of: ReleaseCache) => standardSources({ cache: of, offline: true, environment: {} });
const codeOf = (promise: Promise<unknown>) =>
	promise.then(
		() => 'none',
		(error: { code?: string }) => error.code,
	);

test('a package that was fetched for one platform serves every other one in it without network, with its default application', async () => {
	await cache.keep('npm:particle-cli@3.6.0', packed);
	for (const [platform, version, number] of [
		['argon', '4.0.1', 4005],
		['boron', '4.0.1', 4005],
		['tracker', '4.0.1', 4005],
		['photon', '2.3.1', 2302],
	] as const) {
		const { release, tried } = await openRelease({ platform, version, sources: offline(cache), cache });
		expect(release).toMatchObject({ platform, version, moduleVersion: number, source: 'npm particle-cli 3.6.0' });
		expect(release.application?.module.prefix.function).toBe(5);
		expect(tried).toEqual([]);
		// What was unpacked once is a release of the cache from then on.
		expect(await cache.has({ platform, version })).toBe(true);
	}
	expect(await codeOf(openRelease({ platform: 'argon', version: '2.2.0', sources: offline(cache), cache }))).toBe(
		'RELEASE_NOT_AVAILABLE',
	);
});

test('everything that is listed as needing no network can be opened without', async () => {
	expect(await cacheSource(cache).list()).toEqual([]);
	await cache.keep('npm:particle-cli@3.6.0', packed);
	const list = await cacheSource(cache).list();
	expect(list).toContainEqual({ platform: 'argon', version: '4.0.1', source: 'npm particle-cli 3.6.0', offline: true });
	for (const { platform, version } of list) {
		const { release } = await openRelease({ platform, version, sources: offline(cache), cache });
		expect(release).toMatchObject({ platform, version });
	}
	// Opened or not, each is listed once.
	const names = (await cacheSource(cache).list()).map((r) => `${r.platform} ${r.version}`);
	expect(names.sort()).toEqual(list.map((r) => `${r.platform} ${r.version}`).sort());
});

test('the default application of a platform without a release in the package comes from the package too', async () => {
	expect(await codeOf(openApplication({ platform: 'core', cache, offline: true }))).toBe('APPLICATION_NOT_AVAILABLE');
	await cache.keep('npm:particle-cli@3.6.0', packed);
	expect(await openApplication({ platform: 'core', cache, offline: true })).toMatchObject({ slot: 'monolithic' });
	const argon = await cacheSource(cache).openApplication('argon');
	expect(argon.ok && argon.value.module.prefix.platformId).toBe(12);
});

test('a kept package with one changed byte serves nothing and is removed', async () => {
	await cache.keep('npm:particle-cli@3.6.0', packed);
	const path = readdirSync(join(folder, 'blobs'), { recursive: true, encoding: 'utf8' })
		.map((n) => join(folder, 'blobs', n))
		.find((p) => statSync(p).isFile())!;
	const bytes = readFileSync(path);
	bytes[bytes.length >> 1]! ^= 1;
	writeFileSync(path, bytes);
	expect((await cacheSource(cache).open({ platform: 'argon', version: '4.0.1' })).ok).toBe(false);
	expect(await cacheSource(cache).list()).toEqual([]);
});

test('a copy of the cache serves another machine without network, also from where it may only be read', async () => {
	await cache.keep('npm:particle-cli@3.6.0', packed);
	await openRelease({ platform: 'boron', version: '4.0.1', sources: offline(cache), cache });
	const carried = join(base, 'carried');
	mkdirSync(carried);
	cpSync(folder, carried, { recursive: true });
	rmSync(folder, { recursive: true });
	const all = [carried, ...readdirSync(carried, { recursive: true, encoding: 'utf8' }).map((n) => join(carried, n))];
	for (const path of all) chmodSync(path, 0o555);
	chmodSync(base, 0o755);
	const there = openCache(carried);
	// Rights mean nothing to the superuser, so a test that runs as such gives them up for a while.
	const superuser = process.geteuid?.() === 0;
	if (superuser) process.seteuid!(65534);
	try {
		for (const platform of ['boron', 'argon']) {
			const { release } = await openRelease({ platform, version: '4.0.1', sources: offline(there), cache: there });
			expect(release.modules.map((m) => m.slot)).toContain('system-part1');
		}
	} finally {
		if (superuser) process.seteuid!(0);
		for (const path of all) chmodSync(path, 0o755);
	}
});
