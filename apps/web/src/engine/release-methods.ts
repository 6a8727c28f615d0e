/** What the page asks about releases: which there are, which can be had here, and each as a zip. */
import { asPlatform, type Platform, type ReleaseSet, type ReleaseSummary, type SourcedModule } from '@linac/catalog';
import { LinacError, type Problem } from '@linac/core';
import { judgeApplication, makeZip, surroundingsOfRelease } from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { type ReleaseTable, releaseTable } from './release-table.js';
import { listReleases, openApplication, openRelease } from './sources.js';
import { world } from './world.js';

export interface ReleaseZip {
	platform: string;
	version: string;
	file: string;
	zip: Uint8Array;
	manifestFile: string;
	manifest: string;
	sha256: string;
	/** The source that the release came from. */
	source: string;
	entries: { name: string; slot: string; version: number; size: number; sha256: string; origin: string }[];
	/** What is worth knowing about the application in it. */
	problems: Problem[];
}

export const releaseMethods = {
	/** Every release that can be had here, each for one platform. */
	'releases.list': (_: undefined, { signal }: CallContext): Promise<ReleaseSummary[]> => listReleases(signal),

	/** The download table: every release that there is, and which of them can be had here. */
	'releases.table': async (_: undefined, { signal }: CallContext): Promise<ReleaseTable> =>
		releaseTable(await listReleases(signal)),

	/**
	 * The restore zip of a release, the same bytes as `linac zip` gives. Throws `RELEASE_NOT_AVAILABLE`, and `APPLICATION_NOT_AVAILABLE` where the
	 * default application is wanted and no source has one that runs on the release.
	 */
	'releases.zip': async (
		{ platform: name, version, application: wanted }: { platform: string; version: string; application: boolean },
		{ signal }: CallContext,
	): Promise<ReleaseZip> => {
		const platform = asPlatform(name);
		const release = await openRelease({ platform: platform.name, version }, signal);
		const application = wanted ? await defaultApplication(platform, release, signal) : undefined;
		const made = makeZip(release, application, { digests: world.digests });
		const { zip, manifest, entries, file, manifestFile, sha256 } = made;
		const shown: ReleaseZip = {
			platform: platform.name,
			version: release.version,
			file,
			zip,
			manifestFile,
			manifest,
			sha256,
			source: release.source,
			entries: entries.map(({ name: entry, source }) => ({
				name: entry,
				slot: source.slot,
				version: source.module.prefix.version,
				size: source.module.bytes.length,
				sha256: source.sha256,
				origin: source.origin,
			})),
			problems: application ? judged(platform, release, application) : [],
		};
		return handOver(shown, [zip]);
	},
};

function judged(platform: Platform, release: ReleaseSet, application: SourcedModule): Problem[] {
	return judgeApplication(application, application.origin, surroundingsOfRelease(platform, release));
}

/** The one that came with the release where it runs on it, else any that a source has and that does. */
async function defaultApplication(platform: Platform, release: ReleaseSet, signal: AbortSignal): Promise<SourcedModule> {
	const fits = (application: SourcedModule) => judged(platform, release, application).every((p) => p.severity !== 'error');
	const own = release.application && fits(release.application) ? release.application : undefined;
	const found = own ?? (await openApplication(platform, signal, fits));
	if (found && fits(found)) return found;
	throw new LinacError(
		'APPLICATION_NOT_AVAILABLE',
		`No source here has a default application (Tinker) for the ${platform.displayName} that runs on Device OS ${release.version}.`,
		{ retry: 'operator', hint: 'Make the zip without it: "With Tinker" below the filters.' },
	);
}
