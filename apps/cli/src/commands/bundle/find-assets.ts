/**
 * Finds the assets that an application is bundled with: a folder, or the folder that a `project.properties` names. Every file of the
 * folder either becomes an asset or is named as left out.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Problem, problem } from '@linac/core';
import { type BundleAsset, isBystander } from '@linac/firmware';
import { parseProjectProperties } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused } from '../../failure.js';
import { readInputs } from '../../inputs.js';

const PROPERTIES = 'project.properties';
/** Any store is full with far fewer. */
const MOST_FILES = 1000;

export interface FoundAssets {
	/** The folder, as it is shown. */
	folder: string;
	/** The file that named it. */
	properties?: string;
	assets: BundleAsset[];
	/** What is in the folder and is no asset. */
	leftOut: { name: string; reason: string }[];
	notes: Problem[];
}

/**
 * `named` is what `--assets` says: a folder or a file. Without it `project.properties` of the current folder counts, then that beside the
 * application. Throws when there is none, when it names no folder, or when a file cannot be read.
 */
export async function findAssets(context: Context, named: string | undefined, application: string): Promise<FoundAssets> {
	if (named !== undefined) {
		const kind = await kindOf(resolve(context.cwd, named));
		if (kind === 'folder') return readFolder(context, named, {});
		if (kind === 'file') return fromProperties(context, named);
		throw refuse('FILE_NOT_FOUND', `There is no file or folder ${named}. --assets takes a folder, or a ${PROPERTIES}.`, named);
	}
	const beside = join(dirname(application), PROPERTIES);
	for (const path of new Set([PROPERTIES, beside])) {
		if ((await kindOf(resolve(context.cwd, path))) === 'file') return fromProperties(context, path);
	}
	const places = beside === PROPERTIES ? 'in this folder' : 'in this folder or beside the application';
	throw refuse('BUNDLE_ASSETS_UNKNOWN', `There is no ${PROPERTIES} ${places}. Name the folder of the assets: --assets DIR`);
}

async function fromProperties(context: Context, path: string): Promise<FoundAssets> {
	const text = await readFile(resolve(context.cwd, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw refuse('FILE_UNREADABLE', `${path} cannot be read (${error.code ?? error.message}).`, path);
	});
	const { assetOtaDir, env } = parseProjectProperties(text);
	if (assetOtaDir === undefined) {
		throw refuse(
			'BUNDLE_ASSETS_UNKNOWN',
			`${path} does not say where the assets are. Add a line "assetOtaDir=assets" with the folder, relative to that file, or give --assets DIR.`,
			path,
		);
	}
	// As particle-cli does it: below the folder of the file, also where a leading slash or ".." is written.
	const folder = join(dirname(path), assetOtaDir);
	if ((await kindOf(resolve(context.cwd, folder))) !== 'folder') {
		throw refuse(
			'FOLDER_NOT_FOUND',
			`${path} says assetOtaDir=${assetOtaDir}, and there is no folder ${folder}. Make it, or correct the line ("/" between folders, also on Windows).`,
			path,
		);
	}
	return readFolder(context, folder, { properties: path, env });
}

async function readFolder(
	context: Context,
	folder: string,
	from: { properties?: string; env?: string | undefined },
): Promise<FoundAssets> {
	const path = resolve(context.cwd, folder);
	const leftOut: FoundAssets['leftOut'] = [];
	const names: string[] = [];
	for (const name of (await readdir(path)).sort()) {
		// Links are followed: what they name is what is bundled.
		const kind = await kindOf(join(path, name));
		if (isBystander(name)) leftOut.push({ name, reason: 'hidden, or made by the operating system' });
		else if (kind === 'folder') leftOut.push({ name: `${name}/`, reason: 'folders inside are not searched' });
		else names.push(name);
	}
	if (names.length > MOST_FILES) {
		throw refuse(
			'FOLDER_TOO_LARGE',
			`${folder} has ${names.length} files; no device keeps more than ${MOST_FILES} assets.`,
			folder,
		);
	}
	const assets: BundleAsset[] = [];
	const problems: Problem[] = [];
	for (const name of names) {
		const [read] = await readInputs([join(path, name)], context.cwd);
		if (read?.bytes) assets.push({ name, bytes: read.bytes });
		else problems.push(...(read?.problems ?? []));
	}
	if (problems.length > 0) throw refused(ExitCode.inputRefused, problems);
	const notes =
		from.env === undefined
			? []
			: [
					problem(
						'BUNDLE_ENV_LEFT_OUT',
						`${from.properties} names environment variables (env=${from.env}). linac does not bundle those; "particle bundle" does.`,
						{ severity: 'warning' },
					),
				];
	return { folder, ...(from.properties === undefined ? {} : { properties: from.properties }), assets, leftOut, notes };
}

function refuse(code: string, message: string, file?: string) {
	return refused(ExitCode.inputRefused, [problem(code, message, file === undefined ? {} : { file })]);
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
	return stat(path).then(
		(s) => (s.isDirectory() ? 'folder' : 'file'),
		() => undefined,
	);
}
