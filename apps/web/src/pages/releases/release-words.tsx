/** A release in the first column of a table. */
import type { TableRelease } from '../../engine/release-table.js';

const lines = { lts: 'LTS', preview: 'preview', legacy: 'legacy' } as const;

export interface ReleaseNameProps {
	release: TableRelease;
	/** The newest of its line: on any board, or on the one that is shown. */
	latest: boolean;
}

export function ReleaseName({ release, latest }: ReleaseNameProps) {
	return (
		<>
			{release.version}
			<span class="releases-line">
				{lines[release.line]}
				{latest && ', latest'}
			</span>
		</>
	);
}
