/** Gathers what happens faster than a screen shows it, and applies it once a frame: sixteen jobs at once must not keep the page busy. */
import { batch } from '@preact/signals';

/** A hidden page gets no frames; its title and what is announced still shall follow. Milliseconds. */
const HIDDEN_MS = 250;

const waiting: (() => void)[] = [];
let scheduled = false;

/** Runs `act` with everything else that is waiting before the next frame, in the order of the calls. */
export function perFrame(act: () => void): void {
	waiting.push(act);
	if (scheduled) return;
	scheduled = true;
	if (document.hidden) setTimeout(run, HIDDEN_MS);
	else requestAnimationFrame(run);
}

function run(): void {
	scheduled = false;
	const acts = waiting.splice(0);
	batch(() => {
		for (const act of acts) act();
	});
}
