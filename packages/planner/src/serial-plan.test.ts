import { platformByName, type SourcedModule } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { standInApplication, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { snapshotOf } from '../../../tests/scenarios/planner-releases.js';
import { applicationFor, realRelease } from '../../../tests/support/release-files.js';
import { planSerial } from './serial-plan.js';
import type { Goal } from './types.js';

function planned(
	name: string,
	there: readonly SourcedModule[],
	files: readonly SourcedModule[],
	osVersion: string,
	more: Partial<Goal> = {},
) {
	const platform = platformByName(name)!;
	const application = standInApplication(platform, osVersion);
	const device = snapshotOf(platform, [...there, application], { mode: 'listening', depth: 'reported', osVersion });
	const goal: Goal = {
		files: files.map((module) => ({ name: module.origin, module, problems: [] })),
		applicationOnly: false,
		allow: [],
		...more,
	};
	return planSerial({ ...device, via: 'serial' }, goal, { platform });
}

const sent = (verdict: ReturnType<typeof planned>) =>
	verdict.ok
		? verdict.value.plan.steps.flatMap((s) => (s.module ? `${s.module.slot} ${s.module.from} -> ${s.module.version}` : []))
		: verdict.problems.map((p) => p.code);

const parts = (name: string, version: string) =>
	realRelease(name, version).modules.filter((m) => m.module.prefix.function !== ModuleFunction.user);

test('a Photon goes up with its bootloader first, then its system parts in their order', () => {
	expect(sent(planned('photon', parts('photon', '1.5.2'), parts('photon', '2.3.1'), '1.5.2'))).toEqual([
		'bootloader 502 -> 1006',
		'system-part1 1512 -> 2302',
		'system-part2 1512 -> 2302',
	]);
});

test.each([
	['photon', ['system-part2 2302 -> 1512', 'system-part1 2302 -> 1512']],
	['p1', ['system-part2 2302 -> 1512', 'system-part1 2302 -> 1512']],
])('a %s goes down with its system parts in reverse order, and keeps its newer bootloader', (name, expected) => {
	const verdict = planned(name, parts(name, '2.3.1'), parts(name, '1.5.2'), '2.3.1', { allow: ['downgrade'] });
	expect(sent(verdict)).toEqual(expected);
	expect(verdict.ok && verdict.value.plan.files.find((f) => f.name.includes('bootloader'))).toMatchObject({
		verdict: 'not-needed',
	});
});

test('an Electron goes down in the reverse order of the numbers in its file names, which are not those in the headers', () => {
	// electron-system-part1.bin holds system part 3, -part2 holds 1, -part3 holds 2; part 2 asks for part 1, part 1 for part 3.
	const verdict = planned('electron', parts('electron', '2.3.1'), parts('electron', '1.5.2'), '2.3.1', { allow: ['downgrade'] });
	expect(sent(verdict)).toEqual(['system-part2 2302 -> 1512', 'system-part1 2302 -> 1512', 'system-part3 2302 -> 1512']);
});

test('the order of the files changes nothing', () => {
	const one = planned('photon', parts('photon', '1.5.2'), parts('photon', '2.3.1'), '1.5.2');
	const other = planned('photon', parts('photon', '1.5.2'), [...parts('photon', '2.3.1')].reverse(), '1.5.2');
	expect(other).toEqual(one);
});

test('an older Device OS is refused unless it is allowed by name', () => {
	expect(sent(planned('photon', parts('photon', '2.3.1'), parts('photon', '1.5.2'), '2.3.1'))).toContain('DOWNGRADE_NOT_ALLOWED');
});

test.each([
	['boron', '6.2.0'],
	['p2', '6.2.0'],
])('a %s with Device OS %s is refused, with the way that works', (name, version) => {
	const verdict = planned(name, standInRelease(name, version).modules, [standInApplication(name, version)], version);
	expect(verdict).toMatchObject({ ok: false, problems: [{ code: 'SERIAL_NOT_SUPPORTED' }] });
	expect(!verdict.ok && verdict.problems[0]!.message).toContain('linac flash');
});

test('a system part alone, without the parts that it needs, is refused before anything is sent', () => {
	const only = parts('photon', '2.3.1').filter((m) => m.slot === 'system-part2');
	expect(sent(planned('photon', parts('photon', '1.5.2'), only, '1.5.2'))).toEqual(['NO_SAFE_ORDER']);
});

test('a module for another platform is refused', () => {
	expect(sent(planned('photon', parts('photon', '1.5.2'), parts('p1', '2.3.1'), '1.5.2'))).toContain('WRONG_PLATFORM');
});

test('parts that are reported are not sent again; an application is, because its number says nothing', () => {
	const again = planned(
		'photon',
		parts('photon', '2.3.1'),
		[...parts('photon', '2.3.1'), applicationFor('photon', '2.3.1')],
		'2.3.1',
	);
	expect(sent(again)).toHaveLength(1);
	expect(sent(again)[0]).toMatch(/^user-part/);
	const none = planned('photon', parts('photon', '2.3.1'), parts('photon', '2.3.1'), '2.3.1');
	expect(none.ok && none.value.plan.empty).toBe(true);
});
