/** The boards that have answered, one line each, and the table as a file. */
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { forgetUnits, units } from './identify-state.js';
import { fields, labels, modeWords } from './words.js';

/** Local time, as it sorts and as file systems take it: `2026-03-01-1405`. */
function now(): string {
	const d = new Date();
	const two = (n: number) => String(n).padStart(2, '0');
	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}-${two(d.getHours())}${two(d.getMinutes())}`;
}

const rows = () => [...units.value].sort((a, b) => a.number - b.number).map((u) => u.answer.values);

async function csv(): Promise<string> {
	return callEngine('identify.csv', { rows: rows() });
}

async function copyTable(): Promise<void> {
	try {
		await navigator.clipboard.writeText(await csv());
		announce('The table was copied.');
	} catch {
		announce('The browser does not let the page copy. Download the table instead.');
	}
}

export function UnitsTable() {
	const known = [...units.value].sort((a, b) => a.number - b.number);
	if (known.length === 0) return null;
	return (
		<>
			<h2>{known.length === 1 ? 'One board so far' : `${known.length} boards so far`}</h2>
			<ScrollArea label="Boards that have answered">
				<table data-testid="units">
					<thead>
						<tr>
							{fields.map((field) => (
								<th key={field} scope="col">
									{labels[field]}
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{known.map(({ number, answer: { values, displayName } }) => (
							<tr key={number}>
								{fields.map((field) => (
									<td key={field}>
										{field === 'platform'
											? (displayName ?? values.platform)
											: field === 'mode'
												? modeWords(values.mode ?? '')
												: values[field]}
									</td>
								))}
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
			<p class="row">
				<button type="button" onClick={() => void csv().then((text) => download(`boards-${now()}.csv`, text, 'text/csv'))}>
					Download CSV
				</button>
				<button
					type="button"
					onClick={() => download(`boards-${now()}.json`, `${JSON.stringify(rows(), null, '\t')}\n`, 'application/json')}
				>
					Download JSON
				</button>
				<button type="button" onClick={() => void copyTable()}>
					Copy
				</button>
				<button type="button" onClick={forgetUnits}>
					Empty the table
				</button>
			</p>
		</>
	);
}
