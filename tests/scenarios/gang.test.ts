import { platformByName } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { VirtualBus } from '@linac/virtual';
import { expect, test } from 'vitest';
import { application, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const target = realRelease('boron', '4.0.1');
const from = realRelease('boron', '2.2.0');
const app = application('boron', { needs: 4005, index: 2, size: 60_000 });
const files = [goalFile('boron', app)];

function gang(count: number) {
	const shared = { clock: new VirtualClock(), bus: new VirtualBus() };
	const prefix = platformByName('boron')?.deviceIdPrefix ?? '';
	const devices = Array.from({ length: count }, (_, i) => {
		const deviceId = prefix + (i + 1).toString(16).padStart(24 - prefix.length, '0');
		return bench('boron', { release: from, deviceId, location: `1-${i + 1}` }, shared).device;
	});
	return { ...shared, devices };
}

test('sixteen devices are programmed at once by one process, each of them verified, none written twice', async () => {
	const g = gang(16);
	const jobs = await Promise.all(
		g.devices.map((d) => run(g, { goal: goal('4.0.1', files), release: target, selector: { deviceId: d.deviceId } })),
	);
	const alone = gang(1);
	await run(alone, { goal: goal('4.0.1', files), release: target });
	for (const [i, job] of jobs.entries()) {
		const device = g.devices[i]!;
		if (!job.verdict.ok) throw new Error(JSON.stringify(job.verdict.problems));
		expect(job.verdict.value).toMatchObject({ outcome: 'verified', deviceId: device.deviceId });
		expect(device.counters.flashWrites).toBe(alone.devices[0]!.counters.flashWrites);
	}
});

test('one of sixteen devices that is unplugged in the middle harms only its own job, and can be finished afterwards', async () => {
	const g = gang(16);
	const victim = g.devices[6]!;
	victim.faults.unplugAtTransfer(700);
	const jobs = await Promise.all(
		g.devices.map((d) => run(g, { goal: goal('4.0.1', files), release: target, selector: { deviceId: d.deviceId } })),
	);
	for (const [i, job] of jobs.entries()) {
		if (!job.verdict.ok) throw new Error(JSON.stringify(job.verdict.problems));
		expect(job.verdict.value.outcome).toBe(i === 6 ? 'failed' : 'verified');
	}
	victim.plug();
	const again = await run(g, { goal: goal('4.0.1', files), release: target, selector: { deviceId: victim.deviceId } });
	expect(again.verdict).toMatchObject({ ok: true, value: { outcome: 'verified' } });
});

test('with several devices connected and none chosen, nothing is written to any of them', async () => {
	const g = gang(2);
	await g.clock.sleep(5000);
	await expect(run(g, { goal: goal('4.0.1', files), release: target })).rejects.toMatchObject({ code: 'DEVICE_AMBIGUOUS' });
	for (const d of g.devices) expect(d.counters.flashWrites).toBe(0);
});
