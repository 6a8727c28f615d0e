/** `linac hex diff`: what differs between two images, by module and by memory. */
import { type DiffRow, diffImages, diffSummary, partRows, rangeRows } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { count } from '../../format.js';
import type { Output } from '../../output.js';
import { about } from './inspect.js';
import { type OpenOptions, openNamed } from './open.js';

/** Longer lists are for `--json`. */
const MOST_RANGES = 40;

export async function hexDiff(context: Context, options: OpenOptions, files: string[]): Promise<ExitCode> {
	const { output } = context;
	const [fileA, fileB] = files as [string, string];
	const a = await openNamed(context, fileA, options);
	const b = await openNamed(context, fileB, options);
	const diff = diffImages(a.reading, b.reading);
	output.document({
		format: 'linac-hex-diff/1',
		a: { file: fileA, ...about(a.reading), size: a.reading.image.size },
		b: { file: fileB, ...about(b.reading), size: b.reading.image.size },
		...diff,
	});
	const c = output.colors;
	output.print(`A  ${c.bold(fileA)}`);
	output.print(`B  ${c.bold(fileB)}`);
	output.print();
	showParts(output, partRows(diff));
	output.print();
	showMemory(output, rangeRows(diff));
	output.print();
	output.paragraph(diffSummary(diff), '  ');
	return diff.identical ? ExitCode.ok : ExitCode.mismatch;
}

function showParts(output: Output, rows: readonly DiffRow[]): void {
	const c = output.colors;
	output.table(
		[{ title: 'Part' }, { title: 'A', align: 'right' }, { title: 'B', align: 'right' }, { title: '' }, { title: '', wrap: true }],
		rows.map((r) => [r.what, r.a, r.b, r.same ? c.green(r.words) : c.yellow(r.words), r.details]),
		'  ',
	);
}

function showMemory(output: Output, rows: readonly DiffRow[]): void {
	const c = output.colors;
	const shown = rows.slice(0, MOST_RANGES);
	output.table(
		[{ title: 'Memory' }, { title: 'Size', align: 'right' }, { title: '' }, { title: 'In A → in B', wrap: true }],
		shown.map((r) => [r.what, r.details, r.same ? c.green(r.words) : c.yellow(r.words), inBoth(r)]),
		'  ',
	);
	const more = rows.length - shown.length;
	if (more > 0) output.print(`  ... and ${count(more, 'more range')}; --json lists all.`);
}

function inBoth({ a, b }: DiffRow): string {
	const sides = [a, b].filter((names) => names !== '-');
	return a === b ? a : sides.join(' → ');
}
