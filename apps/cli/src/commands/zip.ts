/**
 * `linac zip`: the restore zip of a release for a platform, with its manifest beside it, as the download table has them. It is opened again
 * and judged as a release before it is written.
 */
import type { SourcedModule } from '@linac/catalog';
import { address } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { makeZip } from '@linac/image';
import type { Context } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { formatBytes, shortHash } from '../format.js';
import { refuseExisting, writeFiles } from '../output-files.js';
import { type ImageOptions, openParts } from './image/compose-options.js';
import { showProblems } from './image/show-problems.js';

export interface ZipOptions extends ImageOptions {
	out?: string;
	force?: boolean;
}

export async function zip(context: Context, options: ZipOptions): Promise<ExitCode> {
	const { output } = context;
	const { platform, release, application, problems } = await openParts(context, options);
	const out = options.out ?? `${platform.name}-${release.version}.zip`;
	const made = makeZip(release, application, { digests: nodeDigests, file: out });
	const manifestPath = made.manifestFile;
	await refuseExisting(context, [out, manifestPath], options.force);
	await writeFiles(context, [
		{ path: out, bytes: made.zip },
		{ path: manifestPath, bytes: made.manifest },
	]);
	const { sha256 } = made;
	output.document({
		format: 'linac-zip/1',
		file: out,
		manifest: manifestPath,
		size: made.zip.length,
		sha256,
		platform: platform.name,
		version: release.version,
		entries: made.entries.map(({ name, source }) => ({
			name,
			slot: source.slot,
			version: source.module.prefix.version,
			size: source.module.bytes.length,
			sha256: source.sha256,
			from: source.origin,
		})),
		notes: problems,
	});
	output.print(output.colors.bold(`${out}: Device OS ${release.version} for the ${platform.displayName}`));
	output.print();
	output.table(
		[
			{ title: 'File' },
			{ title: 'Module' },
			{ title: 'Version', align: 'right' },
			{ title: 'Address' },
			{ title: 'Size', align: 'right' },
			{ title: 'SHA-256' },
		],
		made.entries.map(({ name, source }) => row(name, source)),
		'  ',
	);
	output.print();
	showProblems(output, problems);
	output.print(`  ${manifestPath} has the headers of all of them. ${out} has ${formatBytes(made.zip.length)}, SHA-256`);
	output.print(`  ${sha256}`);
	return ExitCode.ok;
}

function row(name: string, source: SourcedModule): string[] {
	const { prefix, bytes } = source.module;
	return [name, source.slot, String(prefix.version), address(prefix.start), formatBytes(bytes.length), shortHash(source.sha256)];
}
