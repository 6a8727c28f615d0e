import { asPlatform, platforms, releasesFor } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { boot, modelOf } from '@linac/planner';
import { standInApplication, standInRelease, VirtualDevice } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from './planner-releases.js';

const names = platforms.filter((p) => releasesFor(p).length > 0 && p.dct !== undefined).map((p) => p.name);

const cases = fc.record({
	platform: fc.constantFrom(...names),
	system: fc.nat(),
	others: fc.nat(),
	application: fc.option(fc.nat()),
	without: fc.option(fc.nat(4), { freq: 3 }),
	setupDone: fc.boolean(),
});

describe('what the planner thinks that a device starts into', () => {
	it('is what the byte-level twin of that device does', async () => {
		const seen = new Map<string, number>();
		await fc.assert(
			fc.asyncProperty(cases, async (c) => {
				const platform = asPlatform(c.platform);
				const versions = releasesFor(platform).map((r) => r.version);
				const pick = (n: number) => versions[n % versions.length]!;
				// System parts of one release, everything else of another: dependencies are met or not.
				const isSystem = (m: { module: { prefix: { function: number } } }) => m.module.prefix.function === ModuleFunction.system;
				const other = standInRelease(platform, pick(c.others)).modules.filter(
					(m) => !isSystem(m) && m.module.prefix.function !== ModuleFunction.ncp,
				);
				// Electron before 2.0.0 has its bootloader inside the system: the twin still needs one.
				fc.pre(other.some((m) => m.module.prefix.function === ModuleFunction.bootloader));
				const system = standInRelease(platform, pick(c.system)).modules.filter(isSystem);
				const application = c.application === null ? [] : [standInApplication(platform, pick(c.application))];
				const all = [...other, ...system, ...application];
				const left = all.filter((m, i) => i !== c.without || m.module.prefix.function === ModuleFunction.bootloader);

				const clock = new VirtualClock();
				const device = new VirtualDevice({
					platform,
					clock,
					modules: left.map((m) => m.module),
					setupDone: c.setupDone,
					timing: 'none',
					ncp: { version: 7 },
				});
				device.plug();
				for (let i = 0; i < 200 && !device.attached && device.mode !== 'dead'; i++) await clock.sleep(100);

				const look = snapshotOf(platform, left, { mode: 'dfu', depth: 'read', setupDone: c.setupDone });
				const looked = modelOf(platform, look);
				// Stand-ins have no second header for older bootloaders; a look at a device does not tell that.
				const model = { ...looked, modules: new Map([...looked.modules].map(([key, m]) => [key, { ...m, secondStart: null }])) };
				const thought = boot(model);
				seen.set(thought.boots, (seen.get(thought.boots) ?? 0) + 1);
				expect(
					device.mode,
					`${c.platform}: ${left.map((m) => `${m.slot} ${m.module.prefix.version}`).join(', ')}. Planner: ${thought.why} Twin: ${device.why}`,
				).toBe(thought.boots);
			}),
			{ numRuns: 300, seed: 4711 },
		);
		// Otherwise agreement would mean little.
		expect([...seen.keys()].sort()).toEqual(expect.arrayContaining(['dfu', 'normal', 'safe']));
	});
});
