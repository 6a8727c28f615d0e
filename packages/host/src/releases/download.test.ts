import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@linac/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ReleaseServer, sendFile, startReleaseServer } from '../../../../tests/support/release-server.js';
import { createDownload } from './download.js';

let server: ReleaseServer;
let folder: string;
beforeEach(async () => {
	server = await startReleaseServer();
	folder = mkdtempSync(join(tmpdir(), 'linac-download-'));
	return () => rmSync(folder, { recursive: true, force: true });
});
afterEach(() => server.close());

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 0xff);
const codeOf = (promise: Promise<unknown>) =>
	promise.then(
		() => 'none',
		(error: { code?: string }) => error.code,
	);
/** Sends headers for the whole and then only so many bytes, and breaks off or falls silent. */
const only = (bytes: number, end: 'destroy' | 'silence', etag: string | undefined = '"v1"') =>
	server.fail('/file', (_, response) => {
		response.writeHead(200, { 'content-length': content.length, ...(etag ? { etag } : {}) });
		response.write(content.subarray(0, bytes), () => {
			if (end === 'destroy') setTimeout(() => response.destroy(), 20);
		});
	});

test('a file comes whole, with progress up to its announced size', async () => {
	server.fail('/file', (request, response) => sendFile(request, response, content));
	const seen: [number, number | undefined][] = [];
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` }, undefined, (done, total) =>
		seen.push([done, total]),
	);
	expect(Buffer.from(got.bytes).equals(content)).toBe(true);
	expect(seen.at(-1)).toEqual([content.length, content.length]);
	expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((a, b) => a - b));
	expect(readdirSync(folder)).toEqual([]);
});

test('a transfer that breaks off is continued at once from where it stopped', async () => {
	let answers = 0;
	server.fail('/file', (request, response) => {
		if (answers++ > 0) return sendFile(request, response, content, 'x/y', '"v1"');
		response.writeHead(200, { 'content-length': content.length, etag: '"v1"' });
		response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
	});
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` });
	expect(Buffer.from(got.bytes).equals(content)).toBe(true);
	expect(server.requests.map((r) => [r.range, r.ifRange])).toEqual([
		[undefined, undefined],
		['bytes=100000-', '"v1"'],
	]);
});

test('a later run continues what an earlier one has kept', async () => {
	only(120_000, 'destroy');
	expect(await codeOf(createDownload({ partialFolder: folder, continuations: 0 })({ url: `${server.url}/file` }))).toBe(
		'DOWNLOAD_TRUNCATED',
	);
	server.fail('/file', (request, response) => sendFile(request, response, content, 'x/y', '"v1"'));
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` });
	expect(Buffer.from(got.bytes).equals(content)).toBe(true);
	expect(server.requests.at(-1)?.range).toBe('bytes=120000-');
	expect(readdirSync(folder)).toEqual([]);
});

test('when the file has changed in between, nothing of the old one is used', async () => {
	only(120_000, 'destroy');
	await codeOf(createDownload({ partialFolder: folder, continuations: 0 })({ url: `${server.url}/file` }));
	const other = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 3) & 0xff);
	server.fail('/file', (request, response) => sendFile(request, response, other, 'x/y', '"v2"'));
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` });
	expect(Buffer.from(got.bytes).equals(other)).toBe(true);
});

test('a part that is longer than the file has become is thrown away', async () => {
	only(120_000, 'destroy');
	await codeOf(createDownload({ partialFolder: folder, continuations: 0 })({ url: `${server.url}/file` }));
	server.fail('/file', (request, response) => {
		if (request.headers.range) {
			response.writeHead(416, { 'content-range': 'bytes */50' });
			response.end();
		} else sendFile(request, response, content.subarray(0, 50));
	});
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` });
	expect(got.bytes.length).toBe(50);
});

test('without an ETag or a date nothing is continued, because nobody knows what it is a part of', async () => {
	only(120_000, 'destroy', '');
	expect(await codeOf(createDownload({ partialFolder: folder })({ url: `${server.url}/file` }))).toBe('DOWNLOAD_TRUNCATED');
	expect(readdirSync(folder)).toEqual([]);
});

test('a server that falls silent is left, and what came is kept', async () => {
	only(70_000, 'silence');
	expect(await codeOf(createDownload({ partialFolder: folder, stallMs: 150 })({ url: `${server.url}/file` }))).toBe(
		'DOWNLOAD_STALLED',
	);
	expect(readdirSync(folder).filter((n) => n.endsWith('.part'))).toHaveLength(1);
	expect(readdirSync(folder).filter((n) => n.endsWith('.lock'))).toHaveLength(0);
});

test('a server that accepts and never answers is left', async () => {
	server.fail('/file', () => {});
	expect(await codeOf(createDownload({ stallMs: 150 })({ url: `${server.url}/file` }))).toBe('DOWNLOAD_STALLED');
});

test('no connection is waited for longer than three seconds', async () => {
	// Nobody answers at an address reserved for documentation (RFC 5737), or the network refuses at once: both are left as unreachable.
	const clock = new VirtualClock();
	const error = await createDownload({ clock })({ url: 'http://192.0.2.1:81/file' }).catch((e: unknown) => e);
	expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', retry: 'job' });
	expect(clock.now()).toBeLessThanOrEqual(3000);
});

test('a server that takes the connection but never completes the TLS handshake counts as not reached', async () => {
	const silent = createServer(() => {});
	await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
	try {
		const { port } = silent.address() as { port: number };
		expect(await codeOf(createDownload({ connectMs: 150 })({ url: `https://127.0.0.1:${port}/x` }))).toBe('SOURCE_UNREACHABLE');
	} finally {
		silent.close();
	}
});

test('a refused connection and an unknown name are unreachable, not crashes', async () => {
	const closed = createServer();
	await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
	const port = (closed.address() as { port: number }).port;
	await new Promise((resolve) => closed.close(resolve));
	expect(await codeOf(createDownload()({ url: `http://127.0.0.1:${port}/x` }))).toBe('SOURCE_UNREACHABLE');
	expect(await codeOf(createDownload()({ url: 'http://no-such-host.invalid/x' }))).toBe('SOURCE_UNREACHABLE');
	expect(await codeOf(createDownload()({ url: 'ftp://127.0.0.1/x' }))).toBe('HTTP_ERROR');
});

test('redirects are followed, a token is not carried to another server, and loops end', async () => {
	const other = await startReleaseServer();
	try {
		other.fail('/file', (request, response) => sendFile(request, response, content));
		server.fail('/moved', (_, response) => response.writeHead(302, { location: `${other.url}/file` }).end());
		server.fail('/loop', (_, response) => response.writeHead(302, { location: '/loop' }).end());
		const download = createDownload();
		const got = await download({ url: `${server.url}/moved`, headers: { authorization: 'Bearer secret' } });
		expect([got.bytes.length, got.url]).toEqual([content.length, `${other.url}/file`]);
		expect(server.requests[0]?.authorization).toBe('Bearer secret');
		expect(other.requests[0]?.authorization).toBeUndefined();
		expect(await codeOf(download({ url: `${server.url}/loop` }))).toBe('HTTP_ERROR');
	} finally {
		await other.close();
	}
});

test.each([
	[404, {}, 'HTTP_NOT_FOUND'],
	[403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1700000000' }, 'RATE_LIMITED'],
	[429, { 'retry-after': '60' }, 'RATE_LIMITED'],
	[403, {}, 'HTTP_ERROR'],
	[500, {}, 'HTTP_ERROR'],
] as const)('status %i with %o is told as %s', async (status, headers, code) => {
	server.fail('/file', (_, response) => response.writeHead(status, headers).end('no'));
	const error = (await createDownload()({ url: `${server.url}/file` }).catch((e: unknown) => e)) as Error & { code: string };
	expect(error.code).toBe(code);
	if (status === 403 && code === 'RATE_LIMITED') expect(error.message).toContain('2023-11-14T22:13:20');
	if (status === 429) expect(error.message).toContain('60 seconds');
});

test('a file longer or shorter than announced elsewhere is refused', async () => {
	server.fail('/file', (request, response) => sendFile(request, response, content));
	const download = createDownload({ partialFolder: folder });
	expect(await codeOf(download({ url: `${server.url}/file`, size: content.length + 1 }))).toBe('DOWNLOAD_LENGTH_WRONG');
	expect(await codeOf(download({ url: `${server.url}/file`, size: content.length - 1 }))).toBe('DOWNLOAD_LENGTH_WRONG');
	expect(await codeOf(download({ url: `${server.url}/file`, limit: 1000 }))).toBe('DOWNLOAD_TOO_LARGE');
	server.fail('/endless', (_, response) => {
		response.writeHead(200);
		const more = () => response.write(content, more);
		more();
	});
	expect(await codeOf(download({ url: `${server.url}/endless`, limit: 1_000_000 }))).toBe('DOWNLOAD_TOO_LARGE');
});

test('a download can be cancelled while it waits and while it runs, and is continued later', async () => {
	const before = new AbortController();
	before.abort();
	expect(await codeOf(createDownload()({ url: `${server.url}/file` }, before.signal))).toBe('CANCELLED');
	only(90_000, 'silence');
	const during = new AbortController();
	const running = createDownload({ partialFolder: folder })({ url: `${server.url}/file` }, during.signal, (done) => {
		if (done >= 90_000) during.abort();
	});
	expect(await codeOf(running)).toBe('CANCELLED');
	server.fail('/file', (request, response) => sendFile(request, response, content, 'x/y', '"v1"'));
	const got = await createDownload({ partialFolder: folder })({ url: `${server.url}/file` });
	expect(Buffer.from(got.bytes).equals(content)).toBe(true);
	expect(server.requests.at(-1)?.range).toBe('bytes=90000-');
});

test('two downloads of one file at once do not spoil each other', async () => {
	server.fail('/file', (request, response) => setTimeout(() => sendFile(request, response, content), 30));
	const download = createDownload({ partialFolder: folder });
	const all = await Promise.all(Array.from({ length: 5 }, () => download({ url: `${server.url}/file` })));
	for (const got of all) expect(Buffer.from(got.bytes).equals(content)).toBe(true);
});
