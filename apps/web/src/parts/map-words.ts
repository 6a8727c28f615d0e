/** What is said of a row of a memory map. Colour never says more than this. */
import type { ShownRow } from '../engine/shown-map.js';

export type RowTone = 'good' | 'bad' | 'caution' | 'quiet';

/** `system-part1 4005`. */
export function rowLabel({ name, version }: ShownRow): string {
	return version === undefined ? name : `${name} ${version}`;
}

/** In a word or two, with a sign. */
export function rowState(row: ShownRow): [words: string, tone: RowTone] {
	if (row.kind === 'overlap') return ['✗ given twice', 'bad'];
	if (row.kind === 'on-chip') return ['on the chip', 'quiet'];
	if (row.state === 'missing') return ['✗ missing', 'bad'];
	if (row.state === 'damaged') return ['✗ wrong', 'bad'];
	if (row.kind === 'free') return ['free', 'quiet'];
	if (row.kind === 'guard' || row.kind === 'blank') return ['blank', 'quiet'];
	if (row.kind === 'stray') return ['stray', 'quiet'];
	if (row.kind === 'dct') return ['settings', 'quiet'];
	return row.state === 'sound' ? ['✓ sound', 'good'] : ['? not proved', 'caution'];
}
