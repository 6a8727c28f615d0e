/** One hex file of a release: the form, and beside it what comes of it, made anew with every change. */
import { useEngine } from '../../parts/use-engine.js';
import { release, useRequest } from './choices.js';
import { HexResult } from './hex-result.js';
import { ImageForm } from './image-form.js';
import { UnitFields } from './unit-fields.js';

/** Milliseconds without a change before an image is made. */
const WAIT = 250;

export function HexSection() {
	const settings = release.value?.settings === true;
	const answer = useEngine('image.hex', useRequest(settings), WAIT);
	const problems = answer.value?.problems ?? [];
	return (
		<div class="hex-columns">
			<ImageForm problems={problems} layouts mbrFrom={answer.value?.made?.mbrFrom}>
				<UnitFields possible={settings} problems={problems} />
			</ImageForm>
			<HexResult answer={answer} />
		</div>
	);
}
