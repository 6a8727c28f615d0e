import { VirtualClock } from '@linac/core';
import type { Step } from '@linac/planner';
import { expect, test } from 'vitest';
import { JobEvents } from './job-events.js';
import type { JobEvent } from './types.js';

function step(id: string, estimateMs: number): Step {
	return {
		id,
		title: id,
		because: [],
		action: { kind: 'restart' },
		needs: [],
		after: { boots: 'normal', why: '', modules: [] },
		ifInterrupted: { way: 'same-command', why: '' },
		estimateMs,
	};
}

test('events are numbered without gaps, and a repeated step never moves the progress backwards', () => {
	const clock = new VirtualClock();
	const seen: JobEvent[] = [];
	const events = new JobEvents(clock, (e) => seen.push(e));
	const [a, b] = [step('step-1', 1000), step('step-2', 3000)];
	events.begin([a, b]);
	for (const done of [100, 200, 50, 100, 300, 400]) {
		clock.advance(10);
		events.progress(a, 'write', done, 400);
	}
	events.stepDone(a);
	events.progress(b, 'write', 10, 10);
	events.progress(b, 'read-back', 10, 10);
	events.stepDone(b);
	expect(seen.map((e) => e.seq)).toEqual(seen.map((_, i) => i + 1));
	const progress = seen.flatMap((e) => (e.type === 'progress' ? [e] : []));
	expect(progress.map((e) => e.done)).toEqual([100, 200, 300, 400, 10, 10]);
	const fractions = progress.map((e) => e.fraction);
	expect(fractions).toEqual([...fractions].sort((x, y) => x - y));
	expect(fractions.at(-1)).toBe(1);
	expect(progress.at(-1)?.leftMs).toBe(0);
});

test('after a disturbance the bar stays where it was until the new plan has got as far', () => {
	const clock = new VirtualClock();
	const seen: JobEvent[] = [];
	const events = new JobEvents(clock, (e) => seen.push(e));
	const a = step('step-1', 1000);
	events.begin([a]);
	events.progress(a, 'write', 90, 100);
	events.begin([a]);
	events.progress(a, 'write', 10, 100);
	events.progress(a, 'write', 100, 100);
	const fractions = seen.flatMap((e) => (e.type === 'progress' ? [e.fraction] : []));
	expect(fractions[1]).toBe(fractions[0]);
	expect(fractions[2]).toBeGreaterThan(fractions[1]!);
});
