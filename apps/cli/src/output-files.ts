/**
 * Files that a command makes: written whole or not at all, and never over something that was there unless that was asked for. Everything
 * is looked at before the first file is written.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { problem } from '@linac/core';
import { writeWhole } from '@linac/host';
import type { Context } from './context.js';
import { ExitCode } from './exit-codes.js';
import { refused } from './failure.js';

export interface OutputFile {
	/** As the user named it, relative to the current folder or absolute. */
	path: string;
	bytes: Uint8Array | string;
}

/** Throws `FILE_EXISTS` (exit code 3) when one of them is there and `force` is not given. */
export async function refuseExisting(context: Context, paths: readonly string[], force: boolean | undefined): Promise<void> {
	if (force) return;
	const there: string[] = [];
	for (const path of paths) if (await exists(resolve(context.cwd, path))) there.push(path);
	if (there.length === 0) return;
	const what = there.length === 1 ? `${there[0]} is there already` : `${there.length} files are there already (${there[0]}, ...)`;
	throw refused(
		ExitCode.inputRefused,
		[problem('FILE_EXISTS', `${what}. Nothing was written.`, { file: there[0]! })],
		'Choose another name with -o, or say --force to replace it.',
	);
}

/** Writes files that have been checked with `refuseExisting`. Folders are made as needed. */
export async function writeFiles(context: Context, files: readonly OutputFile[]): Promise<void> {
	for (const { path, bytes } of files) await writeWhole(resolve(context.cwd, path), bytes);
}

async function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		(error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
	);
}
