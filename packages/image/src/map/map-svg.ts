/**
 * A memory map as an SVG drawing: self-contained, no scripts, readable without colour (every piece has its name and its state in words,
 * and what is wrong or missing has a pattern of its own), for light and dark pages, and the same bytes for the same map. The left column is
 * what the image holds, the right one the places of the chip; both to scale.
 */
import { address } from '@linac/core';
import { rowLabel, sizeText, stateText } from './map-words.js';
import { type MapRow, type MapStorage, type MemoryMap, positionOf } from './memory-map.js';

const WIDTH = 860;
const MARGIN = 24;
/** Columns: addresses, the image, the places of the chip, names. */
const ADDRESS_END = 112;
const IMAGE = { x: 124, width: 150 };
const CHIP = { x: 282, width: 26 };
const LABEL = 352;
const LABEL_HEIGHT = 36;
const SMALLEST = 3;
const LEAST_HEIGHT = 420;
const REGISTER_HEIGHT = 22;

/** A whole SVG document. */
export function renderMapSvg(map: MemoryMap): string {
	const body: string[] = [];
	let y = 96;
	map.storages.forEach((storage, i) => {
		const drawn = storage.registers.length > 0 ? registersOf(storage, y) : storageOf(storage, y, i);
		body.push(...drawn.lines);
		y = drawn.end + 36;
	});
	y = legend(body, y);
	const height = Math.ceil(y + MARGIN);
	const title = `Memory map of ${map.title}`;
	return `${[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="map-title map-desc" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13">`,
		`<title id="map-title">${escaped(title)}</title>`,
		`<desc id="map-desc">${escaped(description(map))}</desc>`,
		style,
		patterns,
		`<rect class="page" width="${WIDTH}" height="${height}"/>`,
		text(MARGIN, 40, map.title, 'head'),
		text(MARGIN, 64, map.subtitle, 'soft'),
		...body,
		'</svg>',
	].join('\n')}\n`;
}

/** All of it in words, for those who hear it. */
function description(map: MemoryMap): string {
	const rows = map.storages.flatMap((s) => [
		`${s.name}, ${sizeText(s.used)} of ${sizeText(s.end - s.start)} filled.`,
		...s.rows.map((r) => `${rowLabel(r)}: ${range(r)}, ${sizeText(r.end - r.start)}, ${stateText(r)}.`),
		...s.registers.map((r) => `${r.name ?? 'Register'} at ${address(r.address)} is ${address(r.value)}.`),
	]);
	return `${map.subtitle}. ${rows.join(' ')}`;
}

function storageOf(storage: MapStorage, top: number, number: number): { lines: string[]; end: number } {
	const lines = [
		text(MARGIN, top, `${storage.name}: ${sizeText(storage.used)} of ${sizeText(storage.end - storage.start)}`, 'part'),
	];
	const y0 = top + 22;
	// A storage with next to nothing to tell gets no more room than its words.
	const height = Math.max(storage.rows.length > 2 ? LEAST_HEIGHT : 0, storage.rows.length * LABEL_HEIGHT, LABEL_HEIGHT * 2);
	const at = (where: number) => y0 + positionOf(storage, where) * height;
	const box = (r: { start: number; end: number }) => {
		const from = at(r.start);
		const to = Math.max(at(r.end), from + SMALLEST);
		// At the end of the column there is no room downwards.
		return to <= y0 + height ? { y: from, height: to - from } : { y: y0 + height - SMALLEST, height: SMALLEST };
	};
	lines.push(rect('frame', IMAGE.x, y0, IMAGE.width, height));
	lines.push(rect('frame', CHIP.x, y0, CHIP.width, height));
	const overlapsLast = [...storage.rows].sort((r, q) => Number(r.kind === 'overlap') - Number(q.kind === 'overlap'));
	for (const row of overlapsLast) {
		const b = box(row);
		if (row.place) {
			const p = box(row.place);
			lines.push(rect(row.state === 'missing' ? 'place lacking' : 'place', CHIP.x, p.y, CHIP.width, p.height));
			if (row.state !== 'missing' && row.state !== 'free')
				lines.push(rect(`fill ${row.group}`, CHIP.x, b.y, CHIP.width, b.height));
		}
		if (row.state === 'free') continue;
		// What lies in the place of something that is missing is drawn, not its absence.
		if (row.state === 'missing' && storage.rows.some((r) => isFilled(r) && r.start < row.end && r.end > row.start)) continue;
		const classes = row.state === 'missing' ? 'lacking' : `fill ${row.group}`;
		if (row.kind === 'overlap') {
			lines.push(rect('wrong', IMAGE.x + IMAGE.width / 2, b.y, IMAGE.width / 2, b.height));
			continue;
		}
		lines.push(rect(classes, IMAGE.x, b.y, IMAGE.width, b.height));
		if (row.state === 'damaged') lines.push(rect('wrong', IMAGE.x, b.y, IMAGE.width, b.height));
		else if (row.state === 'unproven') lines.push(rect('doubt', IMAGE.x, b.y, IMAGE.width, b.height));
	}
	for (const s of storage.stretches.filter((s) => s.collapsed)) lines.push(...breakLines(at((s.start + s.end) / 2)));
	lines.push(...addresses(storage, at, y0, height));
	lines.push(...labels(storage, box, y0, height, number));
	return { lines, end: y0 + height };
}

function isFilled(row: MapRow): boolean {
	return row.state !== 'missing' && row.state !== 'free';
}

/** Two waves across both columns: here something long and empty is left out. */
function breakLines(y: number): string[] {
	const wave = (dy: number) => {
		let d = `M${IMAGE.x - 8} ${round(y + dy)}`;
		for (let x = IMAGE.x - 8; x < CHIP.x + CHIP.width + 8; x += 14) d += ' q3.5 -5 7 0 t7 0';
		return `<path class="break" d="${d}"/>`;
	};
	return [rect('page', IMAGE.x - 8, y - 3, CHIP.x + CHIP.width - IMAGE.x + 16, 6), wave(-3), wave(3)];
}

/** Addresses on the left, as many as fit beside each other; both ends always. */
function addresses(storage: MapStorage, at: (where: number) => number, y0: number, height: number): string[] {
	const filled = storage.rows.filter((r) => r.state !== 'free');
	const wanted = [storage.start, storage.end, ...filled.map((r) => r.start), ...storage.rows.map((r) => r.start)];
	const taken: number[] = [];
	const out: string[] = [];
	for (const where of new Set(wanted)) {
		const y = at(where);
		if (taken.some((t) => Math.abs(t - y) < 15)) continue;
		taken.push(y);
		const middle = Math.min(Math.max(y, y0 + 5), y0 + height - 1);
		out.push(text(ADDRESS_END, middle + 4, address(where), 'address'));
		out.push(`<line class="tick" x1="${ADDRESS_END + 4}" y1="${round(y)}" x2="${IMAGE.x}" y2="${round(y)}"/>`);
	}
	return out;
}

/** Names on the right, moved apart where they would cover each other, with a line to what they are about. */
function labels(
	storage: MapStorage,
	box: (r: { start: number; end: number }) => { y: number; height: number },
	y0: number,
	height: number,
	number: number,
): string[] {
	const middles = storage.rows.map((r) => {
		const b = box(r);
		return b.y + b.height / 2;
	});
	const half = LABEL_HEIGHT / 2;
	const places: number[] = [];
	for (const [i, middle] of middles.entries()) places.push(Math.max(middle, i === 0 ? y0 + half : places[i - 1]! + LABEL_HEIGHT));
	// Back up from the end, as far as needed.
	let below = y0 + height + half;
	for (let i = places.length - 1; i >= 0; i--) {
		places[i] = Math.min(places[i]!, below - LABEL_HEIGHT);
		below = places[i]!;
	}
	return storage.rows.flatMap((row, i) => {
		const y = places[i]!;
		const from = row.state === 'free' || row.place ? CHIP.x + CHIP.width : IMAGE.x + IMAGE.width;
		const line = `<polyline class="lead" points="${from},${round(middles[i]!)} ${LABEL - 24},${round(middles[i]!)} ${LABEL - 8},${round(y)} ${LABEL - 2},${round(y)}"/>`;
		const state = stateText(row);
		const loud = row.kind === 'overlap' || row.state === 'missing' || row.state === 'damaged';
		const name = `<text x="${LABEL}" y="${round(y - 2)}" id="s${number}r${i}"><tspan class="${row.state === 'free' ? 'soft' : 'name'}">${escaped(rowLabel(row))}</tspan><tspan class="${loud ? 'loud' : 'soft'}" dx="8">${escaped(state)}</tspan></text>`;
		return [line, name, text(LABEL, y + 13, detail(row), 'small')];
	});
}

function detail(row: MapRow): string {
	const size = sizeText(row.end - row.start);
	const of =
		row.place && row.state !== 'free' && row.state !== 'missing' ? ` of ${sizeText(row.place.end - row.place.start)}` : '';
	const note = row.note === undefined ? '' : ` · ${row.note}`;
	return cutTo(`${range(row)} · ${size}${of}${note}`, 78);
}

function registersOf(storage: MapStorage, top: number): { lines: string[]; end: number } {
	const lines = [text(MARGIN, top, storage.name, 'part')];
	let y = top;
	for (const r of storage.registers) {
		y += REGISTER_HEIGHT;
		const right = r.expected === undefined ? undefined : r.expected === r.value;
		lines.push(text(ADDRESS_END, y + 4, address(r.address), 'address'));
		lines.push(text(IMAGE.x, y + 4, r.name ?? 'register', 'name'));
		lines.push(text(IMAGE.x + 130, y + 4, address(r.value), 'mono'));
		const state = right === undefined ? 'unknown' : right ? 'ok' : 'WRONG';
		const says = right === false ? `${state}: has to be ${address(r.expected!)}` : state;
		lines.push(
			text(
				LABEL + 20,
				y + 4,
				cutTo([says, r.meaning].filter((t) => t !== undefined).join(' · '), 70),
				right === false ? 'loud' : 'soft',
			),
		);
	}
	return { lines, end: y };
}

function legend(body: string[], top: number): number {
	const items: [classes: string[], words: string][] = [
		[['fill boot'], 'boot: MBR, SoftDevice, bootloader'],
		[['fill system'], 'system'],
		[['fill application'], 'application'],
		[['fill settings'], 'registers, settings'],
		[['fill blank'], 'blank (0xFF)'],
		[['fill unknown', 'doubt'], 'not known'],
		[['fill unknown', 'wrong'], 'wrong'],
		[['lacking'], 'missing'],
		[['place'], 'free'],
	];
	let x = MARGIN;
	let y = top;
	for (const [classes, words] of items) {
		const width = 26 + words.length * 7.2 + 18;
		if (x + width > WIDTH - MARGIN) {
			x = MARGIN;
			y += 22;
		}
		for (const c of classes) body.push(rect(c, x, y - 11, 18, 14));
		body.push(text(x + 25, y, words, 'small'));
		x += width;
	}
	y += 22;
	body.push(
		text(
			MARGIN,
			y,
			'Left column: what the image holds. Narrow column: the places of the chip. To scale; waves stand for a long empty stretch.',
			'small',
		),
	);
	return y;
}

function range(row: { start: number; end: number }): string {
	return `${address(row.start)} to ${address(row.end)}`;
}

function cutTo(words: string, length: number): string {
	return words.length <= length ? words : `${words.slice(0, length - 3)}...`;
}

function rect(classes: string, x: number, y: number, width: number, height: number): string {
	return `<rect class="${classes}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/>`;
}

function text(x: number, y: number, words: string, classes: string): string {
	return `<text class="${classes}" x="${round(x)}" y="${round(y)}">${escaped(words)}</text>`;
}

/** Names of files and notes may hold anything: nothing of it may become markup, or a character that XML does not allow. */
function escaped(words: string): string {
	return words
		.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '\ufffd')
		.replace(/&/g, '&amp;')
		.replace(/</g, '&lt;')
		.replace(/>/g, '&gt;')
		.replace(/"/g, '&quot;')
		.replace(/'/g, '&#39;');
}

/** The same text on every machine. */
function round(value: number): string {
	return String(Math.round(value * 10) / 10);
}

const patterns = `<defs>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="stripe" width="3" height="7"/></pattern>
<pattern id="dots" width="7" height="7" patternUnits="userSpaceOnUse"><circle class="dot" cx="2" cy="2" r="1.3"/></pattern>
</defs>`;

const style = `<style>
.page{fill:#ffffff}
text{fill:#1c2128}
.head{font-size:20px;font-weight:600}
.part{font-size:15px;font-weight:600}
.name{font-weight:600}
.soft,.small{fill:#57606a}
.small{font-size:11.5px}
.loud{fill:#b42318;font-weight:700}
.address,.mono{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:11.5px;fill:#57606a}
.address{text-anchor:end}
.frame{fill:#f3f4f6;stroke:#9aa3ad;stroke-width:1}
.place{fill:#dfe3e8;stroke:#9aa3ad;stroke-width:.7}
.fill{stroke:#ffffff;stroke-width:.7}
.boot{fill:#2b7a78}
.system{fill:#3566b0}
.application{fill:#d9822b}
.settings{fill:#7a5195}
.blank{fill:#b7bec7}
.unknown{fill:#8a7f5c}
.lacking{fill:none;stroke:#b42318;stroke-width:1.5;stroke-dasharray:5 3}
.wrong{fill:url(#hatch);stroke:#b42318;stroke-width:1.5}
.doubt{fill:url(#dots)}
.stripe{fill:#b42318}
.dot{fill:#1c2128}
.lead,.tick{fill:none;stroke:#9aa3ad;stroke-width:.8}
.break{fill:none;stroke:#57606a;stroke-width:1.2}
@media (prefers-color-scheme: dark){
.page{fill:#14181d}
text{fill:#e6e9ed}
.soft,.small,.address,.mono{fill:#a3adb8}
.loud{fill:#ff8f85}
.frame{fill:#1e242b;stroke:#57606a}
.place{fill:#343c46;stroke:#57606a}
.fill{stroke:#14181d}
.boot{fill:#4fb0ac}
.system{fill:#6b9be0}
.application{fill:#e8a158}
.settings{fill:#b08ccc}
.blank{fill:#6c757f}
.unknown{fill:#b3a678}
.lacking,.wrong{stroke:#ff8f85}
.stripe{fill:#ff8f85}
.dot{fill:#14181d}
.lead,.tick{stroke:#57606a}
.break{stroke:#a3adb8}
}
</style>`;
