/**
 * Files that hold private keys: only their owner may read them, they appear whole or not at all, and nothing that is there is ever
 * overwritten. Not for other files: writeWhole in files.ts.
 */
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LinacError } from '@linac/core';
import { makeFolder } from './folders.js';

/** Read and written by the owner alone. (Windows has no such bits: there the rights of the folder count.) */
const OWNER_ONLY = 0o600;
/** Errors of a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

/** Throws `FILE_EXISTS` when something is there, `FILE_NOT_WRITTEN` when it cannot be written. A folder that is made for it is the owner's alone, too. */
export async function writeNewSecret(path: string, content: Uint8Array | string): Promise<void> {
	const temporary = `${path}.${process.pid}.${randomUUID().slice(0, 8)}.tmp`;
	try {
		await makePrivateFolder(dirname(path));
		const file = await open(temporary, 'wx', OWNER_ONLY);
		try {
			await file.writeFile(content);
			await file.sync();
		} finally {
			await file.close();
		}
		await link(temporary, path).catch(async (error: NodeJS.ErrnoException) => {
			if (!NO_LINKS.has(error.code ?? '')) throw error;
			await copyFile(temporary, path, constants.COPYFILE_EXCL);
		});
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'EEXIST') {
			throw new LinacError('FILE_EXISTS', `${path} is there already. It was not touched.`, {
				details: { path },
				hint: 'Choose another name.',
				cause: error,
			});
		}
		throw new LinacError('FILE_NOT_WRITTEN', `${path} cannot be written (${code ?? String(error)}).`, {
			details: { path },
			retry: 'operator',
			hint: code === 'ENOSPC' ? 'The disk is full.' : 'Check the rights of the folder.',
			cause: error,
		});
	} finally {
		await rm(temporary, { force: true }).catch(() => {});
	}
}

async function makePrivateFolder(path: string): Promise<void> {
	if (await stat(path).catch(() => undefined)) return;
	makeFolder(dirname(path));
	await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
		if (error.code !== 'EEXIST') throw error;
	});
}

/** A file of at most `largest` bytes. Throws `FILE_NOT_FOUND`, `FILE_TOO_LARGE`, `FILE_UNREADABLE`; the content gets into no message. */
export async function readWholeFile(path: string, largest: number, name = path): Promise<Uint8Array> {
	try {
		const about = await stat(path);
		if (about.size > largest) {
			throw new LinacError('FILE_TOO_LARGE', `${name} has ${about.size} bytes; at most ${largest} make sense here.`, {
				details: { path, size: about.size },
			});
		}
		return new Uint8Array(await readFile(path));
	} catch (error) {
		if (error instanceof LinacError) throw error;
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') {
			throw new LinacError('FILE_NOT_FOUND', `There is no file ${name}.`, { details: { path }, cause: error });
		}
		throw new LinacError('FILE_UNREADABLE', `${name} cannot be read (${code ?? String(error)}).`, {
			details: { path },
			retry: 'operator',
			cause: error,
		});
	}
}
