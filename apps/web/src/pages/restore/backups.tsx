/** The backups that jobs have made, kept in this browser: to save as files, and to remove. */
import { useEffect, useState } from 'preact/hooks';
import type { BackupShown } from '../../engine/restore-methods.js';
import { callEngine } from '../../link/page-link.js';
import { download } from '../../parts/download.js';
import { sizeText } from '../../parts/numbers.js';
import { cards } from './device-cards.js';

export function Backups() {
	const [list, setList] = useState<BackupShown[]>([]);
	const finished = cards.value.filter((c) => c.stage.value.name === 'ended' || c.stage.value.name === 'unfinished').length;
	const refresh = () => void callEngine('backups.list', undefined).then(setList, () => setList([]));
	useEffect(refresh, [finished]);
	if (list.length === 0) return null;
	const save = async (file: string) => download(file, await callEngine('backups.read', { file }), 'application/json');
	const drop = async (file: string) => {
		await callEngine('backups.remove', { file });
		refresh();
	};
	return (
		<details class="card">
			<summary>Backups in this browser ({list.length})</summary>
			<p>
				Each holds settings and application of a board as they were before a job, with its keys: keep the files where others
				cannot read them. <code>linac backup restore FILE</code> puts them back.
			</p>
			<ul class="restore-backups">
				{list.map((b) => (
					<li key={b.file} class="row">
						<span>
							<code>{b.file}</code>, {new Date(b.made).toLocaleString()}, {sizeText(b.size)}
						</span>
						<button type="button" onClick={() => void save(b.file)}>
							Save<span class="only-spoken"> {b.file}</span>
						</button>
						<button type="button" onClick={() => void drop(b.file)}>
							Remove<span class="only-spoken"> {b.file}</span>
						</button>
					</li>
				))}
			</ul>
		</details>
	);
}
