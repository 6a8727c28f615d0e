import { type Clock, VirtualClock } from '@linac/core';
import { expect, test } from 'vitest';
import { Pace } from './timing.js';

/** Sleeps longer than it was asked to, as timers of an operating system do. */
function lateClock(byMs: number): Clock & { pass(ms: number): void } {
	let now = 0;
	return {
		now: () => now,
		sleep: async (ms) => {
			now += ms + byMs;
		},
		timer: () => () => {},
		pass: (ms) => {
			now += ms;
		},
	};
}

test('thousands of short works take as long as their sum, however late the timers come', async () => {
	const clock = lateClock(0.7);
	const pace = new Pace(clock, true);
	for (let i = 0; i < 1000; i++) {
		pace.begin();
		await pace.spend(1.3);
	}
	expect(clock.now()).toBeGreaterThan(1298);
	expect(clock.now()).toBeLessThan(1303);
});

test('time in which nothing was done is not made up for', async () => {
	const clock = lateClock(0.7);
	const pace = new Pace(clock, true);
	for (let i = 0; i < 100; i++) {
		clock.pass(10);
		pace.begin();
		await pace.spend(5);
	}
	expect(clock.now()).toBeGreaterThan(1498);
	expect(clock.now()).toBeLessThan(1503);
});

test('on a clock that is exact every work takes its own time', async () => {
	const clock = new VirtualClock();
	const pace = new Pace(clock, true);
	pace.begin();
	await pace.spend(2.5);
	expect(clock.now()).toBe(2.5);
	pace.begin();
	await pace.spend(1);
	expect(clock.now()).toBe(3.5);
});
