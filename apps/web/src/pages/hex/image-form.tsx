/** What an image is made of: board, release, application, and what only a blank chip needs. Shared by everything that is made of a release. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { FieldProblem } from '../../engine/field-problems.js';
import type { PlatformShown, ReleasesShown } from '../../engine/image-facts.js';
import { Field, fieldProps } from '../../parts/field.js';
import { FileDrop } from '../../parts/file-drop.js';
import { Failure } from '../../parts/problems.js';
import { useEngine } from '../../parts/use-engine.js';
import {
	allowUnknownMbr,
	application,
	applicationFile,
	board,
	layout,
	mbrFile,
	nfcPins,
	platform,
	platforms,
	release,
	releases,
	releasesChanged,
	version,
	withRegisters,
	wrongAt,
} from './choices.js';
import { ReleaseField } from './release-field.js';

export interface ImageFormProps {
	problems: readonly FieldProblem[];
	/** What is made leaves the MBR and the registers alone. */
	partial?: boolean;
	/** Shows the choice of the layout. */
	layouts?: boolean;
	/** Only boards for which this is made. */
	only?: (platform: PlatformShown) => boolean;
	/** Where the MBR came from that was used. */
	mbrFrom?: string | undefined;
	/** Further fields, shown once a release has been chosen. */
	children?: ComponentChildren;
}

export function ImageForm({ problems, partial = false, layouts = false, only = () => true, mbrFrom, children }: ImageFormProps) {
	const chosen = board.value;
	const { shown, error } = useReleases(chosen);
	const wrong = chosen?.without === undefined ? [] : [chosen.without];
	return (
		<form class="hex-form" onSubmit={(event) => event.preventDefault()}>
			<Field id="hex-platform" label="Board" wrong={wrong}>
				<select
					{...fieldProps('hex-platform', { wrong })}
					value={platform.value}
					onChange={(event) => {
						platform.value = event.currentTarget.value;
						version.value = '';
					}}
				>
					<option value="" disabled>
						Choose a board
					</option>
					{platforms.value
						.filter((p) => p === chosen || only(p))
						.map((p) => (
							<option key={p.name} value={p.name}>
								{p.displayName}
							</option>
						))}
				</select>
			</Field>
			{error !== undefined && <Failure error={error} title="The releases cannot be listed" />}
			{chosen && shown && <ReleaseField board={chosen} releases={shown} problems={problems} />}
			{chosen && release.value && (
				<>
					<ApplicationField problems={problems} />
					{!partial && chosen.mbr && <MbrField problems={problems} from={mbrFrom} />}
					{!partial && chosen.registers && <RegisterFields problems={problems} />}
					{layouts && release.value.classic && <LayoutField problems={problems} />}
					{children}
				</>
			)}
		</form>
	);
}

/** The releases for a board. When none has been chosen that is here, the one is taken that most want. */
function useReleases(chosen: PlatformShown | undefined): { shown?: ReleasesShown; error?: unknown } {
	const name = chosen && !chosen.without ? chosen.name : undefined;
	const asked = useMemo(() => (name === undefined ? undefined : { platform: name }), [name, releasesChanged.value]);
	const { value, error, busy } = useEngine('image.releases', asked);
	useEffect(() => {
		if (busy || !value || name === undefined) return;
		releases.value = { of: name, shown: value };
		if (!value.here.some((r) => r.version === version.value)) version.value = value.first ?? '';
	}, [value, busy, name]);
	if (error !== undefined) return { error };
	return releases.value && releases.value.of === name ? { shown: releases.value.shown } : {};
}

const applications = [
	['default', 'Tinker, the default application'],
	['file', 'My own'],
	['none', 'None: the board then starts in safe mode'],
] as const;

function ApplicationField({ problems }: { problems: readonly FieldProblem[] }) {
	const wrong = wrongAt(problems, 'application');
	const own = application.value === 'file';
	return (
		<fieldset>
			<legend>Application</legend>
			{applications.map(([value, words]) => (
				<label key={value} class="hex-check">
					<input
						type="radio"
						name="hex-application"
						checked={application.value === value}
						onChange={() => {
							application.value = value;
						}}
					/>
					{words}
				</label>
			))}
			<FileDrop
				id="hex-application-file"
				label="Your application (.bin): drop it here"
				accept=".bin"
				{...(own && applicationFile.value ? { chosen: applicationFile.value.name } : {})}
				onRemove={() => {
					applicationFile.value = undefined;
					application.value = 'default';
				}}
				wrong={own && !applicationFile.value ? ['Choose a file, or one of the other two.'] : wrong}
				onFiles={([file]) => {
					applicationFile.value = file;
					application.value = 'file';
				}}
			/>
		</fieldset>
	);
}

function MbrField({ problems, from }: { problems: readonly FieldProblem[]; from: string | undefined }) {
	const wrong = wrongAt(problems, 'mbr');
	const unknown = problems.some((p) => p.code === 'MBR_UNKNOWN');
	if (from !== undefined && !mbrFile.value && wrong.length === 0) {
		return (
			<p class="hex-have">
				<span class="tag good">✓ MBR</span> Nordic's MBR is here, from {from}.
			</p>
		);
	}
	return (
		<div class="hex-field">
			<FileDrop
				id="hex-mbr"
				label="A file with Nordic's MBR"
				help="Any restore image (.hex) of an nRF52840 board, or Nordic's hex file of SoftDevice S140 7.0.1."
				accept=".hex,.bin"
				{...(mbrFile.value ? { chosen: mbrFile.value.name } : {})}
				onRemove={() => {
					mbrFile.value = undefined;
				}}
				wrong={wrong}
				onFiles={([file]) => {
					mbrFile.value = file;
				}}
			/>
			{(unknown || allowUnknownMbr.value) && (
				<label class="hex-check">
					<input
						type="checkbox"
						checked={allowUnknownMbr.value}
						onChange={(event) => {
							allowUnknownMbr.value = event.currentTarget.checked;
						}}
					/>
					Take it although linac does not know it
				</label>
			)}
		</div>
	);
}

function RegisterFields({ problems }: { problems: readonly FieldProblem[] }) {
	const wrong = wrongAt(problems, 'nfcPins');
	return (
		<fieldset>
			<legend>Registers of the chip (UICR)</legend>
			<label class="hex-check">
				<input
					type="checkbox"
					checked={withRegisters.value}
					onChange={(event) => {
						withRegisters.value = event.currentTarget.checked;
						if (!event.currentTarget.checked) nfcPins.value = '';
					}}
				/>
				Write them: a blank chip does not start without them
			</label>
			{withRegisters.value && (
				<Field id="hex-nfc" label="The two NFC pins are" wrong={wrong}>
					<select
						{...fieldProps('hex-nfc', { wrong })}
						value={nfcPins.value}
						onChange={(event) => {
							nfcPins.value = event.currentTarget.value as typeof nfcPins.value;
						}}
					>
						<option value="">as published for the board</option>
						<option value="nfc">for NFC</option>
						<option value="gpio">ordinary pins (GPIO)</option>
					</select>
				</Field>
			)}
		</fieldset>
	);
}

function LayoutField({ problems }: { problems: readonly FieldProblem[] }) {
	const wrong = wrongAt(problems, 'layout');
	const help = 'Programmers take both. The classic one is for comparing with a published file line by line.';
	return (
		<Field id="hex-layout" label="Layout of the file" help={help} wrong={wrong}>
			<select
				{...fieldProps('hex-layout', { help, wrong })}
				value={layout.value}
				onChange={(event) => {
					layout.value = event.currentTarget.value as typeof layout.value;
				}}
			>
				<option value="sorted">sorted by address</option>
				<option value="classic">classic, as Particle published them</option>
			</select>
		</Field>
	);
}
