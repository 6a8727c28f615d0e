/** `linac hex diff`: what differs between two images, by module and by memory. */
import { address } from '@linac/core';
import { diffImages, type ImageDiff, type MemoryRange, type PartDifference, type PartSide } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { count, formatBytes } from '../../format.js';
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
	showParts(output, diff.parts);
	output.print();
	showMemory(output, diff.memory);
	output.print();
	output.paragraph(summary(diff), '  ');
	return diff.identical ? ExitCode.ok : ExitCode.mismatch;
}

function showParts(output: Output, parts: readonly PartDifference[]): void {
	const c = output.colors;
	output.table(
		[{ title: 'Part' }, { title: 'A', align: 'right' }, { title: 'B', align: 'right' }, { title: '' }, { title: '', wrap: true }],
		parts.map((p) => [
			p.name,
			version(p.a),
			version(p.b),
			p.kind === 'same' ? c.green(words(p)) : c.yellow(words(p)),
			details(p),
		]),
		'  ',
	);
}

function version(side: PartSide | undefined): string {
	if (!side) return '-';
	const text = side.version === undefined ? 'there' : String(side.version);
	return side.damaged ? `${text} (wrong)` : text;
}

function words(part: PartDifference): string {
	switch (part.kind) {
		case 'same':
			return 'same';
		case 'moved':
			return 'same bytes, moved';
		case 'version':
			return 'other version';
		case 'content':
			return 'other bytes';
		case 'only-a':
			return 'only in A';
		case 'only-b':
			return 'only in B';
	}
}

function details(part: PartDifference): string {
	if (part.registers) {
		const value = (v: number | undefined) => (v === undefined ? 'blank' : address(v));
		return part.registers.map((r) => `${r.name ?? address(r.address)} ${value(r.a)} → ${value(r.b)}`).join(', ');
	}
	const { a, b } = part;
	if (part.kind === 'same' || !a || !b) return '';
	const out: string[] = [];
	if (a.start !== b.start) out.push(`${address(a.start)} → ${address(b.start)}`);
	if (a.size !== b.size) out.push(`${formatBytes(a.size)} → ${formatBytes(b.size)}`);
	return out.join(', ');
}

function showMemory(output: Output, memory: readonly MemoryRange[]): void {
	const c = output.colors;
	const shown = memory.slice(0, MOST_RANGES);
	output.table(
		[{ title: 'Memory' }, { title: 'Size', align: 'right' }, { title: '' }, { title: 'In A → in B', wrap: true }],
		shown.map((r) => [
			`${address(r.start)}-${address(r.end)}`,
			formatBytes(r.end - r.start),
			r.kind === 'same' ? c.green('same') : c.yellow(rangeWords(r)),
			rangeNames(r),
		]),
		'  ',
	);
	const more = memory.length - shown.length;
	if (more > 0) output.print(`  ... and ${count(more, 'more range')}; --json lists all.`);
}

function rangeWords(range: MemoryRange): string {
	if (range.kind === 'different') return count(range.differing!.bytes, 'byte differs', 'bytes differ');
	const side = range.kind === 'only-a' ? 'only in A' : 'only in B';
	return range.blank ? `${side}, 0xFF` : side;
}

function rangeNames({ a, b }: MemoryRange): string {
	const [inA, inB] = [a.join(', '), b.join(', ')];
	return inA === inB || inA === '' || inB === '' ? inA || inB : `${inA} → ${inB}`;
}

function summary(diff: ImageDiff): string {
	if (diff.identical) return `Both give the same memory: ${count(diff.bytes.same, 'byte')}.`;
	const { same, different, onlyA, onlyB } = diff.bytes;
	const blank = diff.sameOnBlankChip ? ' What differs is 0xFF only: an erased chip holds the same after either.' : '';
	return `They differ: ${different} bytes differ, ${onlyA} are only in A, ${onlyB} only in B, ${same} are the same.${blank}`;
}
