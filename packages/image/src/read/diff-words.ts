/** The difference between two images in words: rows for tables, the same wherever they are shown. The difference itself: diff-images.ts. */
import { address } from '@linac/core';
import { sizeText } from '../map/map-words.js';
import type { ImageDiff, MemoryRange, PartDifference, PartSide } from './diff-images.js';

export interface DiffRow {
	/** Name of the part, or a range of memory. */
	what: string;
	/** What either side has: a version, or names; `-` for nothing. */
	a: string;
	b: string;
	same: boolean;
	/** `same`, `other version`, `12 bytes differ` ... */
	words: string;
	/** Registers with both values, addresses and sizes that changed; empty where there is nothing to add. */
	details: string;
}

export function partRows(diff: ImageDiff): DiffRow[] {
	return diff.parts.map((p) => ({
		what: p.name,
		a: sideText(p.a),
		b: sideText(p.b),
		same: p.kind === 'same',
		words: partWords[p.kind],
		details: partDetails(p),
	}));
}

const partWords: Record<PartDifference['kind'], string> = {
	same: 'same',
	moved: 'same bytes, moved',
	version: 'other version',
	content: 'other bytes',
	'only-a': 'only in A',
	'only-b': 'only in B',
};

function sideText(side: PartSide | undefined): string {
	if (!side) return '-';
	const text = side.version === undefined ? 'there' : String(side.version);
	return side.damaged ? `${text} (wrong)` : text;
}

function partDetails({ kind, a, b, registers }: PartDifference): string {
	if (registers) {
		const value = (v: number | undefined) => (v === undefined ? 'blank' : address(v));
		return registers.map((r) => `${r.name ?? address(r.address)} ${value(r.a)} → ${value(r.b)}`).join(', ');
	}
	if (kind === 'same' || !a || !b) return '';
	const out: string[] = [];
	if (a.start !== b.start) out.push(`${address(a.start)} → ${address(b.start)}`);
	if (a.size !== b.size) out.push(`${sizeText(a.size)} → ${sizeText(b.size)}`);
	return out.join(', ');
}

/** `what` is the range, `details` its size. */
export function rangeRows(diff: ImageDiff): DiffRow[] {
	return diff.memory.map((r) => ({
		what: `${address(r.start)}-${address(r.end)}`,
		a: r.a.join(', ') || '-',
		b: r.b.join(', ') || '-',
		same: r.kind === 'same',
		words: rangeWords(r),
		details: sizeText(r.end - r.start),
	}));
}

function rangeWords(range: MemoryRange): string {
	if (range.kind === 'same') return 'same';
	if (range.kind === 'different') {
		const { bytes } = range.differing!;
		return bytes === 1 ? '1 byte differs' : `${bytes} bytes differ`;
	}
	const side = range.kind === 'only-a' ? 'only in A' : 'only in B';
	return range.blank ? `${side}, 0xFF` : side;
}

/** One or two sentences. */
export function diffSummary(diff: ImageDiff): string {
	const { same, different, onlyA, onlyB } = diff.bytes;
	if (diff.identical) return `Both give the same memory: ${same === 1 ? '1 byte' : `${same} bytes`}.`;
	const blank = diff.sameOnBlankChip ? ' What differs is 0xFF only: an erased chip holds the same after either.' : '';
	return `They differ: ${different} bytes differ, ${onlyA} are only in A, ${onlyB} only in B, ${same} are the same.${blank}`;
}
