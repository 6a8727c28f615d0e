/** Names beside a memory map. */
import { expect, test } from 'vitest';
import { placeLabels, withRoom } from './map-layout.js';

const apart = (places: number[], by: number) => places.every((p, i) => i === 0 || p - places[i - 1]! >= by - 1e-9);

test('names stand beside what they are about where there is room', () => {
	expect(placeLabels([5, 20, 40], { height: 50, labelHeight: 4 })).toEqual([5, 20, 40]);
});

test('names of many small parts in one place are moved apart, stay in order and inside the drawing', () => {
	for (const crowd of [0, 0.3, 0.5, 1]) {
		const middles = Array.from({ length: 12 }, (_, i) => crowd * 60 + i * 0.01);
		const places = placeLabels(middles, { height: 60, labelHeight: 4 });
		expect(apart(places, 4), `crowd at ${crowd}`).toBe(true);
		expect(Math.min(...places)).toBeGreaterThanOrEqual(2);
		expect(Math.max(...places)).toBeLessThanOrEqual(58);
	}
});

test('of addresses that would cover each other the more important ones are shown', () => {
	expect(withRoom([0, 10, 9.5, 5, 5.4], (n) => n, 1)).toEqual([0, 10, 5]);
});
