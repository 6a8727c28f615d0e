/** Modules that the running Device OS installs itself: what cancelling does there, how a lost bootloader is told, and that tries are bounded. */
import { LinacError } from '@linac/core';
import type { JobEvent } from '@linac/programmer';
import { describe, expect, test } from 'vitest';
import { realTinker } from '../support/real-firmware.js';
import { type Bench, bench, goal, realRelease, run } from './programming-setup.js';

function bootloaderOf(b: Bench): { version: number; valid: boolean } | undefined {
	return b.device.installedModules().find((m) => m.function === 2);
}

function value(outcome: Awaited<ReturnType<typeof run>>) {
	if (!outcome.verdict.ok) throw new Error(outcome.verdict.problems.map((p) => p.message).join(' '));
	return outcome.verdict.value;
}

/** Runs the job and cancels it at the first event for which `at` says so. */
async function cancelledAt(b: Bench, job: Parameters<typeof run>[1], at: (event: JobEvent) => boolean) {
	const stop = new AbortController();
	const outcome = await run(b, {
		...job,
		signal: stop.signal,
		onEvent: (event) => {
			if (at(event)) stop.abort();
		},
	});
	expect(stop.signal.aborted).toBe(true);
	expect(value(outcome)).toMatchObject({ outcome: 'cancelled', error: { code: 'CANCELLED' } });
	return value(outcome);
}

describe('a bootloader that is given to the running Device OS', () => {
	const boron220 = realRelease('boron', '2.2.0');
	const job = { goal: goal('4.0.1', [], { bootloaderWay: 'control' }), release: realRelease('boron', '4.0.1') };

	test('cancelling while it is being sent leaves the old one, and a device that answers; the same command finishes the job', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const old = bootloaderOf(b)!.version;
		let sent = 0;
		let whole = 0;
		await cancelledAt(b, job, (e) => {
			if (e.type !== 'progress' || e.what !== 'send') return false;
			sent = e.done;
			whole = e.total;
			return e.done > e.total / 2;
		});
		expect(sent).toBeGreaterThan(10_000);
		expect(sent).toBeLessThan(whole - 5000);
		expect(b.device.mode).toBe('normal');
		expect(bootloaderOf(b)).toMatchObject({ version: old, valid: true });
		expect(value(await run(b, job)).outcome).toBe('verified');
		expect(bootloaderOf(b)).toMatchObject({ version: 1101, valid: true });
	});

	test('cancelling after it has been accepted waits until it is in place, and stops then', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const r = await cancelledAt(b, job, (e) => e.type === 'waiting');
		expect(r.steps.find((s) => /bootloader/.test(s.title))).toMatchObject({ result: 'done' });
		expect(b.device.mode).toBe('normal');
		expect(bootloaderOf(b)).toMatchObject({ version: 1101, valid: true });
		expect(value(await run(b, job)).outcome).toBe('verified');
	});

	test('a device that takes it and never installs it is not asked for longer than a few minutes, and the error says what happened', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const old = bootloaderOf(b)!;
		const flash = b.device.flash('internal');
		const region = b.device.platform.memory.find((r) => r.name === 'bootloader')!;
		const before = flash.read(region.start, region.end - region.start);
		// Whatever the device copies there, its flash holds the old bootloader again by the time that it runs.
		const stop = b.device.onChange(() => {
			if (b.device.mode === 'normal') flash.put(region.start, before);
		});
		const outcome = await run(b, job);
		stop();
		const r = value(outcome);
		expect(r).toMatchObject({ outcome: 'failed', error: { code: 'UPDATE_NOT_APPLIED' } });
		expect(bootloaderOf(b)).toMatchObject({ version: old.version });
		expect(outcome.events.filter((e) => e.type === 'retry').length).toBeGreaterThanOrEqual(1);
		expect(b.clock.now()).toBeLessThan(200_000);
	});
});

describe('a bootloader that is left for the new Device OS to install', () => {
	const boron220 = realRelease('boron', '2.2.0');
	const release = realRelease('boron', '4.0.1');
	const job = { goal: goal('4.0.1'), release };
	const way = (r: ReturnType<typeof value>) => r.steps.find((s) => /install(ed)?\b/.test(s.title));

	test('is the usual way on a Boron; the evidence says what proves it, and what proves more', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const r = value(await run(b, job));
		expect(r.outcome).toBe('verified');
		expect(way(r)).toMatchObject({ result: 'done' });
		const proofs = (report: typeof r) => Object.fromEntries(report.evidence.map((e) => [e.slot, e.proof]));
		expect(proofs(r)).toMatchObject({ bootloader: 'copy-read-back-sha256', 'system-part1': 'read-back-sha256' });
		expect(bootloaderOf(b)).toMatchObject({ version: 1101, valid: true });
		const other = bench('boron', { release: boron220, application: realTinker('boron') });
		const byControl = value(await run(other, { goal: goal('4.0.1', [], { bootloaderWay: 'control' }), release }));
		expect(proofs(byControl)).toMatchObject({ bootloader: 'read-back-sha256', 'system-part1': 'read-back-sha256' });
	});

	test('cancelling in DFU mode before anything is written lets the device run again, as it was', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const before = b.device.installedModules();
		const writes = b.device.counters.flashWrites;
		await cancelledAt(b, job, (e) => e.type === 'step-finished');
		expect(b.device.counters.flashWrites).toBe(writes);
		expect(b.device.installedModules()).toEqual(before);
		expect(b.device.mode).toBe('normal');
	});

	test('cancelling while it is left there changes no bootloader; the same command finishes the job', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		const old = bootloaderOf(b)!.version;
		let step = '';
		await cancelledAt(b, job, (e) => {
			if (e.type === 'step-started') step = e.title;
			return e.type === 'progress' && e.what === 'write' && step.startsWith('Leave bootloader') && e.done > e.total / 2;
		});
		expect(bootloaderOf(b)).toMatchObject({ version: old, valid: true });
		expect(b.device.readDct(b.device.platform.dct.otaFlag, 1)[0]).not.toBe(0xa5);
		expect(value(await run(b, job)).outcome).toBe('verified');
		expect(bootloaderOf(b)).toMatchObject({ version: 1101, valid: true });
	});

	test('cancelling while it is installed waits until it is in place, and stops then', async () => {
		const b = bench('boron', { release: boron220, application: realTinker('boron') });
		await cancelledAt(b, job, (e) => e.type === 'waiting');
		expect(b.device.mode).toBe('normal');
		expect(bootloaderOf(b)).toMatchObject({ version: 1101, valid: true });
		expect(value(await run(b, job)).outcome).toBe('already');
	});
});

describe('a Photon, whose system copies a bootloader over the old one', () => {
	const job = { goal: goal('2.2.0'), release: realRelease('photon', '2.2.0') };

	test('that loses its power in the middle of that is told to be maybe lost, with what can still be tried', async () => {
		const codes: string[] = [];
		for (let n = 1; n <= 6; n++) {
			const b = bench('photon', { release: realRelease('photon', '1.5.2'), application: realTinker('photon') });
			let armed = false;
			const outcome = await run(b, {
				...job,
				onEvent: (e) => {
					if (armed || e.type !== 'progress' || e.what !== 'send' || e.done < e.total) return;
					armed = true;
					b.device.faults.powerLossAtFlashWrite(n);
				},
			});
			expect(armed).toBe(true);
			const r = value(outcome);
			codes.push(r.error?.code ?? r.outcome);
			if (r.error?.code !== 'BOOTLOADER_MAY_BE_LOST') continue;
			expect(r.outcome).toBe('failed');
			expect(r.error.retry).toBe('operator');
			expect(r.error.hint).toMatch(/SETUP[\s\S]*SWD/);
		}
		expect(codes).toContain('BOOTLOADER_MAY_BE_LOST');
	});
});

describe('tries are counted by the class of the error', () => {
	const release = realRelease('boron', '4.0.1');

	test('a cable that fails again and again ends the call after the fourth look, and the next call finishes', async () => {
		const b = bench('boron', { release: realRelease('boron', '2.2.0') });
		const stop = b.device.onChange(() => {
			if (b.device.mode === 'off') void b.clock.sleep(1000).then(() => b.device.plug());
			// Every time that it comes up it works for a while, never long enough.
			else b.device.faults.unplugAtTransfer(150);
		});
		let looks = 1;
		const onEvent = (e: { type: string; step?: string }) => {
			if (e.type === 'retry' && e.step === 'job') looks++;
		};
		const outcome = await run(b, { goal: goal('4.0.1'), release, onEvent }).then(value, (error: LinacError) => ({ error }));
		stop();
		expect(looks).toBe(4);
		expect(outcome.error?.code).toMatch(/^(USB_DISCONNECTED|DEVICE_NOT_BACK)$/);
		expect(b.clock.now()).toBeLessThan(120_000);
		b.device.faults.clear();
		b.device.plug();
		expect(value(await run(b, { goal: goal('4.0.1'), release })).outcome).toBe('verified');
	});

	test('a download that fails is not repeated by the job: whoever opens releases has done so', async () => {
		const b = bench('boron', { release: realRelease('boron', '2.2.0') });
		let asked = 0;
		const failing = async () => {
			asked++;
			throw new LinacError('RELEASE_NOT_AVAILABLE', 'No source has it.', { retry: 'job' });
		};
		await expect(run(b, { goal: goal('4.0.1'), release: failing })).rejects.toMatchObject({ code: 'RELEASE_NOT_AVAILABLE' });
		expect(asked).toBe(1);
		expect(b.device.counters.flashWrites).toBe(0);
	});
});
