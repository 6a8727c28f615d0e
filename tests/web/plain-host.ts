/**
 * The plainest host that the site has to work on: files in a sub folder, no headers but their types. It can be stopped and started again at the same
 * address, and be given another build. For tests only; the careful host is `serve-site.ts`.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const types: Record<string, string> = {
	'.html': 'text/html',
	'.js': 'text/javascript',
	'.css': 'text/css',
	'.json': 'application/json',
	'.svg': 'image/svg+xml',
	'.png': 'image/png',
	'.webmanifest': 'application/manifest+json',
};

const PREFIX = '/tools/linac/';

export class PlainHost {
	/** Of the build that is served now. */
	folder: string;
	/** Paths in the site that are not there. */
	readonly missing = new Set<string>();
	readonly #mirror: ReadonlyMap<string, Uint8Array>;
	#server: Server | undefined;
	#port = 0;

	private constructor(folder: string, mirror: ReadonlyMap<string, Uint8Array>) {
		this.folder = folder;
		this.#mirror = mirror;
	}

	/** `mirror`: files of a mirror beside the site, by their paths in it. */
	static async start(folder: string, mirror: ReadonlyMap<string, Uint8Array>): Promise<PlainHost> {
		const host = new PlainHost(folder, mirror);
		await host.startAgain();
		return host;
	}

	get address(): string {
		return `http://localhost:${this.#port}${PREFIX}`;
	}

	async startAgain(): Promise<void> {
		const server = createServer((request, response) => {
			const { pathname } = new URL(request.url ?? '/', 'http://host');
			const path = decodeURIComponent(pathname).slice(PREFIX.length) || 'index.html';
			const content = pathname.startsWith(PREFIX) ? this.#contentOf(path) : undefined;
			if (content) response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' });
			else response.writeHead(404);
			response.end(content);
		});
		await new Promise<void>((resolve) => server.listen(this.#port, 'localhost', resolve));
		this.#server = server;
		this.#port = (server.address() as AddressInfo).port;
	}

	/** Nobody answers at the address any more. */
	stop(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		return new Promise((resolve) => {
			if (!server) return resolve();
			server.close(() => resolve());
			server.closeAllConnections();
		});
	}

	#contentOf(path: string): Uint8Array | undefined {
		if (this.missing.has(path)) return undefined;
		if (path.startsWith('mirror/')) return this.#mirror.get(path.slice('mirror/'.length));
		const file = join(this.folder, normalize(`/${path}`));
		return existsSync(file) && statSync(file).isFile() ? readFileSync(file) : undefined;
	}
}
