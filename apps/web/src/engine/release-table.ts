/** The download table as the page shows it: releases by board, what is recommended, and what can be had here. */
import {
	isLatestInLine,
	type Platform,
	platforms,
	type ReleaseChannel,
	type ReleaseLine,
	type ReleaseSummary,
	recommendedRelease,
	releases,
} from '@linac/catalog';

export interface TablePlatform {
	name: string;
	displayName: string;
	generation: number;
	/** What is installed when nobody names a version, and why that. */
	recommended: { version: string; why: string };
}

export interface TableRelease {
	version: string;
	line: ReleaseLine;
	lineName: string;
	channel: ReleaseChannel;
	/** Number of its system parts. */
	moduleVersion: number;
	/** Names of the platforms that it was published for; of those for which a source here has it; of those for which it is the latest of its line. */
	platforms: string[];
	here: string[];
	latestFor: string[];
}

export interface ReleaseTable {
	/** Those with releases, the newest generation first. */
	platforms: TablePlatform[];
	/** Newest first. */
	releases: TableRelease[];
}

/** `had`: what the sources say that they have. */
export function releaseTable(had: readonly ReleaseSummary[]): ReleaseTable {
	const here = new Set(had.map((r) => `${r.version} ${r.platform}`));
	return {
		platforms: platforms.flatMap(tablePlatform).sort((a, b) => b.generation - a.generation),
		releases: releases.map((r) => ({
			version: r.version,
			line: r.line,
			lineName: r.lineName,
			channel: r.channel,
			moduleVersion: r.moduleVersion,
			platforms: r.platforms,
			here: r.platforms.filter((p) => here.has(`${r.version} ${p}`)),
			latestFor: r.platforms.filter((p) => isLatestInLine(r, p)),
		})),
	};
}

function tablePlatform(platform: Platform): TablePlatform[] {
	const recommended = recommendedRelease(platform);
	if (!recommended) return [];
	const { name, displayName, generation } = platform;
	return [{ name, displayName, generation, recommended: { version: recommended.release.version, why: recommended.why } }];
}
