/** The download table: a row for every release, a column for every board. */
import { Component } from 'preact';
import type { TablePlatform, TableRelease } from '../../engine/release-table.js';
import { CellTable } from './cell-table.js';
import { ReleaseName } from './release-words.js';
import { useRowsInSteps } from './rows-in-steps.js';
import { ZipCell } from './zip-cell.js';

/** Rows a step: some ten boards each. */
const STEP = 6;

export interface WholeTableProps {
	platforms: readonly TablePlatform[];
	rows: readonly TableRelease[];
}

export function WholeTable({ platforms, rows }: WholeTableProps) {
	const drawn = useRowsInSteps(rows.length, STEP, rows.map((r) => r.version).join());
	return (
		<CellTable label="Releases by board" columns={platforms.length}>
			<thead>
				<tr>
					<th scope="col">Release</th>
					{platforms.map((p) => (
						<th key={p.name} scope="col">
							{p.displayName}
						</th>
					))}
				</tr>
			</thead>
			<tbody>
				{rows.slice(0, drawn).map((r) => (
					<Row key={r.version} release={r} platforms={platforms} />
				))}
			</tbody>
		</CellTable>
	);
}

interface RowProps {
	release: TableRelease;
	platforms: readonly TablePlatform[];
}

/** What is drawn once stays as it is: each step draws its own rows only. */
class Row extends Component<RowProps> {
	override shouldComponentUpdate(next: RowProps): boolean {
		return next.release !== this.props.release || next.platforms !== this.props.platforms;
	}

	override render({ release, platforms }: RowProps) {
		return (
			<tr>
				<th scope="row">
					<ReleaseName release={release} latest={release.latestFor.length > 0} />
				</th>
				{platforms.map((p) => (
					<ZipCell key={p.name} platform={p} release={release} />
				))}
			</tr>
		);
	}
}
