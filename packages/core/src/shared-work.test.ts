import { describe, expect, test } from 'vitest';
import { SharedWork } from './shared-work.js';

/** Work that ends when it is told to, and counts how often it was begun and stopped. */
function workshop() {
	const seen = { begun: 0, stopped: 0 };
	let end: (value: string) => void = () => {};
	const work = (signal: AbortSignal) => {
		seen.begun++;
		signal.addEventListener('abort', () => seen.stopped++);
		return new Promise<string>((resolve) => {
			end = resolve;
		});
	};
	return { seen, work, finish: (value: string) => end(value) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('work that several ask for', () => {
	test('is done once for all who ask while it runs, and again for who asks later', async () => {
		const { seen, work, finish } = workshop();
		const shared = new SharedWork<string>();
		const both = Promise.all([shared.do('a', work), shared.do('a', work)]);
		await turn();
		finish('done');
		expect(await both).toEqual(['done', 'done']);
		expect(seen.begun).toBe(1);
		const again = shared.do('a', work);
		await turn();
		finish('again');
		expect(await again).toBe('again');
		expect(seen.begun).toBe(2);
	});

	test('goes on for the others when one of them gives up, who is told at once', async () => {
		const { seen, work, finish } = workshop();
		const shared = new SharedWork<string>();
		const impatient = new AbortController();
		const one = shared.do('a', work, impatient.signal);
		const other = shared.do('a', work, new AbortController().signal);
		await turn();
		impatient.abort();
		await expect(one).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(seen.stopped).toBe(0);
		finish('done');
		expect(await other).toBe('done');
	});

	test('is stopped when the last one gives up, and who asks then has it begun anew', async () => {
		const { seen, work, finish } = workshop();
		const shared = new SharedWork<string>();
		const stop = new AbortController();
		const one = shared.do('a', work, stop.signal);
		await turn();
		stop.abort();
		await expect(one).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(seen.stopped).toBe(1);
		const next = shared.do('a', work);
		await turn();
		finish('done');
		expect(await next).toBe('done');
		expect(seen).toEqual({ begun: 2, stopped: 1 });
	});

	test('that fails, fails for all who wait, and is not begun for who has already given up', async () => {
		const shared = new SharedWork<string>();
		const fail = () => Promise.reject(new Error('broken'));
		const all = await Promise.allSettled([shared.do('a', fail), shared.do('a', fail)]);
		expect(all.map((r) => r.status)).toEqual(['rejected', 'rejected']);
		const { seen, work } = workshop();
		await expect(shared.do('a', work, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(seen.begun).toBe(0);
	});
});
