/** Where the names of a memory map stand: beside what they are about, moved apart where they would cover each other. In any unit of length. */

export interface LabelOptions {
	/** Of the whole drawing. At least `labelHeight` times the number of labels. */
	height: number;
	labelHeight: number;
}

/** Middles of the labels, in the order given; `middles` are those of what they are about, from above to below. */
export function placeLabels(middles: readonly number[], { height, labelHeight }: LabelOptions): number[] {
	const half = labelHeight / 2;
	const places: number[] = [];
	for (const [i, middle] of middles.entries()) places.push(Math.max(middle, i === 0 ? half : places[i - 1]! + labelHeight));
	// Back up from the end, as far as needed.
	let below = height + half;
	for (let i = places.length - 1; i >= 0; i--) {
		places[i] = Math.min(places[i]!, below - labelHeight);
		below = places[i]!;
	}
	return places;
}

/** Those of the positions that have room beside each other; the first ones of the list come first. */
export function withRoom<T>(wanted: readonly T[], positionOf: (one: T) => number, room: number): T[] {
	const taken: T[] = [];
	for (const one of wanted) {
		if (taken.every((t) => Math.abs(positionOf(t) - positionOf(one)) >= room)) taken.push(one);
	}
	return taken;
}
