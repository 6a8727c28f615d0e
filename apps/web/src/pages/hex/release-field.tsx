/** Which release: those that can be had here, by line, the latest of each and long-term support marked; previews when they are asked for. */
import { useState } from 'preact/hooks';
import type { FieldProblem } from '../../engine/field-problems.js';
import type { PlatformShown, ReleaseShown, ReleasesShown } from '../../engine/image-facts.js';
import { Field, fieldProps } from '../../parts/field.js';
import { countText } from '../../parts/numbers.js';
import { version, wrongAt } from './choices.js';

const lines = [
	['lts', 'Long-term support (LTS)'],
	['legacy', 'Older lines'],
	['preview', 'Previews'],
] as const;

export interface ReleaseFieldProps {
	board: PlatformShown;
	releases: ReleasesShown;
	problems: readonly FieldProblem[];
}

export function ReleaseField({ board, releases, problems }: ReleaseFieldProps) {
	const [asked, setAsked] = useState(false);
	const { here, elsewhere, first, why } = releases;
	const chosen = here.find((r) => r.version === version.value);
	const previews = asked || chosen?.preview === true;
	const shown = here.filter((r) => previews || !r.preview);
	const wrong =
		here.length === 0
			? [
					`No release of Device OS for the ${board.displayName} is here. Add a zip or folder that has one to your own files below, or serve this page with "linac web".`,
				]
			: wrongAt(problems, 'release');
	const more = elsewhere === 0 ? '' : ` ${countText(elsewhere, 'more release', 'more releases')} of this board are not here.`;
	const help = `${why !== undefined && version.value === first ? `Recommended. ${why}` : ''}${more}`.trim();
	return (
		<>
			<Field id="hex-release" label="Device OS" help={help} wrong={wrong}>
				<select
					{...fieldProps('hex-release', { help, wrong })}
					value={version.value}
					disabled={here.length === 0}
					onChange={(event) => {
						version.value = event.currentTarget.value;
					}}
				>
					{lines.map(([line, title]) => {
						const of = shown.filter((r) => (r.preview ? 'preview' : r.line) === line);
						return (
							of.length > 0 && (
								<optgroup key={line} label={title}>
									{of.map((r) => (
										<option key={r.version} value={r.version}>
											{label(r, why === undefined ? undefined : first)}
										</option>
									))}
								</optgroup>
							)
						);
					})}
				</select>
			</Field>
			{here.some((r) => r.preview) && (
				<label class="hex-check">
					<input
						type="checkbox"
						checked={previews}
						onChange={(event) => {
							setAsked(event.currentTarget.checked);
							if (!event.currentTarget.checked && chosen?.preview) version.value = first ?? '';
						}}
					/>
					Show previews and release candidates
				</label>
			)}
		</>
	);
}

function label(r: ReleaseShown, recommended: string | undefined): string {
	const marks = [
		...(r.version === recommended ? ['recommended'] : []),
		...(r.line === 'lts' && !r.preview ? ['LTS'] : []),
		...(r.latestInLine ? [`latest of ${r.lineName}`] : []),
	];
	return marks.length === 0 ? r.version : `${r.version} (${marks.join(', ')})`;
}
