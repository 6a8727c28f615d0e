/** A place to drop files on, with a button for whoever does not drag. Reading them is left to the caller. */
import { useState } from 'preact/hooks';
import { chosenFiles, type DroppedFile, droppedFiles } from './dropped-files.js';
import { fieldProps } from './field.js';

export interface FileDropProps {
	id: string;
	label: string;
	help?: string;
	/** As the attribute of an input: `.bin,.zip`. It only sets what the dialog shows first. */
	accept?: string;
	multiple?: boolean;
	/** Folders may be dropped too, and a second button chooses one; it has this label. Files in them come with their paths. */
	folderLabel?: string;
	disabled?: boolean;
	/** What has been chosen, in words: `firmware.bin`. */
	chosen?: string;
	/** Takes the choice back. */
	onRemove?(): void;
	/** What is wrong with what was chosen, one sentence each. */
	wrong?: readonly string[];
	/** `paths`: of each file, with the folders above it as far as they were given. */
	onFiles(files: File[], paths: string[]): void;
}

export function FileDrop(props: FileDropProps) {
	const { id, label, help, accept, multiple = false, folderLabel, disabled, chosen, onRemove, wrong = [], onFiles } = props;
	const [over, setOver] = useState(false);
	const take = (given: DroppedFile[]) => {
		const all = multiple ? given : given.slice(0, 1);
		if (all.length > 0)
			onFiles(
				all.map((g) => g.file),
				all.map((g) => g.path),
			);
	};
	const onChange = (event: { currentTarget: HTMLInputElement }) => {
		take(chosenFiles(event.currentTarget.files));
		// The same file chosen again is a new choice: it may have been changed.
		event.currentTarget.value = '';
	};
	const { id: _id, ...described } = fieldProps(id, { help, wrong });
	return (
		// biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the input inside does the same for every other way.
		<div
			class={over ? 'drop over' : 'drop'}
			onDragOver={(event) => {
				event.preventDefault();
				setOver(true);
			}}
			onDragLeave={() => setOver(false)}
			onDrop={(event) => {
				event.preventDefault();
				setOver(false);
				const { dataTransfer } = event;
				if (!dataTransfer || disabled) return;
				if (folderLabel === undefined) take(chosenFiles(dataTransfer.files));
				else void droppedFiles(dataTransfer).then(take);
			}}
		>
			<div class={folderLabel === undefined ? undefined : 'drop-choices'}>
				<label for={id}>{label}</label>{' '}
				<input id={id} type="file" accept={accept} multiple={multiple} disabled={disabled} {...described} onChange={onChange} />
				{folderLabel !== undefined && (
					<>
						<label for={`${id}-folder`}>{folderLabel}</label>
						<input
							id={`${id}-folder`}
							type="file"
							disabled={disabled}
							{...described}
							onChange={onChange}
							{...{ webkitdirectory: true }}
						/>
					</>
				)}
			</div>
			{chosen !== undefined && (
				<p class="chosen">
					Chosen: <strong>{chosen}</strong>{' '}
					{onRemove && (
						<button type="button" onClick={onRemove}>
							Remove<span class="only-spoken"> {chosen}</span>
						</button>
					)}
				</p>
			)}
			{help && (
				<p class="help" id={`${id}-help`}>
					{help}
				</p>
			)}
			{wrong.length > 0 && (
				<p class="wrong" id={`${id}-wrong`}>
					<strong>Error: </strong>
					{wrong.join(' ')}
				</p>
			)}
		</div>
	);
}
