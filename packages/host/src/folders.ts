/**
 * Makes folders, with the folders above them. Node's own recursive `mkdir` never comes back where the system answers "no such file" for a
 * folder whose parent exists (Linux's /proc does), so every folder is tried once on the way up and once on the way down, and no more.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A folder that exists is fine, also where nothing may be written. Throws the system's error (with `code`, e.g. `EACCES`, `ENOTDIR`). */
export function makeFolder(path: string): void {
	const missing: string[] = [];
	let at = resolve(path);
	while (!makeOne(at)) {
		missing.push(at);
		if (dirname(at) === at) break;
		at = dirname(at);
	}
	for (const folder of missing.reverse()) {
		// Its parent is there now: what is still refused stays refused.
		if (!makeOne(folder)) mkdirSync(folder);
	}
}

/** False when the folder above is missing. */
function makeOne(path: string): boolean {
	try {
		mkdirSync(path);
		return true;
	} catch (error) {
		const { code } = error as { code?: string };
		if (code === 'ENOENT') return false;
		// Systems differ in what they say about a folder that exists: EEXIST, EROFS, EPERM, EISDIR.
		if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return true;
		throw error;
	}
}
