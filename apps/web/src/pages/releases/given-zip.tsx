/** What became of the zip that was asked for last: it stays at the lower edge of the screen, so that the place in the table is not lost. */
import type { SourceProgress } from '@linac/catalog';
import type { ReleaseZip } from '../../engine/release-methods.js';
import type { TablePlatform } from '../../engine/release-table.js';
import { Copyable } from '../../parts/copyable.js';
import { download } from '../../parts/download.js';
import { Fold } from '../../parts/fold.js';
import { sizeText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { ShortHash } from '../../parts/short-hash.js';
import { closeZip, zipState } from './making-zip.js';
import { ReleaseLinks } from './release-links.js';

export function GivenZip({ platforms }: { platforms: readonly TablePlatform[] }) {
	const state = zipState.value;
	if (state.kind === 'none') return null;
	const board = platforms.find((p) => p.name === state.platform)?.displayName ?? state.platform;
	const title = `Device OS ${state.version} for the ${board}`;
	return (
		<aside class="card releases-given" aria-label={title}>
			<div class="row releases-given-head">
				<h2>{title}</h2>
				<button type="button" onClick={closeZip}>
					{state.kind === 'making' ? 'Cancel' : 'Close'}
				</button>
			</div>
			{state.kind === 'making' && <Making progress={state.progress} />}
			{state.kind === 'not-here' && <NotHere platform={state.platform} version={state.version} />}
			{state.kind === 'failed' && <Failed error={state.error} />}
			{state.kind === 'given' && <Given zip={state.zip} />}
		</aside>
	);
}

function Making({ progress }: { progress: SourceProgress | undefined }) {
	return (
		<>
			<p>Fetching the modules, checking them, making the zip ...</p>
			<progress
				aria-label="How much has been fetched"
				{...(progress?.total === undefined ? {} : { value: progress.done, max: progress.total })}
			/>
			{progress && (
				<p class="quiet">
					{progress.what}: {sizeText(progress.done)}
					{progress.total === undefined ? '' : ` of ${sizeText(progress.total)}`}
				</p>
			)}
		</>
	);
}

function NotHere({ platform, version }: { platform: string; version: string }) {
	return (
		<>
			<p>
				It was published, but no source of this page has it. If you have its files, add them under "Your own files of Device OS".
				On a computer with a network, the command line fetches it:
			</p>
			<ul>
				<li>
					as a zip:{' '}
					<code>
						linac zip --platform {platform} --target {version}
					</code>
				</li>
				<li>
					for this page, into the mirror beside it:{' '}
					<code>
						linac releases mirror mirror/ --platform {platform} --target {version}
					</code>
				</li>
			</ul>
			<ReleaseLinks platform={platform} version={version} />
		</>
	);
}

function Failed({ error }: { error: unknown }) {
	const { message, hint, code } = error as { message?: string; hint?: string; code?: string };
	return (
		<p class="problem error" role="alert">
			<strong>Error: </strong>
			{message ?? String(error)} {hint} {code && <code>{code}</code>}
		</p>
	);
}

function Given({ zip }: { zip: ReleaseZip }) {
	return (
		<>
			<p>
				<span class="tag good">✓ Made and checked</span> {zip.file}, {sizeText(zip.zip.length)}, from {zip.source}.
			</p>
			<Problems problems={zip.problems} />
			<p>
				SHA-256 <Copyable value={zip.sha256} name={`SHA-256 of ${zip.file}`} />
			</p>
			<div class="row">
				<button type="button" onClick={() => download(zip.file, zip.zip, 'application/zip')}>
					Save the zip again
				</button>
				<button type="button" onClick={() => download(zip.manifestFile, zip.manifest, 'application/json')}>
					Save its manifest
				</button>
				<ReleaseLinks platform={zip.platform} version={zip.version} />
			</div>
			<Fold title={`What is in it (${zip.entries.length} files)`}>{() => <Entries zip={zip} />}</Fold>
		</>
	);
}

function Entries({ zip }: { zip: ReleaseZip }) {
	return (
		<ScrollArea label={`Files in ${zip.file}`}>
			<table>
				<thead>
					<tr>
						<th scope="col">File</th>
						<th scope="col">Module</th>
						<th scope="col">Size</th>
						<th scope="col">From</th>
						<th scope="col">SHA-256</th>
					</tr>
				</thead>
				<tbody>
					{zip.entries.map((e) => (
						<tr key={e.name}>
							<th scope="row">{e.name}</th>
							<td>
								{e.slot} {e.version}
							</td>
							<td>{sizeText(e.size)}</td>
							<td>{e.origin}</td>
							<td>
								<ShortHash value={e.sha256} />
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</ScrollArea>
	);
}
