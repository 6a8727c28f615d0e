/** A place to drop files on, with a button for whoever does not drag. Reading them is left to the caller. */
import { useState } from 'preact/hooks';

export interface FileDropProps {
	id: string;
	label: string;
	help?: string;
	/** As the attribute of an input: `.bin,.zip`. It only sets what the dialog shows first. */
	accept?: string;
	multiple?: boolean;
	onFiles(files: File[]): void;
}

export function FileDrop({ id, label, help, accept, multiple = false, onFiles }: FileDropProps) {
	const [over, setOver] = useState(false);
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
				id={id}
				type="file"
				accept={accept}
				multiple={multiple}
				aria-describedby={help ? `${id}-help` : undefined}
				onChange={(event) => {
					take(event.currentTarget.files);
					// The same file chosen again is a new choice: it may have been changed.
					event.currentTarget.value = '';
				}}
			/>
			{help && (
				<p class="help" id={`${id}-help`}>
					{help}
				</p>
			)}
		</div>
	);
}
