/**
 * Judges an application for a release before it goes into an image: whole, for this platform, in a slot that the release has, not larger
 * than it, and nothing asked for that the release has not. Not for what is on a device: that is the planner's.
 */

import type { ReleaseSet, SourcedModule } from '@linac/catalog';
import {
	inRange,
	judgeFile,
	type MemoryRegion,
	type ModuleSlot,
	type Platform,
	platformById,
	regionOf,
	releaseByModuleVersion,
} from '@linac/catalog';
import { address, bad, type Digests, good, type Problem, problem, toHex, type Verdict } from '@linac/core';
import { type ModuleDependency, ModuleFunction, moduleLabel, type ParsedModule, requiredAssets } from '@linac/firmware';

const SIZE_OF_CRC = 4;

/** What an application is judged against: the modules that will be on the chip with it. */
export interface Surroundings {
	platform: Platform;
	/** Number of the system parts: it decides which slots there are and where. */
	moduleVersion: number;
	/** For messages: `Device OS 4.0.1`. */
	name: string;
	modules: readonly { function: number; index: number; version: number }[];
}

/** What an application is judged against when it goes with a release. */
export function surroundingsOfRelease(platform: Platform, release: ReleaseSet): Surroundings {
	return {
		platform,
		moduleVersion: release.moduleVersion,
		name: `Device OS ${release.version}`,
		modules: release.modules.map((m) => m.module.prefix),
	};
}

/** Opens an application from a file and judges it. Bad with reasons that say what to do; good with warnings in `problems`. */
export function openApplicationFile(
	file: { name: string; bytes: Uint8Array; origin?: string },
	surroundings: Surroundings,
	digests: Digests,
): Verdict<SourcedModule> {
	const { platform } = surroundings;
	const judged = judgeFile(file, platform, digests);
	const { module, slot } = judged;
	if (judged.role === 'other-platform' && module) {
		const other = platformById(module.prefix.platformId)?.displayName ?? `platform ${module.prefix.platformId}`;
		const message = `${file.name} is for the ${other}, not for the ${platform.displayName}. Build it for this platform, or choose the other one.`;
		const { platformId } = module.prefix;
		return bad(
			problem('APPLICATION_OTHER_PLATFORM', message, {
				file: file.name,
				field: 'prefix.platformId',
				expected: platform.id,
				found: platformId,
			}),
		);
	}
	if (judged.role === 'refused' || !module || !slot) {
		return bad(judged.problem ?? problem('NOT_AN_APPLICATION', `${file.name} is no application.`, { file: file.name }));
	}
	if (judged.role !== 'application') {
		const message = `${file.name} is ${moduleLabel(module.prefix)} ${module.prefix.version}, a part of Device OS, and no application. Give the file that your compiler made of your program.`;
		return bad(
			problem('NOT_AN_APPLICATION', message, { file: file.name, field: 'prefix.function', found: module.prefix.function }),
		);
	}
	const application: SourcedModule = {
		slot: slot.name,
		origin: file.origin ?? file.name,
		module,
		sha256: toHex(digests.sha256(module.bytes)),
	};
	const problems = judgeApplication(application, file.name, surroundings);
	return problems.some((p) => p.severity === 'error') ? bad(...problems) : good(application, problems);
}

/** What is wrong with an application for these surroundings; warnings and notes may be among it. Its CRC has been checked before. */
export function judgeApplication(application: SourcedModule, name: string, surroundings: Surroundings): Problem[] {
	const { module } = application;
	const { platform } = surroundings;
	const slot = platform.modules.find((s) => s.name === application.slot);
	if (!slot) {
		return [problem('NOT_AN_APPLICATION', `${name} has no place on a ${platform.displayName}.`, { file: name })];
	}
	const problems: Problem[] = [];
	if (module.compressed || module.combined || module.encrypted) {
		const what = module.compressed ? 'compressed' : module.combined ? 'combined with another module' : 'encrypted';
		const message = `${name} is ${what}, which only updates over the air can use. Give the plain application.`;
		problems.push(problem('APPLICATION_PACKED', message, { file: name, field: 'prefix.flags', found: module.prefix.flags }));
	}
	problems.push(...placeProblems(module, slot, name, surroundings));
	for (const dependency of module.dependencies) {
		const unmet = dependencyProblem(dependency, name, surroundings);
		if (unmet) problems.push(unmet);
	}
	const assets = requiredAssets(module);
	if (assets.length > 0) {
		const message = `${name} needs ${assets.length === 1 ? 'an asset' : `${assets.length} assets`} (${assets.map((a) => a.name).join(', ')}), which an image cannot hold: assets are given to the running device afterwards.`;
		problems.push(problem('ASSETS_NOT_IN_IMAGE', message, { severity: 'warning', file: name }));
	}
	return problems;
}

/** The slot must exist in this release, and the module stand in it: at its first address, or (RTL872x, which grows downwards) at its last. */
export function placeProblems(
	module: ParsedModule,
	slot: ModuleSlot,
	name: string,
	surroundings: Omit<Surroundings, 'modules'>,
): Problem[] {
	const { platform, moduleVersion } = surroundings;
	const { start, end } = module.prefix;
	const region = slot.region === undefined ? undefined : regionOf(platform, slot.region, moduleVersion);
	if (!inRange(slot.versions, moduleVersion) || !region) {
		const others = platform.modules.filter(
			(s) => s.function === slot.function && s !== slot && inRange(s.versions, moduleVersion),
		);
		const hint = others.length > 0 ? ` Build it for a release that has ${describeSlots(platform, others, moduleVersion)}.` : '';
		const message = `${name} is built for the slot at ${address(start)}, which ${surroundings.name} does not have on a ${platform.displayName}.${hint} Or choose a newer Device OS.`;
		return [problem('APPLICATION_SLOT_MISSING', message, { file: name, field: 'prefix.start', found: start })];
	}
	const last = end + SIZE_OF_CRC;
	const size = last - start;
	const room = region.end - region.start;
	if (size > room) {
		const message = `${name} has ${size} bytes; its slot on a ${platform.displayName} with ${surroundings.name} has ${room}. Make it ${size - room} bytes smaller.`;
		return [problem('APPLICATION_TOO_LARGE', message, { file: name, field: 'prefix.end', expected: room, found: size })];
	}
	if (inside(module, region)) return [];
	const message = `${name} says it stands at ${address(start)} to ${address(last)}; the slot of ${surroundings.name} is ${address(region.start)} to ${address(region.end)}. It was built for another layout: build it for this Device OS.`;
	return [
		problem('APPLICATION_OUTSIDE_SLOT', message, { file: name, field: 'prefix.start', expected: region.start, found: start }),
	];
}

function inside(module: ParsedModule, region: MemoryRegion): boolean {
	const { start } = module.prefix;
	const last = module.prefix.end + SIZE_OF_CRC;
	return start >= region.start && last <= region.end && (start === region.start || last === region.end);
}

function describeSlots(platform: Platform, slots: readonly ModuleSlot[], moduleVersion: number): string {
	return slots
		.map((s) => (s.region === undefined ? undefined : regionOf(platform, s.region, moduleVersion)))
		.filter((r) => r !== undefined)
		.map((r) => `the slot at ${address(r.start)}`)
		.join(' or ');
}

function dependencyProblem(dependency: ModuleDependency, name: string, surroundings: Surroundings): Problem | undefined {
	if (dependency.function === ModuleFunction.none) return undefined;
	const { platform } = surroundings;
	const there = surroundings.modules.find((m) => m.function === dependency.function && m.index === dependency.index);
	if (there && there.version >= dependency.version) return undefined;
	const needed =
		dependency.function === ModuleFunction.system ? releaseByModuleVersion(platform, dependency.version)?.version : undefined;
	const what = needed === undefined ? `${moduleLabel(dependency)} ${dependency.version}` : `Device OS ${needed}`;
	const has = there
		? `${surroundings.name} has ${moduleLabel(dependency)} ${there.version}`
		: `${surroundings.name} has no ${moduleLabel(dependency)}`;
	const message = `${name} needs ${what} or newer (${moduleLabel(dependency)} ${dependency.version}), and ${has}. Choose a newer Device OS, or build the application for this one.`;
	return problem('APPLICATION_NEEDS_NEWER', message, {
		file: name,
		field: 'prefix.dependency',
		expected: dependency.version,
		...(there ? { found: there.version } : {}),
	});
}
