import { asPlatform, compareVersions, platforms, releasesFor } from '@linac/catalog';
import { type DeviceSnapshot, type Goal, type InstalledModule, plan, type Refusal, simulate } from '@linac/planner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applicationOf, deviceModules, releaseOf, snapshotOf } from './planner-releases.js';

const all = platforms.filter((p) => releasesFor(p).length > 0);

/** What a look at a broken device may find in one slot. */
const damages = ['whole', 'whole', 'damaged', 'gone', 'without-hash'] as const;

interface Case {
	platform: string;
	from: string;
	target: string;
	damage: (typeof damages)[number][];
	withApplication: boolean;
	dfu: boolean;
	setupDone: boolean;
}

const cases: fc.Arbitrary<Case> = fc
	.record({
		platform: fc.constantFrom(...all.map((p) => p.name)),
		from: fc.nat(),
		target: fc.nat(),
		damage: fc.array(fc.constantFrom(...damages), { minLength: 8, maxLength: 8 }),
		withApplication: fc.boolean(),
		dfu: fc.boolean(),
		setupDone: fc.boolean(),
	})
	.map((c) => {
		const versions = releasesFor(c.platform).map((r) => r.version);
		return { ...c, from: versions[c.from % versions.length]!, target: versions[c.target % versions.length]! };
	});

function damaged(c: Case): DeviceSnapshot {
	const platform = asPlatform(c.platform);
	const look = c.dfu ? ({ mode: 'dfu', depth: 'read' } as const) : ({ mode: 'safe', depth: 'reported' } as const);
	const device = snapshotOf(platform, deviceModules(platform, c.from), { ...look, setupDone: c.setupDone, osVersion: c.from });
	const modules: InstalledModule[] = [];
	for (const [i, m] of device.modules!.entries()) {
		const what = c.damage[i % c.damage.length]!;
		// The bootloader answers, and in normal mode so does the system: those are not gone.
		const answers = m.function === 2 || (!c.dfu && m.function !== 5);
		if (what === 'gone' && !answers) continue;
		if (what === 'damaged' && !answers) modules.push({ ...m, valid: false, contentSha256: 'ff'.repeat(32) });
		else if (what === 'without-hash') modules.push({ ...m, contentSha256: undefined });
		else modules.push(m);
	}
	return { ...device, modules };
}

function goalOf(c: Case, order: 'given' | 'reversed' = 'given'): Goal {
	const platform = asPlatform(c.platform);
	const slots = platform.modules.filter((s) => s.function === 5);
	const files = c.withApplication
		? [{ name: 'app.bin', module: applicationOf(platform, c.target, { index: slots[0]!.index }), problems: [] }]
		: [];
	const extra = releaseOf(platform, c.target)
		.modules.slice(0, 2)
		.map((module) => ({ name: `${module.slot}.bin`, module, problems: [] }));
	const together = [...files, ...extra];
	return {
		target: c.target,
		files: order === 'given' ? together : together.reverse(),
		applicationOnly: false,
		allow: ['downgrade'],
	};
}

describe('a device in any state', () => {
	it('gets a plan without a state that cannot be continued from, or a refusal that names the rule', () => {
		let planned = 0;
		fc.assert(
			fc.property(cases, (c) => {
				const platform = asPlatform(c.platform);
				const device = damaged(c);
				const made = plan(device, goalOf(c), { platform, release: releaseOf(platform, c.target) });
				if (!made.ok) {
					const first = made.problems[0] as Refusal;
					expect(
						first.rule,
						`${c.platform} ${c.from} -> ${c.target} ${JSON.stringify(c.damage)}: ${first.code} ${first.message}`,
					).toBeDefined();
					return;
				}
				planned++;
				const run = simulate(device, made.value.plan, { platform, inputs: made.value.inputs });
				for (const [i, step] of made.value.plan.steps.entries()) {
					const { after, ifInterrupted } = run.steps[i]!;
					expect(after.boots, `${c.platform} ${c.from} -> ${c.target}, after "${step.title}": ${after.why}`).not.toBe('dead');
					if (ifInterrupted === 'none') expect(['update-control', 'restart']).toContain(step.action.kind);
				}
				const last = run.steps.at(-1)?.after ?? run.before;
				expect(['normal', 'listening', 'safe']).toContain(last.boots);
				for (const expected of made.value.plan.to.modules) {
					expect(run.final.modules.get(`${expected.function}/${expected.index}`)).toMatchObject({
						version: expected.version,
						state: 'valid',
					});
				}
			}),
			{ numRuns: 2500, seed: 20260401 },
		);
		// The property would hold of a planner that refuses everything.
		expect(planned).toBeGreaterThan(1500);
	});

	it('gets the same plan whatever the order of the files', () => {
		fc.assert(
			fc.property(cases, (c) => {
				const device = damaged(c);
				const platform = asPlatform(c.platform);
				const options = { platform, release: releaseOf(platform, c.target) };
				const one = plan(device, goalOf(c, 'given'), options);
				const other = plan(device, goalOf(c, 'reversed'), options);
				expect(one.ok).toBe(other.ok);
				if (one.ok && other.ok) expect(other.value.plan).toEqual(one.value.plan);
			}),
			{ numRuns: 500, seed: 7 },
		);
	});

	it('can be cut off after any step, and a new plan finishes the job', () => {
		fc.assert(
			fc.property(cases, fc.nat(), (c, cut) => {
				const platform = asPlatform(c.platform);
				const options = { platform, release: releaseOf(platform, c.target) };
				const device = snapshotOf(platform, deviceModules(platform, c.from), {
					mode: 'dfu',
					depth: 'read',
					setupDone: c.setupDone,
				});
				fc.pre(compareVersions(c.from, c.target) <= 0);
				const first = plan(device, goalOf(c), options);
				if (!first.ok || first.value.plan.steps.length === 0) return;
				const at = cut % first.value.plan.steps.length;
				const until = { ...first.value.plan, steps: first.value.plan.steps.slice(0, at + 1) };
				const { final } = simulate(device, until, { platform, inputs: first.value.inputs });
				const left: DeviceSnapshot = {
					...device,
					mode: 'dfu',
					...(final.setupDone === undefined ? {} : { setupDone: final.setupDone }),
					modules: [...final.modules.values()].filter((m) => m.function !== 7).map((m) => ({ ...m, valid: m.state === 'valid' })),
				};
				const second = plan(left, goalOf(c), options);
				expect(
					second.ok,
					`${c.platform} ${c.from} -> ${c.target}, cut after ${until.steps.at(-1)!.title}: ${JSON.stringify(second.problems[0])}`,
				).toBe(true);
				if (!second.ok) return;
				const run = simulate(left, second.value.plan, { platform, inputs: second.value.inputs });
				for (const expected of first.value.plan.to.modules) {
					expect(run.final.modules.get(`${expected.function}/${expected.index}`)?.version).toBe(expected.version);
				}
			}),
			{ numRuns: 1500, seed: 99 },
		);
	});
});
