/**
 * "File by mode by generation" of the page "Programming devices", as it stands in data/rules.json, against what the planner does: every
 * kind of module, on every platform that has it, from every mode that a device may be in.
 */
import { type FileByModeRow, type Platform, platforms, releasesFor, rules, type SourcedModule } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { type DeviceMode, type Goal, plan } from '@linac/planner';
import { describe, expect, test } from 'vitest';
import { applicationOf, deviceModules, makeModule, releaseOf, snapshotOf } from './planner-releases.js';

const { rows } = rules().fileByMode.table;

/** The page's words for the functions of module headers. */
const fileOf: Record<number, string> = {
	[ModuleFunction.bootloader]: 'Bootloader',
	[ModuleFunction.ncp]: 'NCP',
	[ModuleFunction.radioStack]: 'SoftDevice',
	[ModuleFunction.system]: 'System Parts',
	[ModuleFunction.user]: 'User Firmware',
};
const rowOf = (module: { function: number }): FileByModeRow =>
	rows.find((r) => r.file.toLowerCase() === fileOf[module.function]?.toLowerCase())!;

/** Everything that a folder for this release may hold, the NCP firmware and the MBR of published sets with it. */
function folder(platform: Platform, version: string): SourcedModule[] {
	const files = [...releaseOf(platform, version).modules, applicationOf(platform, version)];
	const add = (functionNumber: number, index: number, slot: string, number: number) => {
		if (platform.modules.some((m) => m.function === functionNumber && m.index === index))
			files.push(makeModule(platform, { slot, function: functionNumber, index, version: number, dependencies: [] }));
	};
	if (!files.some((f) => f.module.prefix.function === ModuleFunction.ncp)) add(ModuleFunction.ncp, 0, 'ncp', 9);
	if (!files.some((f) => f.module.prefix.function === ModuleFunction.bootloader && f.module.prefix.index === 1))
		add(ModuleFunction.bootloader, 1, 'prebootloader-mbr', 2);
	return files;
}

/** All releases carry one SoftDevice, so that nothing would be written of it: this device has the one before. */
function withOlderSoftDevice(platform: Platform, modules: readonly SourcedModule[]): SourcedModule[] {
	return modules.map((m) => {
		const { prefix } = m.module;
		if (prefix.function !== ModuleFunction.radioStack) return m;
		const { function: functionNumber, index, version } = prefix;
		return makeModule(platform, { slot: m.slot, function: functionNumber, index, version: version - 1, dependencies: [] });
	});
}

const modes: DeviceMode[] = ['normal', 'listening', 'safe', 'dfu'];
const withReleases = platforms.filter((p) => releasesFor(p).filter((r) => r.channel === 'release').length > 1);

describe('the table', () => {
	test('has the five rows of the page, and answers as the page does', () => {
		const answers = rows.map((r) => [r.file, r.generation, r.listening.works, r.dfu.works, r.listening.note ?? r.dfu.note]);
		expect(answers).toEqual([
			['Bootloader', 'All', true, false, 1],
			['NCP', 'Gen 3', true, false, undefined],
			['SoftDevice', 'Gen 3', true, true, 2],
			['System parts', 'All', true, true, 2],
			['User firmware', 'All', true, true, 2],
		]);
	});

	test('has a row for every kind of module that any platform has', () => {
		for (const platform of withReleases)
			for (const slot of platform.modules) expect(rowOf(slot), `${platform.name} ${slot.name}`).toBeDefined();
	});

	test('is not contradicted by what the catalogue says of any module', () => {
		for (const platform of withReleases)
			for (const slot of platform.modules) {
				const row = rowOf(slot);
				if (slot.transports.includes('dfu')) expect(row.dfu.works, `${platform.name} ${slot.name}`).toBe(true);
				if (slot.transports.includes('control')) expect(row.listening.works, `${platform.name} ${slot.name}`).toBe(true);
			}
	});
});

/** Kinds of files that some plan wrote, by generation. */
const written = new Set<string>();

describe.each(withReleases.map((p) => [p.name, p] as const))('a folder of binaries for %s', (_name, platform) => {
	const releases = releasesFor(platform).filter((r) => r.channel === 'release');
	// The newest, over the one that has the most to be changed: the oldest from which it can be reached in one go.
	const target = releases[0]!.version;

	test.each(modes)('is sent in the modes that the table allows, every file of it, from a device in %s mode', (mode) => {
		const found = releases
			.slice()
			.reverse()
			.flatMap((from) => {
				if (from.version === target) return [];
				const depth = mode === 'dfu' ? 'read' : 'reported';
				const device = snapshotOf(platform, withOlderSoftDevice(platform, deviceModules(platform, from.version)), {
					mode,
					depth,
					setupDone: false,
				});
				const files = folder(platform, target).map((module, i) => ({ name: `${9 - i}.bin`, module, problems: [] }));
				const goal: Goal = { files, applicationOnly: false, allow: [], setupDone: true };
				const made = plan(device, goal, { platform });
				return made.ok ? [{ files, plan: made.value.plan }] : [];
			})[0];
		expect(found, `no release leads to ${target}`).toBeDefined();
		const { files, plan: made } = found!;

		expect(made.files.map((f) => f.name).sort()).toEqual(files.map((f) => f.name).sort());
		for (const { name, module } of files) {
			const { prefix } = module.module;
			const verdict = made.files.find((f) => f.name === name)!;
			if (prefix.function === ModuleFunction.bootloader && prefix.index === 1) {
				expect(verdict.verdict).toBe('refused');
				continue;
			}
			const steps = made.steps.filter((s) => 'sha256' in s.action && s.action.sha256 === module.sha256);
			// What is there already, byte for byte, is not sent again.
			expect(steps.length > 0, `${name} ${module.slot}: ${verdict.reason}`).toBe(verdict.verdict === 'write');
			const row = rowOf(prefix);
			for (const step of steps) {
				const isDfu = step.action.kind === 'write-dfu';
				expect(isDfu ? row.dfu.works : row.listening.works, `${module.slot} by ${step.action.kind}`).toBe(true);
				expect(isDfu ? 'dfu' : 'control').toBe(row.linac);
				written.add(`${row.file} ${platform.generation}`);
			}
		}
		// Bootloader and NCP reach a device that is in DFU mode at the start only after it has been let run.
		const sent = made.steps.findIndex((s) => s.action.kind === 'update-control');
		if (mode === 'dfu' && sent >= 0) expect(made.steps.slice(0, sent).some((s) => s.action.kind === 'restart')).toBe(true);
	});
});

const has = (platform: Platform, version: string) => releasesFor(platform).some((r) => r.version === version);

test.each(
	withReleases.filter((p) => p.mcu === 'nrf52840' && has(p, '3.0.0') && has(p, '4.0.1')).map((p) => [p.name, p] as const),
)('the bootloader of a %s goes by the note that the table has for it, where one DFU session does', (_name, platform) => {
	const release = releaseOf(platform, '4.0.1');
	const bootloader = release.modules.find((m) => m.module.prefix.function === ModuleFunction.bootloader)!;
	const device = snapshotOf(platform, deviceModules(platform, '3.0.0'), {
		mode: 'normal',
		depth: 'reported',
		osVersion: '3.0.0',
	});
	const made = plan(device, { target: '4.0.1', files: [], applicationOnly: false, allow: [] }, { platform, release });
	if (!made.ok) throw new Error(made.problems[0]?.message);
	const steps = made.value.plan.steps.filter((s) => 'sha256' in s.action && s.action.sha256 === bootloader.sha256);
	expect(steps.map((s) => s.action.kind)).toEqual(['stage-update', 'request-update']);
	const { notes } = rules().fileByMode.table;
	expect(notes[rowOf(bootloader.module.prefix).linacNote! - 1]).toMatch(/nRF52840[\s\S]*note 1/);
});

test('every row of the table was written for every generation that has it', () => {
	for (const row of rows) {
		const has = withReleases.filter((p) => p.modules.some((m) => rowOf(m) === row && m.transports.length > 0));
		for (const generation of new Set(has.map((p) => p.generation)))
			expect([...written], `${row.file}, generation ${generation}`).toContain(`${row.file} ${generation}`);
	}
});
