import { createHash } from 'node:crypto';
import { compareVersions, type Platform, platforms, releaseByVersion, releasesFor, type SourcedModule } from '@linac/catalog';
import { crc32, type Digests } from '@linac/core';
import { type DeviceSnapshot, type Goal, type Plan, type PlanWithInputs, plan, type Refusal, simulate } from '@linac/planner';
import { describe, expect, it } from 'vitest';
import { applicationOf, deviceModules, releaseOf, snapshotOf } from './planner-releases.js';

const withReleases = platforms.filter((p) => releasesFor(p).length > 0);
/** Tens of thousands of plans are hashed here. */
const digests: Digests = { crc32, sha256: (bytes) => createHash('sha256').update(bytes).digest() };

const starts = [
	{ mode: 'normal', depth: 'reported' },
	{ mode: 'dfu', depth: 'read' },
] as const;

function makePlan(
	platform: Platform,
	device: DeviceSnapshot,
	target: string,
	with_: { allow: boolean; application?: SourcedModule },
) {
	const goal: Goal = {
		target,
		files: with_.application ? [{ name: 'application.bin', module: with_.application, problems: [] }] : [],
		applicationOnly: false,
		allow: with_.allow ? ['downgrade'] : [],
	};
	return plan(device, goal, { platform, release: releaseOf(platform, target), digests });
}

let checked = 0;

/** Every state after a step can be continued from, and the end is the goal. */
function checkPlan(platform: Platform, device: DeviceSnapshot, made: PlanWithInputs, target: string): void {
	const { steps, to, notes } = made.plan;
	// No `expect` where it holds: there are a hundred thousand of these.
	for (const step of steps) {
		// Only the bootloader itself may be beyond this tool while it is being replaced, and then it says so.
		if (step.ifInterrupted.way === 'none') {
			expect(['update-control', 'restart']).toContain(step.action.kind);
			expect(notes.map((n) => n.code)).toContain('BOOTLOADER_IN_PLACE');
			expect(step.ifInterrupted.why).toMatch(/\d+ ms/);
		}
		if (step.after.boots === 'dead')
			expect.fail(`${device.platform} to ${target}: after "${step.title}" the device hangs: ${step.after.why}`);
	}
	const end = steps.at(-1)?.after;
	if (!end) return;
	for (const module of to.modules) {
		const there = end.modules.find((m) => m.slot === module.slot);
		if (!there?.valid || there.version !== module.version)
			expect(there, `${target} ${module.slot}`).toMatchObject({ version: module.version, valid: true });
	}
	expect(end.modules.find((m) => m.slot === 'system-part1')!.version).toBe(releaseByVersion(target)!.moduleVersion);
	if (end.boots !== 'normal') expect(end.boots, `${target}: ${end.why}`).toBe('normal');
	if (checked++ % 20 > 0) return;
	const run = simulate(device, made.plan, { platform, inputs: made.inputs });
	expect(run.steps.map((s) => s.after)).toEqual(steps.map((s) => s.after));
}

/** One line a pair, so that a change in the shape of plans is seen. */
function shape(p: Plan): string {
	return p.steps.map((s) => (s.module ? `${s.action.kind} ${s.module.slot}` : s.action.kind)).join(', ');
}

describe.each(withReleases.map((p) => ({ name: p.name, platform: p })))('every pair of releases of $name', ({ platform }) => {
	const versions = releasesFor(platform).map((r) => r.version);
	const refused: string[] = [];
	const shapes = new Map<string, string>();

	it('has a plan whose simulation ends where it should, or a refusal that names the rule and the route', () => {
		for (const from of versions) {
			for (const look of starts) {
				const device = snapshotOf(platform, deviceModules(platform, from), { ...look, osVersion: from });
				for (const target of versions) {
					// With an application for the target, so that no application on the device stands in the way of going back.
					const application = applicationOf(platform, target);
					const made = makePlan(platform, device, target, { allow: true, application });
					if (made.ok) {
						checkPlan(platform, device, made.value, target);
						shapes.set(shape(made.value.plan), `${from} -> ${target}`);
						continue;
					}
					const first = made.problems[0] as Refusal;
					const what = `${platform.name} ${from} -> ${target}: ${made.problems.map((p) => p.message).join(' ')}`;
					expect(first.rule, what).toBeDefined();
					refused.push(`${look.mode} ${from} -> ${target}: ${first.code} ${first.rule} ${first.route?.join(' > ') ?? ''}`);
					// The stepping stones themselves have plans.
					let at = from;
					for (const next of first.route ?? []) {
						const there = snapshotOf(platform, deviceModules(platform, at), { ...look, osVersion: at });
						const leg = makePlan(platform, there, next, { allow: true, application: applicationOf(platform, next) });
						expect(leg.ok, `${what} (leg ${at} -> ${next})`).toBe(true);
						at = next;
					}
					expect(at).toBe(target);
				}
			}
		}
		if (process.env.LINAC_SHOW) console.log(platform.name, [...new Set(refused)].slice(0, 40), [...shapes]);
	});

	it('goes to an older release only when that is allowed by name', () => {
		for (const [i, from] of versions.entries()) {
			const device = snapshotOf(platform, deviceModules(platform, from), { mode: 'normal', depth: 'reported', osVersion: from });
			for (const target of [versions[i + 1], versions.at(-1)]) {
				if (target === undefined || compareVersions(target, from) >= 0) continue;
				const made = makePlan(platform, device, target, { allow: false });
				expect(made.ok, `${from} -> ${target}`).toBe(false);
				expect(made.problems.map((p) => (p as Refusal).rule)).toContain('downgrade-by-name');
			}
		}
	});

	it('does not take an application away: one that is newer than the target is refused unless it is replaced', () => {
		const device = snapshotOf(platform, deviceModules(platform, versions[0]!), { mode: 'dfu', depth: 'read' });
		const target = versions.at(-1)!;
		if (target === versions[0]) return;
		const made = makePlan(platform, device, target, { allow: true });
		expect(made.ok).toBe(false);
		expect(made.problems.map((p) => p.code)).toContain('DEVICE_APPLICATION_NEEDS_NEWER_TARGET');
	});
});
