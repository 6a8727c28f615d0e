import { expect, test } from 'vitest';
import { type Clock, VirtualClock } from './clock.js';
import { PacedClock } from './paced-clock.js';

/** A base whose time passes by itself, and by leaps while the processor is busy. */
function base(): Clock & { advance(ms: number): void } {
	return new VirtualClock();
}

test('time runs as many times faster as was asked for, and a new speed holds for whoever sleeps already', async () => {
	const real = base();
	const clock = new PacedClock(10, real);
	await clock.sleep(1000);
	expect([clock.now(), real.now()]).toEqual([1000, 100]);
	const slept = clock.sleep(100_000);
	clock.speed = 100;
	await slept;
	expect(real.now()).toBeCloseTo(1100, 6);
	expect(clock.now()).toBeCloseTo(101_000, 6);
});

test('a processor that is busy for long does not let a time limit pass before the work that it is for', async () => {
	const real = base();
	const clock = new PacedClock(100, real);
	const order: string[] = [];
	const limit = clock.sleep(5000).then(() => order.push('limit'));
	const work = (async () => {
		for (let i = 0; i < 40; i++) {
			await clock.sleep(100);
			// A second of work between two short waits: a hundred seconds on a clock that leaps.
			real.advance(1000);
		}
		order.push('work');
	})();
	await Promise.all([limit, work]);
	expect(order).toEqual(['work', 'limit']);
	expect(clock.now()).toBeLessThan(10_000);
});

test('a sleeper that is cancelled leaves at once, and the others sleep on', async () => {
	const clock = new PacedClock(1, base());
	const stop = new AbortController();
	const cancelled = clock.sleep(10, stop.signal);
	const other = clock.sleep(20).then(() => clock.now());
	stop.abort();
	await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
	expect(await other).toBe(20);
});
