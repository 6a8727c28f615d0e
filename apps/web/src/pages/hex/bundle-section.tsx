/** An application and its assets as one file, for Asset OTA. Everything is measured first, as the board will store it. */
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { BundleShown } from '../../engine/bundle-methods.js';
import { download } from '../../parts/download.js';
import { FileDrop } from '../../parts/file-drop.js';
import { countText, sizeText } from '../../parts/numbers.js';
import { Failure } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { useEngine } from '../../parts/use-engine.js';
import { applicationFile, wrongAt } from './choices.js';
import { WhatIsWrong } from './what-is-wrong.js';

const assetFiles = signal<readonly File[]>([]);

export function BundleSection() {
	const [application, assets] = [applicationFile.value, assetFiles.value];
	const asked = useMemo(
		() => (application && assets.length > 0 ? { application, assets: [...assets] } : undefined),
		[application, assets],
	);
	const { value, error, busy } = useEngine('image.bundle', asked);
	const problems = value?.problems ?? [];
	return (
		<div class="hex-columns">
			<form class="hex-form" onSubmit={(event) => event.preventDefault()}>
				<p>For boards with a store for assets, and applications for Device OS 5.5.0 or newer.</p>
				<FileDrop
					id="hex-application-file"
					label="Your application (.bin): drop it here"
					accept=".bin"
					{...(application ? { chosen: application.name } : {})}
					onRemove={() => {
						applicationFile.value = undefined;
					}}
					wrong={wrongAt(problems, 'application')}
					onFiles={([file]) => {
						applicationFile.value = file;
					}}
				/>
				<FileDrop
					id="hex-assets"
					label="Assets: drop all of them here"
					help="Each is called as its file."
					multiple
					{...(assets.length > 0 ? { chosen: countText(assets.length, 'file') } : {})}
					onRemove={() => {
						assetFiles.value = [];
					}}
					wrong={wrongAt(problems, 'assets')}
					onFiles={(files) => {
						const names = new Set(files.map((f) => f.name));
						assetFiles.value = [...assetFiles.value.filter((f) => !names.has(f.name)), ...files];
					}}
				/>
			</form>
			<section class="hex-result" aria-label="The bundle" aria-busy={busy}>
				{error !== undefined && <Failure error={error} title="The bundle could not be made" />}
				{!value && busy && <p class="quiet">Measuring ...</p>}
				{!asked && <p class="quiet">Give an application and its assets.</p>}
				{value?.made && <Bundle made={value.made} busy={busy} />}
				<WhatIsWrong problems={problems} what="bundle" />
			</section>
		</div>
	);
}

function Bundle({ made, busy }: { made: BundleShown; busy: boolean }) {
	const { file, zip, board, needs, application, assets, stores, leftOut } = made;
	return (
		<>
			<h2>{zip ? file : 'It does not fit'}</h2>
			<p>
				For the {board}, needs {needs} or newer. The application with its list of assets has {application.size} bytes of the{' '}
				{sizeText(application.slot)} of its slot.
			</p>
			{zip && (
				<p>
					<button type="button" class="primary" disabled={busy} onClick={() => download(file, zip, 'application/zip')}>
						Download {file} ({sizeText(zip.length)})
					</button>
				</p>
			)}
			<ScrollArea label="Assets">
				<table>
					<thead>
						<tr>
							<th scope="col">Asset</th>
							<th scope="col">Size</th>
							<th scope="col">Compressed</th>
							<th scope="col">In the store</th>
						</tr>
					</thead>
					<tbody>
						{assets.map((a) => (
							<tr key={a.name}>
								<td>{a.name}</td>
								<td>{sizeText(a.size)}</td>
								<td>{sizeText(a.moduleSize)}</td>
								<td>{sizeText(a.storeSize)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
			<h3>Store</h3>
			{stores.map((s) => (
				<div key={s.releases} class="hex-store">
					<p id={`store ${s.releases}`}>
						Device OS {s.releases}: {sizeText(s.used)} of {sizeText(s.room)}{' '}
						{s.free < 0 ? <span class="tag bad">✗ {sizeText(-s.free)} too much</span> : `(${sizeText(s.free)} free)`}
					</p>
					<meter aria-labelledby={`store ${s.releases}`} max={s.room} value={Math.min(s.used, s.room)} />
				</div>
			))}
			{leftOut.length > 0 && <p class="quiet">Left out: {leftOut.join(', ')} (hidden, or made by the operating system).</p>}
		</>
	);
}
