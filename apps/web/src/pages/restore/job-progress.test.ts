import type { Plan } from '@linac/planner';
import type { JobEvent } from '@linac/programmer';
import { expect, it } from 'vitest';
import { type JobProgress, nextProgress, noProgress } from './job-progress.js';

const plan = { steps: ['a', 'b'].map((id) => ({ id, title: `Step ${id}` })) } as Plan;
type Bare<T> = T extends unknown ? Omit<T, 'seq' | 'time'> : never;

function after(...events: Bare<JobEvent>[]): JobProgress {
	return events.reduce<JobProgress>((p, e, seq) => nextProgress(p, { ...e, seq, time: seq } as JobEvent), noProgress);
}

const started: Bare<JobEvent>[] = [
	{ type: 'job-started', plan },
	{ type: 'step-started', step: 'a', title: 'Step a', index: 1, count: 2 },
];

it('says which step is at work and what happens to how many bytes', () => {
	const now = after(...started, { type: 'progress', step: 'a', what: 'write', done: 5, total: 9, fraction: 0.3, leftMs: 700 });
	expect(now.steps.map((s) => s.state)).toEqual(['now', 'open']);
	expect(now).toMatchObject({ bytes: { what: 'write', done: 5, total: 9 }, fraction: 0.3, leftMs: 700 });
});

it('keeps the reason of a step that was skipped, although it is finished too', () => {
	const now = after(
		...started,
		{ type: 'step-skipped', step: 'a', reason: 'It is there.' },
		{ type: 'step-finished', step: 'a', ms: 3 },
	);
	expect(now.steps[0]).toMatchObject({ state: 'skipped', reason: 'It is there.' });
});

it('asks for somebody only as long as nothing else has happened', () => {
	const waiting = after(...started, { type: 'waiting', step: 'job', for: 'the device', hint: 'Plug it in.' });
	expect(waiting.waiting).toEqual({ for: 'the device', hint: 'Plug it in.' });
	expect(nextProgress(waiting, { type: 'job-started', plan, seq: 9, time: 9 }).waiting).toBeUndefined();
});

it('shows the steps of the new plan after a disturbance, and how far the whole job is stays', () => {
	const now = after(
		...started,
		{ type: 'progress', step: 'a', what: 'write', done: 5, total: 9, fraction: 0.3, leftMs: 700 },
		{ type: 'retry', step: 'job', code: 'USB_DISCONNECTED', message: 'It left.', attempt: 2, of: 4 },
		{ type: 'job-started', plan: { steps: [{ id: 'c', title: 'Step c' }] } as Plan },
	);
	expect(now.steps.map((s) => s.title)).toEqual(['Step c']);
	expect(now.fraction).toBe(0.3);
	expect(now.notes[0]).toContain('It left.');
});

it('does not grow without an end when a device is tried again and again', () => {
	const retries = Array.from({ length: 100 }, (_, i) => ({ type: 'note' as const, message: `Try ${i}` }));
	const { notes } = after(...retries);
	expect(notes.length).toBeLessThan(30);
	expect(notes.at(-1)).toBe('Try 99');
});
