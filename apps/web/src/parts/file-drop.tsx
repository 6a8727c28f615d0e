/** A place to drop files on, with a button for whoever does not drag. Reading them is left to the caller. */
import { useState } from 'preact/hooks';
import { fieldProps } from './field.js';

export interface FileDropProps {
	id: string;
	label: string;
	help?: string;
	/** As the attribute of an input: `.bin,.zip`. It only sets what the dialog shows first. */
	accept?: string;
	multiple?: boolean;
	/** What has been chosen, in words: `firmware.bin`. */
	chosen?: string;
	/** Takes the choice back. */
	onRemove?(): void;
	/** What is wrong with what was chosen, one sentence each. */
	wrong?: readonly string[];
	onFiles(files: File[]): void;
}

export function FileDrop({ id, label, help, accept, multiple = false, chosen, onRemove, wrong = [], onFiles }: FileDropProps) {
	const [over, setOver] = useState(false);
	const described = fieldProps(id, { help, wrong });
	const take = (list: FileList | null | undefined) => {
		const files = [...(list ?? [])];
		if (files.length > 0) onFiles(multiple ? files : files.slice(0, 1));
	};
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
				take(event.dataTransfer?.files);
			}}
		>
			<label for={id}>{label}</label>
			<input
				{...described}
				type="file"
				accept={accept}
				multiple={multiple}
				onChange={(event) => {
					take(event.currentTarget.files);
					// The same file chosen again is a new choice: it may have been changed.
					event.currentTarget.value = '';
				}}
			/>
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
