import { expect, test } from 'vitest';
import { boron, Fresh, SWEEP_LIMIT_MS, say, sweep, whole } from './interruption-sweep.js';

test(
	'a Boron on its way from 2.2.0 to 4.0.1 with an application of 256 KB recovers from a power failure at any flash write',
	async () => {
		const fresh = new Fresh(boron);
		const { writes } = await whole(fresh);
		const began = performance.now();
		const swept = await sweep(fresh, writes, (d, n) => {
			d.faults.powerLossAtFlashWrite(n);
			return undefined;
		});
		say(`boron, power, of ${writes} flash writes`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.button).toEqual([]);
		expect(swept.dead).toEqual([]);
	},
	SWEEP_LIMIT_MS,
);
