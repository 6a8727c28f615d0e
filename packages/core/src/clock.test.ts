import { expect, test } from 'vitest';
import { VirtualClock } from './index.js';

test('a virtual clock wakes sleepers in order of time and costs no real time', async () => {
	const clock = new VirtualClock();
	const order: string[] = [];
	await Promise.all([
		clock.sleep(60_000).then(() => order.push(`late ${clock.now()}`)),
		clock.sleep(5).then(async () => {
			order.push(`early ${clock.now()}`);
			await clock.sleep(10);
			order.push(`middle ${clock.now()}`);
		}),
	]);
	expect(order).toEqual(['early 5', 'middle 15', 'late 60000']);
});

test('a sleep that is cancelled rejects with the code CANCELLED and leaves no timer behind', async () => {
	const clock = new VirtualClock();
	const stop = new AbortController();
	const sleep = clock.sleep(1000, stop.signal);
	stop.abort();
	await expect(sleep).rejects.toMatchObject({ code: 'CANCELLED' });
	await clock.sleep(1);
	expect(clock.now()).toBe(1);
});
