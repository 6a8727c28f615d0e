import { platformByName } from '@linac/catalog';
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

test('a byte of the DCT that does not take its value is told, and the job is not called verified', async () => {
	const b = bench('boron', { release: boron220, application: application('boron', { needs: 2202, index: 1 }), setupDone: false });
	b.device.flash('dct').wearOut(platformByName('boron')!.dct.setupDone!, 0x02);
	const { verdict } = await run(b, { goal: goal('2.2.0'), release: boron220 });
	if (!verdict.ok) throw new Error('refused');
	expect(verdict.value).toMatchObject({ outcome: 'failed', error: { code: 'READ_BACK_DIFFERS' } });
	expect(b.device.mode).not.toBe('normal');
});

test('a header that does not blank is told before anything else is written', async () => {
	const photon152 = realRelease('photon', '1.5.2');
	const b = bench('photon', { release: photon152, application: application('photon', { needs: 1512, index: 1 }) });
	const part1 = photon152.modules.find((m) => m.slot === 'system-part1')!.module;
	b.device.flash('internal').stopErasing(part1.prefix.start);
	const { verdict, events } = await run(b, { goal: goal('2.2.0'), release: realRelease('photon', '2.2.0') });
	if (!verdict.ok) throw new Error('refused');
	expect(verdict.value).toMatchObject({ outcome: 'failed', error: { code: 'READ_BACK_DIFFERS' } });
	expect(events.filter((e) => e.type === 'progress' && e.what === 'write')).toEqual([]);
	expect(b.device.mode).not.toBe('dead');
});

test('an application that is lost between its proof and the restart is noticed by what runs, and put back', async () => {
	const b = bench('boron', { release: boron220 });
	let done = false;
	const retries: string[] = [];
	const { verdict } = await run(b, {
		...job,
		onEvent: (event) => {
			if (event.type === 'retry') retries.push(event.code);
			if (done || event.type !== 'step-started' || !event.title.startsWith('Restart')) return;
			done = true;
			b.device.flash('internal').put(0xb4000 + 1000, new Uint8Array(64));
		},
	});
	if (!verdict.ok) throw new Error('refused');
	console.log(
		done,
		JSON.stringify(verdict.value.evidence, null, 1),
		verdict.value.outcome,
		b.device.mode,
		b.device.why,
		verdict.value.after,
	);
	expect(retries).toEqual(['VERIFY_FAILED']);
	expect(verdict.value.outcome).toBe('verified');
	expect(b.device.mode).toBe('normal');
});
