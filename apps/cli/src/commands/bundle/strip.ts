/** `linac bundle strip`: takes a bundle apart. The application is again the file that the compiler made, and the assets lie beside it. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { problem } from '@linac/core';
import { ENV_ASSET_NAME, hiddenAssets, requiredAssets, whyNoAssetName, withoutAssets } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, usage } from '../../failure.js';
import { count, formatBytes } from '../../format.js';
import { type OutputFile, refuseExisting, writeFiles } from '../../output-files.js';
import { type OpenedBundle, openBundle } from './open.js';

export async function stripBundle(
	context: Context,
	options: { out?: string; force?: boolean },
	[file = '']: string[],
): Promise<ExitCode> {
	const { output } = context;
	if (options.out === undefined) {
		throw usage('Where shall it go?', 'Say -o app.bin for the application alone, or -o FOLDER for application and assets.');
	}
	const bundle = await openBundle(context, file);
	const { module, name } = bundle.application;
	const hidden = hiddenAssets(module);
	if (hidden.length > 0) {
		const message = `${file}: the application has a second list of assets (${hidden.join(', ')}), so the file that the compiler made cannot be had back.`;
		throw refused(ExitCode.inputRefused, [problem('ASSET_DEPENDENCIES_HIDDEN', message, { file })]);
	}
	const bare = withoutAssets(module, { digests: nodeDigests, file });
	if (!bare.ok || !module.sound) throw refused(ExitCode.inputRefused, bare.ok ? bundle.problems : bare.problems);
	const alone = /\.bin$/i.test(options.out) && !(await isFolder(resolve(context.cwd, options.out)));
	const files = alone ? [{ path: options.out, bytes: bare.value }] : folderFiles(bundle, options.out, name, bare.value);
	await refuseExisting(
		context,
		files.map((f) => f.path),
		options.force,
	);
	await writeFiles(context, files);
	const removed = requiredAssets(module).map((a) => a.name);
	output.document({
		format: 'linac-bundle/1',
		file,
		removed,
		written: files.map((f) => ({ path: f.path, size: f.bytes.length })),
	});
	output.print(
		removed.length === 0
			? `${file} asked for no assets: the application is written as it is.`
			: `${count(removed.length, 'asset')} taken out of the application: ${removed.join(', ')}`,
	);
	for (const { path, bytes } of files) output.print(`${output.colors.green('Written:')} ${path}, ${formatBytes(bytes.length)}`);
	if (alone && bundle.assets.length > 0) output.print('  The assets themselves: -o FOLDER writes them too.');
	return ExitCode.ok;
}

/** Names come from somebody's archive: nothing is written outside of the folder. */
function folderFiles(bundle: OpenedBundle, folder: string, name: string, application: Uint8Array): OutputFile[] {
	const files: OutputFile[] = [{ path: join(folder, name.replace(/^.*[\\/]/, '')), bytes: application }];
	const names = new Set<string>();
	for (const asset of bundle.assets) {
		const reserved = asset.name === ENV_ASSET_NAME;
		const why = reserved
			? undefined
			: (whyNoAssetName(asset.name) ?? (names.has(asset.name) ? 'it stands there twice' : undefined));
		if (why !== undefined) {
			const message = `The asset "${asset.name}" of ${bundle.file} cannot be written under its name: ${why}.`;
			throw refused(ExitCode.inputRefused, [problem('ASSET_NAME_INVALID', message, { file: bundle.file })]);
		}
		names.add(asset.name);
		// Environment variables are written as the text that they were made from, where the bundle has it.
		if (!reserved || !bundle.env) files.push({ path: join(folder, 'assets', asset.name), bytes: asset.bytes });
	}
	if (bundle.env) files.push({ path: join(folder, 'env.json'), bytes: bundle.env.bytes });
	return files;
}

function isFolder(path: string): Promise<boolean> {
	return stat(path).then(
		(s) => s.isDirectory(),
		() => false,
	);
}
