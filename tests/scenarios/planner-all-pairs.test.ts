import { compareVersions, type Platform, platforms, releaseByVersion, releasesFor } from '@linac/catalog';
import { type DeviceSnapshot, type Goal, type Plan, type PlanWithInputs, plan, type Refusal, simulate } from '@linac/planner';
import { describe, expect, it } from 'vitest';
import { applicationOf, deviceModules, releaseOf, snapshotOf } from './planner-releases.js';

const withReleases = platforms.filter((p) => releasesFor(p).length > 0);
const starts = [
	{ mode: 'normal', depth: 'reported' },
	{ mode: 'dfu', depth: 'read' },
] as const;

function goal(target: string, allow: boolean): Goal {
	return { target, files: [], applicationOnly: false, allow: allow ? ['downgrade'] : [] };
}

function makePlan(platform: Platform, device: DeviceSnapshot, target: string, allow: boolean) {
	return plan(device, goal(target, allow), { platform, release: releaseOf(platform, target) });
}

/** Every state after a step can be continued from, and the end is the goal. */
function checkPlan(platform: Platform, device: DeviceSnapshot, made: PlanWithInputs, target: string): void {
	const end = simulate(device, made.plan, { platform, inputs: made.inputs });
	for (const [i, step] of end.steps.entries()) {
		const planned = made.plan.steps[i]!;
		if (JSON.stringify(step.after) !== JSON.stringify(planned.after))
			expect(step.after, `${target} ${planned.title}`).toEqual(planned.after);
		// Only the bootloader itself may be beyond this tool while it is being replaced, and then it says so.
		if (planned.ifInterrupted.way === 'none') {
			expect(['update-control', 'restart']).toContain(planned.action.kind);
			expect(made.plan.notes.map((n) => n.code)).toContain('BOOTLOADER_IN_PLACE');
			expect(planned.ifInterrupted.why).toMatch(/\d+ ms/);
		}
		if (planned.after.boots === 'dead')
			expect.fail(`${device.platform} to ${target}: after "${planned.title}" the device hangs: ${planned.after.why}`);
	}
	for (const module of made.plan.to.modules) {
		expect(end.final.modules.get(`${module.function}/${module.index}`), `${target} ${module.slot}`).toMatchObject({
			version: module.version,
			state: 'valid',
		});
	}
	const start = releaseByVersion(target)!.moduleVersion;
	expect(end.final.modules.get('4/1')!.version).toBe(start);
	expect(['normal', 'listening', 'safe']).toContain(end.steps.at(-1)?.after.boots ?? end.before.boots);
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
			const installed = deviceModules(platform, from);
			for (const look of starts) {
				const device = snapshotOf(platform, installed, { ...look, osVersion: from });
				for (const target of versions) {
					const older = compareVersions(target, from) < 0;
					const made = makePlan(platform, device, target, true);
					if (made.ok) {
						checkPlan(platform, device, made.value, target);
						shapes.set(shape(made.value.plan), `${from} -> ${target}`);
					} else {
						const first = made.problems[0] as Refusal;
						refused.push(
							`${look.mode} ${from} -> ${target}: ${first.code} ${first.rule ?? ''} ${first.route?.join(' > ') ?? ''}`,
						);
						const acceptable = first.rule !== undefined || first.code === 'DEVICE_APPLICATION_NEEDS_NEWER_TARGET';
						expect(acceptable, `${platform.name} ${from} -> ${target}: ${made.problems.map((p) => p.message).join(' ')}`).toBe(
							true,
						);
						if (first.code === 'DEVICE_APPLICATION_NEEDS_NEWER_TARGET') expect(older).toBe(true);
					}
				}
			}
		}
		if (process.env.LINAC_SHOW)
			console.log(platform.name, [...new Set(refused)].filter((r) => !/DEVICE_APPL/.test(r)).slice(0, 40), [...shapes]);
	});
});
