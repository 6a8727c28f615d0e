/**
 * What a device is delivered with: the modules of a release and an application, from wherever releases come, and stand-ins where real ones cannot be had.
 * Not for what is wrong with a device afterwards: starting-states.ts.
 */
import {
	expectedModules,
	type Platform,
	type ReleaseQuery,
	type ReleaseSet,
	releaseByVersion,
	type SourcedModule,
} from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { standInApplication, standInRelease } from './stand-in.js';

/** Where modules come from. */
export interface PartSources {
	/** Throws `RELEASE_NOT_AVAILABLE` when it has no such release. */
	open(query: ReleaseQuery, signal?: AbortSignal): Promise<ReleaseSet>;
	/** The application that devices are delivered with (Tinker); preferably one that `fits`; undefined when none can be had. `version` is empty where a platform has no releases. */
	application(
		platform: Platform,
		version: string,
		signal?: AbortSignal,
		fits?: (application: SourcedModule) => boolean,
	): Promise<SourcedModule | undefined>;
}

export interface DeliveredParts {
	modules: ParsedModule[];
	/** The NCP's own module, where the platform has one. */
	ncp?: { version: number };
	/** Made by linac's own builder, at least in part, because no real ones can be had. */
	standIn: boolean;
}

/**
 * Network processor module where the release names none: the Argon has had version 5 from the beginning (data/platforms/argon.json), and
 * a Tracker before Device OS 3.0.0 had one older than 7.
 */
const olderNcp = 5;

/**
 * Gathers them. `version` is undefined for a platform without Device OS releases (Core), on which nothing but its application is. Throws `LinacError`
 * `RELEASE_UNKNOWN` when the catalogue has no such release for the platform, `APPLICATION_NOT_AVAILABLE`, `CANCELLED`.
 */
export async function deliveredParts(
	platform: Platform,
	version: string | undefined,
	sources: PartSources,
	options: { application?: SourcedModule | undefined; signal?: AbortSignal | undefined } = {},
): Promise<DeliveredParts> {
	const { signal } = options;
	if (version === undefined) return { modules: [await onlyApplication(platform, sources, signal)], standIn: false };
	const { release, standIn } = await releaseOrStandIn(platform, version, sources, signal);
	const modules = release.modules.filter((m) => m.module.prefix.function !== ModuleFunction.ncp).map((m) => m.module);
	modules.push((options.application ?? (await application(platform, version, sources, signal))).module);
	const hasNcp = platform.modules.some((m) => m.function === ModuleFunction.ncp);
	const ncp = expectedModules(platform, version).find((m) => m.function === ModuleFunction.ncp)?.version ?? olderNcp;
	return {
		modules,
		standIn: standIn || release.modules.some((m) => m.standIn),
		...(hasNcp ? { ncp: { version: ncp } } : {}),
	};
}

/** The release from a source, else made by linac's own builder. Throws `RELEASE_UNKNOWN`, `CANCELLED`, and what is wrong with a source. */
export async function releaseOrStandIn(
	platform: Platform,
	version: string,
	sources: PartSources,
	signal?: AbortSignal,
): Promise<{ release: ReleaseSet; standIn: boolean }> {
	if (!releaseByVersion(version)?.platforms.includes(platform.name)) {
		throw new LinacError('RELEASE_UNKNOWN', `There is no Device OS ${version} for the ${platform.displayName}.`, {
			retry: 'never',
		});
	}
	try {
		return { release: await sources.open({ platform: platform.name, version }, signal), standIn: false };
	} catch (error) {
		if (asLinacError(error).code !== 'RELEASE_NOT_AVAILABLE') throw error;
		return { release: standInRelease(platform, version), standIn: true };
	}
}

/** Tinker where there is one that this Device OS can run, else a stand-in for it. */
async function application(
	platform: Platform,
	version: string,
	sources: PartSources,
	signal?: AbortSignal,
): Promise<SourcedModule> {
	const number = releaseByVersion(version)?.moduleVersion ?? Number.POSITIVE_INFINITY;
	const runs = ({ module }: SourcedModule) =>
		module.dependencies.every((d) => d.function !== ModuleFunction.system || d.version <= number);
	const tinker = await sources.application(platform, version, signal, runs);
	return tinker && runs(tinker) ? tinker : standInApplication(platform, version);
}

/** The image of a platform without Device OS releases: system and application in one. */
async function onlyApplication(platform: Platform, sources: PartSources, signal?: AbortSignal): Promise<ParsedModule> {
	const found = await sources.application(platform, '', signal);
	if (found) return found.module;
	throw new LinacError('APPLICATION_NOT_AVAILABLE', `No application for the ${platform.displayName} can be had.`, {
		retry: 'operator',
		hint: 'Connect to the network, or name a source that has one.',
	});
}
