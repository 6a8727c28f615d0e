/**
 * `linac hex`: makes an image of a release, or puts an application into an image that is there, proves it, and writes it. Images for a list of
 * units are in units.ts.
 */
import { toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { blankBoardHeadline, hexLayouts, type MadeHex, makeHex } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { usage } from '../../failure.js';
import { count, formatBytes } from '../../format.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { verdictJson } from '../image/blank-board.js';
import { choicesFromOptions, taken } from '../image/compose-options.js';
import { partJson, showParts } from '../image/show-parts.js';
import { showProblems } from '../image/show-problems.js';
import { unitFieldsOf } from '../image/unit-options.js';
import { rebaseFromOptions } from './base.js';
import type { HexOptions } from './options.js';
import { hexUnits } from './units.js';

export async function hex(context: Context, options: HexOptions): Promise<ExitCode> {
	const layout = hexLayouts.find((l) => l === (options.layout ?? 'sorted'));
	if (!layout) throw usage(`--layout is either "sorted" or "classic", not "${options.layout}".`);
	if (options.units !== undefined) {
		if (options.base !== undefined) throw usage('A list of units is for images of a release, not for --base.');
		return hexUnits(context, options, options.units);
	}
	const fields = await unitFieldsOf(context, options);
	if (options.base !== undefined) {
		if (fields) throw usage('Settings of a unit are for images of a release, not for --base.');
		const made = await rebaseFromOptions(context, options, options.base);
		return write(context, made, options);
	}
	const choices = await choicesFromOptions(context, options);
	const file = options.out === undefined ? {} : { file: options.out };
	return write(context, taken(makeHex({ ...choices, ...(fields ? { fields } : {}), ...file, layout })), options);
}

async function write(context: Context, made: MadeHex, options: HexOptions): Promise<ExitCode> {
	await refuseExisting(context, [made.file], options.force);
	await writeFiles(context, [{ path: made.file, bytes: made.bytes }]);
	report(context, made, options.base !== undefined);
	return ExitCode.ok;
}

function report(context: Context, made: MadeHex, rebased: boolean): void {
	const { output } = context;
	const { file, platform, version, parts, image, bytes, problems, verdict } = made;
	const sha256 = toHex(nodeDigests.sha256(bytes));
	output.document({
		format: 'linac-hex/1',
		file,
		size: bytes.length,
		sha256,
		layout: made.layout,
		platform: platform.name,
		version,
		parts: parts.map(partJson),
		...(rebased ? { replaced: made.replaced.map(partJson) } : {}),
		blankBoard: verdictJson(verdict),
		notes: problems,
	});
	output.print(output.colors.bold(`${file}: Device OS ${version} for the ${platform.displayName}`));
	output.print();
	showParts(output, parts);
	output.print();
	for (const r of made.replaced) output.print(`  Replaced: ${r.name} ${r.version ?? ''} (${formatBytes(r.bytes.length)}).`);
	showProblems(output, problems);
	output.paragraph(
		`${verdict.ok ? output.colors.green('Checked:') : output.colors.yellow('Mind:')} ${blankBoardHeadline(platform, verdict)} ${verdict.reasons.join(' ')}`,
		'  ',
	);
	const [memory, text] = [formatBytes(image.size), formatBytes(bytes.length)];
	output.print(`  ${count(parts.length, 'part')}, ${memory} of memory; the file has ${text}, SHA-256`);
	output.print(`  ${sha256}`);
}
