import { expect, test } from 'vitest';
import { Fresh, photon, SWEEP_LIMIT_MS, say, sweep, whole } from './interruption-sweep.js';

const fresh = new Fresh(photon);

test(
	'a Photon on its way from 1.5.2 to 2.2.0 recovers from a cable pulled at any USB transfer',
	async () => {
		const { transfers } = await whole(fresh);
		const began = performance.now();
		const swept = await sweep(fresh, transfers, (d, n) => {
			d.faults.unplugAtTransfer(n);
			return undefined;
		});
		say(`photon, cable, of ${transfers} transfers`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.button.filter((b) => !b.named)).toEqual([]);
		expect(swept.dead).toEqual([]);
	},
	SWEEP_LIMIT_MS,
);

// The running Device OS of a Photon copies a new bootloader over the old one in place. Power lost just then kills the device: what can be
// asked for is that the plan said so of this very step before it was begun, and that no other step can end so.
test(
	'a Photon on its way from 1.5.2 to 2.2.0 recovers from a power failure at any flash write, except while its bootloader is overwritten, of which the plan had warned',
	async () => {
		const { writes } = await whole(fresh);
		const began = performance.now();
		const swept = await sweep(fresh, writes, (d, n) => {
			d.faults.powerLossAtFlashWrite(n);
			return undefined;
		});
		say(`photon, power, of ${writes} flash writes`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.button.filter((b) => !b.named)).toEqual([]);
		expect(swept.dead.filter((d) => !d.named)).toEqual([]);
		// One sector erased and 15,124 bytes written, 256 at a time.
		expect(swept.dead.length).toBeLessThanOrEqual(62);
	},
	SWEEP_LIMIT_MS,
);
