/** Gathers what happens faster than a screen shows it, and applies it before a frame: sixteen jobs at once must not keep the page busy. */
import { batch } from '@preact/signals';

/** A hidden page gets no frames; what is announced still shall follow. Milliseconds. */
const HIDDEN_MS = 250;
/** Nobody reads numbers that change more often than this, ms. */
const PAUSE_MS = 100;
/** Cards that are drawn anew in one frame; the others follow in the next ones. */
const MOST_A_FRAME = 4;

const waiting = new Map<string, (() => void)[]>();
let scheduled = false;
let last = Number.NEGATIVE_INFINITY;

/** Runs `act` before one of the next frames, together with what else is waiting for the same `key`, in the order of the calls. */
export function perFrame(key: string, act: () => void): void {
	const acts = waiting.get(key);
	if (acts) acts.push(act);
	else waiting.set(key, [act]);
	if (!scheduled) schedule(last + PAUSE_MS - performance.now());
}

function schedule(pauseMs: number): void {
	scheduled = true;
	if (document.hidden) setTimeout(run, HIDDEN_MS);
	else if (pauseMs > 0) setTimeout(() => requestAnimationFrame(run), pauseMs);
	else requestAnimationFrame(run);
}

function run(): void {
	scheduled = false;
	last = performance.now();
	const now = [...waiting].slice(0, MOST_A_FRAME);
	batch(() => {
		for (const [key, acts] of now) {
			waiting.delete(key);
			for (const act of acts) act();
		}
	});
	if (waiting.size > 0) schedule(0);
}
