/**
 * What differs between two images: range by range in memory, and piece by piece in meaning (which module became which version, which was
 * moved, which registers changed). Knows no files and no order of records: two files that give the same memory do not differ.
 */
import { equalBytes } from '@linac/core';
import type { Region } from '@linac/firmware';
import { isBlank } from './pieces.js';
import type { ImageReading, ReadPart, RegisterReading } from './types.js';

export interface MemoryRange extends Region {
	kind: 'same' | 'different' | 'only-a' | 'only-b';
	/** Names of the parts of A and B here; empty where that one has nothing. */
	a: string[];
	b: string[];
	/** Of `different`: how many bytes differ, and the first address behind and at which they do. */
	differing?: { bytes: number; first: number; last: number };
	/** Of `only-a`, `only-b`: all 0xFF, as an erased chip has it anyway. */
	blank?: boolean;
}

export interface PartDifference {
	/** `bootloader`, `system-part1`, `softdevice`, `mbr`, `uicr`, `guard`, `dct`, ... */
	name: string;
	/**
	 * - `same`: the same bytes at the same address. `moved`: the same bytes elsewhere.
	 * - `version`: another version. `content`: the same version (or none), other bytes.
	 */
	kind: 'same' | 'moved' | 'version' | 'content' | 'only-a' | 'only-b';
	a?: PartSide;
	b?: PartSide;
	/** Of `uicr`: the registers that differ; `undefined` on a side where the register is blank. */
	registers?: { address: number; name?: string; a?: number; b?: number }[];
}

export interface PartSide extends Region {
	version?: number;
	/** Bytes of it, without gaps inside. */
	size: number;
	damaged: boolean;
}

export interface ImageDiff {
	/** Exactly the same bytes at the same addresses. */
	identical: boolean;
	/** An erased chip would hold the same afterwards: what differs is 0xFF that only one of the two writes. */
	sameOnBlankChip: boolean;
	/** Number of bytes that differ, and that only one of the two has. */
	bytes: { same: number; different: number; onlyA: number; onlyB: number };
	/** All of the memory that either of the two fills, by address. Neighbours of one kind and one name are one range. */
	memory: MemoryRange[];
	/** By address. */
	parts: PartDifference[];
}

export function diffImages(a: ImageReading, b: ImageReading): ImageDiff {
	const memory = memoryRanges(a, b);
	const bytes = { same: 0, different: 0, onlyA: 0, onlyB: 0 };
	for (const range of memory) {
		const size = range.end - range.start;
		if (range.kind === 'same') bytes.same += size;
		else if (range.kind === 'different') bytes.different += range.differing!.bytes;
		else if (range.kind === 'only-a') bytes.onlyA += size;
		else bytes.onlyB += size;
	}
	bytes.same += memory.reduce((sum, r) => sum + (r.differing ? r.end - r.start - r.differing.bytes : 0), 0);
	return {
		identical: memory.every((r) => r.kind === 'same'),
		sameOnBlankChip: memory.every((r) => r.kind === 'same' || r.blank === true),
		bytes,
		memory,
		parts: partDifferences(a, b),
	};
}

/** Cuts both images at every border of a part of either, so that each range has one answer and one set of names. */
function memoryRanges(a: ImageReading, b: ImageReading): MemoryRange[] {
	const borders = new Set<number>();
	for (const { start, end } of [...a.parts, ...b.parts]) {
		borders.add(start);
		borders.add(end);
	}
	const sorted = [...borders].sort((x, y) => x - y);
	const inA = new Cursor(a);
	const inB = new Cursor(b);
	const out: MemoryRange[] = [];
	for (let i = 0; i + 1 < sorted.length; i++) {
		const range = { start: sorted[i]!, end: sorted[i + 1]! };
		const partA = inA.at(range.start);
		const partB = inB.at(range.start);
		if (!partA && !partB) continue;
		append(out, compare(range, partA, partB));
	}
	return out;
}

/** Walks the parts of one image upwards. */
class Cursor {
	#i = 0;
	readonly #parts: readonly ReadPart[];

	constructor(reading: ImageReading) {
		this.#parts = reading.parts;
	}

	at(address: number): ReadPart | undefined {
		while (this.#i < this.#parts.length && this.#parts[this.#i]!.end <= address) this.#i++;
		const part = this.#parts[this.#i];
		return part && part.start <= address ? part : undefined;
	}
}

function compare(range: Region, a: ReadPart | undefined, b: ReadPart | undefined): MemoryRange {
	const names = { a: a ? [label(a)] : [], b: b ? [label(b)] : [] };
	const bytesA = a?.bytes.subarray(range.start - a.start, range.end - a.start);
	const bytesB = b?.bytes.subarray(range.start - b.start, range.end - b.start);
	if (!bytesA) return { ...range, kind: 'only-b', ...names, blank: isBlank(bytesB!) };
	if (!bytesB) return { ...range, kind: 'only-a', ...names, blank: isBlank(bytesA) };
	let bytes = 0;
	let first = -1;
	let last = -1;
	if (!equalBytes(bytesA, bytesB)) {
		for (let i = 0; i < bytesA.length; i++) {
			if (bytesA[i] === bytesB[i]) continue;
			if (first < 0) first = i;
			last = i;
			bytes++;
		}
	}
	if (bytes === 0) return { ...range, kind: 'same', ...names };
	return { ...range, kind: 'different', ...names, differing: { bytes, first: range.start + first, last: range.start + last } };
}

/** Joins a range to the one before it where both say the same. */
function append(out: MemoryRange[], next: MemoryRange): void {
	const last = out.at(-1);
	const joins =
		last !== undefined &&
		last.end === next.start &&
		last.kind === next.kind &&
		last.blank === next.blank &&
		sameNames(last.a, next.a) &&
		sameNames(last.b, next.b);
	if (!joins) {
		out.push(next);
		return;
	}
	last.end = next.end;
	if (last.differing && next.differing) {
		last.differing = {
			bytes: last.differing.bytes + next.differing.bytes,
			first: last.differing.first,
			last: next.differing.last,
		};
	}
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((name, i) => name === b[i]);
}

function label(part: ReadPart): string {
	return part.version === undefined ? part.name : `${part.name} ${part.version}`;
}

/** Pieces with one name are one thing: registers and guards may stand there in several. */
function partDifferences(a: ImageReading, b: ImageReading): PartDifference[] {
	const meant = (p: ReadPart) => p.kind !== 'blank' && p.kind !== 'unknown' && p.kind !== 'stray';
	const names = new Map<string, number>();
	for (const p of [...a.parts, ...b.parts].filter(meant)) names.set(p.name, Math.min(names.get(p.name) ?? p.start, p.start));
	return [...names.entries()]
		.sort(([nameA, atA], [nameB, atB]) => atA - atB || (nameA < nameB ? -1 : 1))
		.map(([name]) =>
			difference(
				name,
				a.parts.filter((p) => meant(p) && p.name === name),
				b.parts.filter((p) => meant(p) && p.name === name),
			),
		);
}

function difference(name: string, a: readonly ReadPart[], b: readonly ReadPart[]): PartDifference {
	const sideA = side(a);
	const sideB = side(b);
	if (!sideA || !sideB)
		return { name, kind: sideA ? 'only-a' : 'only-b', ...(sideA ? { a: sideA } : {}), ...(sideB ? { b: sideB } : {}) };
	const both = { name, a: sideA, b: sideB };
	const sameBytes = a.length === b.length && a.every((p, i) => equalBytes(p.bytes, b[i]!.bytes));
	const samePlace = a.length === b.length && a.every((p, i) => p.start === b[i]!.start);
	if (sameBytes) return { ...both, kind: samePlace ? 'same' : 'moved' };
	if (sideA.version !== sideB.version) return { ...both, kind: 'version' };
	const registers = a.some((p) => p.registers) ? registerDifferences(a, b) : undefined;
	return { ...both, kind: 'content', ...(registers ? { registers } : {}) };
}

function side(parts: readonly ReadPart[]): PartSide | undefined {
	const first = parts[0];
	const last = parts.at(-1);
	if (!first || !last) return undefined;
	return {
		start: first.start,
		end: last.end,
		...(first.version === undefined ? {} : { version: first.version }),
		size: parts.reduce((sum, p) => sum + p.bytes.length, 0),
		damaged: parts.some((p) => p.state === 'damaged'),
	};
}

function registerDifferences(a: readonly ReadPart[], b: readonly ReadPart[]): NonNullable<PartDifference['registers']> {
	const of = (parts: readonly ReadPart[]) =>
		new Map(parts.flatMap((p) => p.registers ?? []).map((r): [number, RegisterReading] => [r.address, r]));
	const inA = of(a);
	const inB = of(b);
	return [...new Set([...inA.keys(), ...inB.keys()])]
		.sort((x, y) => x - y)
		.filter((at) => inA.get(at)?.value !== inB.get(at)?.value)
		.map((at) => {
			const name = inA.get(at)?.name ?? inB.get(at)?.name;
			const valueA = inA.get(at)?.value;
			const valueB = inB.get(at)?.value;
			return {
				address: at,
				...(name === undefined ? {} : { name }),
				...(valueA === undefined ? {} : { a: valueA }),
				...(valueB === undefined ? {} : { b: valueB }),
			};
		});
}
