/** A cell of the table: a zip that can be made here, one that cannot, or nothing because there never was one. */
import type { TablePlatform, TableRelease } from '../../engine/release-table.js';
import { giveZip } from './making-zip.js';

export interface ZipButtonProps {
	platform: Pick<TablePlatform, 'name' | 'displayName'>;
	version: string;
	here: boolean;
	/** One of many: the arrows move between them. */
	inTable?: boolean;
}

export function ZipButton({ platform, version, here, inTable = false }: ZipButtonProps) {
	const what = `Device OS ${version} for the ${platform.displayName}`;
	return (
		<button
			type="button"
			class={here ? 'small releases-zip' : 'small releases-zip releases-away'}
			{...(inTable ? { tabIndex: -1, 'data-cell': platform.name } : {})}
			aria-label={here ? `Zip of ${what}` : `not here: ${what}; say why`}
			onClick={() => void giveZip({ platform: platform.name, version }, here, platform.displayName)}
		>
			{here ? 'Zip' : 'not here'}
		</button>
	);
}

export function ZipCell({ platform, release }: { platform: TablePlatform; release: TableRelease }) {
	if (!release.platforms.includes(platform.name)) {
		return (
			<td class="releases-never">
				<span aria-hidden="true">–</span>
				<span class="only-spoken">never published</span>
			</td>
		);
	}
	return (
		<td>
			<ZipButton platform={platform} version={release.version} here={release.here.includes(platform.name)} inTable />
		</td>
	);
}
