/**
 * A memory map drawn to scale: on the left what the image holds, in the narrow column the places of the chip, on the right their names. Pointing at a part,
 * or moving to it with the keyboard, says what it is; the same stands in the table below. What it is computed from: `engine/shown-map.ts`.
 */
import { useState } from 'preact/hooks';
import type { ShownMap, ShownRow, ShownStorage, Span } from '../engine/shown-map.js';
import { Fold } from './fold.js';
import { placeLabels, withRoom } from './map-layout.js';
import { rowLabel, rowState } from './map-words.js';
import { ScrollArea } from './scroll-area.js';
import './memory-map.css';
import { addressText, countText, sizeText } from './numbers.js';

/** In rem: what one label takes, what a drawing with something to tell has at least, and the least that a part is drawn with. */
const LABEL = 2.7;
const LEAST = 26;
const THINNEST = 0.2;
/** Between two addresses on the axis. */
const ADDRESS = 1.15;

const groups: readonly [group: ShownRow['group'], words: string][] = [
	['boot', 'MBR, SoftDevice, bootloader'],
	['system', 'system'],
	['application', 'application'],
	['settings', 'registers, settings'],
	['blank', 'blank (0xFF)'],
	['unknown', 'not known'],
];

export function MemoryMapView({ map }: { map: ShownMap }) {
	const drawn = map.storages.filter((s) => s.registers.length === 0);
	const used = new Set(
		drawn
			.flatMap((s) => s.rows)
			.filter((r) => !r.absent && r.state !== 'missing')
			.map((r) => r.group),
	);
	return (
		<div class="map">
			{map.storages.map((s) =>
				s.registers.length > 0 ? <Registers key={s.name} storage={s} /> : <Plot key={s.name} storage={s} />,
			)}
			<p class="map-legend">
				{groups
					.filter(([group]) => used.has(group))
					.map(([group, words]) => (
						<span key={group}>
							<span class={`map-swatch ${group}`} /> {words}
						</span>
					))}
				<span>
					<span class="map-swatch place" /> places of the chip
				</span>
			</p>
			<p class="quiet">To scale. Where ≈ stands, something long and empty is drawn shorter.</p>
			<Fold title="All parts as a table">{() => map.storages.map((s) => <PartsTable key={s.name} storage={s} />)}</Fold>
		</div>
	);
}

function Plot({ storage }: { storage: ShownStorage }) {
	const [active, setActive] = useState<number>();
	const { rows, start, end, used, more, cuts, name } = storage;
	const height = Math.max(rows.length > 2 ? LEAST : 0, rows.length * LABEL, LABEL * 2);
	const boxes = rows.map((r) => boxOf(r.bar, height));
	const labels = placeLabels(
		boxes.map((b) => b.top + b.height / 2),
		{ height, labelHeight: LABEL },
	);
	const shown = active === undefined ? undefined : rows[active];
	return (
		<section class="map-storage" aria-label={name}>
			<h3>
				{name}: {sizeText(used)} of {sizeText(end - start)}
			</h3>
			<div class="map-plot" style={{ blockSize: `${height}rem` }}>
				<div class="map-axis" aria-hidden="true">
					{axisOf(storage, height).map(({ value, top }) => (
						<span key={value} style={{ insetBlockStart: `${top}rem` }}>
							{addressText(value)}
						</span>
					))}
				</div>
				<div class="map-column image" aria-hidden="true">
					{rows.map((row, i) => !row.absent && <Bar key={keyOf(row)} row={row} box={boxes[i]!} active={i === active} />)}
					{cuts.map((at) => (
						<span key={at} class="map-cut" style={{ insetBlockStart: `${at * height}rem` }}>
							≈
						</span>
					))}
				</div>
				<div class="map-column chip" aria-hidden="true">
					{rows.map(
						(row, i) =>
							row.placeBar && (
								<span
									key={keyOf(row)}
									class={`map-place${row.state === 'missing' ? ' missing' : ''}${i === active ? ' active' : ''}`}
									style={styleOf(boxOf(row.placeBar, height))}
								/>
							),
					)}
				</div>
				<svg class="map-leads" viewBox={`0 0 10 ${height}`} preserveAspectRatio="none" aria-hidden="true">
					{rows.map((row, i) => {
						const middle = boxes[i]!.top + boxes[i]!.height / 2;
						const points = `0,${middle} 2,${middle} 8,${labels[i]} 10,${labels[i]}`;
						return <polyline key={keyOf(row)} class={i === active ? 'active' : undefined} points={points} />;
					})}
				</svg>
				<ul class="map-labels">
					{rows.map((row, i) => (
						<li key={keyOf(row)} style={{ insetBlockStart: `${labels[i]! - LABEL / 2}rem` }}>
							<button
								type="button"
								class={i === active ? 'active' : undefined}
								onPointerEnter={() => setActive(i)}
								onFocus={() => setActive(i)}
								onClick={() => setActive(i)}
							>
								<Label row={row} />
							</button>
						</li>
					))}
				</ul>
			</div>
			<p class="map-detail" aria-hidden="true">
				{shown ? detail(shown) : 'Point at a name, or move to it with the Tab key, to see what it is.'}
			</p>
			{more > 0 && <p class="quiet">{countText(more, 'more piece is', 'more pieces are')} not drawn.</p>}
		</section>
	);
}

function Bar({ row, box, active }: { row: ShownRow; box: Box; active: boolean }) {
	const kind = row.kind === 'overlap' ? 'overlap' : row.state;
	return <span class={`map-bar ${row.group} ${kind}${active ? ' active' : ''}`} style={styleOf(box)} />;
}

function Label({ row }: { row: ShownRow }) {
	const [words, tone] = rowState(row);
	return (
		<>
			<span class={`map-name${row.state === 'free' ? ' quiet' : ''}`}>{rowLabel(row)}</span>{' '}
			<span class={`map-state ${tone}`}>{words}</span>{' '}
			<span class="map-range">
				{sizeText(row.end - row.start)}
				<span class="map-at"> at {addressText(row.start)}</span>
				<span class="only-spoken">
					{' '}
					to {addressText(row.end)}. {about(row)}
				</span>
			</span>
		</>
	);
}

/** All that is known of a row. */
function detail(row: ShownRow): string {
	const [words] = rowState(row);
	return `${rowLabel(row)} (${words}): ${addressText(row.start)} to ${addressText(row.end)}, ${sizeText(row.end - row.start)}. ${about(row)}`;
}

function about({ place, state, end, start, note, origin }: ShownRow): string {
	const whole = place && state !== 'free' && state !== 'missing' ? place.end - place.start : 0;
	const fills = whole > 0 ? `Fills ${Math.round(((end - start) / whole) * 100)} % of its place of ${sizeText(whole)}.` : '';
	return [fills, origin && `From ${origin}.`, note && `${note[0]!.toUpperCase()}${note.slice(1)}.`].filter(Boolean).join(' ');
}

function Registers({ storage }: { storage: ShownStorage }) {
	return (
		<section class="map-storage" aria-label={storage.name}>
			<h3>{storage.name}</h3>
			<ScrollArea label={`${storage.name}, as a table`}>
				<table>
					<thead>
						<tr>
							<th scope="col">Address</th>
							<th scope="col">Register</th>
							<th scope="col">Value</th>
							<th scope="col">Meaning</th>
						</tr>
					</thead>
					<tbody>
						{storage.registers.map((r) => (
							<tr key={r.address}>
								<td>
									<code>{addressText(r.address)}</code>
								</td>
								<td>{r.name ?? 'not known'}</td>
								<td>
									<code>{addressText(r.value)}</code>
									{r.expected !== undefined && r.expected !== r.value && (
										<span class="tag bad">✗ has to be {addressText(r.expected)}</span>
									)}
								</td>
								<td>{r.meaning}</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
		</section>
	);
}

function PartsTable({ storage: { name, rows } }: { storage: ShownStorage }) {
	return (
		<ScrollArea label={`${name}, part by part`}>
			<table>
				<caption>{name}</caption>
				<thead>
					<tr>
						<th scope="col">Part</th>
						<th scope="col">Address</th>
						<th scope="col">Size</th>
						<th scope="col">State</th>
						<th scope="col">About it</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((row) => {
						const [words, tone] = rowState(row);
						return (
							<tr key={keyOf(row)}>
								<td>{rowLabel(row)}</td>
								<td>
									<code>{addressText(row.start)}</code> to <code>{addressText(row.end)}</code>
								</td>
								<td>{sizeText(row.end - row.start)}</td>
								<td>
									<span class={`map-state ${tone}`}>{words}</span>
								</td>
								<td>{about(row)}</td>
							</tr>
						);
					})}
				</tbody>
			</table>
		</ScrollArea>
	);
}

// ---- places

/** In rem. */
interface Box {
	top: number;
	height: number;
}

function boxOf({ from, to }: Span, height: number): Box {
	const size = Math.max((to - from) * height, THINNEST);
	// At the end of the column there is no room downwards.
	return { top: Math.min(from * height, height - size), height: size };
}

function styleOf({ top, height }: Box) {
	return { insetBlockStart: `${top}rem`, blockSize: `${height}rem` };
}

/** Addresses, as many as fit beside each other; both ends always. */
function axisOf({ rows, start, end }: ShownStorage, height: number): { value: number; top: number }[] {
	const filled = rows.filter((r) => !r.absent);
	const wanted = [
		{ value: start, top: 0 },
		{ value: end, top: height },
		...[...filled, ...rows].map((r) => ({ value: r.start, top: r.bar.from * height })),
	];
	return withRoom(wanted, (w) => w.top, ADDRESS);
}

function keyOf({ kind, start, end }: ShownRow): string {
	return `${kind} ${start} ${end}`;
}
