/**
 * A server on 127.0.0.1 that answers as Particle's Device OS API, GitHub's releases and the docs site do, with real modules; and that can be
 * told to fail in the ways in which servers fail. For tests only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { zipSync } from 'fflate';
import { realModule, realTinker } from './real-firmware.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ReleaseServer {
	url: string;
	/** Every request so far: method, path and the headers that matter. */
	requests: { path: string; range?: string; ifRange?: string; authorization?: string }[];
	/** Answers paths that contain the text by this handler instead. */
	fail(path: string, handler: Handler): void;
	close(): Promise<void>;
}

const boron220: Record<string, string> = {
	'boron-bootloader@2.2.0.bin': 'bootloader.bin',
	'boron-softdevice@2.2.0.bin': 'softdevice.bin',
	'boron-system-part1@2.2.0.bin': 'system-part1.bin',
};

/** Has release 2.2.0 for Boron, in all three forms. */
export async function startReleaseServer(): Promise<ReleaseServer> {
	const failures: [string, Handler][] = [];
	const requests: ReleaseServer['requests'] = [];
	const sockets = new Set<Socket>();
	const server: Server = createServer((request, response) => {
		const path = request.url ?? '';
		requests.push({
			path,
			range: request.headers.range,
			ifRange: request.headers['if-range'] as string | undefined,
			authorization: request.headers.authorization,
		});
		const failure = failures.find(([text]) => path.includes(text));
		if (failure) failure[1](request, response);
		else answer(path, request, response, url);
	});
	server.on('connection', (socket) => {
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		url,
		requests,
		fail: (path, handler) => failures.unshift([path, handler]),
		close: () =>
			new Promise((resolve) => {
				for (const socket of sockets) socket.destroy();
				server.close(() => resolve());
			}),
	};
}

function answer(path: string, request: IncomingMessage, response: ServerResponse, url: string): unknown {
	const json = (value: unknown) => sendFile(request, response, Buffer.from(JSON.stringify(value)), 'application/json');
	const notFound = () => {
		response.writeHead(404, { 'content-type': 'text/html' });
		return response.end('<!DOCTYPE html><html><body>Not found</body></html>');
	};
	const names = Object.keys(boron220);
	// Device OS API (particle-cli: src/lib/device-os-version-util.test.js).
	if (path.startsWith('/v1/device-os/versions/2.2.0?platform_id=13')) {
		return json({
			version: '2.2.0',
			base_url: `${url}/v1/firmware/device-os/v2.2.0`,
			modules: [
				...names.map((filename) => ({
					filename,
					prefixInfo: { moduleFunction: filename.includes('system') ? 'system_part' : 'bootloader' },
				})),
				{ filename: 'tinker.bin', prefixInfo: { moduleFunction: 'user_part' } },
			],
		});
	}
	// GitHub (device-os-flash-util: lib/module.js).
	if (path === '/repos/particle-iot/device-os/releases/tags/v2.2.0') {
		return json({
			tag_name: 'v2.2.0',
			draft: false,
			assets: [...names, 'photon-system-part1@2.2.0.bin'].map((name, id) => ({
				id,
				name,
				url: `${url}/asset/${encodeURIComponent(name)}`,
				size: realModule(name).length,
			})),
		});
	}
	const redirected = /^\/asset\/(.+)$/.exec(path);
	if (redirected) {
		return response.writeHead(302, { location: `/objects/${redirected[1]}` }).end();
	}
	const file = /^\/(?:v1\/firmware\/device-os\/v2\.2\.0|objects)\/(.+)$/.exec(path)?.[1];
	if (file && names.includes(decodeURIComponent(file))) return sendFile(request, response, realModule(decodeURIComponent(file)));
	// Docs site.
	if (path === '/assets/files/device-restore/2.2.0/boron.zip')
		return sendFile(request, response, restoreZip(), 'application/zip');
	return notFound();
}

/** As the site's generator packs it: stored, with Tinker, names without platform and version. */
export function restoreZip(change: (files: Record<string, Uint8Array>) => void = () => {}): Uint8Array {
	const files: Record<string, Uint8Array> = Object.fromEntries(
		Object.entries(boron220).map(([from, to]) => [to, realModule(from)]),
	);
	files['tinker.bin'] = realTinker('boron');
	change(files);
	return zipSync(files, { level: 0 });
}

/** Sends a file with ETag, and a part of it when asked by Range and If-Range. */
export function sendFile(
	request: IncomingMessage,
	response: ServerResponse,
	bytes: Uint8Array,
	type = 'application/octet-stream',
	etag = `"${bytes.length}-a"`,
): true {
	const headers = { 'content-type': type, etag, 'accept-ranges': 'bytes' };
	const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
	if (from > 0 && request.headers['if-range'] === etag) {
		response.writeHead(206, {
			...headers,
			'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
			'content-length': bytes.length - from,
		});
		response.end(bytes.subarray(from));
		return true;
	}
	response.writeHead(200, { ...headers, 'content-length': bytes.length });
	response.end(bytes);
	return true;
}
