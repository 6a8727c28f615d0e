import { asPlatform, compareVersions, platforms, releasesFor } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { type BootloaderWay, type DeviceSnapshot, type Goal, type Plan, plan, type Refusal, simulate } from '@linac/planner';
import { standInApplication, standInRelease } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceModules, releaseOf, snapshotOf } from './planner-releases.js';
import { bench, goal, goalFile, run } from './programming-setup.js';

const withReleases = platforms.filter((p) => releasesFor(p).length > 0 && p.mcu !== 'stm32f1');

interface Case {
	platform: string;
	from: string;
	target: string;
	way: BootloaderWay;
	damage: ('whole' | 'damaged' | 'gone')[];
	dfu: boolean;
}

const cases: fc.Arbitrary<Case> = fc
	.record({
		platform: fc.constantFrom(...withReleases.map((p) => p.name)),
		from: fc.nat(),
		target: fc.nat(),
		way: fc.constantFrom('ota-slot', 'module-slot'),
		damage: fc.array(fc.constantFrom('whole', 'whole', 'whole', 'damaged', 'gone'), { minLength: 6, maxLength: 6 }),
		dfu: fc.boolean(),
	})
	.map((c) => {
		const versions = releasesFor(c.platform).map((r) => r.version);
		return { ...c, from: versions[c.from % versions.length]!, target: versions[c.target % versions.length]! } as Case;
	});

function deviceOf(c: Case): DeviceSnapshot {
	const platform = asPlatform(c.platform);
	const look = c.dfu ? ({ mode: 'dfu', depth: 'read' } as const) : ({ mode: 'normal', depth: 'reported' } as const);
	const device = snapshotOf(platform, deviceModules(platform, c.from), { ...look, setupDone: true, osVersion: c.from });
	if (!c.dfu) return device;
	return {
		...device,
		modules: device.modules!.flatMap((m, i) => {
			const what = m.function === ModuleFunction.bootloader ? 'whole' : c.damage[i % c.damage.length]!;
			return what === 'gone' ? [] : [{ ...m, ...(what === 'damaged' ? { valid: false, contentSha256: 'ff'.repeat(32) } : {}) }];
		}),
	};
}

function goalOf(c: Case, allow: Goal['allow'] = ['downgrade', 'experimental']): Goal {
	return { target: c.target, files: [], applicationOnly: false, allow, bootloaderWay: c.way };
}

const name = (c: Case) => `${c.platform} ${c.from} -> ${c.target} by ${c.way} ${c.dfu ? c.damage.join() : 'running'}`;

describe('plans with a bootloader over DFU, for a device in any state', () => {
	it('pass through no state that cannot be continued from, and reach what they promise', () => {
		let planned = 0;
		let staged = 0;
		fc.assert(
			fc.property(cases, (c) => {
				const platform = asPlatform(c.platform);
				const device = deviceOf(c);
				const made = plan(device, goalOf(c), { platform, release: releaseOf(platform, c.target) });
				if (!made.ok) {
					// Without an order of steps a rule is to blame, or the system that should install it does not start.
					const first = made.problems[0] as Refusal;
					expect(first.rule !== undefined || first.code === 'NO_SAFE_ORDER', `${name(c)}: ${first.code} ${first.message}`).toBe(
						true,
					);
					return;
				}
				planned++;
				const made2 = made.value;
				const run2 = simulate(device, made2.plan, { platform, inputs: made2.inputs });
				for (const [i, step] of made2.plan.steps.entries()) {
					const { after, ifInterrupted } = run2.steps[i]!;
					expect(after.boots, `${name(c)}, after "${step.title}": ${after.why}`).not.toBe('dead');
					expect(after).toEqual(step.after);
					if (ifInterrupted !== 'none') continue;
					expect(['apply-update', 'restart', 'update-control'], name(c)).toContain(step.action.kind);
					if (step.action.kind === 'apply-update') expect(step.action.way).toBe('ota-slot');
				}
				orderHolds(c, made2.plan);
				if (made2.plan.steps.some((s) => s.action.kind === 'request-update')) staged++;
				for (const expected of made2.plan.to.modules) {
					expect(run2.final.modules.get(`${expected.function}/${expected.index}`), name(c)).toMatchObject({
						version: expected.version,
						state: 'valid',
					});
				}
				expect(run2.final.requests ?? []).toEqual([]);
			}),
			{ numRuns: 1500, seed: 20260402 },
		);
		expect(planned).toBeGreaterThan(700);
		expect(staged).toBeGreaterThan(250);
	});

	/** Staged and read back before it is asked for, asked for before the start that installs it; bootloader before a system that moves. */
	function orderHolds(c: Case, p: Plan): void {
		const at = (kind: string, sha256?: string) =>
			p.steps.findIndex(
				(s) => s.action.kind === kind && (sha256 === undefined || ('sha256' in s.action && s.action.sha256 === sha256)),
			);
		for (const step of p.steps) {
			if (step.action.kind !== 'request-update') continue;
			const { sha256 } = step.action;
			const asked = at('request-update', sha256);
			expect(at('stage-update', sha256), name(c)).toBe(asked - 1);
			const applied = p.steps.findIndex(
				(s) => s.action.kind === 'apply-update' && s.action.modules.some((m) => m.sha256 === sha256),
			);
			expect(applied, name(c)).toBeGreaterThan(asked);
		}
		const old = p.from.modules.find((m) => m.slot === 'bootloader')?.version;
		const moved = p.steps.findIndex(
			(s) => s.action.kind === 'write-dfu' && s.module?.slot === 'system-part1' && s.module.version >= 6200,
		);
		const applied = at('apply-update');
		if (
			asPlatform(c.platform).mcu === 'nrf52840' &&
			c.way === 'module-slot' &&
			old !== undefined &&
			old < 3100 &&
			moved >= 0 &&
			applied >= 0
		)
			expect(applied, name(c)).toBeLessThan(moved);
	}

	it('can be cut off after any step, and a new plan finishes the job', () => {
		let cuts = 0;
		fc.assert(
			fc.property(cases, fc.nat(), (c, cut) => {
				const platform = asPlatform(c.platform);
				const options = { platform, release: releaseOf(platform, c.target) };
				fc.pre(compareVersions(c.from, c.target) <= 0);
				const device = deviceOf({ ...c, dfu: true, damage: ['whole'] });
				const first = plan(device, goalOf(c), options);
				if (!first.ok || first.value.plan.steps.length === 0) return;
				cuts++;
				const at = cut % first.value.plan.steps.length;
				const until = { ...first.value.plan, steps: first.value.plan.steps.slice(0, at + 1) };
				const { final } = simulate(device, until, { platform, inputs: first.value.inputs });
				const left: DeviceSnapshot = {
					...device,
					modules: [...final.modules.values()].filter((m) => m.function !== 7).map((m) => ({ ...m, valid: m.state === 'valid' })),
				};
				const second = plan(left, goalOf(c), options);
				expect(second.ok, `${name(c)}, cut after ${until.steps.at(-1)!.title}: ${JSON.stringify(second.problems[0])}`).toBe(true);
			}),
			{ numRuns: 600, seed: 98 },
		);
		expect(cuts).toBeGreaterThan(100);
	});
});

describe('refusals', () => {
	const boron = asPlatform('boron');
	const refused = (c: Partial<Case>, allow?: Goal['allow'], more: Partial<DeviceSnapshot> = {}) => {
		const whole: Case = {
			platform: 'boron',
			from: '2.2.0',
			target: '4.0.1',
			way: 'module-slot',
			damage: ['whole'],
			dfu: true,
			...c,
		};
		const platform = asPlatform(whole.platform);
		const made = plan({ ...deviceOf(whole), ...more }, goalOf(whole, allow), {
			platform,
			release: releaseOf(platform, whole.target),
		});
		return made.ok ? undefined : (made.problems[0] as Refusal);
	};

	it('a module slot needs the permission by name', () => {
		expect(refused({}, [])).toMatchObject({ code: 'EXPERIMENTAL_NOT_ALLOWED', rule: 'experimental-by-name' });
		expect(refused({}, ['experimental'])).toBeUndefined();
		expect(refused({ way: 'ota-slot' }, [])).toBeUndefined();
	});

	it('a bootloader before 1001 cannot replace itself', () => {
		const problem = refused({ from: '1.5.2' });
		expect(problem).toMatchObject({ code: 'MODULE_SLOT_NEEDS_BOOTLOADER', rule: 'module-slot-nrf52840', expected: 1001 });
		expect(problem?.message).toContain('ota-slot');
	});

	it('the bootloader of an STM32F2 cannot at all', () => {
		expect(refused({ platform: 'electron', from: '1.5.2', target: '3.3.1' })).toMatchObject({ code: 'MODULE_SLOT_IMPOSSIBLE' });
	});

	it('a protected device takes neither way, also in service mode', () => {
		for (const way of ['ota-slot', 'module-slot'] as const)
			expect(refused({ way }, ['experimental'], { protection: 'service' })?.code).toBe('BOOTLOADER_WAY_PROTECTED');
	});

	it('names the way that would work where control requests do not', () => {
		// From DFU mode, with no system that runs, to a system that the old bootloader does not start.
		const device = deviceOf({
			platform: 'boron',
			from: '2.2.0',
			target: '6.2.0',
			way: 'control',
			damage: ['damaged'],
			dfu: true,
		});
		const made = plan(
			device,
			{ target: '6.2.0', files: [], applicationOnly: false, allow: [] },
			{
				platform: boron,
				release: releaseOf(boron, '6.2.0'),
			},
		);
		expect(made.ok).toBe(false);
		expect(made.problems[0]!.message).toContain('--bootloader-by module-slot --experimental');
	});
});

describe('what a plan says of the device after each step', () => {
	const jobs = [
		['boron', '2.2.0', '4.0.1', 'ota-slot'],
		['boron', '2.2.0', '4.0.1', 'module-slot'],
		['boron', '4.0.1', '6.2.0', 'module-slot'],
		['tracker', '3.0.0', '5.5.0', 'ota-slot'],
		['p2', '5.3.0', '5.7.0', 'ota-slot'],
		['p2', '5.3.0', '5.7.0', 'module-slot'],
		['photon', '1.5.2', '2.2.0', 'ota-slot'],
	] as const;

	for (const [platform, from, target, way] of jobs) {
		it(`is what the byte-level ${platform} starts into when its power is cut there: ${from} to ${target} by ${way}`, async () => {
			// As large as to reach over the page at 0x2F000 and the old part's beginning, where it has moved.
			const sizes = { 'system-part1': 0x10000 };
			const old = standInRelease(platform, from, { sizes });
			const release = standInRelease(platform, target, { sizes });
			const app = standInApplication(platform, from).module.bytes;
			for (let cut = 1; ; cut++) {
				const b = bench(platform, { release: old, application: app });
				let made: Plan | undefined;
				let reached = false;
				await run(b, {
					goal: goal(target, [goalFile(platform, app)], { allow: ['experimental'], bootloaderWay: way }),
					release,
					limits: { replans: 0, returnMs: 100 },
					confirm: (p) => {
						made = p;
						return true;
					},
					onEvent: (event) => {
						if (event.type !== 'step-finished' || event.step !== `step-${cut}`) return;
						reached = true;
						b.device.unplug();
					},
				}).catch(() => undefined);
				if (!reached) break;
				b.device.plug();
				await b.clock.sleep(20_000);
				const step = made!.steps[cut - 1]!;
				expect(b.device.mode, `after "${step.title}": ${step.after.why} (device: ${b.device.why})`).toBe(step.after.boots);
			}
		});
	}
});
