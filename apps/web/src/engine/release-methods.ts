/** What the page asks about releases: which there are, which can be had here, and each as a zip. */
import { asPlatform, type ReleaseSummary, type SourceProgress } from '@linac/catalog';
import { LinacError, type Problem } from '@linac/core';
import { makeZip } from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { defaultApplication } from './default-application.js';
import { type ReleaseTable, releaseTable } from './release-table.js';
import { listReleases, openRelease } from './sources.js';
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
	 * The restore zip of a release, the same bytes as `linac zip` gives. Throws `RELEASE_NOT_AVAILABLE`, and where the default application is wanted and
	 * none can be had that runs on the release, `APPLICATION_NOT_AVAILABLE` or what is wrong with the one that is there. Events: how far a source is.
	 */
	'releases.zip': async (
		{ platform: name, version, application: wanted }: { platform: string; version: string; application: boolean },
		{ signal, emit }: CallContext<SourceProgress>,
	): Promise<ReleaseZip> => {
		const platform = asPlatform(name);
		const release = await openRelease({ platform: platform.name, version }, signal, emit);
		const application = wanted ? await defaultApplication(platform, release, signal) : undefined;
		if (application && !application.ok) throw noApplication(application.problems);
		const made = makeZip(release, application?.value, { digests: world.digests });
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
			problems: application?.problems ?? [],
		};
		return handOver(shown, [zip]);
	},
};

function noApplication(problems: readonly Problem[]): LinacError {
	return new LinacError(problems[0]?.code ?? 'APPLICATION_NOT_AVAILABLE', problems.map((p) => p.message).join(' '), {
		retry: 'operator',
		hint: 'The zip can be made without it: "Zips with Tinker" beside the filters.',
	});
}
