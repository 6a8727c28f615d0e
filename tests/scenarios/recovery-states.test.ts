import { expect, test } from 'vitest';
import { kinds, smallKinds } from './recovery-states.js';
import { all, sayStates, sweepStates } from './recovery-sweep.js';

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const LIMIT_MS = 3_600_000;

// By the flash and the mode of the device, whatever the report says; and where only SWD is left, its bootloader is really gone, and was before.
test.each(Object.keys(kinds))(
	'a %s with real modules, damaged at random, ends whole and running, or with the truth that only SWD can help',
	async (name) => {
		const began = performance.now();
		const swept = await sweepStates(kinds[name]!, seeds(all ? 200 : 4));
		sayStates(`restore ${name}, real modules`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.repaired).toBeGreaterThan(swept.states / 2);
	},
	LIMIT_MS,
);

test.each(Object.keys(smallKinds))(
	'a %s of any line of Device OS, damaged at random, ends whole and running, or with the truth that only SWD can help',
	async (name) => {
		const began = performance.now();
		const swept = await sweepStates(smallKinds[name]!, seeds(all ? 200 : 20));
		sayStates(`restore ${name}, all lines`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.repaired).toBeGreaterThan(swept.states / 2);
	},
	LIMIT_MS,
);
