import { platformByName, type ReleaseSet, releaseByVersion, type SourcedModule } from '@linac/catalog';
import { sha256, toHex, unwrap } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../tests/scenarios/planner-releases.js';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import { plan } from './plan.js';
import type { Plan } from './types.js';

function sourced(slot: string, origin: string, bytes: Uint8Array): SourcedModule {
	return { slot, origin, module: unwrap(parseModule(bytes, { file: origin })), sha256: toHex(sha256(bytes)) };
}

function release(platform: string, version: string, names: Record<string, string>): ReleaseSet {
	return {
		platform,
		version,
		moduleVersion: releaseByVersion(version)!.moduleVersion,
		modules: Object.entries(names).map(([slot, name]) => sourced(slot, name, realModule(name))),
		source: 'particle-cli',
	};
}

const boronOf = (version: string) =>
	release('boron', version, {
		bootloader: `boron-bootloader@${version}.bin`,
		softdevice: `boron-softdevice@${version}.bin`,
		'system-part1': `boron-system-part1@${version}.bin`,
	});
const photonOf = (version: string) =>
	release('photon', version, {
		bootloader: `photon-bootloader@${version}+lto.bin`,
		'system-part1': `photon-system-part1@${version}.bin`,
		'system-part2': `photon-system-part2@${version}.bin`,
	});

const steps = (p: Plan) =>
	p.steps.map((s) => (s.module ? `${s.action.kind} ${s.module.slot} ${s.module.from} -> ${s.module.version}` : s.action.kind));

describe('with the real modules of npm tarballs', () => {
	it('a Boron goes from 2.2.0 to 4.0.1 with Tinker', () => {
		const platform = platformByName('boron')!;
		const tinker = sourced('user-part', 'tinker.bin', realTinker('boron'));
		const device = snapshotOf(platform, boronOf('2.2.0').modules, { mode: 'normal', depth: 'reported', osVersion: '2.2.0' });
		const goal = {
			target: '4.0.1',
			files: [{ name: 'tinker.bin', module: tinker, problems: [] }],
			applicationOnly: false,
			allow: [],
		};
		const made = unwrap(plan(device, goal, { platform, release: boronOf('4.0.1') })).plan;
		const app = tinker.module.prefix;
		expect(steps(made)).toEqual([
			'enter-mode',
			'write-dfu system-part1 2202 -> 4005',
			`write-dfu ${app.index === 2 ? 'user-part2' : 'user-part'} undefined -> ${app.version}`,
			'stage-update bootloader 1006 -> 1101',
			'request-update bootloader 1006 -> 1101',
			'apply-update bootloader 1006 -> 1101',
			'verify',
		]);
		expect(made.steps[1]!.action).toMatchObject({ address: 0x30000, alternate: 0, skipBytes: 0 });
		const expected = made.to.modules.find((m) => m.slot === 'system-part1')!;
		expect(expected.contentSha256).toBe(toHex(sha256(realModule('boron-system-part1@4.0.1.bin'))));
		// The physical bound of erasing and programming 640 KB of nRF52840 flash is some 20 s; nothing here is minutes.
		expect(made.estimateMs).toBeGreaterThan(10_000);
		expect(made.estimateMs).toBeLessThan(60_000);
	});

	it('a Photon goes from 1.5.2 to 2.2.0, bootloader first, part 1 last', () => {
		const platform = platformByName('photon')!;
		const device = snapshotOf(platform, photonOf('1.5.2').modules, { mode: 'normal', depth: 'reported', osVersion: '1.5.2' });
		const made = unwrap(
			plan(device, { target: '2.2.0', files: [], applicationOnly: false, allow: [] }, { platform, release: photonOf('2.2.0') }),
		).plan;
		const from = parseModule(realModule('photon-bootloader@1.5.2+lto.bin'));
		expect(steps(made)).toEqual([
			`update-control bootloader ${unwrap(from).prefix.version} -> 1006`,
			'enter-mode',
			'invalidate',
			'write-dfu system-part2 1512 -> 2202',
			'write-dfu system-part1 1512 -> 2202',
			'restart',
			'verify',
		]);
		expect(made.notes.filter((n) => n.code === 'BOOTLOADER_IN_PLACE')).toHaveLength(1);
	});

	it('a SoftDevice loses its header on the way, and the rest is what stands at 0x1000', () => {
		const platform = platformByName('boron')!;
		const modules = boronOf('4.0.1').modules.filter((m) => m.slot !== 'softdevice');
		const device = snapshotOf(platform, modules, { mode: 'dfu', depth: 'read' });
		const made = unwrap(
			plan(device, { target: '4.0.1', files: [], applicationOnly: false, allow: [] }, { platform, release: boronOf('4.0.1') }),
		).plan;
		expect(made.steps.map((s) => s.action.kind)).toEqual(['invalidate', 'write-dfu', 'write-dfu', 'restart', 'verify']);
		const bytes = realModule('boron-softdevice@4.0.1.bin');
		expect(made.steps[1]!.action).toMatchObject({ address: 0x1000, skipBytes: 24, length: bytes.length - 24 });
		expect(made.to.modules.find((m) => m.slot === 'softdevice')!.contentSha256).toBe(toHex(sha256(bytes.subarray(24))));
	});
});
