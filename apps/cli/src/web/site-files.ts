/** The files of the built site, one at a time, each with its type and how long a browser may keep it. Nothing outside the folder can be named. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export interface SiteFile {
	bytes: Uint8Array<ArrayBuffer>;
	headers: Record<string, string>;
}

const types: Record<string, string> = {
	'.css': 'text/css; charset=utf-8',
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.json': 'application/json; charset=utf-8',
	'.png': 'image/png',
	'.svg': 'image/svg+xml',
	'.txt': 'text/plain; charset=utf-8',
	'.webmanifest': 'application/manifest+json; charset=utf-8',
};

/** One part of a path: no hidden files, nothing that leads up. */
const safePart = /^[A-Za-z0-9_][A-Za-z0-9@._-]*$/;

/** `path` as in the address, without the first slash; empty: the page itself. Undefined when there is no such file. */
export async function readSiteFile(folder: string, path: string): Promise<SiteFile | undefined> {
	const name = path === '' ? 'index.html' : path;
	const parts = name.split('/');
	const type = types[extname(name)];
	if (type === undefined || !parts.every((part) => safePart.test(part))) return undefined;
	let bytes: Uint8Array<ArrayBuffer>;
	try {
		bytes = new Uint8Array(await readFile(join(folder, ...parts)));
	} catch (error) {
		if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
		throw error;
	}
	// Names under `assets` carry a hash of the content: another content has another name.
	const caching = parts[0] === 'assets' ? 'public, max-age=31536000, immutable' : 'no-cache';
	const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
	return { bytes, headers: { 'content-type': type, 'cache-control': caching, etag } };
}
