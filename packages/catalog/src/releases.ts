/**
 * The releases of `data/releases.json`: which there are, for which platforms, in which line, and what each holds. Module numbers come from
 * the table: they cannot be computed from the version (4.0.1 is 4005, 5.5.0 is 5501). Opening a release's files is for the sources.
 */
import { releaseModuleTexts } from './generated/release-modules.js';
import { releaseTexts } from './generated/releases.js';
import { asPlatform } from './platforms.js';
import type { Platform, ReleaseEntry, ReleaseModule } from './types.js';
import { compareVersions, normalizeVersion } from './versions.js';

/** Newest first, as in the download table. */
export const releases: readonly ReleaseEntry[] = releaseTexts.map((text) => {
	const { beyondTable = [], ...entry } = JSON.parse(text) as Omit<ReleaseEntry, 'beyondTable'> & { beyondTable?: string[] };
	return { ...entry, platforms: [...entry.platforms, ...beyondTable], beyondTable };
});

const byVersion = new Map(releases.map((r) => [r.version, r]));

/** By version as published; a leading `v` is accepted. */
export function releaseByVersion(version: string): ReleaseEntry | undefined {
	return byVersion.get(normalizeVersion(version));
}

/** Releases that were published for this platform, newest first. */
export function releasesFor(platform: Platform | string): ReleaseEntry[] {
	const { name } = asPlatform(platform);
	return releases.filter((r) => r.platforms.includes(name));
}

/** The release whose system parts carry this number, e.g. 2202 -> 2.2.0. Several platforms share numbers; each number is one release. */
export function releaseByModuleVersion(platform: Platform | string, moduleVersion: number): ReleaseEntry | undefined {
	const { name } = asPlatform(platform);
	return releases.find((r) => r.moduleVersion === moduleVersion && r.platforms.includes(name));
}

/**
 * The newest final release of a line for a platform. `line` is a line's name (`1.5.x`, `4.0.x`), a kind (`lts`, `preview`, `legacy`), a
 * major number (`4`), or `latest` for the newest of all. Pre-releases never count. Undefined when the platform has none.
 */
export function latestInLine(platform: Platform | string, line = 'latest'): ReleaseEntry | undefined {
	const wanted = line.trim().toLowerCase();
	return releasesFor(platform)
		.filter((r) => r.channel === 'release' && matchesLine(r, wanted))
		.sort((a, b) => compareVersions(b.version, a.version))[0];
}

function matchesLine(release: ReleaseEntry, line: string): boolean {
	if (line === 'latest') return true;
	if (line === release.line || line === release.lineName) return true;
	const series = line.replace(/\.x$/, '');
	return /^\d+(\.\d+)?$/.test(series) && release.version.startsWith(`${series}.`);
}

/** Whether there is no newer final release in the same line: for this platform, or for any where none is named. */
export function isLatestInLine(release: ReleaseEntry, platform?: Platform | string): boolean {
	if (platform === undefined) return release.latestInLine;
	if (release.channel !== 'release') return false;
	const rivals = releasesFor(platform).filter((r) => r.lineName === release.lineName && r.channel === 'release');
	return rivals.every((r) => compareVersions(r.version, release.version) <= 0);
}

export interface RecommendedRelease {
	release: ReleaseEntry;
	/** One or two whole sentences. */
	why: string;
}

/**
 * What is installed when nobody names a version: the latest final release of the newest long-term support (LTS) line, as the download table of
 * Particle's "Programming devices" advises, else the newest final one. Undefined for a platform without releases.
 */
export function recommendedRelease(platform: Platform | string): RecommendedRelease | undefined {
	const { displayName } = asPlatform(platform);
	const lts = latestInLine(platform, 'lts');
	const newest = latestInLine(platform);
	if (!newest) return undefined;
	if (!lts) {
		return { release: newest, why: `The ${displayName} has no long-term support (LTS) line; this is the newest release for it.` };
	}
	const newer = compareVersions(newest.version, lts.version) > 0;
	const rest = newer ? ` The newer ${newest.version} is a preview: take it when you need what is new in it.` : '';
	return { release: lts, why: `Latest of ${lts.lineName}, the newest long-term support (LTS) line.${rest}` };
}

/** Neighbours among the releases of a platform, from the oldest to the newest of each run; the newest run first. */
export function releaseRuns(
	platform: Platform | string,
	some: readonly ReleaseEntry[],
): { from: ReleaseEntry; to: ReleaseEntry }[] {
	const wanted = new Set(some.map((r) => r.version));
	const runs: { from: ReleaseEntry; to: ReleaseEntry }[] = [];
	let open: { from: ReleaseEntry; to: ReleaseEntry } | undefined;
	for (const release of releasesFor(platform).sort((a, b) => compareVersions(b.version, a.version))) {
		if (!wanted.has(release.version)) open = undefined;
		else if (open) open.from = release;
		else {
			open = { from: release, to: release };
			runs.push(open);
		}
	}
	return runs;
}

/** `4.0.0 to 6.2.1, 3.3.1`: runs of neighbours, the newest first. */
export function releaseRunsText(platform: Platform | string, some: readonly ReleaseEntry[]): string {
	return releaseRuns(platform, some)
		.map(({ from, to }) => (from === to ? from.version : `${from.version} to ${to.version}`))
		.join(', ');
}

const modulesOf = new Map<string, readonly ReleaseModule[]>();

/**
 * What a release holds for a platform: every module that Device OS itself consists of there, with its number and declared dependencies,
 * and whether a real header was read or the source tree. Without applications, and without modules that must never be sent. Empty when the
 * release has nothing for that platform. On Electron before 2.0.0 the bootloader is inside the system parts and not listed.
 */
export function expectedModules(platform: Platform | string, version: string): readonly ReleaseModule[] {
	const { name } = asPlatform(platform);
	const release = normalizeVersion(version);
	const key = `${name} ${release}`;
	let list = modulesOf.get(key);
	if (!list) {
		const text = releaseModuleTexts[name]?.[release];
		list = text === undefined ? [] : (JSON.parse(text) as ReleaseModule[]);
		modulesOf.set(key, list);
	}
	return list;
}
