/**
 * What forbids a plan before anything is ordered: releases that must not be offered, stepping stones, protection, applications that do
 * not fit their system or their slot. Rules come from data/rules.json and are named in the refusal.
 */

import { inRange, type Platform, regionOf, releaseByModuleVersion, rulesOf } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { type DeviceModel, find, keyOf, slotName } from './model.js';
import { refusal } from './refusal.js';
import type { DeviceSnapshot, Refusal } from './types.js';
import type { Wanted } from './wanted.js';

/** `Device OS 4.0.1 (module 4005)`, or the number alone where no release has it. */
export function releaseName(platform: Platform, moduleVersion: number): string {
	const release = releaseByModuleVersion(platform, moduleVersion);
	return release ? `Device OS ${release.version} (module ${moduleVersion})` : `Device OS module ${moduleVersion}`;
}

export function neverOffered(
	platform: Platform,
	version: string | undefined,
	moduleVersion: number | undefined,
): Refusal | undefined {
	const rule = rulesOf('never-offer', platform).find(
		(r) =>
			(version !== undefined && r.releases.includes(version)) ||
			(moduleVersion !== undefined && r.moduleVersions.includes(moduleVersion)),
	);
	const name = version === undefined ? `module ${moduleVersion}` : version;
	return rule && refusal('RELEASE_NEVER_OFFERED', `Device OS ${name} is not installed. ${rule.statement}`, { rule: rule.id });
}

/** Stepping stones between the installed and the wanted system. `deep`: also those that hold only when no order was found. */
export function steppingStones(model: DeviceModel, targetVersion: number, target: string, deep = false): Refusal | undefined {
	const installed = find(model, bootFacts(model.platform).startModule)?.version;
	const fits = (range: { from?: number; before?: number }) =>
		installed === undefined ? range.from === undefined && range.before === undefined : inRange(range, installed);
	const rule = rulesOf('stepping-stone', model.platform).find(
		(r) => fits(r.installed) && inRange(r.target, targetVersion) && (deep || r.onlyIf === undefined),
	);
	if (!rule) return undefined;
	return refusal(
		'STEPPING_STONE_NEEDED',
		`${installed === undefined ? 'This device' : releaseName(model.platform, installed)} does not go to ${target} directly. ${rule.statement} Install ${[...rule.via, target].join(', then ')}.`,
		{ rule: rule.id, route: [...rule.via, target] },
	);
}

export function protectionProblem(
	device: DeviceSnapshot,
	platform: Platform,
	wanted: ReadonlyMap<string, Wanted>,
): Refusal | undefined {
	const protectedBootloader = [...wanted.values()].find(
		(w) => w.written.function === ModuleFunction.bootloader && isProtected(w),
	);
	if (protectedBootloader && device.protection !== 'protected' && device.protection !== 'service') {
		return refusal(
			'PROTECTED_BOOTLOADER',
			`${protectedBootloader.files[0] ?? protectedBootloader.source.origin} is a bootloader with device protection, and this device is open. ` +
				'It would lock the device; enabling protection is not a part of programming.',
			{ ...(protectedBootloader.files[0] ? { file: protectedBootloader.files[0] } : {}) },
		);
	}
	if (device.protection === 'protected') {
		return refusal(
			'DEVICE_PROTECTED',
			'Device protection is on, so nothing can be written over USB. Put the device into service mode first (its owner can do that with ' +
				'`particle device-protection disable`), then run the command again.',
		);
	}
	if (device.protection !== 'service') return undefined;
	const floor = rulesOf('protected-floor', platform)[0];
	if (!floor) return undefined;
	for (const w of wanted.values()) {
		const least =
			w.written.function === ModuleFunction.system
				? floor.systemFrom
				: w.written.function === ModuleFunction.bootloader
					? floor.bootloaderFrom
					: 0;
		if (w.written.version < least && w.written.index <= 1) {
			return refusal(
				'BELOW_PROTECTED_FLOOR',
				`${w.slot.name} ${w.written.version} is too old for a protected device. ${floor.statement}`,
				{
					rule: floor.id,
					found: w.written.version,
					expected: least,
				},
			);
		}
	}
	const open = [...wanted.values()].find(
		(w) => w.written.function === ModuleFunction.bootloader && w.slot.index === 0 && !isProtected(w),
	);
	const boot0 = device.modules?.find((m) => m.function === ModuleFunction.bootloader && m.index === 0);
	if (open && boot0 && boot0.version < open.written.version) {
		return refusal(
			'UNPROTECTED_BOOTLOADER',
			`A protected device takes only a bootloader with device protection, and ${open.source.origin} has none. Make one with \`particle binary enable-device-protection\`.`,
		);
	}
	return undefined;
}

function isProtected(w: Wanted): boolean {
	return w.source.module.suffix.extensions.some((e) => e.type === 'security-mode' && e.mode === 1);
}

/** Whether a module lies where the memory map of the system in the end has room for it, and clear of the system itself. */
export function placeProblems(
	platform: Platform,
	wanted: ReadonlyMap<string, Wanted>,
	systemVersion: number | undefined,
): Refusal[] {
	const problems: Refusal[] = [];
	for (const w of wanted.values()) {
		const file = w.files[0] ?? w.source.origin;
		const version = w.written.function === ModuleFunction.system ? w.written.version : systemVersion;
		if (version !== undefined && !inRange(w.slot.versions, version)) {
			problems.push(
				refusal(
					'NO_SLOT_IN_TARGET',
					`${file} is for the ${w.slot.name} slot, which ${releaseName(platform, version)} does not have` +
						`${w.slot.versions?.from === undefined ? '' : ` (it came with module ${w.slot.versions.from})`}. Build it for that Device OS, or choose a newer target.`,
					{ file, field: 'index' },
				),
			);
			continue;
		}
		if (w.slot.region === undefined) continue;
		const region = regionOf(platform, w.slot.region, version);
		if (!region) continue;
		const start = w.written.start;
		const end = start + w.length;
		if (start < region.start || end > region.end) {
			const tooLarge = start >= region.start && start < region.end;
			problems.push(
				refusal(
					tooLarge ? 'MODULE_TOO_LARGE' : 'MODULE_OUT_OF_PLACE',
					`${file} goes from 0x${start.toString(16)} to 0x${end.toString(16)}, but the ${w.slot.name} of a ${platform.displayName} lies from ` +
						`0x${region.start.toString(16)} to 0x${region.end.toString(16)}${tooLarge ? `: it is ${end - region.end} bytes too large` : ''}.`,
					{ file, field: tooLarge ? 'end' : 'start', expected: region.end, found: end },
				),
			);
		}
	}
	return problems;
}

/** The system that modules will run on in the end: a wanted one, or the one that is there. */
export function finalVersion(
	model: DeviceModel,
	wanted: ReadonlyMap<string, Wanted>,
	module: { function: number; index: number },
): number | undefined {
	const there = find(model, module);
	return wanted.get(keyOf(module))?.written.version ?? (there?.state === 'valid' ? there.version : undefined);
}

/** The rule that applications and systems have to fit, to be named in refusals. */
export function applicationRule(platform: Platform): { rule?: string } {
	const rule = rulesOf('application', platform)[0];
	return rule ? { rule: rule.id } : {};
}

/** Applications that ask for a newer system than there will be. */
export function applicationNeeds(
	model: DeviceModel,
	wanted: ReadonlyMap<string, Wanted>,
	released: string | undefined,
): Refusal[] {
	const { platform } = model;
	const problems: Refusal[] = [];
	for (const w of wanted.values()) {
		if (w.written.function !== ModuleFunction.user) continue;
		for (const d of w.written.dependencies) {
			const version = finalVersion(model, wanted, d);
			if (version !== undefined && version >= d.version) continue;
			const file = w.files[0] ?? w.source.origin;
			const needs =
				d.function === ModuleFunction.system ? releaseName(platform, d.version) : `${slotName(platform, d)} ${d.version}`;
			const has = version === undefined ? 'no working one' : releaseName(platform, version);
			problems.push(
				refusal(
					released === undefined ? 'APPLICATION_NEEDS_NEWER_SYSTEM' : 'APPLICATION_NEEDS_NEWER_TARGET',
					released === undefined
						? `${file} was built for ${needs}; the device has ${has}. Choose a target with --target.`
						: `${file} was built for ${needs}, which is newer than the target, Device OS ${released}. Build it for the target, or choose a newer one.`,
					{
						file,
						field: 'dependencies',
						...applicationRule(platform),
						expected: d.version,
						...(version === undefined ? {} : { found: version }),
					},
				),
			);
		}
	}
	return problems;
}

/** Notes of the rules that fit this job. */
export function ruleNotes(model: DeviceModel, targetVersion: number | undefined, withoutApplication: boolean): Problem[] {
	const installed = find(model, bootFacts(model.platform).startModule)?.version;
	const notes: Problem[] = [];
	for (const rule of rulesOf('note', model.platform)) {
		const { when } = rule;
		if (when.installed && (installed === undefined || !inRange(when.installed, installed))) continue;
		if (when.target && (targetVersion === undefined || targetVersion === installed || !inRange(when.target, targetVersion)))
			continue;
		if (when.direction) {
			if (installed === undefined || targetVersion === undefined || installed === targetVersion) continue;
			if ((when.direction === 'downgrade') !== targetVersion < installed) continue;
		}
		if (when.withoutApplication !== undefined && when.withoutApplication !== withoutApplication) continue;
		notes.push({ code: rule.code, severity: rule.severity, message: `${rule.statement} (rule ${rule.id})`, field: rule.id });
	}
	if (targetVersion !== undefined && (installed === undefined || targetVersion < installed)) {
		for (const rule of rulesOf('minimum', model.platform)) {
			if (targetVersion >= rule.moduleVersion) continue;
			notes.push({
				code: 'MINIMUM_VERSION_BY_SKU',
				severity: 'warning',
				message: `${rule.statement} (rule ${rule.id})`,
				field: rule.id,
			});
		}
	}
	return notes;
}
