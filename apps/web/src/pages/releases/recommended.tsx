/** What to take for each board when nothing else is asked for, and why that. */
import type { ReleaseTable, TablePlatform } from '../../engine/release-table.js';
import { address } from '../../shell/router.js';
import { ReleaseLinks } from './release-links.js';
import { ZipButton } from './zip-cell.js';

export interface RecommendedProps {
	table: ReleaseTable;
	platforms: readonly TablePlatform[];
}

export function Recommended({ table, platforms }: RecommendedProps) {
	return (
		<ul class="releases-recommended">
			{platforms.map((p) => (
				<li key={p.name} class="card">
					<h3>
						{p.displayName} <strong>{p.recommended.version}</strong>
					</h3>
					<p>{p.recommended.why}</p>
					<div class="row">
						<ZipButton platform={p} version={p.recommended.version} here={isHere(table, p)} />
						<ReleaseLinks platform={p.name} version={p.recommended.version} board={p.displayName} />
						{platforms.length > 1 && (
							<a href={address('releases', { platform: p.name })} aria-label={`All releases for the ${p.displayName}`}>
								All
							</a>
						)}
					</div>
				</li>
			))}
		</ul>
	);
}

function isHere({ releases }: ReleaseTable, { name, recommended }: TablePlatform): boolean {
	return releases.find((r) => r.version === recommended.version)?.here.includes(name) ?? false;
}
