/**
 * The part of a download that has arrived, kept between attempts and between runs so that it can be continued by Range and If-Range (RFC 9110,
 * 13.1.5 and 14.2). One process at a time continues a part; another one that wants the same file downloads it by itself.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../folders.js';
import { cacheNotWritable } from './cache.js';

/** What the server said about the content that the part is of. */
export interface PartIdentity {
	/** A strong ETag, or Last-Modified: without one of them nothing can be continued safely. */
	validator: string;
	total: number | undefined;
}

export interface PartialFile {
	/** Bytes that are there already, with their identity; undefined when nothing can be continued. */
	resume(): { size: number; identity: PartIdentity } | undefined;
	/** Begins anew with this identity (or none: then nothing is kept after a failure). */
	restart(identity: PartIdentity | undefined): void;
	append(chunk: Uint8Array): void;
	size(): number;
	/** All bytes; the part is gone afterwards. */
	take(): Uint8Array;
	/** Ends a failed attempt: keeps the part if it can be continued. */
	leave(): void;
	/** Throws the part away. */
	discard(): void;
}

/** In `folder`, or only in memory when it is undefined or another process works on the same part. */
export function openPartialFile(folder: string | undefined, url: string): PartialFile {
	if (folder === undefined) return memoryPart();
	const key = createHash('sha256').update(url).digest('hex').slice(0, 32);
	const base = join(folder, key);
	try {
		makeFolder(folder);
		if (!lock(`${base}.lock`)) return memoryPart();
	} catch {
		// Who needs the cache has asked whether it can be written; without one the part is kept in memory.
		return memoryPart();
	}
	return diskPart(base, url);
}

function lock(path: string): boolean {
	for (let attempt = 0; attempt < 2; attempt++) {
		try {
			writeFileSync(path, String(process.pid), { flag: 'wx' });
			return true;
		} catch (error) {
			if ((error as { code?: string }).code !== 'EEXIST') throw error;
			if (isAlive(Number(readText(path)))) return false;
			rmSync(path, { force: true });
		}
	}
	return false;
}

function isAlive(pid: number): boolean {
	if (!Number.isInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as { code?: string }).code === 'EPERM';
	}
}

function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

function diskPart(base: string, url: string): PartialFile {
	const data = `${base}.part`;
	const about = `${base}.json`;
	let handle: number | undefined;
	let keep = false;
	const close = () => {
		if (handle !== undefined) closeSync(handle);
		handle = undefined;
	};
	/** A full disk is no fault of the server: another source would not help. */
	const writing = (write: () => void) => {
		try {
			write();
		} catch (error) {
			throw cacheNotWritable(dirname(dirname(base)), error);
		}
	};
	const remove = () => {
		close();
		for (const path of [data, about, `${base}.lock`]) rmSync(path, { force: true });
	};
	return {
		resume() {
			try {
				if (!existsSync(data)) return undefined;
				const read = JSON.parse(readText(about)) as { url?: unknown; validator?: unknown; total?: unknown };
				const size = statSync(data).size;
				if (read.url !== url || typeof read.validator !== 'string' || size === 0) return undefined;
				keep = true;
				return { size, identity: { validator: read.validator, total: typeof read.total === 'number' ? read.total : undefined } };
			} catch {
				return undefined;
			}
		},
		restart(identity) {
			close();
			keep = identity !== undefined;
			writing(() => {
				if (identity) writeFileSync(about, JSON.stringify({ url, ...identity }));
				else rmSync(about, { force: true });
				handle = openSync(data, 'w');
			});
		},
		append(chunk) {
			writing(() => {
				handle ??= openSync(data, 'a');
				for (let at = 0; at < chunk.length; ) at += writeSync(handle, chunk, at);
			});
		},
		size: () => (existsSync(data) ? statSync(data).size : 0),
		take() {
			close();
			const bytes = new Uint8Array(readFileSync(data));
			remove();
			return bytes;
		},
		leave() {
			close();
			if (keep) rmSync(`${base}.lock`, { force: true });
			else remove();
		},
		discard: remove,
	};
}

function memoryPart(): PartialFile {
	let parts: Uint8Array[] = [];
	let size = 0;
	let known: PartIdentity | undefined;
	const empty = () => {
		parts = [];
		size = 0;
	};
	return {
		resume: () => (known && size > 0 ? { size, identity: known } : undefined),
		restart(identity) {
			empty();
			known = identity;
		},
		append(chunk) {
			parts.push(new Uint8Array(chunk));
			size += chunk.length;
		},
		size: () => size,
		take() {
			const bytes = new Uint8Array(Buffer.concat(parts));
			empty();
			return bytes;
		},
		leave() {},
		discard: empty,
	};
}
