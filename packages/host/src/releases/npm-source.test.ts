import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { VirtualClock } from '@linac/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import { type ReleaseServer, sendFile, startReleaseServer } from '../../../../tests/support/release-server.js';
import { openCache, type ReleaseCache } from './cache.js';
import { createDownload } from './download.js';
import { npmSource, type RunNpm } from './npm-source.js';
import { readTarball } from './tarball.js';

let server: ReleaseServer;
let cache: ReleaseCache;
beforeEach(async () => {
	server = await startReleaseServer();
	const folder = mkdtempSync(join(tmpdir(), 'linac-npm-test-'));
	cache = openCache(folder);
	return () => rmSync(folder, { recursive: true, force: true });
});
afterEach(() => server.close());

/** A package as npm packs it, with what a test needs of the real one. */
function pack(files: Record<string, Uint8Array>): Uint8Array {
	const blocks: Buffer[] = [];
	for (const [name, bytes] of Object.entries(files)) {
		const header = Buffer.alloc(512);
		header.write(`package/${name}`, 0);
		header.write('0000644\0', 100);
		header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
		header.write('        ', 148);
		header.write('0', 156);
		header.write('ustar\x0000', 257);
		header.write(
			`${header
				.reduce((sum, b) => sum + b, 0)
				.toString(8)
				.padStart(6, '0')}\0 `,
			148,
		);
		blocks.push(header, Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512));
	}
	return new Uint8Array(gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])));
}

const packed = () =>
	pack({
		'package.json': Buffer.from('{}'),
		'assets/updates/boron-bootloader@2.2.0.bin': realModule('boron-bootloader@2.2.0.bin'),
		'assets/updates/boron-softdevice@2.2.0.bin': realModule('boron-softdevice@2.2.0.bin'),
		'assets/updates/boron-system-part1@2.2.0.bin': realModule('boron-system-part1@2.2.0.bin'),
		'assets/updates/ota-flag-a5.bin': Uint8Array.of(0xa5),
		'assets/knownApps/boron/tinker/tinker.bin': realTinker('boron'),
	});

/** An npm client that says what the test wants, and notes what it was asked. */
function fakeNpm(options: { versions?: string[]; tarball?: string; integrity?: string; registry?: string; pack?: string }) {
	const asked: string[] = [];
	const run: RunNpm = async (args) => {
		asked.push(args.slice(0, 2).join(' '));
		const answer = (stdout: string, code = 0) => ({
			code,
			stdout,
			stderr: code === 0 ? '' : 'npm error code E503\nnpm error busy',
		});
		if (args[0] === 'config') return answer(`registry=${options.registry ?? `${server.url}/`}\nhttps-proxy=null\nproxy=null\n`);
		if (args[2] === 'versions') return options.versions ? answer(JSON.stringify(options.versions)) : answer('', 1);
		if (args[0] === 'view')
			return answer(
				JSON.stringify({ 'dist.tarball': options.tarball ?? `${server.url}/p.tgz`, 'dist.integrity': options.integrity }),
			);
		if (args[0] === 'pack' && options.pack) {
			copyFileSync(options.pack, join(args[args.indexOf('--pack-destination') + 1]!, 'p.tgz'));
			return answer('p.tgz');
		}
		return answer('', 1);
	};
	return { run, asked };
}

const sha512 = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
const query = { platform: 'boron', version: '2.2.0' };
const codeOf = (promise: Promise<unknown>) =>
	promise.then(
		() => 'none',
		(error: { code?: string }) => error.code,
	);

test('a package that the registry has is fetched, checked by its checksum and kept for the next platform', async () => {
	const bytes = packed();
	server.fail('/p.tgz', (request, response) => void sendFile(request, response, bytes));
	const npm = fakeNpm({ versions: ['2.16.0', '9.9.9'], integrity: sha512(bytes) });
	const source = npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} });
	const verdict = await source.open(query);
	expect(verdict.ok && verdict.value.source).toBe('npm particle-cli 2.16.0');
	expect(verdict.ok && verdict.value.application?.slot).toBe('user-part');
	const before = npm.asked.length;
	await server.close();
	expect((await npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} }).open(query)).ok).toBe(true);
	expect(npm.asked.length).toBe(before);
});

test('a package with another checksum than the registry says is not used', async () => {
	const bytes = packed();
	server.fail('/p.tgz', (request, response) => void sendFile(request, response, bytes));
	const npm = fakeNpm({ versions: ['2.16.0'], integrity: sha512(new Uint8Array(1)) });
	expect(await codeOf(npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} }).open(query))).toBe(
		'DOWNLOAD_DAMAGED',
	);
	expect(await cache.kept('npm:particle-cli@2.16.0')).toBeUndefined();
});

test('where only npm itself may fetch, npm is asked to', async () => {
	const bytes = packed();
	server.fail('/p.tgz', (_, response) => void response.writeHead(401).end());
	const file = join(cache.folder, '..', `packed-${process.pid}.tgz`);
	const { writeFileSync } = await import('node:fs');
	writeFileSync(file, bytes);
	const npm = fakeNpm({ versions: ['2.16.0'], integrity: sha512(bytes), pack: file });
	expect((await npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} }).open(query)).ok).toBe(true);
	expect(npm.asked).toContain('pack particle-cli@2.16.0');
	expect(readFileSync(file).length).toBe(bytes.length);
});

test('a registry that cannot be reached is left without starting a long request', async () => {
	const closed = createServer();
	await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
	const { port } = closed.address() as { port: number };
	await new Promise((resolve) => closed.close(resolve));
	const npm = fakeNpm({ versions: ['2.16.0'], registry: `http://127.0.0.1:${port}/` });
	expect(await codeOf(npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} }).open(query))).toBe(
		'SOURCE_UNREACHABLE',
	);
	expect(npm.asked).toEqual(['config get']);
});

test('where npm goes through a proxy, the proxy is what must be reached', async () => {
	const bytes = packed();
	server.fail('/p.tgz', (request, response) => void sendFile(request, response, bytes));
	const npm = fakeNpm({ versions: ['2.16.0'], registry: 'http://no-such-host.invalid/' });
	const source = (environment: Record<string, string>) =>
		npmSource({ download: createDownload(), cache, runNpm: npm.run, environment });
	expect(await codeOf(source({}).open(query))).toBe('SOURCE_UNREACHABLE');
	expect((await source({ https_proxy: server.url }).open(query)).ok).toBe(true);
});

test('no registry is waited for longer than three seconds', async () => {
	// An address reserved for documentation (RFC 5737): nobody answers, or the network refuses at once.
	const clock = new VirtualClock();
	const npm = fakeNpm({ versions: ['2.16.0'], registry: 'http://192.0.2.1:81/' });
	const source = npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {}, clock });
	expect(await codeOf(source.open(query))).toBe('SOURCE_UNREACHABLE');
	expect(clock.now()).toBeLessThanOrEqual(3000);
});

test('an npm client that fails or is missing is a source that cannot be reached', async () => {
	const npm = fakeNpm({});
	expect(await codeOf(npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} }).open(query))).toBe(
		'SOURCE_UNREACHABLE',
	);
});

test('a release that no package has, and packages that the registry lacks, are answers and not failures', async () => {
	const npm = fakeNpm({ versions: ['9.9.9'] });
	const source = npmSource({ download: createDownload(), cache, runNpm: npm.run, environment: {} });
	expect((await source.open({ platform: 'boron', version: '5.4.1' })).problems[0]?.code).toBe('RELEASE_NOT_AT_SOURCE');
	expect((await source.open(query)).problems[0]?.code).toBe('RELEASE_NOT_AT_SOURCE');
});

test('the real npm client and the real package give E SoM X 4.0.1 and the default applications', async () => {
	const source = npmSource({ download: createDownload({ partialFolder: cache.partialFolder }), cache });
	const verdict = await source.open({ platform: 'esomx', version: '4.0.1' });
	expect(verdict.ok && verdict.value.modules.map((m) => `${m.slot} ${m.module.prefix.version}`)).toEqual([
		'bootloader 1101',
		'system-part1 4005',
		'softdevice 202',
	]);
	const application = await source.openApplication('msom');
	expect(application.ok && application.value.module.prefix.platformId).toBe(35);
	// For a Core it is one image with the system.
	const core = await source.openApplication('core');
	expect(core.ok && core.value).toMatchObject({ slot: 'monolithic', module: { prefix: { platformId: 0, function: 3 } } });
	// The A SoM has no cell in the download table, and a release all the same.
	const asom = await source.open({ platform: 'asom', version: '1.4.4' });
	expect(asom.ok && asom.value.modules.map((m) => `${m.slot} ${m.module.prefix.version}`)).toEqual([
		'bootloader 501',
		'system-part1 1406',
		'softdevice 202',
	]);
});

test('a package cut at any place is refused', () => {
	const bytes = pack({ 'a.bin': new Uint8Array(700).fill(7), 'b.bin': new Uint8Array(10) });
	const whole = readTarball(bytes);
	expect(whole.ok && whole.value.map((e) => [e.name, e.bytes.length])).toEqual([
		['package/a.bin', 700],
		['package/b.bin', 10],
	]);
	for (let length = 0; length < bytes.length; length++)
		expect(readTarball(bytes.subarray(0, length)).ok, `${length}`).toBe(false);
	// And one whose archive inside is cut.
	for (const cut of [100, 600, 1300]) {
		const tar = Buffer.alloc(cut, 0x41);
		expect(readTarball(new Uint8Array(gzipSync(tar))).ok).toBe(false);
	}
});
