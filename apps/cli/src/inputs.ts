/**
 * Reads the files, folders and zips that were named on the command line into bytes with a name. What the bytes are is judged by
 * `@linac/firmware`. Nothing that was named is passed over in silence: what cannot be read comes back with a problem.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Problem, problem } from '@linac/core';
import { tooLargeInput } from '@linac/firmware';

export interface InputFile {
	/** As the user named it, or `folder/name`. */
	name: string;
	/** Undefined when it could not be read: then there is a problem. */
	bytes?: Uint8Array;
	/** Found in a folder that was named, and not named itself. */
	fromFolder: boolean;
	problems: Problem[];
}

export interface ReadOptions {
	/** Look into folders inside of folders too, and leave out nothing: also hidden files come back. */
	nested?: boolean;
}

export async function readInputs(names: readonly string[], cwd: string, options: ReadOptions = {}): Promise<InputFile[]> {
	const out: InputFile[] = [];
	for (const name of names) out.push(...(await readInput(name, resolve(cwd, name), options)));
	return out;
}

async function readInput(name: string, path: string, options: ReadOptions): Promise<InputFile[]> {
	try {
		const about = await stat(path);
		if (!about.isDirectory()) return [await readOne(name, path, false)];
		if (options.nested) return await readNested(name.replace(/[\\/]+$/, ''), path);
		const entries = (await readdir(path, { withFileTypes: true })).filter((e) => e.isFile() && !e.name.startsWith('.'));
		if (entries.length === 0) {
			return [
				failed(
					name,
					problem('FILE_FOLDER_EMPTY', `The folder ${name} has no files in it. Folders inside it are not searched.`, {
						file: name,
					}),
				),
			];
		}
		entries.sort((a, b) => a.name.localeCompare(b.name, 'en'));
		return Promise.all(entries.map((e) => readOne(`${name.replace(/[\\/]+$/, '')}/${e.name}`, join(path, e.name), true)));
	} catch (error) {
		return [failed(name, unreadable(name, error))];
	}
}

/** A folder of a release has one or two levels; deeper than this nobody means a folder of binaries. */
const deepest = 8;
/** More files than any set of binaries has: the home folder was named, most likely. */
const mostFiles = 1000;

/** Every file below a folder, in the order of their names. */
async function readNested(name: string, path: string): Promise<InputFile[]> {
	const found: { name: string; path: string; hidden?: boolean }[] = [];
	const walk = async (folderName: string, folder: string, depth: number): Promise<void> => {
		const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => a.name.localeCompare(b.name, 'en'));
		for (const entry of entries) {
			const one = { name: `${folderName}/${entry.name}`, path: join(folder, entry.name) };
			if (entry.isDirectory() && entry.name.startsWith('.')) found.push({ ...one, name: `${one.name}/`, hidden: true });
			else if (entry.isDirectory()) {
				if (depth >= deepest) throw new FolderTooLarge(`${one.name} lies more than ${deepest} folders deep`);
				await walk(one.name, one.path, depth + 1);
			} else found.push(one);
			if (found.length > mostFiles) throw new FolderTooLarge(`there are more than ${mostFiles} files in it`);
		}
	};
	try {
		await walk(name, path, 0);
	} catch (error) {
		if (!(error instanceof FolderTooLarge)) throw error;
		const message = `${name} is no folder of binaries: ${error.message}. Name the folder that holds them.`;
		return [failed(name, problem('FOLDER_TOO_LARGE', message, { file: name }))];
	}
	if (found.length === 0)
		return [failed(name, problem('FILE_FOLDER_EMPTY', `The folder ${name} has no files in it.`, { file: name }))];
	return Promise.all(found.map((f) => (f.hidden ? hiddenFolder(f.name) : readOne(f.name, f.path, true))));
}

/** `.git` and the like: told, and not searched. */
function hiddenFolder(name: string): InputFile {
	const why = problem('HIDDEN_FOLDER', `${name} is a hidden folder: it is not searched.`, { severity: 'info', file: name });
	return { ...failed(name, why), fromFolder: true };
}

class FolderTooLarge extends Error {}

async function readOne(name: string, path: string, fromFolder: boolean): Promise<InputFile> {
	try {
		const { size } = await stat(path);
		const tooLarge = tooLargeInput(name, size);
		if (tooLarge) return { ...failed(name, tooLarge), fromFolder };
		const bytes = await readFile(path);
		return { name, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), fromFolder, problems: [] };
	} catch (error) {
		return { ...failed(name, unreadable(name, error)), fromFolder };
	}
}

function failed(name: string, why: Problem): InputFile {
	return { name, fromFolder: false, problems: [why] };
}

function unreadable(name: string, error: unknown): Problem {
	const code = (error as NodeJS.ErrnoException).code;
	if (code === 'ENOENT' || code === 'ENOTDIR') {
		return problem(
			'FILE_NOT_FOUND',
			`There is no file or folder ${name}. Check the spelling${basename(name) === name ? '' : ' and the folder'}.`,
			{ file: name },
		);
	}
	const why =
		code === 'EACCES' || code === 'EPERM' ? 'this user may not read it' : error instanceof Error ? error.message : String(error);
	return problem('FILE_UNREADABLE', `${name} cannot be read: ${why}.`, { file: name });
}
