import { describe, expect, test } from 'vitest';
import { application, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

// The devices accept every write and report no error: only reading back shows that a bit is not what it should be.
const boron220 = realRelease('boron', '2.2.0');
const boron401 = realRelease('boron', '4.0.1');
const job = { goal: goal('4.0.1', [goalFile('boron', application('boron', { needs: 4005, index: 2 }))]), release: boron401 };
const system = boron401.modules.find((m) => m.slot === 'system-part1')!.module;

/** An address inside the system part, and a bit that the module has cleared there. */
const cell = (() => {
	const offset = system.bytes.findIndex((b, i) => i > 100_000 && (b & 0x10) === 0);
	return { address: system.prefix.start + offset, mask: 0x10 };
})();

describe('a Boron with a worn flash cell under the system part', () => {
	test('is never called verified: the address is named, and the bits', async () => {
		const b = bench('boron', { release: boron220 });
		b.device.flash('internal').wearOut(cell.address, cell.mask);
		const { verdict } = await run(b, job);
		if (!verdict.ok) throw new Error('refused');
		expect(verdict.value.outcome).toBe('failed');
		expect(verdict.value.error).toMatchObject({ code: 'READ_BACK_DIFFERS' });
		expect(verdict.value.error?.message).toContain(`0x${cell.address.toString(16)}`);
		expect(verdict.value.evidence.find((row) => row.slot === 'system-part1')?.ok).toBe(false);
	});

	test('is written again when the cell fails only once, and ends verified', async () => {
		const b = bench('boron', { release: boron220 });
		b.device.flash('internal').wearOut(cell.address, cell.mask, 1);
		const outcome = await run(b, job);
		if (!outcome.verdict.ok) throw new Error('refused');
		expect(outcome.verdict.value.outcome).toBe('verified');
		expect(outcome.events.filter((e) => e.type === 'retry').map((e) => e.code)).toEqual(['READ_BACK_DIFFERS']);
	});
});
