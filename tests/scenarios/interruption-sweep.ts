/**
 * Interrupts a whole job at every USB transfer or flash write, runs the same command again, and says where that did not end with everything
 * proved. `npm run test:sweep` (LINAC_SWEEP=all) visits all points, `npm test` a spread of them. No tests here: interruption-*.test.ts.
 */
import type { ReleaseSet } from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import type { Goal, Plan, Recovery } from '@linac/planner';
import type { Report } from '@linac/programmer';
import type { UsbHost } from '@linac/usb';
import type { VirtualDevice } from '@linac/virtual';
import { expect } from 'vitest';
import { application, type Bench, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const all = process.env.LINAC_SWEEP === 'all';
const SPREAD = 60;
// Thousands of transfers are cancelled timers, each an error that nobody looks at: their stacks cost more than the jobs.
Error.stackTraceLimit = 0;

export interface Job {
	platform: string;
	from: ReleaseSet;
	to: ReleaseSet;
	target: string;
	application: Uint8Array;
	/** What the goal says besides. */
	more?: Partial<Goal>;
}

export const boron: Job = {
	platform: 'boron',
	from: realRelease('boron', '2.2.0'),
	to: realRelease('boron', '4.0.1'),
	target: '4.0.1',
	application: application('boron', { needs: 4005, index: 2, size: 256 * 1024 }),
};
export const photon: Job = {
	platform: 'photon',
	from: realRelease('photon', '1.5.2'),
	to: realRelease('photon', '2.2.0'),
	target: '2.2.0',
	application: application('photon', { needs: 2202, index: 1, size: 60_000 }),
};

/** A device as new, for each point. */
export class Fresh {
	readonly job: Job;
	constructor(job: Job) {
		this.job = job;
	}
	make(): Bench {
		return bench(this.job.platform, { release: this.job.from });
	}
}

export interface Ended {
	report?: Report;
	error?: LinacError;
	plan?: Plan;
}

export async function attempt(b: Bench, job: Job, host?: UsbHost): Promise<Ended> {
	const ended: Ended = {};
	try {
		const { verdict } = await run(b, {
			goal: goal(job.target, [goalFile(job.platform, job.application)], job.more),
			release: job.to,
			...(host ? { host } : {}),
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

export function proved(ended: Ended): boolean {
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

export interface Swept {
	points: number;
	bad: string[];
	/** Came back only by the two buttons, or not at all; and whether the plan had said so of the very step that was interrupted. */
	button: { point: number; named: boolean }[];
	dead: { point: number; named: boolean }[];
	tries: number;
}

/** Interrupts a fresh device at each point, plugs it in again, and runs the same command until it is through, at most three times. */
export async function sweep(
	fresh: Fresh,
	count: number,
	interrupt: (device: VirtualDevice, point: number, bench: Bench) => UsbHost | undefined,
): Promise<Swept> {
	const swept: Swept = { points: 0, bad: [], button: [], dead: [], tries: 0 };
	for (const point of points(count)) {
		swept.points++;
		const b = fresh.make();
		const host = interrupt(b.device, point, b);
		const first = await attempt(b, fresh.job, host);
		if (b.device.mode === 'off') b.device.plug();
		// Bootloader and Device OS take their time to start, and may finish what they had begun.
		await b.clock.sleep(10_000);
		if (b.device.mode === 'dead') {
			b.device.pressModeAndReset();
			await b.clock.sleep(10_000);
			if (!inDfu(b.device)) {
				swept.dead.push({ point, named: recoveryNamed(first) === 'none' });
				continue;
			}
			swept.button.push({ point, named: recoveryNamed(first) === 'same-command-after-button' });
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

function inDfu(device: VirtualDevice): boolean {
	return device.mode === 'dfu';
}

/** What the plan said, before anything was written, of an interruption in the step in which it then happened. */
function recoveryNamed(ended: Ended): Recovery['way'] | undefined {
	const failed = ended.report?.steps.find((s) => s.result === 'failed');
	return ended.plan?.steps.find((s) => s.id === failed?.id)?.ifInterrupted.way;
}

export async function whole(fresh: Fresh): Promise<{ transfers: number; writes: number }> {
	const b = fresh.make();
	const before = { ...b.device.counters };
	const ended = await attempt(b, fresh.job);
	if (ended.error) throw ended.error;
	expect(ended.report?.error).toBeUndefined();
	expect(ended.report?.outcome).toBe('verified');
	const { counters } = b.device;
	return {
		transfers: counters.transfers - before.transfers,
		writes: counters.flashWrites - before.flashWrites,
	};
}

export function say(name: string, swept: Swept, began: number): void {
	console.log(
		`${name}: ${swept.points} points in ${((performance.now() - began) / 1000).toFixed(1)} s, ${swept.button.length} by button, ${swept.dead.length} dead`,
	);
}

export const SWEEP_LIMIT_MS = all ? 3_600_000 : 300_000;
