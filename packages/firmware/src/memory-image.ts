/**
 * A sparse image of a device's memory: pieces of bytes at addresses, with checks for overlaps and ranges, and the modules found
 * inside. Not for writing memory (the programmer does that) and not for its geometry (the catalog has it).
 */
import { address, bad, concatBytes, type Digests, good, type Problem, problem, type Verdict } from '@linac/core';
import { parseModuleAt } from './parse-module.js';
import { declaredSize, PREFIX_SIZE, plausiblePrefix, prefixOffsets, readPrefix } from './prefix.js';
import { ModuleFlag, type ParsedModule } from './types.js';

export interface Region {
	/** First address. */
	start: number;
	/** First address behind. */
	end: number;
}

export interface Segment extends Region {
	bytes: Uint8Array;
}

export interface ImageModule extends Region {
	module: ParsedModule;
}

export interface Located {
	modules: ImageModule[];
	/** What is in the image and in no module, in pieces. */
	others: Segment[];
}

/** Modules begin at page boundaries of this size or at the start of a segment. */
const PAGE = 4096;
const TOP = 0x1_0000_0000;

export class MemoryImage {
	// Sorted by address, never touching each other once `segments` has been asked for.
	readonly #segments: Segment[] = [];

	/** Builds an image from pieces in any order. Bad when two of them overlap or one leaves the 32-bit address space. */
	static from(pieces: Iterable<{ start: number; bytes: Uint8Array }>): Verdict<MemoryImage> {
		const sorted = [...pieces].filter((p) => p.bytes.length > 0).sort((a, b) => a.start - b.start);
		const problems: Problem[] = [];
		for (const [i, piece] of sorted.entries()) {
			const end = piece.start + piece.bytes.length;
			if (piece.start < 0 || end > TOP) problems.push(outOfSpace(piece.start, end));
			const next = sorted[i + 1];
			if (next && next.start < end) problems.push(overlap(next.start, Math.min(end, next.start + next.bytes.length)));
		}
		if (problems.length > 0) return bad(...problems);
		const image = new MemoryImage();
		let run: { start: number; bytes: Uint8Array }[] = [];
		const close = () => {
			if (run.length === 0) return;
			const bytes = run.length === 1 ? run[0]!.bytes : concatBytes(run.map((r) => r.bytes));
			image.#segments.push({ start: run[0]!.start, end: run[0]!.start + bytes.length, bytes });
			run = [];
		};
		for (const piece of sorted) {
			const last = run.at(-1);
			if (last && last.start + last.bytes.length !== piece.start) close();
			run.push(piece);
		}
		close();
		return good(image);
	}

	/** Adds a piece. Bad, and the image unchanged, when it overlaps what is there or leaves the 32-bit address space. */
	add(start: number, bytes: Uint8Array): Verdict<void> {
		if (bytes.length === 0) return good(undefined);
		const end = start + bytes.length;
		if (start < 0 || end > TOP) return bad(outOfSpace(start, end));
		let at = this.#segments.findIndex((s) => s.end >= start);
		if (at < 0) at = this.#segments.length;
		let last = at;
		while (last < this.#segments.length && this.#segments[last]!.start <= end) last++;
		const near = this.#segments.slice(at, last);
		const hit = near.find((s) => s.start < end && start < s.end);
		if (hit) return bad(overlap(Math.max(start, hit.start), Math.min(end, hit.end)));
		const parts = [...near, { start, end, bytes }].sort((a, b) => a.start - b.start);
		const merged = parts.length === 1 ? bytes : concatBytes(parts.map((p) => p.bytes));
		this.#segments.splice(at, near.length, { start: parts[0]!.start, end: parts.at(-1)!.end, bytes: merged });
		return good(undefined);
	}

	/** The contiguous pieces by address. Neighbours that touch are one piece. */
	get segments(): readonly Segment[] {
		return this.#segments;
	}

	/** Number of bytes in the image. */
	get size(): number {
		return this.#segments.reduce((sum, s) => sum + s.bytes.length, 0);
	}

	/** The bytes of a range, or `undefined` when not all of them are there. */
	read(start: number, length: number): Uint8Array | undefined {
		const segment = this.#segments.find((s) => s.start <= start && start < s.end);
		if (!segment || start + length > segment.end) return undefined;
		return segment.bytes.subarray(start - segment.start, start - segment.start + length);
	}

	/** The empty ranges between the pieces, or of `within` if given. */
	gaps(within?: Region): Region[] {
		const first = this.#segments[0];
		if (!within && !first) return [];
		let at = within?.start ?? first!.start;
		const end = within?.end ?? this.#segments.at(-1)!.end;
		const out: Region[] = [];
		for (const s of this.#segments) {
			if (s.end <= at || s.start >= end) continue;
			if (s.start > at) out.push({ start: at, end: s.start });
			at = s.end;
		}
		if (at < end) out.push({ start: at, end });
		return out;
	}

	/** One problem for each piece, or part of one, that lies outside all of the allowed regions. */
	checkRanges(allowed: readonly Region[]): Problem[] {
		const joined = joinRegions(allowed);
		const out: Problem[] = [];
		for (const s of this.#segments) {
			let at = s.start;
			for (const region of joined) {
				if (region.end <= at) continue;
				if (region.start >= s.end) break;
				if (region.start > at) out.push(outside(at, region.start));
				at = Math.min(s.end, region.end);
			}
			if (at < s.end) out.push(outside(at, s.end));
		}
		return out;
	}

	/**
	 * The modules in the image. Only a prefix whose start address is the address where it stands counts, so that code that
	 * looks like a prefix is not taken for one. Looks at the start of every piece, behind every module and at every page.
	 */
	locateModules(digests?: Digests): Located {
		const modules: ImageModule[] = [];
		const others: Segment[] = [];
		for (const segment of this.#segments) {
			let at = segment.start;
			let unexplained = at;
			const flush = (to: number) => {
				if (to <= unexplained) return;
				const bytes = segment.bytes.subarray(unexplained - segment.start, to - segment.start);
				others.push({ start: unexplained, end: to, bytes });
			};
			while (at < segment.end) {
				const module = moduleAt(segment, at, digests);
				if (module) {
					flush(at);
					const end = at + module.bytes.length;
					modules.push({ start: at, end, module });
					at = end;
					unexplained = end;
				} else at = Math.floor(at / PAGE) * PAGE + PAGE;
			}
			flush(segment.end);
		}
		return { modules, others };
	}
}

function moduleAt(segment: Segment, at: number, digests: Digests | undefined): ParsedModule | undefined {
	const here = segment.bytes.subarray(at - segment.start);
	for (const offset of prefixOffsets) {
		const size = plausiblePrefix(here, offset);
		if (size === 0 || size > here.length || offset + PREFIX_SIZE > here.length) continue;
		const prefix = readPrefix(here, offset);
		if (prefix.start !== at || prefix.flags & ModuleFlag.dropModuleInfo || declaredSize(prefix) !== size) continue;
		const parsed = parseModuleAt(here.subarray(0, size), offset, size, digests ? { digests } : {});
		if (parsed.ok) return parsed.value;
	}
	return undefined;
}

function joinRegions(regions: readonly Region[]): Region[] {
	const out: Region[] = [];
	for (const r of [...regions].sort((a, b) => a.start - b.start)) {
		const last = out.at(-1);
		if (last && r.start <= last.end) last.end = Math.max(last.end, r.end);
		else out.push({ ...r });
	}
	return out;
}

function overlap(start: number, end: number): Problem {
	return problem(
		'IMAGE_OVERLAP',
		`Two pieces both fill ${address(start)} to ${address(end)}. Only one of them can be written; remove the other.`,
		{
			field: 'address',
			found: address(start),
		},
	);
}

function outside(start: number, end: number): Problem {
	return problem('IMAGE_OUT_OF_RANGE', `${address(start)} to ${address(end)} is outside the memory that this image may fill.`, {
		field: 'address',
		found: address(start),
	});
}

function outOfSpace(start: number, end: number): Problem {
	return problem('IMAGE_OUT_OF_RANGE', `A piece from ${start} to ${end} does not fit into 32-bit addresses.`, {
		field: 'address',
		found: start,
	});
}

/** All bytes of an image with `fill` in its gaps, from its first to its last address. Bad when that is more than `limit` bytes. */
export function flattenImage(image: MemoryImage, limit: number, fill = 0xff): Verdict<Uint8Array> {
	const first = image.segments[0];
	const last = image.segments.at(-1);
	if (!first || !last) return { ok: true, value: new Uint8Array(0), problems: [] };
	if (last.end - first.start > limit) {
		return bad(
			problem('IMAGE_TOO_SPARSE', `The image spans ${last.end - first.start} bytes, more than ${limit}.`, { expected: limit }),
		);
	}
	const parts: Uint8Array[] = [];
	let at = first.start;
	for (const s of image.segments) {
		parts.push(new Uint8Array(s.start - at).fill(fill), s.bytes);
		at = s.end;
	}
	return { ok: true, value: concatBytes(parts), problems: [] };
}
