/** One hex file for each row of a list, as one zip with a manifest. The list is checked as soon as it is given; the images are made when asked for. */
import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import type { FieldProblem } from '../../engine/field-problems.js';
import type { KeyFile, UnitsMade, UnitsRequest } from '../../engine/unit-methods.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { FileDrop } from '../../parts/file-drop.js';
import { countText, sizeText } from '../../parts/numbers.js';
import { Failure } from '../../parts/problems.js';
import { useEngine } from '../../parts/use-engine.js';
import { board, release, useRequest, wrongAt } from './choices.js';
import { ImageForm } from './image-form.js';
import { WhatIsWrong } from './what-is-wrong.js';

const listFile = signal<File>();
const keyFiles = signal<readonly KeyFile[]>([]);
const allowRepeats = signal(false);

interface Run {
	made: number;
	stop?: AbortController;
	result?: UnitsMade;
	problems: FieldProblem[];
	error?: unknown;
}

export function UnitsSection() {
	const [list, keys, repeats] = [listFile.value, keyFiles.value, allowRepeats.value];
	const asked = useMemo<UnitsRequest | undefined>(
		() =>
			list && board.value && release.value
				? { platform: board.value.name, version: release.value.version, list, keys: [...keys], allowRepeats: repeats }
				: undefined,
		[list, keys, repeats, board.value, release.value],
	);
	const { value, error, busy } = useEngine('units.check', asked);
	const image = useRequest(false);
	const [run, setRun] = useState<Run>();
	const found = value?.problems ?? [];
	const problems = [...found, ...(run?.problems ?? [])];
	const ready = asked !== undefined && image !== undefined && !busy && value?.made !== undefined;
	const make = async () => {
		if (!asked || !image) return;
		const stop = new AbortController();
		setRun({ made: 0, stop, problems: [] });
		try {
			const outcome = await callEngine(
				'units.make',
				{ units: asked, image },
				{ signal: stop.signal, onEvent: (made) => setRun({ made, stop, problems: [] }) },
			);
			const { made: result } = outcome;
			setRun({ made: result?.units ?? 0, problems: result ? [] : outcome.problems, ...(result ? { result } : {}) });
			announce(result ? `${countText(result.units, 'image')} made.` : 'The images could not be made.');
		} catch (failure) {
			setRun(stop.signal.aborted ? undefined : { made: 0, problems: [], error: failure });
		}
	};
	return (
		<div class="hex-columns">
			<ImageForm problems={problems} only={(p) => !p.mbr}>
				{release.value?.settings === false ? (
					<p class="hex-impossible">
						<strong>Not possible here: </strong>on a {board.value?.displayName} the settings of a unit are a file in the file
						system of its flash, which an image cannot hold.
					</p>
				) : (
					<ListFields problems={problems} />
				)}
			</ImageForm>
			<section class="hex-result" aria-label="The images" aria-busy={busy || run?.stop !== undefined}>
				{error !== undefined && <Failure error={error} title="The list cannot be checked" />}
				{run?.error !== undefined && <Failure error={run.error} title="The images could not be made" />}
				{!list && (
					<p>
						Give a list (CSV) with one row a unit: the column <code>unit</code> names the unit and its file, the others its
						settings. Everything in the list is checked before the first image is made, and nothing of it leaves this computer.
					</p>
				)}
				{value?.made && (
					<>
						<h2>{countText(value.made.units, 'unit')}</h2>
						<p>
							The list is right. It sets {value.made.columns.join(', ') || 'nothing'}
							{value.made.keys > 0 && `, with ${countText(value.made.keys, 'key file')}`}.
						</p>
						<UnitsRun run={run} of={value.made.units} ready={ready} onMake={() => void make()} />
					</>
				)}
				<WhatIsWrong problems={problems} what="image" />
			</section>
		</div>
	);
}

function ListFields({ problems }: { problems: readonly FieldProblem[] }) {
	const repeated = problems.some((p) => p.code.endsWith('_REPEATED'));
	const take = (files: File[], paths: string[]) => {
		const given = files.map((file, i) => ({ path: paths[i]!, file }));
		keyFiles.value = [...keyFiles.value.filter((k) => !paths.includes(k.path)), ...given];
	};
	return (
		<>
			<FileDrop
				id="hex-units"
				label="List of units (.csv): drop it here"
				help="Columns: unit, and any of device-private-key, server-public-key, server-address, claim-code, antenna."
				accept=".csv"
				{...(listFile.value ? { chosen: listFile.value.name } : {})}
				onRemove={() => {
					listFile.value = undefined;
				}}
				wrong={wrongAt(problems, 'units')}
				onFiles={([file]) => {
					listFile.value = file;
				}}
			/>
			<FileDrop
				id="hex-unit-keys"
				label="Key files that the list names: drop them, or their folder, here"
				folderLabel="Or a folder with them"
				accept=".pem,.der,.key"
				multiple
				{...(keyFiles.value.length > 0 ? { chosen: countText(keyFiles.value.length, 'file') } : {})}
				onRemove={() => {
					keyFiles.value = [];
				}}
				wrong={wrongAt(problems, 'keys')}
				onFiles={take}
			/>
			{(repeated || allowRepeats.value) && (
				<label class="hex-check">
					<input
						type="checkbox"
						checked={allowRepeats.value}
						onChange={(event) => {
							allowRepeats.value = event.currentTarget.checked;
						}}
					/>
					Let units have the same private key or claim code
				</label>
			)}
		</>
	);
}

function UnitsRun({ run, of, ready, onMake }: { run: Run | undefined; of: number; ready: boolean; onMake: () => void }) {
	const { stop, result } = run ?? {};
	if (stop) {
		return (
			<>
				<label for="hex-units-progress">
					{run?.made ?? 0} of {of} images
				</label>
				<progress id="hex-units-progress" max={of} value={run?.made ?? 0} />
				<p>
					<button type="button" onClick={() => stop.abort()}>
						Stop
					</button>
				</p>
			</>
		);
	}
	return (
		<>
			<p class="row">
				<button type="button" class={result ? '' : 'primary'} disabled={!ready} onClick={onMake}>
					Make {countText(of, 'image')}
				</button>
				{result && (
					<button type="button" class="primary" onClick={() => download(result.file, result.zip, 'application/zip')}>
						Download {result.file} ({sizeText(result.zip.length)})
					</button>
				)}
			</p>
			{result && (
				<p class="quiet">
					manifest.json in it has the SHA-256 of every file. The images hold private keys where the list has some: keep them as
					you keep the keys.
				</p>
			)}
		</>
	);
}
