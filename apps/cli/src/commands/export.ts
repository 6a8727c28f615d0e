/**
 * `linac export`: a folder for somebody else's programmer. What is in it and why is decided by `@linac/image`; here the release is opened, the
 * folder is looked at before anything is written, and the result is shown.
 */
import { chmod, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ProgrammingTool, programmingTools, toolFacts, toolsFor } from '@linac/catalog';
import { problem, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type ExportedFile, exportFolderName, makeExport, needsImage, unfitTool } from '@linac/image';
import type { Context } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { refused, usage } from '../failure.js';
import { formatBytes, shortHash } from '../format.js';
import { writeFiles } from '../output-files.js';
import { choicesFromOptions, choicesOf, type ImageOptions, openParts, platformOption, taken } from './image/compose-options.js';
import { showProblems } from './image/show-problems.js';
import { type UnitOptions, unitFieldsOf } from './image/unit-options.js';

export interface ExportCommandOptions extends ImageOptions, UnitOptions {
	for?: string;
	out?: string;
	force?: boolean;
}

export async function exportCommand(context: Context, options: ExportCommandOptions): Promise<ExitCode> {
	const { output } = context;
	const tool = chosenTool(options);
	// dfu-util writes module by module, and needs nothing that only a blank chip does.
	const fields = await unitFieldsOf(context, options);
	const choices = needsImage(tool) ? await choicesFromOptions(context, options) : choicesOf(await openParts(context, options));
	const { platform, release } = choices;
	const out = options.out ?? exportFolderName(choices, tool);
	if (!options.force) await refuseFilled(context, out);
	const made = makeExport(tool, { ...choices, ...(fields ? { fields } : {}) });
	const unfit = made.problems.some((p) => p.severity === 'error' && p.code.startsWith('EXPORT_'));
	const exported = taken(made, unfit ? ExitCode.planRefused : ExitCode.inputRefused);
	await write(context, out, exported);
	const { problems } = made;
	const files = exported.map(({ path, bytes }) => ({ path, size: bytes.length, sha256: toHex(nodeDigests.sha256(bytes)) }));
	output.document({
		format: 'linac-export/1',
		folder: out,
		tool,
		platform: platform.name,
		version: release.version,
		files,
		notes: problems,
	});
	output.print(
		output.colors.bold(`${out}: Device OS ${release.version} for the ${platform.displayName} with ${toolFacts(tool).name}`),
	);
	output.print();
	output.table(
		[{ title: 'File' }, { title: 'Size', align: 'right' }, { title: 'SHA-256' }],
		files.map(({ path, size, sha256 }) => [path, formatBytes(size), shortHash(sha256)]),
		'  ',
	);
	output.print();
	showProblems(output, problems);
	output.paragraph(
		'Hand over the whole folder. README.txt in it is for the operator; sh program.sh or program.cmd does the work.',
		'  ',
	);
	return ExitCode.ok;
}

function chosenTool(options: ExportCommandOptions): ProgrammingTool {
	const platform = platformOption(options);
	const tool = programmingTools.find((t) => t === options.for);
	if (!tool) {
		throw usage(
			'Which program are the boards programmed with?',
			`Name it with --for; for a ${platform.displayName}: ${toolsFor(platform).join(', ')}.`,
		);
	}
	// Before anything is downloaded for it.
	const unfit = unfitTool(tool, platform);
	if (unfit) throw refused(ExitCode.planRefused, [unfit]);
	return tool;
}

/** Throws `FOLDER_NOT_EMPTY` when there is something in it. */
async function refuseFilled(context: Context, out: string): Promise<void> {
	const there = await readdir(resolve(context.cwd, out)).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT') return [];
		if (error.code === 'ENOTDIR') return [out];
		throw error;
	});
	if (there.length === 0) return;
	throw refused(
		ExitCode.inputRefused,
		[problem('FOLDER_NOT_EMPTY', `The folder ${out} has files in it already. Nothing was written.`, { file: out })],
		'Choose another folder with -o, or say --force to write into this one.',
	);
}

/** The manifest comes last: a folder without one is not finished. */
async function write(context: Context, out: string, files: readonly ExportedFile[]): Promise<void> {
	await writeFiles(
		context,
		files.map(({ path, bytes }) => ({ path: join(out, path), bytes })),
	);
	for (const { path, executable } of files) if (executable) await chmod(resolve(context.cwd, out, path), 0o755);
}
