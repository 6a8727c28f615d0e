import { expect, test } from 'vitest';
import { boron, Fresh, SWEEP_LIMIT_MS, say, sweep, whole } from './interruption-sweep.js';

test(
	'a Boron on its way from 2.2.0 to 4.0.1 with an application of 256 KB recovers from a cable pulled at any USB transfer',
	async () => {
		const fresh = new Fresh(boron);
		const { transfers } = await whole(fresh);
		const began = performance.now();
		const swept = await sweep(fresh, transfers, (d, n) => {
			d.faults.unplugAtTransfer(n);
			return undefined;
		});
		say(`boron, cable, of ${transfers} transfers`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.button).toEqual([]);
		expect(swept.dead).toEqual([]);
	},
	SWEEP_LIMIT_MS,
);
