/** In place of `node:path` and `node:url` when tests run in a browser: the few functions that tests and their support use. */

export function join(...parts: string[]): string {
	const out: string[] = [];
	for (const part of parts.join('/').split('/')) {
		if (part === '..') out.pop();
		else if (part !== '' && part !== '.') out.push(part);
	}
	return `${parts[0]?.startsWith('/') ? '/' : ''}${out.join('/')}`;
}

export function dirname(path: string): string {
	return path.slice(0, path.lastIndexOf('/')) || '/';
}

export function basename(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** The server's root is the repository's. */
export function fileURLToPath(url: string | URL): string {
	return decodeURIComponent(new URL(url).pathname);
}
