/** Two of the files beside each other: field by field, part by part or member by member. */
import type { FileComparison } from '@linac/image';
import { useEffect, useState } from 'preact/hooks';
import type { ShownComparison } from '../../engine/inspect-methods.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { Field, fieldProps } from '../../parts/field.js';
import { Fold } from '../../parts/fold.js';
import { countText, sizeText } from '../../parts/numbers.js';
import { Failure } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { asked, type OpenFile } from './inspected-files.js';

type Fields = NonNullable<FileComparison['module']>['fields'];
type Rows = NonNullable<FileComparison['image']>['partRows'];

export function Comparison({ files }: { files: readonly OpenFile[] }) {
	const ready = files.filter((f) => f.state === 'found');
	const [chosen, setChosen] = useState<{ a?: number; b?: number }>({});
	const [result, setResult] = useState<{ comparison: ShownComparison } | { error: unknown }>();
	// Until somebody chooses: the first two, firmware before anything else.
	const first = [...ready].sort((x, y) => Number(isFirmware(y)) - Number(isFirmware(x)));
	const a = ready.find((f) => f.id === chosen.a) ?? first[0];
	const b = ready.find((f) => f.id === chosen.b && f !== a) ?? first.find((f) => f !== a);
	// What was said about a file changes what is compared.
	const question = a && b ? `${a.id} ${a.platform} ${a.base} ${b.id} ${b.platform} ${b.base}` : undefined;
	useEffect(() => {
		setResult(undefined);
		if (!a || !b) return;
		const stop = new AbortController();
		callEngine('inspect.compare', { a: asked(a), b: asked(b) }, { signal: stop.signal }).then(
			(comparison) => {
				if (stop.signal.aborted) return;
				setResult({ comparison });
				announce(`Compared with each other: ${comparison.summary}`);
			},
			(error: unknown) => !stop.signal.aborted && setResult({ error }),
		);
		return () => stop.abort();
	}, [question]);
	if (!a || !b) return null;
	return (
		<article class="card inspect-comparison" aria-labelledby="inspect-comparison">
			<h2 id="inspect-comparison">What differs</h2>
			<div class="inspect-known">
				<Choice
					id="inspect-a"
					label="A"
					files={ready}
					value={a}
					other={b}
					onChoose={(id) => setChosen({ a: id, b: id === b.id ? a.id : b.id })}
				/>
				<Choice
					id="inspect-b"
					label="B"
					files={ready}
					value={b}
					other={a}
					onChoose={(id) => setChosen({ a: id === a.id ? b.id : a.id, b: id })}
				/>
				<button type="button" onClick={() => setChosen({ a: b.id, b: a.id })}>
					Swap
				</button>
				{result && 'comparison' in result && <SaveJson a={a} b={b} />}
			</div>
			{!result && <p class="quiet">Comparing ...</p>}
			{result && 'error' in result && <Failure error={result.error} title="They could not be compared" />}
			{result && 'comparison' in result && <Result comparison={result.comparison} />}
		</article>
	);
}

function isFirmware({ finding }: OpenFile): boolean {
	return finding?.state !== 'not-firmware';
}

interface ChoiceProps {
	id: string;
	label: string;
	files: readonly OpenFile[];
	value: OpenFile;
	other: OpenFile;
	onChoose(id: number): void;
}

function Choice({ id, label, files, value, onChoose }: ChoiceProps) {
	return (
		<Field id={id} label={label}>
			<select {...fieldProps(id)} value={value.id} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
				{files.map((f) => (
					<option key={f.id} value={f.id}>
						{f.name}
					</option>
				))}
			</select>
		</Field>
	);
}

function SaveJson({ a, b }: { a: OpenFile; b: OpenFile }) {
	const save = async () => {
		const { bytes } = await callEngine('inspect.compareJson', { a: asked(a), b: asked(b) });
		download('comparison.json', bytes, 'application/json');
	};
	return (
		<button
			type="button"
			onClick={() => void save().catch((error: unknown) => announce(String(error)))}
			aria-label="Save as JSON: the comparison"
		>
			Save as JSON
		</button>
	);
}

function Result({ comparison }: { comparison: ShownComparison }) {
	const { identical, summary, module, image, members, more } = comparison;
	return (
		<>
			<p>
				<span class={`tag ${identical ? 'good' : 'caution'}`}>{identical ? '= The same file' : '≠ Different files'}</span>{' '}
				{summary}
			</p>
			{module && !module.identical && <FieldRows fields={module.fields} name="Fields of both modules" />}
			{image && (
				<>
					<ImageRows rows={image.partRows} first="Part" details="Change" name="Parts of both images" />
					<Fold title={`Memory, range by range (${image.rangeRows.length + more.ranges})`}>
						{() => (
							<>
								<ImageRows rows={image.rangeRows} first="Range" details="Size" name="Memory of both images" />
								{more.ranges > 0 && (
									<p class="quiet">{countText(more.ranges, 'more range is', 'more ranges are')} in the JSON.</p>
								)}
							</>
						)}
					</Fold>
				</>
			)}
			{members && <Members members={members} more={more.members} />}
		</>
	);
}

const sameText = '= same';

function FieldRows({ fields, name }: { fields: Fields; name: string }) {
	const [all, setAll] = useState(false);
	const shown = all ? fields : fields.filter((f) => !f.same);
	return (
		<>
			<label class="row">
				<input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> Show fields that are the
				same
			</label>
			<ScrollArea label={name}>
				<table class="inspect-fields">
					<thead>
						<tr>
							<th scope="col">Field</th>
							<th scope="col">A</th>
							<th scope="col">B</th>
							<th scope="col">Difference</th>
						</tr>
					</thead>
					<tbody>
						{shown.map((f, i) => (
							<tr key={`${f.name} ${i}`}>
								<th scope="row">{f.name}</th>
								<td>
									<Value field={f.a} />
								</td>
								<td>
									<Value field={f.b} />
								</td>
								<td>{f.same ? sameText : f.a === undefined ? 'only in B' : f.b === undefined ? 'only in A' : '≠ differs'}</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
		</>
	);
}

function Value({ field }: { field: Fields[number]['a'] }) {
	if (!field) return <>-</>;
	return (
		<>
			<code>{field.value}</code>
			{field.meaning !== undefined && <span class="quiet"> {field.meaning}</span>}
		</>
	);
}

function ImageRows({ rows, first, details, name }: { rows: Rows; first: string; details: string; name: string }) {
	return (
		<ScrollArea label={name}>
			<table>
				<thead>
					<tr>
						<th scope="col">{first}</th>
						<th scope="col">A</th>
						<th scope="col">B</th>
						<th scope="col">Difference</th>
						<th scope="col">{details}</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((r) => (
						<tr key={r.what}>
							<th scope="row">{r.what}</th>
							<td>{r.a}</td>
							<td>{r.b}</td>
							<td>{r.same ? sameText : `≠ ${r.words}`}</td>
							<td>{r.details}</td>
						</tr>
					))}
				</tbody>
			</table>
		</ScrollArea>
	);
}

const memberWords = {
	same: sameText,
	renamed: '= same bytes, other name',
	version: '≠ other version',
	content: '≠ other bytes',
	'only-a': 'only in A',
	'only-b': 'only in B',
} as const;

function Members({ members, more }: { members: NonNullable<ShownComparison['members']>; more: number }) {
	return (
		<>
			<ScrollArea label="Members of both files">
				<table>
					<thead>
						<tr>
							<th scope="col">A</th>
							<th scope="col">B</th>
							<th scope="col">Difference</th>
						</tr>
					</thead>
					<tbody>
						{members.map((m, i) => (
							<tr key={`${m.a?.name} ${m.b?.name} ${i}`}>
								<td>
									<MemberText member={m.a} />
								</td>
								<td>
									<MemberText member={m.b} />
								</td>
								<td>
									{memberWords[m.kind]}
									{m.fields && (
										<Fold title={countText(m.fields.length, 'field')}>
											{() => <FieldRows fields={m.fields ?? []} name={`Fields of ${m.a?.name} and ${m.b?.name}`} />}
										</Fold>
									)}
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
			{more > 0 && <p class="quiet">{countText(more, 'more member is', 'more members are')} in the JSON.</p>}
		</>
	);
}

function MemberText({ member }: { member: NonNullable<FileComparison['members']>[number]['a'] }) {
	if (!member) return <>-</>;
	return (
		<>
			<strong>{member.name}</strong>
			<br />
			<span class="quiet">
				{member.module === undefined ? '' : `${member.module}, `}
				{sizeText(member.size)}
			</span>
		</>
	);
}
