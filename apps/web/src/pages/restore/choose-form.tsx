/** What a device is brought to: the release and the application. */
import { useState } from 'preact/hooks';
import type { DeviceState } from '../../engine/device-state.js';
import type { ReleaseChoice } from '../../engine/release-choices.js';
import type { ApplicationChoice } from '../../engine/storage.js';
import { callEngine } from '../../link/page-link.js';
import { Field, fieldProps } from '../../parts/field.js';
import { FileDrop } from '../../parts/file-drop.js';
import { type Card, makePlan } from './device-cards.js';
import { linkedRelease } from './linked.js';
import { onThePage } from './words.js';

const lines = { lts: 'Long-term support', legacy: 'Older lines', preview: 'Previews' } as const;
/** Larger than the flash of every device, and than every bundle. */
const LARGEST_FILE = 64 * 1024 * 1024;

function label(release: ReleaseChoice): string {
	const marks = [
		...(release.recommended === undefined ? [] : ['recommended']),
		...(release.line === 'lts' ? ['LTS'] : []),
		...(release.latestInLine ? [`latest in ${release.lineName}`] : []),
		...(release.preview ? ['preview'] : []),
		...(release.where === 'none' ? ['not here'] : release.where === 'network' ? ['from the network'] : []),
	];
	return marks.length === 0 ? release.version : `${release.version} (${marks.join(', ')})`;
}

export function ChooseForm({ card, state, releases }: { card: Card; state: DeviceState; releases: readonly ReleaseChoice[] }) {
	const recommended = releases.find((r) => r.recommended !== undefined);
	const first = linkedRelease(card, releases) ?? recommended ?? releases[0];
	const [version, setVersion] = useState(first?.version ?? '');
	const [previews, setPreviews] = useState(first?.preview ?? false);
	const [application, setApplication] = useState<ApplicationChoice['kind']>('keep');
	const [file, setFile] = useState<{ name: string; bytes: Uint8Array; about: string; wrong: string[] }>();
	const [downgrade, setDowngrade] = useState(false);
	const id = card.key.replace(/[^\w-]/g, '-');
	const chosen = releases.find((r) => r.version === version);
	const shown = releases.filter((r) => previews || !r.preview || r.version === version);
	const missing = application === 'file' && (!file || file.wrong.length > 0);
	const older = chosen?.older ?? false;

	const takeFile = async (given: File) => {
		if (given.size > LARGEST_FILE) {
			setFile({ name: given.name, bytes: new Uint8Array(), about: '', wrong: [`${given.name} is larger than any firmware.`] });
			return;
		}
		const bytes = new Uint8Array(await given.arrayBuffer());
		const { modules, problems } = await callEngine('devices.file', { name: given.name, bytes });
		const about = modules.map((m) => m.slot).join(', ');
		setFile({ name: given.name, bytes, about, wrong: problems.map((p) => p.message) });
	};
	const submit = (event: Event) => {
		event.preventDefault();
		if (!chosen || missing || (older && !downgrade)) return;
		const choice: ApplicationChoice =
			application === 'file' && file
				? { kind: 'file', name: file.name, bytes: file.bytes }
				: { kind: application as 'keep' | 'default' };
		void makePlan(card, { target: chosen.version, application: choice, allow: older ? ['downgrade'] : [] });
	};
	if (state.findings.some((f) => f.code === 'DEVICE_PROTECTED')) return null;
	if (releases.length === 0) return <p>There is no release of Device OS for this board.</p>;
	const groups = (['lts', 'legacy', 'preview'] as const).map((line) => ({ line, of: shown.filter((r) => r.line === line) }));
	return (
		<form class="restore-choose" onSubmit={submit}>
			<h3>What it is brought to</h3>
			<Field
				id={`${id}-release`}
				label="Device OS release"
				help={
					chosen?.recommended !== undefined
						? `Recommended: ${onThePage(chosen.recommended)}`
						: recommended && `Recommended: ${recommended.version}. ${onThePage(recommended.recommended ?? '')}`
				}
			>
				<select
					{...fieldProps(`${id}-release`, { help: recommended ? 'yes' : undefined })}
					value={version}
					onChange={(event) => setVersion(event.currentTarget.value)}
				>
					{groups.map(
						({ line, of }) =>
							of.length > 0 && (
								<optgroup key={line} label={lines[line]}>
									{of.map((r) => (
										<option key={r.version} value={r.version}>
											{label(r)}
										</option>
									))}
								</optgroup>
							),
					)}
				</select>
			</Field>
			{releases.some((r) => r.preview) && (
				<label class="restore-check">
					<input type="checkbox" checked={previews} onChange={(event) => setPreviews(event.currentTarget.checked)} /> Show
					previews and release candidates
				</label>
			)}
			{older && (
				<label class="restore-check">
					<input type="checkbox" checked={downgrade} onChange={(event) => setDowngrade(event.currentTarget.checked)} /> Go back to
					an older Device OS than the {state.osVersion} that is on it
				</label>
			)}
			<fieldset class="restore-application">
				<legend>Application</legend>
				{(
					[
						['keep', 'Keep what is on it (Tinker, if that does not run on this release)'],
						['default', "Tinker, Particle's default application"],
						['file', 'A file of your own'],
					] as const
				).map(([kind, text]) => (
					<label key={kind} class="restore-check">
						<input
							type="radio"
							name={`${id}-application`}
							value={kind}
							checked={application === kind}
							onChange={() => setApplication(kind)}
						/>{' '}
						{text}
					</label>
				))}
				{application === 'file' && (
					<FileDrop
						id={`${id}-file`}
						label="Application file"
						help="A .bin or .hex, or a .zip with the application and its assets."
						accept=".bin,.hex,.zip"
						{...(file ? { chosen: `${file.name}${file.about && ` (${file.about})`}`, wrong: file.wrong } : {})}
						onRemove={() => setFile(undefined)}
						onFiles={([given]) => given && void takeFile(given)}
					/>
				)}
			</fieldset>
			<div class="row end">
				<button type="submit" class="primary" disabled={!chosen || missing || (older && !downgrade) || card.present.value?.busy}>
					Show the plan
				</button>
			</div>
		</form>
	);
}
