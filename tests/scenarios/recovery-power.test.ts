import { expect, test } from 'vitest';
import { smallKinds } from './recovery-states.js';
import { all, sayPower, sweepPower } from './recovery-sweep.js';

const STATES = all ? 20 : 2;
const POINTS = all ? Number.POSITIVE_INFINITY : 5;

test.each(Object.keys(smallKinds))(
	'a %s whose power is cut while it is repaired is repaired by the same command, except where the plan had named the danger',
	async (name) => {
		const began = performance.now();
		const swept = await sweepPower(
			smallKinds[name]!,
			Array.from({ length: STATES }, (_, i) => i + 1),
			POINTS,
		);
		sayPower(`power cut while ${name} is restored`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.repaired).toBeGreaterThan(swept.points / 2);
	},
	7_200_000,
);
