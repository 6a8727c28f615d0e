/** All releases for one board, with what else is known of each: readable on a phone. */
import type { TablePlatform, TableRelease } from '../../engine/release-table.js';
import { CellTable } from './cell-table.js';
import { ReleaseName } from './release-words.js';
import { useRowsInSteps } from './rows-in-steps.js';
import { ZipCell } from './zip-cell.js';

const STEP = 20;

export function PlatformTable({ platform, rows }: { platform: TablePlatform; rows: readonly TableRelease[] }) {
	const drawn = useRowsInSteps(rows.length, STEP, `${platform.name} ${rows.map((r) => r.version).join()}`);
	return (
		<CellTable label={`Releases for the ${platform.displayName}`}>
			<thead>
				<tr>
					<th scope="col">Release</th>
					<th scope="col" class="releases-wide">
						Line
					</th>
					<th scope="col" class="releases-wide">
						Channel
					</th>
					<th scope="col" class="releases-wide">
						Number of its modules
					</th>
					<th scope="col">Zip</th>
				</tr>
			</thead>
			<tbody>
				{rows.slice(0, drawn).map((r) => (
					<tr key={r.version}>
						<th scope="row">
							<ReleaseName release={r} latest={r.latestFor.includes(platform.name)} />
							{r.version === platform.recommended.version && <span class="tag good">✓ recommended</span>}
						</th>
						<td class="releases-wide">{r.lineName}</td>
						<td class="releases-wide">{r.channel}</td>
						<td class="releases-wide">{r.moduleVersion}</td>
						<ZipCell platform={platform} release={r} />
					</tr>
				))}
			</tbody>
		</CellTable>
	);
}
