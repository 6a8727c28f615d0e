/**
 * What to bring a damaged device to: the release, and what becomes of its application. Pure, from a look at the device. How to get there is the
 * planner's (plan.ts); opening releases is the caller's.
 */
import {
	expectedModules,
	inRange,
	type Platform,
	type ReleaseEntry,
	type ReleaseSet,
	recommendedRelease,
	releaseByModuleVersion,
	releasesFor,
	rulesOf,
} from '@linac/catalog';
import { type ModuleDependency, ModuleFunction } from '@linac/firmware';
import { applicationsOf, bootFacts, isMonolithic } from './boot.js';
import { find, keyOf, type ModelModule, modelOf, slotName } from './model.js';
import { releaseFrom } from './release-needed.js';
import type { DeviceSnapshot } from './types.js';

export interface ReleaseCandidate {
	version: string;
	/** A whole sentence. */
	why: string;
}

/**
 * The releases that a device may be brought to, the best first: the one that it has most probably had (its newest whole system part, or what its
 * application needs, or the one that its bootloader came with), then newer ones of the same line, then the recommended one. None is older than what
 * the application needs.
 */
export function releaseCandidates(device: DeviceSnapshot, platform: Platform): ReleaseCandidate[] {
	const model = modelOf(platform, device);
	const candidates: ReleaseCandidate[] = [];
	const needed = applicationNeeds(platform, applicationsOf(model));
	const fits = (release: ReleaseEntry | undefined): release is ReleaseEntry =>
		release !== undefined && release.moduleVersion >= (needed ?? 0) && !isNeverOffered(platform, release);
	const add = (release: ReleaseEntry | undefined, why: string) => {
		if (fits(release) && !candidates.some((c) => c.version === release.version))
			candidates.push({ version: release.version, why });
	};
	const line = (moduleVersion: number) => {
		const version = releaseFrom(platform, moduleVersion);
		return releasesFor(platform).find((r) => r.version === version);
	};
	const parts = [...model.modules.values()].filter(
		(m) => (m.function === ModuleFunction.system || m.function === ModuleFunction.monolithic) && isOwn(device, m),
	);
	const whole = parts.filter((m) => m.state === 'valid').map((m) => m.version);
	const damaged = parts.filter((m) => m.state === 'damaged').map((m) => m.version);
	for (const [versions, what] of [
		[whole, 'newest whole system part'],
		[damaged, 'damaged system part'],
	] as const) {
		if (versions.length === 0) continue;
		const newest = Math.max(...versions);
		const release = releaseByModuleVersion(platform, newest);
		add(release, `The ${what} on the device is of Device OS ${release?.version}.`);
		if (what.startsWith('newest') || whole.length === 0)
			add(line(newest), `It is the last of the line of the ${what} on the device.`);
	}
	if (needed !== undefined && Math.max(0, ...whole) < needed) {
		const release = releaseByModuleVersion(platform, needed);
		const why = 'It is what the application on the device needs.';
		add(line(Math.max(needed, ...whole)), why);
		add(release, why);
	}
	const bootloader = find(model, { function: ModuleFunction.bootloader, index: 0 });
	if (bootloader?.state === 'valid') {
		const withIt = releasesFor(platform).filter(
			(r) =>
				r.channel === 'release' &&
				expectedModules(platform, r.version).some((m) => keyOf(m) === keyOf(bootloader) && m.version === bootloader.version),
		);
		// Newest first in the catalogue.
		for (const release of withIt) add(release, `Bootloader ${bootloader.version} on the device came with it.`);
	}
	add(recommendedRelease(platform)?.release, 'It is the recommended release for this device.');
	return candidates;
}

function isOwn(device: DeviceSnapshot, module: ModelModule): boolean {
	return device.modules?.find((m) => keyOf(m) === keyOf(module))?.platformId === undefined;
}

function isNeverOffered(platform: Platform, release: ReleaseEntry): boolean {
	return rulesOf('never-offer', platform).some((r) => r.releases.includes(release.version));
}

/** System version that the first usable application needs, by its dependencies and by its slot; `undefined` without an application. */
function applicationNeeds(platform: Platform, applications: readonly ModelModule[]): number | undefined {
	const whole = applications.filter((a) => a.state === 'valid');
	const needs = whole.map((a) => {
		const slot = platform.modules.find((s) => keyOf(s) === keyOf(a));
		const asked = a.dependencies.filter((d) => d.function === ModuleFunction.system).map((d) => d.version);
		return Math.max(slot?.versions?.from ?? 0, ...asked);
	});
	// An application that no release is new enough for must not keep the device from getting one at all.
	const possible = needs.filter(
		(n) => releaseFrom(platform, n) !== undefined || releaseByModuleVersion(platform, n) !== undefined,
	);
	return possible[0];
}

export interface KeptApplication {
	/**
	 * `stays`: it is whole and runs on the release. `too-new`: whole, but it does not run there. `damaged`, `none`: there is nothing to keep.
	 */
	state: 'stays' | 'too-new' | 'damaged' | 'none';
	/** A whole sentence. */
	why: string;
	/** With `stays`: another one, which does not run on the release, stands in the slot that is asked first, and has to go. */
	hidden?: { function: number; index: number; start: number; size: number };
}

/** What becomes of the application that is on the device when this release is installed. */
export function keptApplication(device: DeviceSnapshot, platform: Platform, release: ReleaseSet): KeptApplication {
	if (isMonolithic(platform)) return { state: 'none', why: 'System and application are one image on this device.' };
	const model = modelOf(platform, device);
	const applications = applicationsOf(model);
	const whole = applications.filter((a) => a.state === 'valid');
	const kept = whole.find((a) => !unmetBy(platform, a, release));
	const first = whole[0];
	if (kept && first === kept) return { state: 'stays', why: 'The application on the device is whole and stays.' };
	if (kept) {
		const { start, size } = kept;
		const why =
			'Of the two applications on the device one runs on this release and stays; the other one is taken out of its way.';
		return {
			state: 'stays',
			why,
			...(start === undefined || size === undefined
				? {}
				: { hidden: { function: kept.function, index: kept.index, start, size } }),
		};
	}
	if (first) {
		const missing = unmetBy(platform, first, release)!;
		const why = `The application on the device needs ${missing}, which Device OS ${release.version} does not bring.`;
		return { state: 'too-new', why };
	}
	if (applications.length > 0) return { state: 'damaged', why: 'The application on the device is damaged and cannot be kept.' };
	return { state: 'none', why: 'There is no application on the device.' };
}

/** What an application would miss on a release, in words; `undefined`: nothing. */
export function unmetBy(
	platform: Platform,
	application: { function: number; index: number; dependencies: readonly ModuleDependency[] },
	release: ReleaseSet,
): string | undefined {
	const slot = platform.modules.find((s) => keyOf(s) === keyOf(application));
	if (!slot) return 'a place that this device does not have';
	if (!inRange(slot.versions, release.moduleVersion)) return `the ${slot.name} slot`;
	const start = bootFacts(platform).startModule;
	for (const d of application.dependencies) {
		if (d.function !== ModuleFunction.system) continue;
		const there = release.modules.find((m) => keyOf(m.module.prefix) === keyOf(d))?.module.prefix.version;
		if (there !== undefined && there >= d.version) continue;
		if (there === undefined && keyOf(d) !== keyOf(start) && release.moduleVersion >= d.version) continue;
		const needed = releaseByModuleVersion(platform, d.version);
		return needed ? `Device OS ${needed.version}` : `${slotName(platform, d)} ${d.version}`;
	}
	return undefined;
}
