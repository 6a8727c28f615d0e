import { seededRandom } from '@linac/core';
import { expect, test } from 'vitest';
import { attempt, boron, Fresh, proved, SWEEP_LIMIT_MS, whole } from './interruption-sweep.js';

test(
	'a Boron that is interrupted again and again, at random points, is still finished in the end',
	async () => {
		const random = seededRandom(20_240_229);
		const fresh = new Fresh(boron);
		const { transfers } = await whole(fresh);
		for (let round = 0; round < 12; round++) {
			const b = fresh.make();
			for (let interruption = 0; interruption < 4; interruption++) {
				if (random.int(2) === 0) b.device.faults.unplugAtTransfer(1 + random.int(transfers));
				else b.device.faults.powerLossAtFlashWrite(1 + random.int(3000));
				await attempt(b, boron);
				b.device.faults.clear();
				b.device.plug();
				await b.clock.sleep(10_000);
			}
			const last = await attempt(b, boron);
			expect(last.report?.error ?? last.error).toBeUndefined();
			expect(proved(last)).toBe(true);
			expect(b.device.mode).toBe('normal');
		}
	},
	SWEEP_LIMIT_MS,
);
