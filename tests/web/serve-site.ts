/** Serves the built site on this machine, with a mirror of real releases beside it, and with the headers of `linac web`. For tests only. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { asPlatform, releasePart, type SourcedModule, slotOf } from '@linac/catalog';
import { toHex } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { headersFor } from '../../apps/cli/src/web/site-headers.js';
import { mirrorInMemory } from '../support/mirrors.js';
import { realTinker } from '../support/real-firmware.js';
import { realRelease, value } from '../support/release-files.js';
import { builtSite } from './build-site.js';

export interface ServedSite {
	/** `http://127.0.0.1:PORT/` */
	address: string;
	/** Paths that were asked for, in order: `/mirror/linac-mirror.json`. */
	requests: string[];
	/** Paths, without the first slash, that are answered with this status instead: a host with a fault. */
	broken: Map<string, number>;
	close(): Promise<void>;
}

const types: Record<string, string> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.json': 'application/json',
	'.svg': 'image/svg+xml',
	'.png': 'image/png',
	'.webmanifest': 'application/manifest+json',
};

/** What the mirror beside the site holds: few boards, so that it is made quickly. */
const mirrored: readonly [platform: string, version: string][] = [
	['boron', '2.2.0'],
	['boron', '4.0.1'],
	['argon', '4.0.1'],
	['tracker', '4.0.1'],
	['photon', '2.2.0'],
	['photon', '2.3.1'],
];

let mirror: Promise<Map<string, Uint8Array>> | undefined;

/** Every file of the mirror by its path in the mirror's folder. */
export function siteMirror(): Promise<Map<string, Uint8Array>> {
	mirror ??= mirrorInMemory(
		mirrored.map(([platform, version]) => {
			return releasePart(realRelease(platform, version), tinker(platform));
		}),
	);
	return mirror;
}

/** The application that boards are sold with, as the newest release here has it. */
function tinker(platform: string): SourcedModule {
	const bytes = realTinker(platform);
	const module = value(parseModule(bytes, { digests: nodeDigests }));
	const slot = slotOf(asPlatform(platform), module.prefix)!;
	return { slot: slot.name, origin: 'tinker.bin', module, sha256: toHex(nodeDigests.sha256(bytes)) };
}

/** Serves until it is closed. */
export async function serveSite(): Promise<ServedSite> {
	const folder = builtSite();
	const files = await siteMirror();
	const common = { ...headersFor(readFileSync(join(folder, 'index.html'), 'utf8'), folder), 'cache-control': 'no-cache' };
	const requests: string[] = [];
	const broken = new Map<string, number>();

	function contentOf(path: string): Uint8Array | undefined {
		if (path.startsWith('mirror/')) return files.get(path.slice('mirror/'.length));
		const file = join(folder, normalize(`/${path === '' ? 'index.html' : path}`));
		return existsSync(file) && statSync(file).isFile() ? readFileSync(file) : undefined;
	}

	const server = createServer((request, response) => {
		const { pathname } = new URL(request.url ?? '/', 'http://site');
		const path = decodeURIComponent(pathname).slice(1);
		requests.push(pathname);
		const fault = broken.get(path);
		const content = fault === undefined ? contentOf(path) : undefined;
		if (content === undefined) {
			response.writeHead(fault ?? 404, { ...common, 'content-type': 'text/plain' });
			response.end('not here');
			return;
		}
		const type = types[extname(path === '' ? 'index.html' : path)] ?? 'application/octet-stream';
		response.writeHead(200, { ...common, 'content-type': type, 'content-length': content.length });
		response.end(content);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		requests,
		broken,
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
}
