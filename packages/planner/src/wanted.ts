/**
 * Judges what is given (the user's files and the release's modules) for one platform: which module goes to which slot, and what can
 * never go there. What the device has does not matter here; that is decisions.ts.
 */

import {
	inRange,
	type ModuleSlot,
	type Platform,
	platformById,
	type ReleaseSet,
	rulesOf,
	type SourcedModule,
} from '@linac/catalog';
import { type Digests, type Problem, toHex } from '@linac/core';
import { contentBytes, ModuleFunction, moduleFunctionNames, skipBytes } from '@linac/firmware';
import { assetsWantedBy, type GivenAsset, givenAsset } from './assets.js';
import { assetKey, keyOf } from './model.js';
import { refusal } from './refusal.js';
import { type WrittenModule, writtenModule } from './transitions.js';
import type { FileVerdict, Goal, GoalFile, Refusal } from './types.js';

/** A module that shall be on the device in the end. */
export interface Wanted {
	slot: ModuleSlot;
	source: SourcedModule;
	/** Names of the user's files that are this module; empty: it comes from the release. */
	files: string[];
	written: WrittenModule;
	/** Bytes of the file that are not written, and bytes that are. */
	skip: number;
	length: number;
}

export interface Judged {
	/** By function and index. */
	wanted: Map<string, Wanted>;
	/** Assets that were given, by name. */
	assets: GivenAsset[];
	/** Verdicts that stand whatever the device has. */
	verdicts: FileVerdict[];
	/** Anything here refuses the whole plan. */
	problems: Refusal[];
}

export function verdictOf(name: string, verdict: FileVerdict['verdict'], code: string, reason: string): FileVerdict {
	return { name, verdict, reason, code, steps: [] };
}

export function toWanted(slot: ModuleSlot, source: SourcedModule, files: string[], digests: Digests): Wanted {
	const { module } = source;
	const skip = skipBytes(module);
	const bytes = contentBytes(module);
	const written = writtenModule(module, hashOf(bytes, module, digests));
	const assets = module.prefix.function === ModuleFunction.user ? assetsWantedBy(module) : [];
	return { slot, source, files, written: { ...written, ...(assets.length > 0 ? { assets } : {}) }, skip, length: bytes.length };
}

const hashes = new WeakMap<object, string>();

/** Hashing is what takes time in planning, and the same modules come back in every plan of a set. */
function hashOf(bytes: Uint8Array, module: object, digests: Digests): string {
	let hash = hashes.get(module);
	if (hash === undefined) {
		hash = toHex(digests.sha256(bytes));
		hashes.set(module, hash);
	}
	return hash;
}

/** Describes a module in a few words, e.g. `boron bootloader 1101`. */
export function describe(source: SourcedModule): string {
	const { prefix } = source.module;
	const name = moduleFunctionNames[prefix.function] ?? `function ${prefix.function}`;
	const platform = platformById(prefix.platformId)?.name ?? `platform ${prefix.platformId}`;
	return `${platform} ${name}${prefix.index > 0 ? ` ${prefix.index}` : ''} ${prefix.version}`;
}

/** Why a module can never be written to a device of this platform, or `undefined`. */
export function unsuitable(platform: Platform, source: SourcedModule, file: string): Refusal | undefined {
	const { module } = source;
	const { prefix } = module;
	for (const rule of rulesOf('never-write', platform)) {
		if (rule.function === prefix.function && rule.index === prefix.index) {
			return refusal('NEVER_WRITTEN', `${file}: ${rule.statement}`, { file, rule: rule.id });
		}
	}
	if (prefix.function === ModuleFunction.system) {
		const rule = rulesOf('never-offer', platform).find((r) => r.moduleVersions.includes(prefix.version));
		if (rule) return refusal('RELEASE_NEVER_OFFERED', `${file}: ${rule.statement}`, { file, rule: rule.id });
	}
	if (module.encrypted) {
		return refusal('ENCRYPTED_MODULE', `${file} is encrypted for one chip and can't be programmed over USB.`, {
			file,
			field: 'flags',
		});
	}
	if (!module.sound) {
		return refusal('MODULE_NOT_SOUND', `${file} is damaged: the device would not accept it. Get a fresh copy.`, { file });
	}
	if (module.compressed || module.combined) {
		const what = module.compressed ? 'compressed' : 'combined with another module';
		return refusal('PACKED_MODULE', `${file} is ${what}, which only updates over the air can use. Give the plain module.`, {
			file,
			field: 'flags',
		});
	}
	const shared = rulesOf('shared-module', platform).some(
		(r) => r.function === prefix.function && r.platformIds.includes(prefix.platformId),
	);
	if (prefix.platformId !== platform.id && !shared) {
		return refusal(
			'WRONG_PLATFORM',
			`${file} is for ${platformById(prefix.platformId)?.displayName ?? `platform ${prefix.platformId}`}, but this device is a ` +
				`${platform.displayName}. Give a file that was built for it.`,
			{ file, field: 'platformId', expected: platform.id, found: prefix.platformId },
		);
	}
	if (prefix.function === ModuleFunction.ncp && prefix.reserved !== NCP_ESP32) {
		return refusal(
			'WRONG_PLATFORM',
			`${file} is for another co-processor (${prefix.reserved}) than the ESP32 that these boards have.`,
			{
				file,
				field: 'reserved',
				expected: NCP_ESP32,
				found: prefix.reserved,
			},
		);
	}
	if (!platform.modules.some((s) => keyOf(s) === keyOf(prefix))) {
		return refusal('NO_SUCH_SLOT', `${file} (${describe(source)}) has no place on a ${platform.displayName}.`, {
			file,
			field: 'function',
		});
	}
	return undefined;
}

/** The co-processor of every board that takes firmware for one (device-os v6.2.0: hal/shared/platform_ncp.h PLATFORM_NCP_ESP32; checked by ota_flash_hal.cpp validateModules). */
const NCP_ESP32 = 0x21;

/** Codes that leave the rest of a set usable: published sets hold these modules, and nobody means to write them. */
const passedOver = new Set(['NEVER_WRITTEN', 'ENCRYPTED_MODULE']);

export function judgeFiles(platform: Platform, goal: Goal, digests: Digests): Judged {
	const judged: Judged = { wanted: new Map(), assets: [], verdicts: [], problems: [] };
	// Sorted, so that the order in which files are given changes nothing.
	const files = [...goal.files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
	for (const file of files) judgeFile(platform, goal, file, judged, digests);
	return judged;
}

function judgeFile(platform: Platform, goal: Goal, file: GoalFile, judged: Judged, digests: Digests): void {
	const { module: source } = file;
	if (!source) {
		const first = file.problems[0];
		if (first && file.problems.every((p) => p.severity !== 'error')) {
			judged.verdicts.push(verdictOf(file.name, 'not-needed', first.code, first.message));
			return;
		}
		judged.problems.push(
			...(first
				? file.problems.map((p) => ({ ...p, file: p.file ?? file.name }))
				: [refusal('NOT_A_MODULE', `${file.name} is no Particle module.`, { file: file.name })]),
		);
		judged.verdicts.push(
			verdictOf(file.name, 'refused', first?.code ?? 'NOT_A_MODULE', first?.message ?? 'It is no Particle module.'),
		);
		return;
	}
	if (source.module.prefix.function === ModuleFunction.asset) {
		judgeAsset(platform, goal, source, file.name, judged);
		return;
	}
	const problem = unsuitable(platform, source, file.name);
	if (problem) {
		judged.verdicts.push(verdictOf(file.name, 'refused', problem.code, problem.message));
		if (!passedOver.has(problem.code)) judged.problems.push(problem);
		return;
	}
	const { prefix } = source.module;
	const isApplication = prefix.function === ModuleFunction.user || prefix.function === ModuleFunction.monolithic;
	if (goal.applicationOnly && !isApplication) {
		const reason = `${file.name} is a ${moduleFunctionNames[prefix.function]}, and only the application was asked for.`;
		judged.verdicts.push(verdictOf(file.name, 'not-needed', 'APPLICATION_ONLY', reason));
		return;
	}
	const slot = platform.modules.find((s) => keyOf(s) === keyOf(prefix))!;
	const other = judged.wanted.get(keyOf(prefix));
	if (other && other.source.sha256 !== source.sha256) {
		judged.problems.push(
			refusal(
				'TWO_FILES_FOR_ONE_PLACE',
				`${other.files[0]} and ${file.name} are different modules for the same place (${slot.name}). Give only one of them.`,
				{ file: file.name },
			),
		);
		return;
	}
	if (other) other.files.push(file.name);
	else judged.wanted.set(keyOf(prefix), toWanted(slot, source, [file.name], digests));
}

function judgeAsset(platform: Platform, goal: Goal, source: SourcedModule, file: string, judged: Judged): void {
	if (goal.applicationOnly) {
		const reason = `${file} is an asset, and only the application was asked for.`;
		judged.verdicts.push(verdictOf(file, 'not-needed', 'APPLICATION_ONLY', reason));
		return;
	}
	const asset = givenAsset(platform, source, file);
	if ('code' in asset) {
		judged.verdicts.push(verdictOf(file, 'refused', asset.code, asset.message));
		judged.problems.push(asset);
		return;
	}
	const other = judged.assets.find((a) => a.name === asset.name);
	if (!other) judged.assets.push(asset);
	else if (assetKey(other) === assetKey(asset)) other.files.push(file);
	else {
		judged.problems.push(
			refusal(
				'TWO_FILES_FOR_ONE_PLACE',
				`${other.files[0]} and ${file} are different assets with the same name ("${asset.name}"). Give only one of them.`,
				{ file },
			),
		);
	}
}

/** Two applications in different slots would both be written, and one of them never run. */
export function applicationProblem(judged: Judged): Problem | undefined {
	const applications = [...judged.wanted.values()].filter((w) => w.written.function === ModuleFunction.user);
	if (applications.length < 2) return undefined;
	return refusal(
		'TWO_APPLICATIONS',
		`${applications.map((w) => w.files[0]).join(' and ')} are both applications; a device runs one. Give only one of them.`,
		{ file: applications[1]!.files[0] },
	);
}

/** Adds the modules of a release to what is wanted; a file of the user's takes the place of the release's module. */
export function addRelease(platform: Platform, release: ReleaseSet, judged: Judged, digests: Digests): Problem[] {
	const notes: Problem[] = [];
	const sorted = [...release.modules].sort((a, b) => (keyOf(a.module.prefix) < keyOf(b.module.prefix) ? -1 : 1));
	for (const source of sorted) {
		const { prefix } = source.module;
		// Applications that a release carries (Tinker, Tracker Edge) are no part of Device OS: they are written when given as files.
		if (prefix.function === ModuleFunction.user) {
			notes.push(
				info(
					'RELEASE_APPLICATION_LEFT',
					`${source.slot} of release ${release.version} is an application: not asked for, not written.`,
				),
			);
			continue;
		}
		const problem = unsuitable(platform, source, source.origin);
		if (problem) {
			notes.push(info('RELEASE_MODULE_LEFT', `${source.slot} of release ${release.version} is left out. ${problem.message}`));
			continue;
		}
		const key = keyOf(prefix);
		const file = judged.wanted.get(key);
		if (file) {
			notes.push(
				info(
					'RELEASE_MODULE_REPLACED',
					`${file.files[0]} takes the place of the ${file.slot.name} of release ${release.version}.`,
				),
			);
			continue;
		}
		const slot = platform.modules.find((s) => keyOf(s) === key && inRange(s.versions, release.moduleVersion));
		if (slot) judged.wanted.set(key, toWanted(slot, source, [], digests));
	}
	return notes;
}

export function info(code: string, message: string): Problem {
	return { code, severity: 'info', message };
}

export function warning(code: string, message: string): Problem {
	return { code, severity: 'warning', message };
}
