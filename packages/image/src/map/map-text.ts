/**
 * A memory map for a terminal: one line for each piece, with a bar that shows where it lies in the storage and how much of its place it
 * fills, all on one scale. Colour comes from the caller and never says anything that the words do not.
 */
import { address } from '@linac/core';
import { rowLabel, sizeText, stateText } from './map-words.js';
import { type MapRow, type MapStorage, type MemoryMap, positionOf } from './memory-map.js';

export type MapTone = 'title' | 'good' | 'bad' | 'doubt' | 'quiet';

export interface MapTextOptions {
	/** Columns of the terminal, at least 60. */
	width: number;
	/** Only ASCII: for terminals and logs that know nothing else. */
	ascii?: boolean;
	/** Adds colour. Default: none. */
	paint?: (text: string, tone: MapTone) => string;
}

interface Glyphs {
	full: string;
	left: string;
	right: string;
	thin: string;
	room: string;
	missing: string;
	damaged: string;
	unknown: string;
	blank: string;
	cut: string;
	edge: string;
}

const unicode: Glyphs = {
	full: '█',
	left: '▌',
	right: '▐',
	thin: '│',
	room: '░',
	missing: '×',
	damaged: '▓',
	unknown: '▒',
	blank: '□',
	cut: '≈',
	edge: '│',
};
const ascii: Glyphs = {
	full: '#',
	left: '#',
	right: '#',
	thin: '#',
	room: '.',
	missing: 'x',
	damaged: '!',
	unknown: '?',
	blank: 'o',
	cut: '~',
	edge: '|',
};

const NAME = 22;
const STATE = 8;
const NARROWEST_BAR = 12;

/** Lines without a line end. */
export function renderMapText(map: MemoryMap, options: MapTextOptions): string[] {
	const out: string[] = [];
	for (const storage of map.storages) {
		if (out.length > 0) out.push('');
		out.push(...storageLines(storage, options));
	}
	return out;
}

function storageLines(storage: MapStorage, options: MapTextOptions): string[] {
	const paint = options.paint ?? ((text: string) => text);
	const glyphs = options.ascii ? ascii : unicode;
	const size = sizeText(storage.end - storage.start);
	const names = storage.rows.map((r) => rowLabel(r).length);
	const name = Math.min(NAME, Math.max(8, ...names));
	// Address, name, size, bar with its edges, state.
	const bar = Math.max(NARROWEST_BAR, options.width - 2 - 10 - 2 - name - 2 - 8 - 2 - 2 - 2 - STATE);
	const indent = ' '.repeat(2 + 10 + 2 + name + 2 + 8 + 2);
	const first = address(storage.start);
	const last = address(storage.end);
	const lines = [paint(`${storage.name}: ${sizeText(storage.used)} of ${size}`, 'title')];
	if (storage.registers.length > 0) return [...lines, ...registerLines(storage, paint), ...notesOf(storage, paint)];
	const ruler =
		bar + 2 >= first.length + last.length + 1 ? first + ' '.repeat(bar + 2 - first.length - last.length) + last : first;
	lines.push(paint(indent + ruler, 'quiet'));
	for (const row of storage.rows) {
		const label = rowLabel(row);
		const cells = barOf(row, storage, bar, glyphs);
		const tone = toneOf(row);
		const head = `  ${address(row.start)}  ${fit(label, name)}  ${sizeText(row.end - row.start).padStart(8)}  `;
		const state = paint(stateText(row), tone);
		lines.push(
			`${head}${paint(glyphs.edge, 'quiet')}${paintBar(cells, paint, tone, glyphs)}${paint(glyphs.edge, 'quiet')}  ${state}`,
		);
		if (label.length > name) lines.push(`  ${' '.repeat(10)}  ${label.slice(name)}`);
	}
	if (storage.more > 0) lines.push(`  ... and ${storage.more} more pieces`);
	for (const s of storage.stretches.filter((s) => s.collapsed)) {
		const text = `  ${glyphs.cut} ${address(s.start)} to ${address(s.end)} (${sizeText(s.end - s.start)}) is empty and drawn shorter than it is.`;
		lines.push(paint(text, 'quiet'));
	}
	lines.push(...notesOf(storage, paint));
	return lines;
}

/** What a row has to say beyond a word. */
function notesOf(storage: MapStorage, paint: (text: string, tone: MapTone) => string): string[] {
	return storage.rows
		.filter(
			(r) =>
				r.note !== undefined && (r.kind === 'overlap' || r.state === 'unproven' || r.state === 'damaged') && r.kind !== 'uicr',
		)
		.map((r) => paint(`  ${address(r.start)}  ${rowLabel(r)}: ${r.note}`, toneOf(r)));
}

function registerLines(storage: MapStorage, paint: (text: string, tone: MapTone) => string): string[] {
	return storage.registers.map((r) => {
		const right = r.expected === undefined ? undefined : r.expected === r.value;
		const state = right === undefined ? paint('unknown', 'doubt') : right ? paint('ok', 'good') : paint('WRONG', 'bad');
		const name = (r.name ?? 'register').padEnd(12);
		const meaning = right === false ? `has to be ${address(r.expected!)}: ${r.meaning}` : (r.meaning ?? '');
		return `  ${address(r.address)}  ${name}  = ${address(r.value)}  ${state}  ${meaning}`.trimEnd();
	});
}

function toneOf(row: MapRow): MapTone {
	if (row.kind === 'overlap' || row.state === 'missing' || row.state === 'damaged') return 'bad';
	if (row.state === 'free' || row.kind === 'blank' || row.kind === 'guard' || row.kind === 'stray') return 'quiet';
	return row.state === 'sound' ? 'good' : 'doubt';
}

/** The cells of a bar. Whatever a cell holds a part of is drawn, so that nothing is too small to be seen. */
function barOf(row: MapRow, storage: MapStorage, width: number, glyphs: Glyphs): string[] {
	const cells = new Array<string>(width).fill(' ');
	for (const s of storage.stretches) {
		if (!s.collapsed) continue;
		const middle = Math.min(width - 1, Math.floor(((s.from + s.to) / 2) * width));
		cells[middle] = glyphs.cut;
	}
	const fill = (start: number, end: number, glyph: string, halves: boolean) => {
		const from = positionOf(storage, start) * width;
		const to = Math.max(positionOf(storage, end) * width, from + 0.01);
		const last = Math.min(width - 1, Math.ceil(to) - 1);
		for (let i = Math.min(width - 1, Math.floor(from)); i <= last; i++) {
			const left = Math.max(from, i) - i;
			const right = Math.min(to, i + 1) - i;
			const share = right - left;
			if (!halves || share > 0.75) cells[i] = glyph;
			else if (share < 0.3) cells[i] = left > 0.5 ? glyphs.right : left < 0.2 ? glyphs.left : glyphs.thin;
			else cells[i] = left >= 1 - right ? glyphs.right : glyphs.left;
		}
	};
	if (row.place && row.state !== 'missing') fill(row.place.start, row.place.end, glyphs.room, false);
	if (row.state === 'free') {
		if (!row.place) fill(row.start, row.end, glyphs.room, false);
		return cells;
	}
	const glyph = glyphOf(row, glyphs);
	fill(row.start, row.end, glyph, glyph === glyphs.full);
	return cells;
}

function glyphOf(row: MapRow, glyphs: Glyphs): string {
	if (row.kind === 'overlap' || row.state === 'missing') return glyphs.missing;
	if (row.state === 'damaged') return glyphs.damaged;
	if (row.kind === 'blank' || row.kind === 'guard' || row.kind === 'stray') return glyphs.blank;
	return row.kind === 'unknown' ? glyphs.unknown : glyphs.full;
}

/** Runs of one kind are painted at once. */
function paintBar(cells: string[], paint: (text: string, tone: MapTone) => string, tone: MapTone, glyphs: Glyphs): string {
	const quiet = (cell: string) => cell === ' ' || cell === glyphs.room || cell === glyphs.cut;
	let out = '';
	for (let at = 0; at < cells.length; ) {
		let to = at;
		while (to < cells.length && quiet(cells[to]!) === quiet(cells[at]!)) to++;
		const run = cells.slice(at, to).join('');
		out += paint(run, quiet(cells[at]!) ? 'quiet' : tone);
		at = to;
	}
	return out;
}

function fit(text: string, width: number): string {
	return text.length <= width ? text.padEnd(width) : text.slice(0, width);
}

/** What the signs of the bars mean, for below a map. */
export function mapLegend(options: { ascii?: boolean } = {}): string {
	const g = options.ascii ? ascii : unicode;
	return `${g.full} filled   ${g.room} free room of its place   ${g.blank} blank (0xFF)   ${g.unknown} not known   ${g.damaged} wrong   ${g.missing} missing or given twice`;
}
