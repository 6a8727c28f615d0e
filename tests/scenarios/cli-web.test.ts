/** `linac web` as a browser and a stranger meet it: the built command, a small site, a mirror of real releases. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openReleaseZip, releasePart, releaseZip } from '@linac/catalog';
import { toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boronParts, mirrorInMemory, realRelease, writeMirror } from '../support/mirrors.js';
import { standInMbr } from '../support/nordic-mbr.js';
import { linac, temporaryFolder } from './cli-harness.js';
import { WebCommand } from './web-command.js';

const policy = "default-src 'none'; script-src 'self'";
const folder = temporaryFolder();
const at = (path: string) => join(folder.path, path);
const env = { LINAC_CACHE: at('cache'), LINAC_OFFLINE: '' };

/** With the small site, and a mirror as its source. */
const start = (args: string[] = [], { more = {}, source = at('mirror') } = {}) =>
	WebCommand.start(['--site', at('site'), '--source', source, ...args], { ...env, ...more });

let web: WebCommand;

beforeAll(async () => {
	mkdirSync(at('site/assets'), { recursive: true });
	writeFileSync(at('site/index.html'), `<meta http-equiv="Content-Security-Policy" content="${policy}" /><h1>linac</h1>`);
	writeFileSync(at('site/assets/index-1a2b.js'), 'export {};');
	writeFileSync(at('site/site.json'), '{ "format": "linac-site/1", "api": null, "mirror": "mirror/" }');
	writeFileSync(at('site/.secret.json'), '{}');
	writeFileSync(at('secret.json'), '{}');
	writeMirror(at('mirror'), await mirrorInMemory([...boronParts(), releasePart(realRelease('photon', '2.2.0'))]));
	web = await start();
});
afterAll(async () => {
	await web?.stop();
	folder.remove();
});

describe('every answer', () => {
	test.each(['/', '/assets/index-1a2b.js', '/nothing', '/api/releases', '/api/nothing', '/site.json'])(
		'of %s has the policy of the page and the other headers that keep other sites out',
		async (path) => {
			const { headers } = await web.ask(path);
			expect(headers).toMatchObject({
				'content-security-policy': `${policy}; frame-ancestors 'none'`,
				'x-content-type-options': 'nosniff',
				'referrer-policy': 'no-referrer',
				'cross-origin-opener-policy': 'same-origin',
				'cross-origin-resource-policy': 'same-origin',
			});
			expect(headers['permissions-policy']).toContain('usb=(self), serial=(self)');
			expect(headers['access-control-allow-origin']).toBeUndefined();
		},
	);

	test('that was refused has them too', async () => {
		const { status, headers } = await web.ask('/', { host: 'example.com' });
		expect(status).toBe(403);
		expect(headers['x-content-type-options']).toBe('nosniff');
	});
});

describe('the site', () => {
	test('a file with a hash in its name may be kept for good, the page is asked for every time and not sent twice', async () => {
		const asset = await web.ask('/assets/index-1a2b.js');
		expect(asset.headers).toMatchObject({ 'cache-control': expect.stringContaining('immutable') });
		expect(asset.headers['content-type']).toContain('text/javascript');
		const page = await web.ask('/');
		expect(page.headers['cache-control']).toBe('no-cache');
		expect(page.body.toString()).toContain('<h1>linac</h1>');
		const again = await web.ask('/', { 'if-none-match': page.headers.etag! });
		expect(again.status).toBe(304);
		expect(again.body).toHaveLength(0);
	});

	test('says to its page that the releases are under api/, whatever the built file says', async () => {
		const { body } = await web.ask('/site.json');
		expect(JSON.parse(body.toString())).toEqual({ format: 'linac-site/1', api: 'api/', mirror: null });
	});

	test('HEAD gives the headers and nothing else; anything that would change something is not answered', async () => {
		const head = await web.ask('/', {}, 'HEAD');
		expect(head).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
		expect(head.body).toHaveLength(0);
		for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
			expect(await web.failure('/api/releases', {}, method)).toMatchObject({ status: 405, code: 'WEB_METHOD' });
	});

	test.each([
		'/../secret.json',
		'/assets/../../secret.json',
		'/%2e%2e/secret.json',
		'/assets/%2e%2e%2f%2e%2e%2fsecret.json',
		'/..%5csecret.json',
		'/.secret.json',
		'/assets',
		'/assets/',
		'/secret.json%00.js',
		'//secret.json',
	])('no path leads out of it, and nothing hidden is served: %s', async (path) => {
		expect(await web.failure(path)).toMatchObject({ status: 404, code: 'WEB_NOT_FOUND' });
	});
});

describe('who is answered', () => {
	test.each(['localhost', 'localhost:4242', '127.0.0.1', '192.168.1.5:4242', '[::1]:4242'])(
		'a browser that asks %s',
		async (host) => {
			expect((await web.ask('/', { host })).status).toBe(200);
		},
	);

	test.each(['evil.example', 'evil.example:4242', 'localhost.evil.example', '127.0.0.1.evil.example'])(
		'not one that was led here by the name %s',
		async (host) => {
			expect(await web.failure('/api/releases', { host })).toMatchObject({ status: 403, code: 'WEB_OTHER_HOST' });
		},
	);

	test.each(['evil.example:80:80', '[::1', 'evil.example/'])('nor anybody with "%s", which is no host', async (host) => {
		const { status, body } = await web.ask('/api/releases', { host });
		expect({ status, length: body.length }).toEqual({ status: 400, length: 0 });
	});

	test('a further name with --host-name', async () => {
		const behindProxy = await start(['--host-name', 'linac.example']);
		try {
			expect((await behindProxy.ask('/', { host: 'linac.example' })).status).toBe(200);
			expect((await behindProxy.ask('/', { host: 'other.example' })).status).toBe(403);
		} finally {
			await behindProxy.stop();
		}
	});

	test('pages of other sites may link here, but not have anything fetched', async () => {
		const from = { 'sec-fetch-site': 'cross-site' };
		expect((await web.ask('/', from)).status).toBe(200);
		for (const site of ['cross-site', 'same-site'])
			expect(await web.failure('/api/releases/boron/4.0.1.zip', { 'sec-fetch-site': site })).toMatchObject({
				status: 403,
				code: 'WEB_OTHER_SITE',
			});
		expect((await web.ask('/api/releases', { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
	});
});

describe('the releases', () => {
	const listed = async (command: WebCommand) => {
		const { releases } = JSON.parse((await command.ask('/api/releases')).body.toString()) as {
			releases: { platform: string; version: string; source: string; offline: boolean }[];
		};
		return releases;
	};

	test('are those that are here, and those that the network has, each with its source', async () => {
		const releases = await listed(web);
		expect(releases.filter((r) => r.offline)).toEqual([
			{ platform: 'boron', version: '4.0.1', source: at('mirror'), offline: true },
			{ platform: 'photon', version: '2.2.0', source: at('mirror'), offline: true },
		]);
		expect(releases.find((r) => r.platform === 'boron' && r.version === '2.2.0')).toMatchObject({ offline: false });
		expect(new Set(releases.map((r) => `${r.platform} ${r.version}`)).size).toBe(releases.length);
	});

	test('with --offline are those that are here alone, and another one is refused with what to do', async () => {
		const offline = await start(['--offline']);
		try {
			expect(await listed(offline)).toHaveLength(2);
			const failure = await offline.failure('/api/releases/boron/2.2.0.zip');
			expect(failure).toMatchObject({ status: 404, code: 'RELEASE_NOT_AVAILABLE' });
			expect(failure.hint).toContain('--offline');
			const { status, body } = await offline.ask('/api/applications/boron.bin');
			const tinker = realRelease('boron', '4.0.1').application!;
			expect({ status, sha256: toHex(nodeDigests.sha256(body)) }).toEqual({ status: 200, sha256: tinker.sha256 });
			expect(await offline.failure(`/api/applications/boron.bin?not=${tinker.sha256}`)).toMatchObject({
				status: 404,
				code: 'APPLICATION_NOT_AVAILABLE',
			});
		} finally {
			await offline.stop();
		}
	});

	test('come as a zip with the modules that the mirror has, the same bytes every time', async () => {
		const [one, two] = await Promise.all([web.ask('/api/releases/boron/4.0.1.zip'), web.ask('/api/releases/boron/4.0.1.zip')]);
		expect(one.headers).toMatchObject({ 'content-type': 'application/zip', 'cache-control': 'no-store' });
		expect(one.body.equals(two.body)).toBe(true);
		const opened = openReleaseZip(new Uint8Array(one.body), { platform: 'boron', version: '4.0.1' }, { name: 'test' });
		if (!opened.ok) throw new Error(opened.problems[0]?.message);
		const real = realRelease('boron', '4.0.1');
		const sums = (set: typeof real) => [...set.modules, set.application!].map((m) => m.sha256);
		expect(sums(opened.value)).toEqual(sums(real));
		expect(opened.value.modules[0]?.origin).toContain('boron-bootloader@4.0.1.bin');
		expect(releaseZip(opened.value)).toHaveLength(one.body.length);
	});

	test('of the mirror go with its MBR; a chip without one has none', async () => {
		const { status, body } = await web.ask('/api/further/nrf52840-mbr.bin');
		expect({ status, same: body.equals(Buffer.from(standInMbr())) }).toEqual({ status: 200, same: true });
		expect(await web.failure('/api/further/stm32f2-mbr.bin')).toMatchObject({ status: 404, code: 'WEB_NOT_FOUND' });
	});

	test.each([
		['/api/releases/toaster/4.0.1.zip', 'PLATFORM_UNKNOWN'],
		['/api/releases/boron/nonsense.zip', 'WEB_NOT_FOUND'],
		['/api/releases/boron/..%2f4.0.1.zip', 'WEB_NOT_FOUND'],
		['/api/applications/toaster.bin', 'PLATFORM_UNKNOWN'],
		['/api/further/toaster-mbr.bin', 'WEB_NOT_FOUND'],
	])('%s is refused as %s, in JSON', async (path, code) => {
		const failure = await web.failure(path);
		expect(failure).toMatchObject({ status: 404, code });
		expect(failure.message).toMatch(/\.$/);
	});

	test('of a mirror with a changed file are not served, and the file is named', async () => {
		writeMirror(at('changed'), await mirrorInMemory(boronParts()));
		const path = at('changed/modules/boron/4.0.1/boron-bootloader@4.0.1.bin');
		const bytes = readFileSync(path);
		bytes[1000]! ^= 1;
		writeFileSync(path, bytes);
		const command = await start([], { source: at('changed') });
		try {
			const failure = await command.failure('/api/releases/boron/4.0.1.zip');
			expect(failure).toMatchObject({ status: 502, code: 'MIRROR_FILE_CHANGED' });
			expect(failure.message).toContain('boron-bootloader@4.0.1.bin');
		} finally {
			await command.stop();
		}
	});
});

describe('the command', () => {
	test('ends on Ctrl-C at once, with a browser that keeps its connection open', async () => {
		const command = await start();
		const socket = connect(command.port, '127.0.0.1');
		socket.on('error', () => {});
		await new Promise((resolve) => socket.once('connect', resolve));
		socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
		await new Promise((resolve) => socket.once('data', resolve));
		expect(await command.stop()).toBe(0);
		socket.destroy();
	});

	test('without a built site says how to build it', async () => {
		mkdirSync(at('empty'), { recursive: true });
		const result = await linac(['web', '--site', at('empty'), '--listen', ':0'], { env });
		expect(result.code).toBe(9);
		expect(result.stderr).toContain('npm run web');
		expect(result.stderr).toContain('WEB_NOT_BUILT');
		writeFileSync(at('empty/index.html'), '<h1>something else</h1>');
		expect((await linac(['web', '--site', at('empty'), '--listen', ':0'], { env })).stderr).toContain('WEB_NOT_BUILT');
	});

	test('with a source that is not there ends, as every other command does', async () => {
		const result = await linac(['web', '--site', at('site'), '--listen', ':0', '--source', at('nowhere')], { env });
		expect(result.code).toBe(3);
		expect(result.stderr).toContain('nowhere');
	});

	test('at a port that is taken says so, and how to take another one', async () => {
		const result = await linac(['web', '--site', at('site'), '--listen', `127.0.0.1:${web.port}`], { env });
		expect(result.code).toBe(9);
		expect(result.stderr).toContain('WEB_LISTEN');
		expect(result.stderr).toContain('--listen');
	});

	test.skipIf(process.platform === 'win32')(
		'with --open shows the page in the browser; without one, says where it is',
		async () => {
			mkdirSync(at('bin'), { recursive: true });
			const opener = at(process.platform === 'darwin' ? 'bin/open' : 'bin/xdg-open');
			writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > ${at('opened.tmp')} && mv ${at('opened.tmp')} ${at('opened')}\n`);
			chmodSync(opener, 0o755);
			const command = await start(['--open'], { more: { PATH: `${at('bin')}:/usr/bin:/bin` } });
			try {
				while (!existsSync(at('opened'))) await new Promise((resolve) => setTimeout(resolve, 10));
				expect(readFileSync(at('opened'), 'utf8')).toBe(command.url);
			} finally {
				await command.stop();
			}
			const args = ['web', '--open', '--site', at('site'), '--listen', '127.0.0.1:0'];
			const without = await linac(args, { env: { ...env, PATH: at('nowhere') }, interruptAt: /No browser could be opened/ });
			expect(without.code).toBe(0);
		},
	);
});
