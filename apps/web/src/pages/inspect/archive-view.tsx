/** A zip archive or an asset bundle: the release that it is, its assets, every file in it. */
import type { FileFinding } from '@linac/image';
import type { ShownFinding } from '../../engine/inspect-methods.js';
import { sizeText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { ShortHash } from '../../parts/short-hash.js';

export function ArchiveView({ finding }: { finding: ShownFinding }) {
	const { release, bundle, members = [], more, file } = finding;
	return (
		<>
			{release && <Release release={release} />}
			{bundle && <Bundle bundle={bundle} file={file} />}
			{!bundle && (
				<>
					<h3>Files in it</h3>
					<ScrollArea label={`Files in ${file}`}>
						<table>
							<thead>
								<tr>
									<th scope="col">File</th>
									<th scope="col">Size</th>
									<th scope="col">What it is</th>
									<th scope="col">State</th>
									<th scope="col">SHA-256</th>
								</tr>
							</thead>
							<tbody>
								{members.map((m) => (
									<tr key={m.name}>
										<th scope="row">{m.name}</th>
										<td>{sizeText(m.size)}</td>
										<td>{m.what}</td>
										<td>{m.sound ? '✓ sound' : '✗ wrong'}</td>
										<td>
											<ShortHash value={m.sha256} />
										</td>
									</tr>
								))}
							</tbody>
						</table>
					</ScrollArea>
					{more.members > 0 && <p class="quiet">{more.members} more are in the JSON.</p>}
				</>
			)}
		</>
	);
}

function Release({ release }: { release: NonNullable<FileFinding['release']> }) {
	const name = `Device OS ${release.version} for the ${release.platform.displayName}`;
	return (
		<>
			<p>
				{release.complete ? (
					<>
						<span class="tag good">✓ Complete</span> Every module of {name} is in it, and right.
					</>
				) : (
					<>
						<span class="tag bad">✗ Not complete</span> It is not all of {name}:
					</>
				)}
			</p>
			{!release.complete && <Problems problems={release.problems} />}
		</>
	);
}

function Bundle({ bundle, file }: { bundle: NonNullable<FileFinding['bundle']>; file: string }) {
	const measured = bundle.assets.some((a) => a.storeSize !== undefined);
	return (
		<>
			<h3>Assets</h3>
			<p>
				Application: <code>{bundle.application}</code>
				{bundle.environment !== undefined && (
					<>
						; environment variables: <code>{bundle.environment}</code>
					</>
				)}
			</p>
			<ScrollArea label={`Assets in ${file}`}>
				<table>
					<thead>
						<tr>
							<th scope="col">Asset</th>
							<th scope="col">Size</th>
							{measured && <th scope="col">Compressed</th>}
							{measured && <th scope="col">In the store</th>}
							<th scope="col">State</th>
							<th scope="col">SHA-256</th>
						</tr>
					</thead>
					<tbody>
						{bundle.assets.map((a) => (
							<tr key={a.name}>
								<th scope="row">{a.name}</th>
								<td>{sizeText(a.size)}</td>
								{measured && <td>{a.moduleSize === undefined ? '-' : sizeText(a.moduleSize)}</td>}
								{measured && <td>{a.storeSize === undefined ? '-' : sizeText(a.storeSize)}</td>}
								<td>{a.right ? '✓ right' : '✗ not what the application asks for'}</td>
								<td>
									<ShortHash value={a.sha256} />
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
			{bundle.stores.length > 0 && (
				<ul>
					{bundle.stores.map((s) => (
						<li key={s.releases}>
							Store with Device OS {s.releases}: {sizeText(s.used)} of {sizeText(s.usable)} used
							{s.free < 0 ? `, ${sizeText(-s.free)} too much` : `, ${sizeText(s.free)} free`}.
						</li>
					))}
				</ul>
			)}
		</>
	);
}
