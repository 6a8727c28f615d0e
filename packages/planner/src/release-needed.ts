/** Which release a job needs, so that the caller can open it before a plan is made. */
import {
	assetStore,
	compareVersions,
	firstSystemThatTellsAssets,
	firstSystemWithAssets,
	latestInLine,
	type Platform,
	platformByName,
	releasesFor,
} from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { keyOf } from './model.js';
import type { DeviceSnapshot, Goal } from './types.js';

/**
 * The release to open for `plan`, or `undefined` when none is needed: the target that was asked for; else, where an application needs a
 * newer system than the device has, the last patch of the oldest line that satisfies it.
 */
export function releaseNeeded(device: DeviceSnapshot, goal: Goal): string | undefined {
	if (goal.target !== undefined) return goal.target;
	if (goal.applicationOnly) return undefined;
	const platform = platformByName(device.platform);
	if (!platform) return undefined;
	const wanted = systemNeeded(device, goal, platform);
	return wanted === undefined ? undefined : releaseFrom(platform, wanted);
}

/** The system version that the given applications need and the device, with the given files, will not have. */
export function systemNeeded(device: DeviceSnapshot, goal: Goal, platform: Platform): number | undefined {
	const given = new Map<string, number>();
	for (const { module } of goal.files) if (module) given.set(keyOf(module.module.prefix), module.module.prefix.version);
	let needed: number | undefined;
	for (const { module } of goal.files) {
		if (module?.module.prefix.function !== ModuleFunction.user || module.module.prefix.platformId !== platform.id) continue;
		for (const d of module.module.dependencies) {
			if (d.function !== ModuleFunction.system) continue;
			const there = device.modules?.find((m) => keyOf(m) === keyOf(d) && m.valid)?.version;
			const version = given.get(keyOf(d)) ?? there;
			if (version === undefined || version < d.version) needed = Math.max(needed ?? 0, d.version);
		}
	}
	const start = bootFacts(platform).startModule;
	// The system that has to keep the assets of the goal; one that can tell of them, because otherwise nothing would prove that they are there.
	if (goal.files.some((f) => f.module?.module.prefix.function === ModuleFunction.asset) && assetStore(platform)) {
		const will = given.get(keyOf(start)) ?? device.modules?.find((m) => keyOf(m) === keyOf(start) && m.valid)?.version;
		if (will === undefined || will < firstSystemWithAssets()) needed = Math.max(needed ?? 0, firstSystemThatTellsAssets());
	}
	const running = device.modules?.find((m) => keyOf(m) === keyOf(start));
	// Never back without being asked to: a damaged system is repaired with a release at least as new as its header says.
	return needed === undefined ? undefined : Math.max(needed, running?.version ?? 0);
}

/** Last patch of the oldest line that has a release from this system version on. */
export function releaseFrom(platform: Platform, moduleVersion: number): string | undefined {
	const fitting = releasesFor(platform)
		.filter((r) => r.channel === 'release' && r.moduleVersion >= moduleVersion)
		.sort((a, b) => compareVersions(a.version, b.version));
	const oldest = fitting[0];
	if (!oldest) return undefined;
	const last = latestInLine(platform, oldest.lineName);
	return last && last.moduleVersion >= oldest.moduleVersion ? last.version : oldest.version;
}
