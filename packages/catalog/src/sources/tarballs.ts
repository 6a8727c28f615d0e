/**
 * Which npm version of particle-cli carries which Device OS release for which platform, and the default applications. Facts of
 * `data/tarballs.json`; fetching and unpacking the packages is the host's.
 */
import { applicationTexts, tarballTexts } from '../generated/tarballs.js';
import { asPlatform } from '../platforms.js';
import type { Platform } from '../types.js';
import { normalizeVersion } from '../versions.js';

export interface Tarball {
	/** Version of the npm package. */
	particleCli: string;
	/** Device OS release -> names of the platforms that it is complete for. */
	releases: Record<string, string[]>;
}

interface ApplicationTarball {
	particleCli: string;
	platforms: string[];
}

export const tarballs: readonly Tarball[] = tarballTexts.map((text) => JSON.parse(text) as Tarball);
const applications: readonly ApplicationTarball[] = applicationTexts.map((text) => JSON.parse(text) as ApplicationTarball);

/** Package versions with that release for that platform, in the order to try: the newest first, except that versions known to be kept are preferred. */
export function tarballsWith(platform: Platform | string, version: string): string[] {
	const { name } = asPlatform(platform);
	const release = normalizeVersion(version);
	return tarballs.filter((t) => t.releases[release]?.includes(name)).map((t) => t.particleCli);
}

/** Package versions with a default application (Tinker) for that platform, best first. */
export function tarballsWithApplication(platform: Platform | string): string[] {
	const { name } = asPlatform(platform);
	return applications.filter((a) => a.platforms.includes(name)).map((a) => a.particleCli);
}
