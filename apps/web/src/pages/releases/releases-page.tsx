/** The page "Releases": which Device OS there is for which board, what is recommended, and each release as a zip. */
import { useEffect, useState } from 'preact/hooks';
import type { ReleaseTable } from '../../engine/release-table.js';
import { callEngine } from '../../link/page-link.js';
import { countText } from '../../parts/numbers.js';
import { OwnReleases } from '../../parts/own-releases.js';
import { Failure } from '../../parts/problems.js';
import { remember, route } from '../../shell/router.js';
import { FilterForm } from './filter-form.js';
import { filterReleases, filtersOf, queryOf } from './filters.js';
import { GivenZip } from './given-zip.js';
import { PlatformTable } from './platform-table.js';
import { Recommended } from './recommended.js';
import { WholeTable } from './whole-table.js';
import './releases.css';

export default function ReleasesPage() {
	// Counts how often it was changed what is here: each time the table is asked for again.
	const [changes, setChanges] = useState(0);
	const [loaded, setLoaded] = useState<{ table: ReleaseTable } | { error: unknown }>();
	useEffect(() => {
		const stop = new AbortController();
		callEngine('releases.table', undefined, { signal: stop.signal }).then(
			(table) => !stop.signal.aborted && setLoaded({ table }),
			(error: unknown) => !stop.signal.aborted && setLoaded({ error }),
		);
		return () => stop.abort();
	}, [changes]);
	return (
		<section>
			<h1>Releases</h1>
			<p>
				Device OS by release and board. Each cell is a zip with the modules of that release, made in this page when you press it:
				every module is checked first, and the zip is opened again and checked as a whole before you get it.
			</p>
			{!loaded && <p class="quiet">Loading ...</p>}
			{loaded && 'error' in loaded && <Failure error={loaded.error} title="The releases could not be loaded" />}
			{loaded && 'table' in loaded && <Loaded table={loaded.table} onChange={() => setChanges((n) => n + 1)} />}
		</section>
	);
}

/** Narrower than this, a table with a column for every board cannot be read. */
const NARROW = '(max-width: 45rem)';

function Loaded({ table, onChange }: { table: ReleaseTable; onChange(): void }) {
	const names = table.platforms.map((p) => p.name);
	const filters = filtersOf(route.value.query, names);
	const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
	useEffect(() => {
		const media = matchMedia(NARROW);
		const follow = () => setNarrow(media.matches);
		media.addEventListener('change', follow);
		return () => media.removeEventListener('change', follow);
	}, []);
	const rows = filterReleases(table.releases, filters);
	const platform = table.platforms.find((p) => p.name === filters.platform);
	const nothingHere = table.releases.every((r) => r.here.length === 0);
	return (
		<>
			<FilterForm
				table={table}
				filters={filters}
				onChange={(chosen) => remember(queryOf({ ...filtersOf(route.value.query, names), ...chosen }))}
			/>
			{nothingHere && (
				<p class="problem warning">
					<strong>Warning: </strong>
					No source of this page has a release, so no zip can be made. Put a mirror beside the page, or use <code>linac web</code>
					, which brings what this computer has.
				</p>
			)}
			<OwnReleases onChange={onChange} />
			<h2>Recommended</h2>
			<Recommended table={table} platforms={platform ? [platform] : table.platforms} />
			<h2>{platform ? `All for the ${platform.displayName}` : 'All'}</h2>
			<p class="quiet" role="status">
				{countText(rows.length, 'release')} of {table.releases.length}.
			</p>
			{rows.length === 0 ? (
				<p>No release fits what you chose.</p>
			) : platform ? (
				<PlatformTable platform={platform} rows={rows} />
			) : narrow ? (
				<p>Choose your board above: a table with a column for every board does not fit on this screen.</p>
			) : (
				<WholeTable platforms={table.platforms} rows={rows} />
			)}
			<GivenZip platforms={table.platforms} />
		</>
	);
}
