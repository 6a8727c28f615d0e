/** Words of a memory map that both renderings have in common. */
import type { MapRow } from './memory-map.js';

/** `812 B`, `37.1 KB`, `1.4 MB` (1 KB = 1024 bytes, as flash is counted). */
export function sizeText(bytes: number): string {
	if (bytes < 1024) return `${bytes} B`;
	if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
	return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** `system-part1 4005`. */
export function rowLabel(row: MapRow): string {
	return row.version === undefined ? row.name : `${row.name} ${row.version}`;
}

/** What is to be said of a row in a word or two. Colour never says more than this. */
export function stateText(row: MapRow): string {
	if (row.kind === 'overlap') return 'OVERLAP';
	if (row.kind === 'on-chip') return 'on chip';
	if (row.kind === 'free') return 'free';
	if (row.kind === 'guard' || row.kind === 'blank') return 'blank';
	if (row.kind === 'stray') return 'stray';
	if (row.state === 'missing') return 'MISSING';
	if (row.state === 'damaged') return 'WRONG';
	if (row.kind === 'dct') return 'settings';
	return row.state === 'sound' ? 'ok' : 'unknown';
}
