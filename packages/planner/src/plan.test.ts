import { platformByName, type ReleaseSet, rules, type SourcedModule } from '@linac/catalog';
import { sha256, toHex, unwrap } from '@linac/core';
import { parseModule, rebuildModule } from '@linac/firmware';
import { describe, expect, it } from 'vitest';
import { applicationOf, deviceModules, makeModule, releaseOf, snapshotOf } from '../../../tests/scenarios/planner-releases.js';
import { explain, explainRefusal } from './explain.js';
import { plan } from './plan.js';
import { releaseNeeded } from './release-needed.js';
import { simulate } from './simulate.js';
import type { DeviceSnapshot, Goal, GoalFile, Plan, Refusal } from './types.js';

const boron = platformByName('boron')!;
const photon = platformByName('photon')!;
const electron = platformByName('electron')!;
const tracker = platformByName('tracker')!;
const p2 = platformByName('p2')!;

const file = (name: string, module: SourcedModule): GoalFile => ({ name, module, problems: [] });
const goalOf = (goal: Partial<Goal>): Goal => ({ files: [], applicationOnly: false, allow: [], ...goal });

function normal(platform: typeof boron, version: string): DeviceSnapshot {
	return snapshotOf(platform, deviceModules(platform, version), { mode: 'normal', depth: 'reported', osVersion: version });
}

function inDfu(platform: typeof boron, version: string): DeviceSnapshot {
	return snapshotOf(platform, deviceModules(platform, version), { mode: 'dfu', depth: 'read', osVersion: version });
}

function ok(device: DeviceSnapshot, goal: Goal, release?: ReleaseSet): Plan {
	return unwrap(plan(device, goal, { platform: platformByName(device.platform)!, release })).plan;
}

function refused(device: DeviceSnapshot, goal: Goal, release?: ReleaseSet): Refusal {
	const made = plan(device, goal, { platform: platformByName(device.platform)!, release });
	expect(made.ok, 'a refusal was expected').toBe(false);
	return made.problems[0] as Refusal;
}

/** With a bootloader that a protected device takes, as Particle's own tool makes it. */
function protectedRelease(version: string): ReleaseSet {
	const release = releaseOf(boron, version);
	const modules = release.modules.map((m): SourcedModule => {
		if (m.slot !== 'bootloader') return m;
		const bytes = rebuildModule(m.module, {
			suffixExtensions: [
				{ type: 'security-mode', mode: 1, data: new Uint8Array(300) },
				{ type: 'end', padding: new Uint8Array(0) },
			],
		});
		return { ...m, module: unwrap(parseModule(bytes)), sha256: toHex(sha256(bytes)) };
	});
	return { ...release, modules };
}

const kinds = (p: Plan) => p.steps.map((s) => (s.module ? `${s.action.kind} ${s.module.slot}` : s.action.kind));

describe('a Boron on 2.2.0', () => {
	const app = applicationOf(boron, '4.0.1', { index: 2 });
	const to401 = { target: '4.0.1', files: [file('firmware.bin', app)] };

	it('gets everything in one DFU session: the bootloader is left for the new system to install', () => {
		const made = ok(normal(boron, '2.2.0'), goalOf(to401), releaseOf(boron, '4.0.1'));
		expect(kinds(made)).toEqual([
			'enter-mode',
			'write-dfu system-part1',
			// The 128 KB slot holds an application of the 2.2.0 device, which would win over the new one.
			'invalidate',
			'write-dfu user-part2',
			'stage-update bootloader',
			'request-update bootloader',
			'apply-update bootloader',
			'verify',
		]);
		expect(made.steps.every((s) => s.ifInterrupted.way === 'same-command')).toBe(true);
		expect(made.files).toMatchObject([{ name: 'firmware.bin', verdict: 'write', steps: ['step-4'] }]);
		expect(made.to.modules.map((m) => [m.slot, m.version])).toContainEqual(['system-part1', 4005]);
	});

	it('gets the bootloader from the running system first where that is asked for, then system and application over DFU', () => {
		const made = ok(normal(boron, '2.2.0'), goalOf({ ...to401, bootloaderWay: 'control' }), releaseOf(boron, '4.0.1'));
		expect(kinds(made)).toEqual([
			'update-control bootloader',
			'enter-mode',
			'write-dfu system-part1',
			'invalidate',
			'write-dfu user-part2',
			'restart',
			'verify',
		]);
		expect(made.steps.every((s) => s.ifInterrupted.way === 'same-command')).toBe(true);
	});

	it('gets the bootloader from the running system wherever one session is not as safe, or proves less', () => {
		const first = (made: Plan) => kinds(made)[0];
		const byControl = 'update-control bootloader';
		// 6.2.0 moves the system part, over the page in which the MBR notes its order.
		expect(first(ok(normal(boron, '4.0.1'), goalOf({ target: '6.2.0' }), releaseOf(boron, '6.2.0')))).toBe(byControl);
		// Device OS before 2.0.0 copies the bootloader over the old one.
		const older = releaseOf(boron, '1.5.2');
		const named = file('boron-bootloader.bin', older.modules.find((m) => m.slot === 'bootloader')!);
		expect(kinds(ok(normal(boron, '1.4.4'), goalOf({ target: '1.5.2', files: [named] }), older))).toContain(byControl);
		// Nothing else goes over DFU: there is no session to save.
		const release = releaseOf(boron, '4.0.1');
		const bootloader = release.modules.find((m) => m.slot === 'bootloader')!;
		expect(kinds(ok(normal(boron, '2.2.0'), goalOf({ files: [file('bootloader.bin', bootloader)] })))).toEqual([
			byControl,
			'verify',
		]);
		// A device in service mode does not let DFU write the slot.
		for (const [protection, release, way] of [
			['open', releaseOf(boron, '6.1.1'), 'stage-update bootloader'],
			['service', protectedRelease('6.1.1'), byControl],
		] as const) {
			const device = { ...normal(boron, '5.9.0'), protection };
			expect(kinds(ok(device, goalOf({ target: '6.1.1' }), release)), protection).toContain(way);
		}
		// Photons, whose systems copy it in place; P2s, which have two of them.
		for (const [platform, from, target] of [
			[photon, '1.5.2', '2.2.0'],
			[p2, '5.0.0', '5.8.2'],
		] as const) {
			const steps = kinds(ok(normal(platform, from), goalOf({ target }), releaseOf(platform, target)));
			expect(steps, platform.name).not.toContain('stage-update bootloader');
			expect(steps, platform.name).toContain(byControl);
		}
	});

	it('leaves the SoftDevice alone when the same version is reported', () => {
		const made = ok(normal(boron, '2.2.0'), goalOf({ target: '4.0.1' }), releaseOf(boron, '4.0.1'));
		expect(kinds(made)).not.toContain('write-dfu softdevice');
		expect(made.notes.map((n) => n.code)).toContain('SAME_VERSION_THERE');
	});

	it('has a bootloader of the same number read back, and replaced and read back again where its bytes are others', () => {
		const release = releaseOf(boron, '2.2.0');
		const asked = ok(normal(boron, '2.2.0'), goalOf({ target: '2.2.0' }), release);
		expect(asked.notes.map((n) => n.code)).toContain('COMPARED');
		expect(kinds(asked)).not.toContain('update-control bootloader');
		const modules = release.modules.map((m) =>
			m.slot === 'bootloader'
				? makeModule(boron, {
						slot: m.slot,
						function: 2,
						index: 0,
						version: m.module.prefix.version,
						dependencies: [],
						size: 20_000,
					})
				: m,
		);
		const other = snapshotOf(boron, modules, { mode: 'dfu', depth: 'read', osVersion: '2.2.0' });
		const made = ok(other, goalOf({ target: '2.2.0' }), release);
		expect(kinds(made)).toEqual(['restart', 'update-control bootloader', 'enter-mode', 'restart', 'verify']);
		expect(made.to.modules.find((m) => m.slot === 'bootloader')?.contentSha256).toBeDefined();
	});

	it('enters DFU for nothing but a comparison, when a bootloader of the reported number is given', () => {
		const bootloader = releaseOf(boron, '2.2.0').modules.find((m) => m.slot === 'bootloader')!;
		const made = ok(normal(boron, '2.2.0'), goalOf({ files: [file('bootloader.bin', bootloader)] }));
		expect(kinds(made)).toEqual(['enter-mode', 'restart', 'verify']);
		expect(made.files).toMatchObject([{ verdict: 'already-there', code: 'COMPARED' }]);
		expect(made.notes.map((n) => n.code)).not.toContain('BOOTLOADER_IN_PLACE');
	});

	it('is warned of, before anything is confirmed, where that comparison may end in a write that cannot be undone', () => {
		const bootloader = releaseOf(photon, '2.3.1').modules.find((m) => m.slot === 'bootloader')!;
		const made = ok(normal(photon, '2.3.1'), goalOf({ files: [file('bootloader.bin', bootloader)] }));
		expect(made.notes).toContainEqual(expect.objectContaining({ code: 'BOOTLOADER_IN_PLACE', severity: 'warning' }));
	});

	it('is not made older unless that is allowed by name', () => {
		const device = snapshotOf(boron, releaseOf(boron, '2.2.0').modules, { mode: 'normal', depth: 'reported' });
		const no = refused(device, goalOf({ target: '1.4.4' }), releaseOf(boron, '1.4.4'));
		expect(no).toMatchObject({ code: 'DOWNGRADE_NOT_ALLOWED', rule: 'downgrade-by-name' });
		const made = ok(device, goalOf({ target: '1.4.4', allow: ['downgrade'] }), releaseOf(boron, '1.4.4'));
		expect(kinds(made)).not.toContain('update-control bootloader');
		expect(made.notes.map((n) => n.code)).toEqual(
			expect.arrayContaining(['NEWER_STAYS', 'MODEM_KEEPS_BAUD_RATE', 'CLOUD_MAY_UPDATE_AGAIN']),
		);
	});

	it('names the release that an application needs before anything is written', () => {
		const goal = goalOf({ files: [file('new.bin', applicationOf(boron, '4.0.1', { index: 2 }))] });
		const device = normal(boron, '2.2.0');
		expect(releaseNeeded(device, goal)).toBe('4.0.2');
		expect(refused(device, goal)).toMatchObject({ code: 'RELEASE_NEEDED', route: ['4.0.2'] });
		expect(ok(device, goal, releaseOf(boron, '4.0.2')).to.osVersion).toBe('4.0.2');
		const only = refused(device, { ...goal, applicationOnly: true });
		expect(only.code).toBe('NO_SLOT_IN_TARGET');
	});

	it('refuses an application that is newer than the target, naming both releases', () => {
		const app = applicationOf(boron, '4.0.1', { index: 1 });
		const no = refused(
			normal(boron, '2.2.0'),
			goalOf({ target: '2.3.1', files: [file('a.bin', app)] }),
			releaseOf(boron, '2.3.1'),
		);
		expect(no.code).toBe('APPLICATION_NEEDS_NEWER_TARGET');
		expect(no.message).toContain('4.0.1');
		expect(no.message).toContain('2.3.1');
	});

	it('runs an application of its own release with no other step than writing it', () => {
		const app = applicationOf(boron, '2.1.0', { index: 1 });
		const made = ok(normal(boron, '2.2.0'), goalOf({ files: [file('a.bin', app)], applicationOnly: true }));
		expect(kinds(made)).toEqual(['enter-mode', 'write-dfu user-part', 'restart', 'verify']);
	});
});

describe('the bootloader', () => {
	it('is named as a hazard with its duration where it is overwritten in place', () => {
		const made = ok(normal(boron, '1.5.2'), goalOf({ target: '4.0.1' }), releaseOf(boron, '4.0.1'));
		const step = made.steps.find((s) => s.action.kind === 'update-control')!;
		expect(step.ifInterrupted.way).toBe('none');
		expect(step.ifInterrupted.why).toMatch(/SWD/);
		expect(step.ifInterrupted.why).toMatch(/about \d+ ms/);
		expect(made.notes.map((n) => n.code)).toContain('BOOTLOADER_IN_PLACE');
	});

	it('is left alone on a Photon when the target accepts the one that is there', () => {
		const device = normal(photon, '2.0.1');
		const target = releaseOf(photon, '2.3.1');
		expect(kinds(ok(device, goalOf({ target: '2.3.1' }), target))).not.toContain('update-control bootloader');
	});

	it('goes first on a Photon whose bootloader would hang with the new system', () => {
		const old = deviceModules(photon, '1.4.4').map((m) =>
			m.slot === 'bootloader'
				? makeModule(photon, { slot: 'bootloader', function: 2, index: 0, version: 201, dependencies: [] })
				: m,
		);
		const device = snapshotOf(
			photon,
			old.map((m) =>
				m.module.prefix.function === 4
					? makeModule(photon, { slot: m.slot, function: 4, index: m.module.prefix.index, version: 1102, dependencies: [] })
					: m,
			),
			{ mode: 'dfu', depth: 'read' },
		);
		const made = ok(device, goalOf({ target: '1.5.2' }), releaseOf(photon, '1.5.2'));
		expect(kinds(made).slice(0, 3)).toEqual(['restart', 'update-control bootloader', 'enter-mode']);
	});

	it('cannot be replaced by a Device OS that takes no modules over USB: the stepping stone is named', () => {
		const old = (slot: string, fn: number, index: number, version: number) =>
			makeModule(photon, { slot, function: fn, index, version, dependencies: [] });
		const modules = [old('bootloader', 2, 0, 101), old('system-part1', 4, 1, 207), old('system-part2', 4, 2, 207)];
		const device = snapshotOf(photon, modules, { mode: 'normal', depth: 'reported' });
		const no = refused(device, goalOf({ target: '2.2.0' }), releaseOf(photon, '2.2.0'));
		expect(no).toMatchObject({ rule: 'no-control-updates-before-0.8', route: ['1.1.1', '2.2.0'] });
	});

	it('comes after the pre-bootloader that it needs', () => {
		const made = kinds(ok(normal(p2, '5.1.0'), goalOf({ target: '5.9.0' }), releaseOf(p2, '5.9.0')));
		expect(made.indexOf('update-control prebootloader-part1')).toBe(made.indexOf('update-control bootloader') - 1);
	});
});

describe('a Photon', () => {
	it('cannot be started while its parts do not fit: header blanked first, written last', () => {
		const made = ok(normal(photon, '1.5.2'), goalOf({ target: '2.2.0' }), releaseOf(photon, '2.2.0'));
		expect(kinds(made)).toEqual([
			'update-control bootloader',
			'enter-mode',
			'invalidate',
			'write-dfu system-part2',
			'write-dfu system-part1',
			'restart',
			'verify',
		]);
		const last = made.steps.find((s) => s.module?.slot === 'system-part1' && s.action.kind === 'write-dfu')!;
		expect(last.action).toMatchObject({ headLast: 4096 });
		for (const step of made.steps.slice(2, 5)) expect(step.ifInterrupted.way).toBe('same-command');
	});
});

describe('an Electron', () => {
	it('has its parts judged by their headers, whatever the files are called', () => {
		const set = releaseOf(electron, '2.2.0');
		const parts = set.modules.filter((m) => m.module.prefix.function === 4);
		// Published names are rotated against the indexes.
		const files = parts.map((m) => file(`electron-system-part${((m.module.prefix.index + 1) % 3) + 1}.bin`, m));
		const bootloader = set.modules.find((m) => m.module.prefix.function === 2)!;
		const made = ok(normal(electron, '1.5.2'), goalOf({ files: [...files, file('boot.bin', bootloader)] }));
		expect(made.to.modules.map((m) => `${m.slot} ${m.version}`)).toEqual(
			['bootloader 1003', 'system-part1 2202', 'system-part2 2202', 'system-part3 2202'].map((s) =>
				s.startsWith('bootloader') ? `bootloader ${bootloader.module.prefix.version}` : s,
			),
		);
	});
});

describe('a Tracker before 3.0.0', () => {
	it('is sent by way of 5.5.0 to newer releases, for its NCP', () => {
		const no = refused(normal(tracker, '2.3.1'), goalOf({ target: '6.1.1' }), releaseOf(tracker, '6.1.1'));
		expect(no).toMatchObject({ rule: 'tracker-ncp-before-5.6', route: ['5.5.0', '6.1.1'] });
		expect(explainRefusal([no]).join('\n')).toContain('Device OS 5.5.0, then Device OS 6.1.1');
	});
});

describe('files', () => {
	const device = normal(boron, '4.0.1');
	const app = applicationOf(boron, '4.0.1', { index: 2 });

	it('for another platform are refused with both names', () => {
		const no = refused(
			device,
			goalOf({ files: [file('argon.bin', applicationOf(platformByName('argon')!, '4.0.1', { index: 2 }))] }),
		);
		expect(no).toMatchObject({ code: 'WRONG_PLATFORM', file: 'argon.bin' });
		expect(no.message).toContain('Argon');
		expect(no.message).toContain('Boron');
	});

	it('that are too large for their slot are refused with the excess', () => {
		const large = applicationOf(boron, '4.0.1', { index: 1, size: 140_000 });
		expect(refused(device, goalOf({ files: [file('big.bin', large)] }))).toMatchObject({
			code: 'MODULE_TOO_LARGE',
			file: 'big.bin',
		});
	});

	it('that are damaged are refused', () => {
		const bytes = app.module.bytes.slice();
		bytes[5000]! ^= 1;
		const damaged = unwrap(parseModule(bytes));
		const no = refused(device, goalOf({ files: [file('bad.bin', { ...app, module: damaged, sha256: toHex(sha256(bytes)) })] }));
		expect(no).toMatchObject({ code: 'MODULE_NOT_SOUND', file: 'bad.bin' });
	});

	it('that hold the MBR of an RTL872x are passed over with the rule, and the rest goes on', () => {
		const mbr = makeModule(p2, {
			slot: 'prebootloader-mbr',
			function: 2,
			index: 1,
			version: 2,
			dependencies: [],
			start: 0x08000000,
			size: 2000,
		});
		const app2 = applicationOf(p2, '5.9.0');
		const made = ok(normal(p2, '5.9.0'), goalOf({ files: [file('p2-prebootloader-mbr.bin', mbr), file('app.bin', app2)] }));
		expect(made.files.find((f) => f.name === 'p2-prebootloader-mbr.bin')).toMatchObject({
			verdict: 'refused',
			code: 'NEVER_WRITTEN',
		});
		expect(refused(normal(p2, '5.9.0'), goalOf({ files: [file('p2-prebootloader-mbr.bin', mbr)] })).code).toBe(
			'NOTHING_TO_WRITE',
		);
	});

	it('give the same plan in any order', () => {
		const files = [file('app.bin', app), ...releaseOf(boron, '4.1.0').modules.map((m) => file(`${m.slot}.bin`, m))];
		const ids = [files, [...files].reverse(), [...files.slice(2), ...files.slice(0, 2)]].map(
			(f) => ok(device, goalOf({ files: f })).id,
		);
		expect(new Set(ids).size).toBe(1);
	});

	it('that are already there by hash make an empty plan, never a success of writing', () => {
		const there = snapshotOf(boron, [...releaseOf(boron, '4.0.1').modules, app], {
			mode: 'normal',
			depth: 'reported',
			hashes: true,
		});
		const made = ok(there, goalOf({ target: '4.0.1', files: [file('app.bin', app)] }), releaseOf(boron, '4.0.1'));
		expect(made.empty).toBe(true);
		expect(made.files).toMatchObject([{ verdict: 'already-there', code: 'ALREADY_THERE' }]);
	});
});

describe('a Gen 3 device that goes to a release before 4.0.0', () => {
	it('has its setup marked as done, or it would wait in listening mode', () => {
		const modules = releaseOf(boron, '4.0.1').modules;
		const device = snapshotOf(boron, modules, { mode: 'dfu', depth: 'read', setupDone: false });
		const app = applicationOf(boron, '2.2.0', { index: 1 });
		const goal = goalOf({ target: '2.2.0', allow: ['downgrade'], files: [file('a.bin', app)] });
		const made = ok(device, goal, releaseOf(boron, '2.2.0'));
		expect(made.steps.find((s) => s.action.kind === 'write-dct')!.action).toMatchObject({ offset: 8134, value: 1 });
		expect(made.steps.at(-1)!.after.boots).toBe('normal');
		const set = snapshotOf(boron, modules, { mode: 'dfu', depth: 'read', setupDone: true });
		expect(kinds(ok(set, goal, releaseOf(boron, '2.2.0')))).not.toContain('write-dct');
	});
});

describe('the SoftDevice of a nRF52840', () => {
	it('is only touched after the system part was made invalid', () => {
		const old = deviceModules(boron, '1.4.4').map((m) =>
			m.slot === 'softdevice'
				? makeModule(boron, { slot: 'softdevice', function: 8, index: 0, version: 182, dependencies: [] })
				: m,
		);
		const device = snapshotOf(boron, old, { mode: 'dfu', depth: 'read' });
		const made = ok(device, goalOf({ target: '1.5.2' }), releaseOf(boron, '1.5.2'));
		expect(kinds(made)).toEqual(['invalidate', 'write-dfu softdevice', 'write-dfu system-part1', 'restart', 'verify']);
		expect(made.steps[1]!.action).toMatchObject({ skipBytes: 24, address: 0x1000 });
		expect(made.steps.slice(0, 3).map((s) => s.ifInterrupted.way)).toEqual(['same-command', 'same-command', 'same-command']);
		expect(made.steps[0]!.after.boots).toBe('dfu');
	});
});

describe('6.1.2', () => {
	it('is refused by its rule, as a target and as a file', () => {
		const device = inDfu(boron, '6.1.1');
		expect(refused(device, goalOf({ target: '6.1.2' }))).toMatchObject({
			code: 'RELEASE_NEVER_OFFERED',
			rule: 'never-offer-6.1.2',
		});
		const part = makeModule(boron, { slot: 'system-part1', function: 4, index: 1, version: 6102, dependencies: [] });
		expect(refused(device, goalOf({ files: [file('s.bin', part)] }))).toMatchObject({ rule: 'never-offer-6.1.2', file: 's.bin' });
	});
});

describe('protection', () => {
	it('refuses a protected device and says what is needed', () => {
		const device: DeviceSnapshot = { ...inDfu(boron, '6.1.1'), protection: 'protected' };
		expect(refused(device, goalOf({ target: '6.2.0' }), releaseOf(boron, '6.2.0')).code).toBe('DEVICE_PROTECTED');
	});

	it('keeps a device in service mode at or above the floor', () => {
		const device: DeviceSnapshot = {
			...inDfu(boron, '6.2.0'),
			protection: 'service',
			modules: inDfu(boron, '6.2.0').modules!.filter((m) => m.function !== 5),
		};
		const no = refused(device, goalOf({ target: '6.0.0', allow: ['downgrade'] }), releaseOf(boron, '6.0.0'));
		expect(no).toMatchObject({ code: 'BELOW_PROTECTED_FLOOR', rule: 'protected-floor' });
	});
});

describe('a plan', () => {
	const made = ok(normal(boron, '2.2.0'), goalOf({ target: '4.0.1' }), releaseOf(boron, '4.0.1'));

	it('survives JSON unchanged and has a repeatable id', () => {
		expect(JSON.parse(JSON.stringify(made))).toEqual(made);
		expect(ok(normal(boron, '2.2.0'), goalOf({ target: '4.0.1' }), releaseOf(boron, '4.0.1')).id).toBe(made.id);
	});

	it('is explained step by step, with what an interruption would leave', () => {
		const text = explain(made).join('\n');
		expect(text).toContain('Device OS 2.2.0 to Device OS 4.0.1');
		expect(text.match(/If power or cable fails in it:/g)).toHaveLength(made.steps.length);
		expect(text).toContain('safe mode');
	});

	it('simulates to the same states that its steps promise', () => {
		const full = unwrap(
			plan(normal(boron, '2.2.0'), goalOf({ target: '4.0.1' }), { platform: boron, release: releaseOf(boron, '4.0.1') }),
		);
		const run = simulate(normal(boron, '2.2.0'), full.plan, { platform: boron, inputs: full.inputs });
		expect(run.steps.map((s) => s.after)).toEqual(full.plan.steps.map((s) => s.after));
	});

	it('is not made for a device of which nothing could be read', () => {
		const { modules: _, ...rest } = normal(boron, '2.2.0');
		expect(refused(rest, goalOf({ target: '4.0.1' }), releaseOf(boron, '4.0.1')).code).toBe('DEVICE_STATE_UNKNOWN');
	});
});

describe('the rules', () => {
	it('have each a source, a statement and a confidence, and ids that are not used twice', () => {
		const all = [...rules().rules, ...rules().bootloaderUpdate];
		expect(new Set(all.map((r) => r.id)).size).toBe(all.length);
		for (const rule of all) {
			expect(rule.source.length, rule.id).toBeGreaterThan(10);
			expect(rule.statement.length, rule.id).toBeGreaterThan(10);
			expect(['code', 'ran', 'docs', 'thread', 'inference']).toContain(rule.confidence);
		}
	});
});
