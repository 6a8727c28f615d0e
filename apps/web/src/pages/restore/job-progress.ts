/** How far a job is, from its events: the steps of its plan, what happens in the present one, and the time left. Pure. */
import type { Step } from '@linac/planner';
import type { JobEvent } from '@linac/programmer';
import { sizeText } from '../../parts/numbers.js';

export interface StepProgress {
	id: string;
	title: string;
	state: 'open' | 'now' | 'done' | 'skipped';
	/** Why it was skipped. */
	reason?: string;
	/** How long it took, ms. */
	ms?: number;
}

export interface JobProgress {
	steps: readonly StepProgress[];
	/** Of the whole job, 0 ... 1. */
	fraction: number;
	/** Milliseconds; undefined until something can be said. */
	leftMs?: number;
	/** What happens to bytes in the present step. */
	bytes?: { what: 'erase' | 'write' | 'read-back' | 'send'; done: number; total: number };
	/** What somebody has to do for it to go on. */
	waiting?: { for: string; hint?: string };
	/** What is done outside of the steps. */
	doing?: string;
	/** Worth knowing, in their order. */
	notes: readonly string[];
}

export const noProgress: JobProgress = { steps: [], fraction: 0, notes: [] };

/** Notes kept for showing: a device that is tried again and again would fill the page. */
const MOST_NOTES = 20;

export function nextProgress(before: JobProgress, event: JobEvent): JobProgress {
	// Whatever happens, nobody is waited for any more.
	const { waiting: _, ...now } = before;
	switch (event.type) {
		case 'job-started':
			return { ...now, steps: event.plan.steps.map(openStep), bytes: undefined, doing: undefined };
		case 'step-started':
			return { ...now, bytes: undefined, doing: undefined, steps: change(now.steps, event.step, { state: 'now' }) };
		case 'progress': {
			const { what, done, total, fraction, leftMs } = event;
			return { ...now, bytes: { what, done, total }, fraction, leftMs };
		}
		case 'step-skipped':
			return { ...now, steps: change(now.steps, event.step, { state: 'skipped', reason: event.reason }) };
		case 'step-finished': {
			const skipped = now.steps.some((s) => s.id === event.step && s.state === 'skipped');
			const steps = skipped ? now.steps : change(now.steps, event.step, { state: 'done', ms: event.ms });
			return { ...now, bytes: undefined, steps };
		}
		case 'retry':
			return note(now, `Once more (try ${event.attempt} of ${event.of}): ${event.message}`);
		case 'waiting':
			return { ...now, waiting: { for: event.for, ...(event.hint === undefined ? {} : { hint: event.hint }) } };
		case 'note':
			return note(now, event.message);
		case 'backup-started':
			return { ...now, doing: 'Keeping what is on the board, before anything is written.' };
		case 'backup-finished':
			return event.notes.reduce<JobProgress>(note, { ...now, doing: undefined });
		case 'job-finished':
			return { ...now, bytes: undefined, doing: undefined, leftMs: 0, fraction: 1 };
	}
}

/** The release is being fetched. Bytes. */
export function fetching(before: JobProgress, { done, total }: { done: number; total?: number }): JobProgress {
	const all = total !== undefined && done >= total;
	const of = total === undefined ? '' : ` of ${sizeText(total)}`;
	return { ...before, doing: all ? undefined : `Fetching the release: ${sizeText(done)}${of}.` };
}

function openStep({ id, title }: Step): StepProgress {
	return { id, title, state: 'open' };
}

function change(steps: readonly StepProgress[], id: string, to: Partial<StepProgress>): StepProgress[] {
	return steps.map((s) => (s.id === id ? { ...s, ...to } : s));
}

function note(progress: JobProgress, text: string): JobProgress {
	return { ...progress, notes: [...progress.notes, text].slice(-MOST_NOTES) };
}
