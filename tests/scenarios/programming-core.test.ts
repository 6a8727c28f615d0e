/** The Core: one image of system and application, over DFU alone, on a device that knows no control requests. Real images. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes } from '@linac/core';
import { describe, expect, test } from 'vitest';
import { particleCli, realTinker } from '../support/real-firmware.js';
import { application, bench, goal, goalFile, parsed, run } from './programming-setup.js';

const tinker = realTinker('core');
const doctor = new Uint8Array(
	readFileSync(join(particleCli('3.6.0'), 'assets', 'knownApps', 'core', 'doctor', 'core_doctor.bin')),
);
const job = { goal: goal(undefined, [goalFile('core', doctor, 'core_doctor.bin')]) };

async function inDfu() {
	const b = bench('core', { modules: [parsed(tinker)] });
	await b.clock.sleep(5000);
	b.device.pressModeAndReset();
	await b.clock.sleep(5000);
	return b;
}

describe('a Core in DFU mode', () => {
	test('is given another image, which is proved by reading it back, and runs it', async () => {
		const b = await inDfu();
		const { verdict } = await run(b, job);
		expect(verdict).toMatchObject({ ok: true, value: { outcome: 'verified' } });
		if (!verdict.ok) return;
		expect(verdict.value.evidence).toMatchObject([{ slot: 'monolithic', proof: 'read-back-sha256', ok: true }]);
		expect(equalBytes(b.device.flash('internal').read(0x8005000, doctor.length), doctor)).toBe(true);
		expect(b.device.mode).toBe('normal');
	});

	test('is left alone when that image is there already', async () => {
		const b = bench('core', { modules: [parsed(doctor)] });
		await b.clock.sleep(5000);
		b.device.pressModeAndReset();
		const writes = b.device.counters.flashWrites;
		const { verdict } = await run(b, job);
		expect(verdict).toMatchObject({ ok: true, value: { outcome: 'already' } });
		expect(b.device.counters.flashWrites).toBe(writes);
	});

	test('whose cable is pulled anywhere is finished by the same command, with the button where it runs half an image', async () => {
		const whole = await inDfu();
		const before = whole.device.counters.transfers;
		await run(whole, job);
		const count = whole.device.counters.transfers - before;
		expect(count).toBeGreaterThan(100);
		for (let n = 1; n < count; n += Math.ceil(count / 25)) {
			const b = await inDfu();
			b.device.faults.unplugAtTransfer(n);
			await run(b, job).catch(() => {});
			b.device.faults.clear();
			b.device.plug();
			await b.clock.sleep(5000);
			if (b.device.mode !== 'dfu') b.device.pressModeAndReset();
			await b.clock.sleep(5000);
			const { verdict } = await run(b, job);
			expect(verdict.ok && verdict.value.outcome, `transfer ${n}`).toMatch(/^(verified|already)$/);
			expect(equalBytes(b.device.flash('internal').read(0x8005000, doctor.length), doctor)).toBe(true);
		}
	});
});

test('a running Core is not planned for blindly: the refusal says how to bring it into DFU mode', async () => {
	const b = bench('core', { modules: [parsed(tinker)] });
	await b.clock.sleep(5000);
	const { verdict } = await run(b, job);
	expect(verdict.ok).toBe(false);
	expect(verdict.problems[0]).toMatchObject({ code: 'DEVICE_STATE_UNKNOWN', message: expect.stringContaining('DFU mode') });
	expect(b.device.counters.flashWrites).toBe(0);
});

test('an image for a Photon is refused by a Core', async () => {
	const b = await inDfu();
	const { verdict } = await run(b, { goal: goal(undefined, [goalFile('core', application('photon', { needs: 207 }))]) });
	expect(verdict).toMatchObject({ ok: false, problems: [{ code: 'WRONG_PLATFORM' }] });
});
