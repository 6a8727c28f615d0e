import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRelease, type ReleaseSet } from '@linac/catalog';
import { beforeEach, expect, test } from 'vitest';
import { realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import { nodeDigests } from '../digests.js';
import { openCache, type ReleaseCache } from './cache.js';
import { cacheSource } from './cache-source.js';

let folder: string;
let cache: ReleaseCache;
const query = { platform: 'boron', version: '2.2.0' };

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'linac-cache-'));
	cache = openCache(folder);
	return () => rmSync(folder, { recursive: true, force: true });
});

function boron220(): ReleaseSet {
	const files = ['boron-bootloader@2.2.0.bin', 'boron-softdevice@2.2.0.bin', 'boron-system-part1@2.2.0.bin'].map((name) => ({
		name,
		bytes: realModule(name),
	}));
	const verdict = checkRelease([...files, { name: 'tinker.bin', bytes: realTinker('boron') }], {
		...query,
		source: 'test',
		digests: nodeDigests,
	});
	if (!verdict.ok) throw new Error('the real release is refused');
	return verdict.value;
}

function blobs(): string[] {
	return readdirSync(join(folder, 'blobs'), { recursive: true, encoding: 'utf8' })
		.map((n) => join(folder, 'blobs', n))
		.filter((p) => statSync(p).isFile());
}

test('what was put in comes out byte for byte, with the application, and is listed', async () => {
	expect(await cache.has(query)).toBe(false);
	const set = boron220();
	await cache.put(set);
	expect(await cache.has(query)).toBe(true);
	const got = await cache.get(query);
	expect(got?.modules.map((m) => [m.slot, m.sha256])).toEqual(set.modules.map((m) => [m.slot, m.sha256]));
	expect(got?.application?.sha256).toBe(set.application?.sha256);
	expect((await cache.list()).map((r) => `${r.platform} ${r.version}`)).toEqual(['boron 2.2.0']);
});

test('one changed byte in any blob is found; the release is then gone, and can be put in again', async () => {
	const set = boron220();
	for (let i = 0; i < set.modules.length; i++) {
		await cache.put(set);
		const path = blobs().find((p) => p.endsWith(set.modules[i]!.sha256))!;
		const bytes = readFileSync(path);
		bytes[bytes.length >> 1]! ^= 1;
		writeFileSync(path, bytes);
		expect(await cache.get(query)).toBeUndefined();
		expect(existsSync(path)).toBe(false);
		expect(await cache.has(query)).toBe(false);
		expect(await cache.list()).toEqual([]);
	}
	await cache.put(set);
	expect((await cache.get(query))?.modules.length).toBe(3);
});

test('a blob that was cut or deleted does not count as there', async () => {
	const set = boron220();
	const blobOf = (index: number) => blobs().find((p) => p.endsWith(set.modules[index]!.sha256))!;
	await cache.put(set);
	truncateSync(blobOf(0), 100);
	expect(await cache.has(query)).toBe(false);
	expect(await cache.get(query)).toBeUndefined();
	await cache.put(set);
	rmSync(blobOf(1));
	expect(await cache.has(query)).toBe(false);
	expect(await cache.get(query)).toBeUndefined();
});

test.each([
	'',
	'{',
	'[]',
	'null',
	'{"format":"linac-cache/9"}',
	'{"format":"linac-cache/1","platform":"boron","version":"2.2.0","source":"x","modules":[null]}',
])('an index that says %j is removed and not believed', async (text) => {
	await cache.put(boron220());
	const index = join(folder, 'releases', 'boron', '2.2.0.json');
	writeFileSync(index, text);
	expect(await cache.get(query)).toBeUndefined();
	expect(existsSync(index)).toBe(false);
});

test('an index that was altered to name other modules does not make them a release', async () => {
	await cache.put(boron220());
	const index = join(folder, 'releases', 'boron', '2.2.0.json');
	const entry = JSON.parse(readFileSync(index, 'utf8')) as { modules: { sha256: string }[] };
	entry.modules[0]!.sha256 = entry.modules[1]!.sha256;
	writeFileSync(index, JSON.stringify(entry));
	expect(await cache.get(query)).toBeUndefined();
	entry.modules[0]!.sha256 = '../../../../etc/passwd';
	writeFileSync(index, JSON.stringify(entry));
	expect(await cache.get(query)).toBeUndefined();
});

test('names that would lead out of the cache are refused', async () => {
	for (const platform of ['..', '../boron', 'a/b', '']) expect(await cache.get({ platform, version: '2.2.0' })).toBeUndefined();
	expect(await cache.has({ platform: 'boron', version: '../../x' })).toBe(false);
});

test('a whole package can be kept under its name', async () => {
	const bytes = new TextEncoder().encode('package');
	await cache.keep('npm:particle-cli@1.2.3', bytes);
	expect(await cache.kept('npm:particle-cli@1.2.3')).toEqual(bytes);
	expect(await cache.kept('npm:particle-cli@1.2.4')).toBeUndefined();
	writeFileSync(blobs()[0]!, 'changed');
	expect(await cache.kept('npm:particle-cli@1.2.3')).toBeUndefined();
});

test('removing a release takes it away and says whether it was there', async () => {
	await cache.put(boron220());
	expect(await cache.remove(query)).toBe(true);
	expect(await cache.remove(query)).toBe(false);
	expect(await cache.has(query)).toBe(false);
});

test('a process that is killed while it writes leaves a cache that works', async () => {
	// The child writes the same blob again and again until it is killed in the middle.
	const script = `
		import { writeFile, rename, mkdir } from 'node:fs/promises';
		const [folder] = process.argv.slice(1);
		await mkdir(folder + '/blobs/aa', { recursive: true });
		console.log('ready');
		for (let i = 0; ; i++) { const t = folder + '/blobs/aa/x.' + process.pid + '.' + i + '.tmp'; await writeFile(t, Buffer.alloc(500000, i)); await rename(t, folder + '/blobs/aa/x'); }
	`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
	await new Promise((resolve) => child.stdout.once('data', resolve));
	await cache.put(boron220());
	child.kill('SIGKILL');
	await new Promise((resolve) => child.once('close', resolve));
	expect((await cache.get(query))?.modules.length).toBe(3);
	expect((await cache.list()).length).toBe(1);
});

test('several writers of one release at once end with one whole release', async () => {
	const set = boron220();
	await Promise.all(Array.from({ length: 8 }, () => openCache(folder).put(set)));
	expect((await cache.get(query))?.modules.length).toBe(3);
	expect(blobs().length).toBe(4);
});

test('as a source it answers without network, or says that it has nothing', async () => {
	const source = cacheSource(cache);
	expect(source.offline).toBe(true);
	expect((await source.open(query)).ok).toBe(false);
	await cache.put(boron220());
	expect((await source.open(query)).ok).toBe(true);
	expect(await source.list()).toEqual([{ platform: 'boron', version: '2.2.0', source: 'test', offline: true }]);
});
