/** Pieces of an image that nothing has been found in yet, and taking known ranges out of them. Loses no byte. */
import type { Region, Segment } from '@linac/firmware';

export class Pieces {
	#rest: Segment[];

	constructor(segments: readonly Segment[]) {
		this.#rest = [...segments];
	}

	/** What has not been taken, by address. */
	get rest(): readonly Segment[] {
		return this.#rest;
	}

	/** The piece that holds this address. */
	at(address: number): Segment | undefined {
		return this.#rest.find((s) => s.start <= address && address < s.end);
	}

	/** Takes out whatever lies in a range; it comes back as the pieces that were there. */
	take(range: Region): Segment[] {
		const taken: Segment[] = [];
		this.#rest = this.#rest.flatMap((s) => {
			if (s.end <= range.start || s.start >= range.end) return [s];
			const from = Math.max(s.start, range.start);
			const to = Math.min(s.end, range.end);
			taken.push(cut(s, from, to));
			return [cut(s, s.start, from), cut(s, to, s.end)].filter((p) => p.start < p.end);
		});
		return taken;
	}
}

export function cut(segment: Segment, from: number, to: number): Segment {
	return { start: from, end: to, bytes: segment.bytes.subarray(from - segment.start, to - segment.start) };
}

export function isBlank(bytes: Uint8Array): boolean {
	for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0xff) return false;
	return true;
}

/** Shorter runs of 0xFF inside of other bytes belong to them: code and tables have them. */
const SHORTEST_BLANK = 256;
/** A hostile image of alternating bytes is not described run by run. */
const MOST_RUNS = 500;

/** Splits a piece into long runs of 0xFF and what stands between them. */
export function splitBlank(segment: Segment): { blank: boolean; segment: Segment }[] {
	const { bytes, start, end } = segment;
	const out: { blank: boolean; segment: Segment }[] = [];
	let from = 0;
	let at = 0;
	while (at < bytes.length && out.length < MOST_RUNS) {
		at = bytes.indexOf(0xff, at);
		if (at < 0) break;
		let to = at;
		while (to < bytes.length && bytes[to] === 0xff) to++;
		// At the end of a piece any run is filler, and so is a piece of nothing else.
		if (to - at >= SHORTEST_BLANK || (at === 0 && to === bytes.length)) {
			if (at > from) out.push({ blank: false, segment: cut(segment, start + from, start + at) });
			out.push({ blank: true, segment: cut(segment, start + at, start + to) });
			from = to;
		}
		at = to;
	}
	if (start + from < end) out.push({ blank: false, segment: cut(segment, start + from, end) });
	return out;
}
