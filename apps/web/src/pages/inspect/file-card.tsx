/** One file and everything that was found in it. */
import { useEffect, useState } from 'preact/hooks';
import type { ShownFinding } from '../../engine/inspect-methods.js';
import { callEngine } from '../../link/page-link.js';
import { Copyable } from '../../parts/copyable.js';
import { download } from '../../parts/download.js';
import { Field, fieldProps } from '../../parts/field.js';
import { sizeText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { ArchiveView } from './archive-view.js';
import { ImageView } from './image-view.js';
import { asked, lookAgain, type OpenFile, removeFile } from './inspected-files.js';
import { ModuleFolds, ModuleView } from './module-view.js';

const stateWords = {
	sound: ['good', '✓ Sound'],
	unproven: ['caution', '? Not all proved'],
	damaged: ['bad', '✗ Damaged'],
	'not-firmware': ['caution', '– No firmware'],
} as const;

export function FileCard({ file }: { file: OpenFile }) {
	const { finding, state, error } = file;
	const { name } = file;
	const title = `inspect-file-${file.id}`;
	return (
		<article class="card inspect-file" aria-labelledby={title} aria-busy={state === 'looking'}>
			<div class="row inspect-head">
				<h2 id={title}>{name}</h2>
				{finding && <StateTag finding={finding} />}
				<span class="inspect-buttons row">
					{finding && <SaveJson file={file} />}
					<button type="button" onClick={() => removeFile(file.id)} aria-label={`Remove ${name}`}>
						Remove
					</button>
				</span>
			</div>
			{(state === 'waiting' || state === 'looking') && <p class="quiet">Looking into it ...</p>}
			{state === 'failed' && <NotLookedAt error={error} />}
			{finding && state !== 'failed' && <Found finding={finding} />}
			{(finding?.image || finding?.problems.some((p) => p.code === 'BASE_NEEDED')) && <Known file={file} />}
		</article>
	);
}

function StateTag({ finding }: { finding: ShownFinding }) {
	const [tone, words] = stateWords[finding.state];
	return <span class={`tag ${tone}`}>{words}</span>;
}

function NotLookedAt({ error }: { error: unknown }) {
	const { message, hint, code } = error as { message?: string; hint?: string; code?: string };
	return (
		<p class="problem error">
			<strong>Error: </strong>
			{message ?? String(error)} {hint} {code && <code>{code}</code>}
		</p>
	);
}

function Found({ finding }: { finding: ShownFinding }) {
	const { modules, more } = finding;
	const only = finding.kind === 'module' ? modules[0] : undefined;
	return (
		<>
			<p class="inspect-headline">
				<strong>{finding.headline}</strong> {finding.verdict}
			</p>
			<Problems problems={finding.problems} />
			{more.problems > 0 && <p class="quiet">{more.problems} more are in the JSON.</p>}
			<dl class="facts">
				<dt>Size</dt>
				<dd>
					{sizeText(finding.size)} ({finding.size} bytes)
				</dd>
				<dt>SHA-256</dt>
				<dd>
					<Copyable value={finding.sha256} name={`SHA-256 of ${finding.file}`} />
				</dd>
			</dl>
			{only && <ModuleView module={only} />}
			{finding.image && <ImageView image={finding.image} more={more.parts} />}
			{finding.members && <ArchiveView finding={finding} />}
			{!only && modules.length > 0 && <ModuleFolds modules={modules} more={more.modules} file={finding.file} />}
		</>
	);
}

function SaveJson({ file }: { file: OpenFile }) {
	const [wrong, setWrong] = useState<string>();
	const { name } = file;
	const save = async () => {
		setWrong(undefined);
		try {
			const { bytes } = await callEngine('inspect.json', asked(file));
			download(`${file.file.name}.finding.json`, bytes, 'application/json');
		} catch (error) {
			setWrong(error instanceof Error ? error.message : String(error));
		}
	};
	return (
		<>
			<button type="button" onClick={() => void save()} aria-label={`Save as JSON: everything about ${name}`}>
				Save as JSON
			</button>
			{wrong !== undefined && <span role="alert">{wrong}</span>}
		</>
	);
}

/** What an image may not say itself: for which board it is, and where plain bytes stand. */
function Known({ file }: { file: OpenFile }) {
	const [platforms, setPlatforms] = useState<readonly { name: string; displayName: string }[]>([]);
	const [platform, setPlatform] = useState(file.platform);
	const [base, setBase] = useState(file.base);
	useEffect(() => {
		callEngine('inspect.platforms', undefined).then(setPlatforms, () => {});
	}, []);
	const plain = file.finding?.image?.kind !== 'intel-hex';
	const baseId = `inspect-base-${file.id}`;
	const baseHelp = 'For plain bytes that do not say where they stand: 0x08000000, for one.';
	const platformId = `inspect-platform-${file.id}`;
	return (
		<form
			class="inspect-known"
			onSubmit={(event) => {
				event.preventDefault();
				lookAgain(file.id, { platform, base });
			}}
		>
			<Field id={platformId} label="Board">
				<select {...fieldProps(platformId)} value={platform} onChange={(event) => setPlatform(event.currentTarget.value)}>
					<option value="">As its modules say</option>
					{platforms.map((p) => (
						<option key={p.name} value={p.name}>
							{p.displayName}
						</option>
					))}
				</select>
			</Field>
			{plain && (
				<Field id={baseId} label="Address of the first byte" help={baseHelp}>
					<input
						{...fieldProps(baseId, { help: baseHelp })}
						value={base}
						placeholder="0x08000000"
						spellcheck={false}
						onInput={(event) => setBase(event.currentTarget.value)}
					/>
				</Field>
			)}
			<button type="submit">Look again</button>
		</form>
	);
}
