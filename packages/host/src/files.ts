/**
 * Reads what a user names on the command line into candidate files: a module, a folder of modules, a zip, an npm package. Nothing is judged
 * here; whether a file is a module is for its header to say. Also the one way in which files are written: whole or not at all.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type CandidateFile, unpackZip } from '@linac/catalog';
import { LinacError, throwIfCancelled, unwrap } from '@linac/core';
import { nodeDigests } from './digests.js';
import { makeFolder } from './folders.js';
import { readTarball } from './releases/tarball.js';

/** Deeper folders are not looked into: a release lies in one folder, not in somebody's home. */
const DEEPEST = 4;
const MOST_FILES = 5000;
/** Names that an error tells. */
const MOST_NAMES = 5;
/** Files that are read at once: of a slow disk or share most of the time is waiting. */
const READ_AT_ONCE = 8;
const LARGEST_FILE = 512 * 1024 * 1024;

/**
 * Candidate files at a path. A folder is searched for `.bin` and `.zip`; a zip or `.tgz` is unpacked in memory; any other file is taken as it is.
 * Throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TOO_LARGE`, and what `unpackZip` refuses.
 */
export async function readCandidates(path: string, signal?: AbortSignal): Promise<CandidateFile[]> {
	throwIfCancelled(signal);
	const info = await statOf(path);
	if (!info.isDirectory()) return unpack(await readWhole(path, info.size), basename(path), path);
	const out: CandidateFile[] = [];
	const files = await filesBelow(path, 0);
	for (let i = 0; i < files.length; i += READ_AT_ONCE) {
		throwIfCancelled(signal);
		const some = files.slice(i, i + READ_AT_ONCE);
		const read = await Promise.all(some.map(async (file) => readWhole(file, (await statOf(file)).size)));
		for (const [k, bytes] of read.entries()) out.push(...unpack(bytes, relative(path, some[k]!), some[k]!));
	}
	return out;
}

/** The first names in a folder without module files. */
export async function namesThere(path: string): Promise<string | undefined> {
	const names = await readdir(path).catch(() => undefined);
	if (names === undefined) return undefined;
	if (names.length === 0) return 'nothing';
	const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
	return `${names.sort().slice(0, MOST_NAMES).join(', ')}${more}`;
}

function unpack(bytes: Uint8Array, name: string, origin: string): CandidateFile[] {
	if (/\.zip$/i.test(name)) {
		const entries = unwrap(
			unpackZip(bytes, { file: name, digests: nodeDigests, wanted: (n) => n.toLowerCase().endsWith('.bin') }),
		);
		return entries.map((e) => ({ name: `${name}/${e.name}`, origin: `${origin}/${e.name}`, bytes: e.bytes }));
	}
	if (/\.(tgz|tar\.gz)$/i.test(name)) {
		const entries = unwrap(readTarball(bytes, { file: name, wanted: (n) => n.endsWith('.bin') }));
		return entries.map((e) => ({ name: `${name}/${e.name}`, origin: `${origin}/${e.name}`, bytes: e.bytes }));
	}
	return [{ name, origin, bytes }];
}

async function filesBelow(folder: string, depth: number): Promise<string[]> {
	const out: string[] = [];
	const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
		throw unreadable(folder, error);
	});
	for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) {
			if (depth < DEEPEST && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
				out.push(...(await filesBelow(path, depth + 1)));
		} else if (/\.(bin|zip)$/i.test(entry.name)) out.push(path);
		if (out.length > MOST_FILES) {
			throw new LinacError(
				'FOLDER_TOO_LARGE',
				`${folder} holds more than ${MOST_FILES} module files. Name the folder of one release.`,
			);
		}
	}
	return out;
}

async function statOf(path: string) {
	try {
		return await stat(path);
	} catch (error) {
		throw unreadable(path, error);
	}
}

async function readWhole(path: string, size: number): Promise<Uint8Array> {
	if (size > LARGEST_FILE) {
		throw new LinacError('FILE_TOO_LARGE', `${path} has ${size} bytes; no release or module is that large.`, {
			details: { path, size },
		});
	}
	try {
		return new Uint8Array(await readFile(path));
	} catch (error) {
		throw unreadable(path, error);
	}
}

function unreadable(path: string, cause: unknown): LinacError {
	const code = (cause as { code?: string } | undefined)?.code;
	if (code === 'ENOENT' || code === 'ENOTDIR') {
		return new LinacError('FILE_NOT_FOUND', `There is no file or folder ${path}.`, {
			details: { path },
			cause,
			hint: 'Check the spelling and the current folder.',
		});
	}
	return new LinacError('FILE_UNREADABLE', `${path} cannot be read (${code ?? String(cause)}).`, {
		details: { path },
		cause,
		retry: 'operator',
	});
}

/** Writes a file whole or not at all: a reader sees the old content or the new one, also when the power fails or two processes write. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
	const temporary = `${path}.${process.pid}.${randomUUID().slice(0, 8)}.tmp`;
	try {
		makeFolder(dirname(path));
		await writeFile(temporary, content, { flush: true });
		await rename(temporary, path);
	} catch (error) {
		await rm(temporary, { force: true }).catch(() => {});
		const code = (error as { code?: string }).code;
		throw new LinacError('FILE_NOT_WRITTEN', `${path} cannot be written (${code ?? String(error)}).`, {
			details: { path },
			cause: error,
			retry: 'operator',
			hint: code === 'ENOSPC' ? 'The disk is full.' : 'Check the rights of the folder.',
		});
	}
}
