/** Another application in an image that somebody has. The image is shown as soon as it is given, before anything is made of it. */
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { FileDrop } from '../../parts/file-drop.js';
import { MemoryMapView } from '../../parts/memory-map.js';
import { Failure } from '../../parts/problems.js';
import { useEngine } from '../../parts/use-engine.js';
import { applicationFile, wrongAt } from './choices.js';
import { HexResult } from './hex-result.js';
import { WhatIsWrong } from './what-is-wrong.js';

const baseFile = signal<File>();

export function BaseSection() {
	const base = baseFile.value;
	const own = applicationFile.value;
	const asked = useMemo(() => base && { base }, [base]);
	const looked = useEngine('image.base', asked);
	const usable = !looked.busy && looked.value?.made?.usable === true;
	const wanted = useMemo(() => (base && own && usable ? { base, application: own } : undefined), [base, own, usable]);
	const answer = useEngine('image.rebase', wanted);
	const found = looked.value?.problems ?? [];
	const problems = [...found, ...(answer.value?.problems ?? [])];
	return (
		<div class="hex-columns">
			<form class="hex-form" onSubmit={(event) => event.preventDefault()}>
				<p>Everything in the image is checked, its application is replaced, and the rest stays byte for byte.</p>
				<FileDrop
					id="hex-base"
					label="Your restore image (.hex): drop it here"
					accept=".hex"
					{...(base ? { chosen: base.name } : {})}
					onRemove={() => {
						baseFile.value = undefined;
					}}
					wrong={wrongAt(found, 'base')}
					onFiles={([file]) => {
						baseFile.value = file;
					}}
				/>
				<FileDrop
					id="hex-application-file"
					label="Your application (.bin): drop it here"
					accept=".bin"
					{...(own ? { chosen: own.name } : {})}
					onRemove={() => {
						applicationFile.value = undefined;
					}}
					wrong={wrongAt(problems, 'application')}
					onFiles={([file]) => {
						applicationFile.value = file;
					}}
				/>
			</form>
			{wanted ? (
				<HexResult answer={answer} />
			) : (
				<section class="hex-result" aria-label="The image that you gave" aria-busy={looked.busy}>
					{looked.error !== undefined && <Failure error={looked.error} title="The image cannot be read" />}
					{looked.busy && <p class="quiet">Reading the image ...</p>}
					{!base && <p class="quiet">Give an image and an application.</p>}
					{looked.value?.made && (
						<>
							<h2>{looked.value.made.title}</h2>
							{usable && <p>The image is whole. Give an application to put into it.</p>}
						</>
					)}
					<WhatIsWrong problems={found} what="image" />
					{looked.value?.made && <MemoryMapView map={looked.value.made.map} />}
				</section>
			)}
		</div>
	);
}
