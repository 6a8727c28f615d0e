/** A memory map as the page draws it: every row with its place on the axis of its storage. The page has no facts and no arithmetic of its own. */
import { type ImagePart, type MapRow, type MapStorage, type MemoryMap, originWords, positionOf } from '@linac/image';

/** From and to on the axis of a storage, 0 to 1. */
export interface Span {
	from: number;
	to: number;
}

export interface ShownRow extends MapRow {
	bar: Span;
	/** The place of the chip that it belongs in. */
	placeBar?: Span;
	/** Nothing is drawn in the image's column: free places, and what is missing where something else lies. */
	absent: boolean;
	/** Where it came from, for people. */
	origin?: string;
}

export interface ShownStorage extends Omit<MapStorage, 'rows' | 'stretches'> {
	rows: ShownRow[];
	/** Middles of long empty stretches that are drawn shorter, 0 to 1. */
	cuts: number[];
}

export interface ShownMap {
	title: string;
	subtitle: string;
	storages: ShownStorage[];
}

/** `made`: the parts of an image that was made here; they know where they came from. */
export function shownMap(map: MemoryMap, made: readonly ImagePart[] = []): ShownMap {
	return { ...map, storages: map.storages.map((s) => shownStorage(s, made)) };
}

function shownStorage({ stretches, ...storage }: MapStorage, made: readonly ImagePart[]): ShownStorage {
	const span = (r: { start: number; end: number }): Span => {
		const whole = { stretches, ...storage };
		return { from: positionOf(whole, r.start), to: positionOf(whole, r.end) };
	};
	const filled = storage.rows.filter((r) => r.state !== 'missing' && r.state !== 'free');
	const rows = storage.rows.map((row): ShownRow => {
		const part = made.find((p) => p.start === row.start && p.name === row.name);
		const origin = part && originWords(part);
		const hidden = row.state === 'missing' && filled.some((f) => f.start < row.end && f.end > row.start);
		return {
			...row,
			bar: span(row),
			...(row.place ? { placeBar: span(row.place) } : {}),
			absent: row.state === 'free' || hidden,
			...(origin ? { origin } : {}),
		};
	});
	const cuts = stretches.filter((s) => s.collapsed).map((s) => (s.from + s.to) / 2);
	return { ...storage, rows, cuts };
}
