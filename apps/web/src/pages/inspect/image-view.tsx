/** An image: what a blank board would do with it, and every part of it in its place. */
import type { FileFinding } from '@linac/image';
import type { ShownFinding } from '../../engine/inspect-methods.js';
import type { ShownRow, ShownStorage } from '../../engine/shown-map.js';
import { rowLabel, rowState } from '../../parts/map-words.js';
import { addressText, countText, sizeText } from '../../parts/numbers.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { ShortHash } from '../../parts/short-hash.js';

type Image = NonNullable<ShownFinding['image']>;
type Part = NonNullable<FileFinding['image']>['parts'][number];

export function ImageView({ image, more }: { image: Image; more: number }) {
	return (
		<>
			<h3>On a blank board</h3>
			<BlankBoard image={image} />
			{image.settings && <Settings settings={image.settings} />}
			<h3>In memory</h3>
			<p class="quiet">
				{sizeText(image.bytes)} in {countText(image.pieces, 'piece')}. The bars are to scale; long empty stretches are drawn
				shorter.
			</p>
			{image.map.storages.map((s) => (
				<StorageTable key={s.name} storage={s} parts={image.parts} file={image.map.title} />
			))}
			{more > 0 && <p class="quiet">{countText(more, 'part is', 'parts are')} only in the JSON.</p>}
		</>
	);
}

function BlankBoard({ image: { blankBoard } }: { image: Image }) {
	const { ok, headline, reasons, missing } = blankBoard;
	return (
		<>
			<p>
				<span class={`tag ${ok ? 'good' : 'caution'}`}>{ok ? '✓ Starts' : '✗ Not proved to start'}</span> {headline}
			</p>
			{!ok && reasons.length > 0 && (
				<ul>
					{reasons.map((r) => (
						<li key={r}>{r}</li>
					))}
				</ul>
			)}
			{missing.length > 0 && <p>Missing: {missing.join(', ')}.</p>}
		</>
	);
}

/** Secrets are said to be there, and never shown. */
function Settings({ settings }: { settings: NonNullable<Image['settings']> }) {
	const set = settings.filter((f) => f.set);
	const words = set.map((f) => (f.value === undefined ? `${f.name} (not shown)` : `${f.name} ${f.value}`));
	return <p>Settings of one unit: {words.length > 0 ? words.join(', ') : 'none, as on a new board'}.</p>;
}

interface StorageTableProps {
	storage: ShownStorage;
	parts: readonly Part[];
	/** For whoever hears the page: several files may be on it. */
	file: string;
}

function StorageTable({ storage, parts, file }: StorageTableProps) {
	return (
		<>
			<h4>
				{storage.name}: {sizeText(storage.used)} of {sizeText(storage.end - storage.start)}
			</h4>
			<ScrollArea label={`${storage.name} of ${file}, part by part`}>
				<table class="inspect-map">
					<thead>
						<tr>
							<th scope="col">Address</th>
							<th scope="col">Part</th>
							<th scope="col">Size</th>
							<th scope="col" class="inspect-bars">
								Place
							</th>
							<th scope="col">State</th>
							<th scope="col">Note</th>
							<th scope="col">SHA-256</th>
						</tr>
					</thead>
					<tbody>
						{storage.rows.map((row) => (
							<RowOf key={`${row.kind} ${row.start} ${row.end}`} row={row} parts={parts} />
						))}
					</tbody>
				</table>
			</ScrollArea>
			{storage.more > 0 && <p class="quiet">{countText(storage.more, 'more piece is', 'more pieces are')} not drawn.</p>}
			{storage.registers.length > 0 && <Registers storage={storage} file={file} />}
		</>
	);
}

function RowOf({ row, parts }: { row: ShownRow; parts: readonly Part[] }) {
	const [words, tone] = rowState(row);
	const part = parts.find((p) => p.start === row.start && p.end === row.end && p.kind === row.kind);
	const empty = row.state === 'free' || row.state === 'missing';
	return (
		<tr class={empty ? 'inspect-empty' : undefined}>
			<td>
				<code>{addressText(row.start)}</code>
			</td>
			<th scope="row">{rowLabel(row)}</th>
			<td class="inspect-number">{sizeText(part?.size ?? row.end - row.start)}</td>
			<td class="inspect-bars">
				<div class="inspect-bar" aria-hidden="true">
					<span
						class={empty ? 'empty' : tone}
						style={{ left: percent(row.bar.from), width: percent(row.bar.to - row.bar.from) }}
					/>
				</div>
			</td>
			<td>
				<span class={tone === 'quiet' ? 'quiet' : `tag ${tone}`}>{words}</span>
			</td>
			<td>{row.note}</td>
			<td>{part ? <ShortHash value={part.sha256} /> : null}</td>
		</tr>
	);
}

function percent(share: number): string {
	return `${(100 * share).toFixed(2)}%`;
}

function Registers({ storage, file }: Omit<StorageTableProps, 'parts'>) {
	return (
		<ScrollArea label={`Registers of ${file}`}>
			<table>
				<thead>
					<tr>
						<th scope="col">Address</th>
						<th scope="col">Register</th>
						<th scope="col">Value</th>
						<th scope="col">Should be</th>
						<th scope="col">Means</th>
					</tr>
				</thead>
				<tbody>
					{storage.registers.map((r) => (
						<tr key={r.address}>
							<td>
								<code>{addressText(r.address)}</code>
							</td>
							<th scope="row">{r.name ?? 'not known here'}</th>
							<td>
								<code>{addressText(r.value)}</code>
							</td>
							<td>
								{r.expected === undefined ? '-' : <code>{addressText(r.expected)}</code>}
								{r.expected !== undefined && (r.expected === r.value ? ' ✓' : ' ✗')}
							</td>
							<td>{r.meaning}</td>
						</tr>
					))}
				</tbody>
			</table>
		</ScrollArea>
	);
}
