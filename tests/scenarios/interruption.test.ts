/**
 * The cable is pulled at every USB transfer of a whole job, and the power fails at every flash write: running the same command again
 * always ends with everything proved. `npm run test:sweep` (LINAC_SWEEP=all) visits all points, `npm test` a spread of them.
 */
import type { ReleaseSet } from '@linac/catalog';
import { platformByName } from '@linac/catalog';
import { asLinacError, LinacError, VirtualClock } from '@linac/core';
import type { Plan } from '@linac/planner';
import type { Report } from '@linac/programmer';
import { VirtualBus, VirtualDevice } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { application, type Bench, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const all = process.env.LINAC_SWEEP === 'all';
const SPREAD = 60;

interface Job {
	platform: string;
	from: ReleaseSet;
	to: ReleaseSet;
	target: string;
	application: Uint8Array;
}

const boron: Job = {
	platform: 'boron',
	from: realRelease('boron', '2.2.0'),
	to: realRelease('boron', '4.0.1'),
	target: '4.0.1',
	application: application('boron', { needs: 4005, index: 2, size: 256 * 1024 }),
};
const photon: Job = {
	platform: 'photon',
	from: realRelease('photon', '1.5.2'),
	to: realRelease('photon', '2.2.0'),
	target: '2.2.0',
	application: application('photon', { needs: 2202, index: 1, size: 60_000 }),
};

type State = ReturnType<VirtualDevice['saveState']>;

/** Devices of a job, each as new: the flash of the first is kept and copied. */
class Fresh {
	readonly job: Job;
	readonly #state: State;
	readonly #deviceId: string;
	constructor(job: Job) {
		this.job = job;
		const first = bench(job.platform, { release: job.from });
		this.#state = first.device.saveState();
		this.#deviceId = first.device.deviceId;
	}
	make(): Bench {
		const clock = new VirtualClock();
		const bus = new VirtualBus();
		const platform = platformByName(this.job.platform)!;
		const device = new VirtualDevice({
			platform,
			clock,
			timing: 'none',
			modules: [],
			deviceId: this.#deviceId,
			state: this.#state,
		});
		bus.add(device);
		device.plug();
		return { clock, bus, device };
	}
}

interface Ended {
	report?: Report;
	error?: LinacError;
	plan?: Plan;
}

async function attempt(b: Bench, job: Job): Promise<Ended> {
	const ended: Ended = {};
	try {
		const { verdict } = await run(b, {
			goal: goal(job.target, [goalFile(job.platform, job.application)]),
			release: job.to,
			confirm: (plan) => {
				ended.plan = plan;
				return true;
			},
		});
		if (verdict.ok) ended.report = verdict.value;
		else ended.error = new LinacError(verdict.problems[0]?.code ?? 'REFUSED', verdict.problems.map((p) => p.message).join(' '));
	} catch (error) {
		ended.error = asLinacError(error);
	}
	return ended;
}

function proved(ended: Ended): boolean {
	const { report } = ended;
	if (!report || report.error) return false;
	return (
		(report.outcome === 'verified' || report.outcome === 'already') &&
		report.evidence.length > 2 &&
		report.evidence.every((r) => r.ok)
	);
}

/** Every point, or a spread that always has the first and the last one. */
function points(count: number): number[] {
	if (all || count <= SPREAD) return Array.from({ length: count }, (_, i) => i + 1);
	return Array.from({ length: SPREAD }, (_, i) => 1 + Math.round((i * (count - 1)) / (SPREAD - 1)));
}

interface Swept {
	points: number;
	bad: string[];
	dead: { point: number; hazardNamed: boolean }[];
	tries: number;
}

/** Interrupts a fresh device at each point, plugs it in again, and runs the same command until it is through, at most three times. */
async function sweep(fresh: Fresh, count: number, interrupt: (device: VirtualDevice, point: number) => void): Promise<Swept> {
	const swept: Swept = { points: 0, bad: [], dead: [], tries: 0 };
	for (const point of points(count)) {
		swept.points++;
		const b = fresh.make();
		interrupt(b.device, point);
		const first = await attempt(b, fresh.job);
		if (b.device.mode === 'off') b.device.plug();
		// Bootloader and Device OS take their time to start, and may finish what they had begun.
		await b.clock.sleep(10_000);
		if (b.device.mode === 'dead') {
			swept.dead.push({ point, hazardNamed: hazardNamed(first.plan) });
			continue;
		}
		b.device.faults.clear();
		const second = await attempt(b, fresh.job);
		swept.tries++;
		if (!proved(second)) {
			const why = second.error ?? second.report?.error;
			swept.bad.push(
				`point ${point}: ${why?.code} ${why?.message} (device: ${b.device.mode}, ${b.device.why}; first: ${first.error?.code ?? first.report?.error?.code ?? first.report?.outcome})`,
			);
		}
	}
	return swept;
}

/** The plan said beforehand that an interruption of one of its steps may not be recoverable over USB. */
function hazardNamed(plan: Plan | undefined): boolean {
	return plan !== undefined && plan.steps.some((s) => s.ifInterrupted.way === 'none') && plan.notes.length > 0;
}

async function whole(fresh: Fresh): Promise<{ transfers: number; writes: number }> {
	const b = fresh.make();
	const before = { ...b.device.counters };
	const ended = await attempt(b, fresh.job);
	if (ended.error) throw ended.error;
	expect(ended.report?.error).toBeUndefined();
	expect(ended.report?.outcome).toBe('verified');
	const { counters } = b.device;
	return {
		transfers: counters.transfers - before.transfers,
		writes: counters.flashWrites - before.flashWrites + counters.flashErases - before.flashErases,
	};
}

function say(name: string, swept: Swept, began: number): void {
	console.log(
		`${name}: ${swept.points} points in ${((performance.now() - began) / 1000).toFixed(1)} s, ${swept.dead.length} dead`,
	);
}

const LIMIT = all ? 3_600_000 : 300_000;

describe('a Boron on its way from 2.2.0 to 4.0.1 with an application of 256 KB', () => {
	const fresh = new Fresh(boron);

	test(
		'recovers from a cable pulled at any USB transfer',
		async () => {
			const { transfers } = await whole(fresh);
			const began = performance.now();
			const swept = await sweep(fresh, transfers, (d, n) => d.faults.unplugAtTransfer(n));
			say(`boron, cable, of ${transfers} transfers`, swept, began);
			expect(swept.bad).toEqual([]);
			expect(swept.dead).toEqual([]);
		},
		LIMIT,
	);

	test(
		'recovers from a power failure at any flash write',
		async () => {
			const { writes } = await whole(fresh);
			const began = performance.now();
			const swept = await sweep(fresh, writes, (d, n) => d.faults.powerLossAtFlashWrite(n));
			say(`boron, power, of ${writes} flash writes`, swept, began);
			expect(swept.bad).toEqual([]);
			expect(swept.dead).toEqual([]);
		},
		LIMIT,
	);
});

describe('a Photon on its way from 1.5.2 to 2.2.0', () => {
	const fresh = new Fresh(photon);

	test(
		'recovers from a cable pulled at any USB transfer',
		async () => {
			const { transfers } = await whole(fresh);
			const began = performance.now();
			const swept = await sweep(fresh, transfers, (d, n) => d.faults.unplugAtTransfer(n));
			say(`photon, cable, of ${transfers} transfers`, swept, began);
			expect(swept.bad).toEqual([]);
			expect(swept.dead).toEqual([]);
		},
		LIMIT,
	);

	test(
		'recovers from a power failure at any flash write, except where the plan named the hazard: while its bootloader is overwritten',
		async () => {
			const { writes } = await whole(fresh);
			const began = performance.now();
			const swept = await sweep(fresh, writes, (d, n) => d.faults.powerLossAtFlashWrite(n));
			say(`photon, power, of ${writes} flash writes`, swept, began);
			expect(swept.bad).toEqual([]);
			expect(swept.dead.filter((d) => !d.hazardNamed)).toEqual([]);
		},
		LIMIT,
	);
});
