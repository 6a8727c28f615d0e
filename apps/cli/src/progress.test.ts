import type { JobEvent } from '@linac/programmer';
import { expect, test } from 'vitest';
import { Output } from './output.js';
import { bar, JobProgress, progressLine } from './progress.js';
import { visibleWidth } from './table.js';

function sink(isTTY: boolean, columns = 80) {
	let text = '';
	return {
		stream: {
			write: (more: string) => {
				text += more;
			},
			isTTY,
			columns,
		},
		text: () => text,
	};
}

const events = [
	{ seq: 1, time: 0, type: 'step-started', step: 'step-1', title: 'Write system-part1 4005', index: 1, count: 2 },
	{ seq: 2, time: 100, type: 'progress', step: 'step-1', what: 'write', done: 0, total: 102_400, fraction: 0, leftMs: 4200 },
	{
		seq: 3,
		time: 1100,
		type: 'progress',
		step: 'step-1',
		what: 'write',
		done: 51_200,
		total: 102_400,
		fraction: 0.25,
		leftMs: 3100,
	},
	{
		seq: 4,
		time: 2100,
		type: 'progress',
		step: 'step-1',
		what: 'write',
		done: 102_400,
		total: 102_400,
		fraction: 0.5,
		leftMs: 2100,
	},
	{ seq: 5, time: 2200, type: 'step-finished', step: 'step-1', ms: 2200, evidence: { sha256: 'abcdef0123456789' } },
] as JobEvent[];

function show(isTTY: boolean, json = false, env: Record<string, string> = {}) {
	const out = sink(isTTY);
	const err = sink(isTTY);
	const output = new Output({ stdout: out.stream, stderr: err.stream, json, env });
	let now = 0;
	const progress = new JobProgress(output, () => {
		now += 1000;
		return now;
	});
	for (const event of events) progress.event(event);
	progress.finish();
	return { out: out.text(), err: err.text() };
}

test('in a pipe a job prints plain lines without bars, colours or carriage returns', () => {
	const { out, err } = show(false);
	expect(out).toBe('');
	expect(err.split('\n')).toEqual([
		'[1/2] Write system-part1 4005',
		'      done in 2.2 s, read back: SHA-256 abcdef012345... is right',
		'',
	]);
});

test('on a terminal a bar shows how much is done, how fast it goes and how long it will take', () => {
	const { err } = show(true);
	expect(err).toContain('50 %');
	expect(err).toContain('50.0 KB/s');
	expect(err).toContain('1.0 s left');
	expect(err).toContain('█');
	// What is drawn last is taken away before the next line: no remains of a bar.
	expect(err.trimEnd().split('\n').at(-1)).toContain('done');
});

test('where there is room, the line says how far the whole job is', () => {
	const line = progressLine('writing', 512_000, 1_024_000, 1000, 120, { fraction: 0.25, leftMs: 65_000 });
	expect(line).toContain('all: 25 %, 1 min 05 s left');
});

test('NO_COLOR takes the colours away and leaves the bar', () => {
	const { err } = show(true, false, { NO_COLOR: '1' });
	expect(err).toContain('█');
	expect(err.split('\u001b[').some((part) => /^[0-9]+m/.test(part))).toBe(false);
});

test('with --json in a pipe nothing is said but the document', () => {
	expect(show(false, true)).toEqual({ out: '', err: '' });
});

test('a progress line fits every width', () => {
	for (let width = 30; width < 140; width++) {
		for (const done of [0, 1, 51_234, 1_048_576]) {
			expect(visibleWidth(progressLine('reading back', done, 1_048_576, 1234, width))).toBeLessThanOrEqual(width);
			const job = { fraction: 0.4567, leftMs: 65_000 };
			expect(visibleWidth(progressLine('reading back', done, 1_048_576, 1234, width, job))).toBeLessThanOrEqual(width);
		}
	}
	expect(bar(0.5, 10)).toBe('█████░░░░░');
});
