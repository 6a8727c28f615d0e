/**
 * The restore zip of a release for a platform, as the download table of Particle's "Programming devices" has them: module files under plain
 * names, stored, with data descriptors, and the manifest that is published beside it. Everything that is in it has been checked as a release.
 * Form: docs/commands.md (zip).
 */
import { asPlatform, classicEra, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { writeZip } from '@linac/firmware';
import { publishedModules, restoreManifest } from './restore-manifest.js';

export interface RestoreZip {
	/** Bytes of `PLATFORM.zip`. The same for the same modules, whenever and wherever it is made. */
	zip: Uint8Array;
	/** Text of `PLATFORM.json`. */
	manifest: string;
	/** What is in it, in order: file name and module. */
	entries: { name: string; source: SourcedModule }[];
}

/** Makes it of modules that have been checked (`checkRelease`, `openApplicationFile`). */
export function restoreZip(release: ReleaseSet, application: SourcedModule | undefined): RestoreZip {
	const platform = asPlatform(release.platform);
	const modules = publishedModules(release, application);
	const entries = modules.map(({ name, source }) => ({ name: `${name}.bin`, source }));
	return {
		zip: writeZip(
			entries.map(({ name, source }) => ({ name, bytes: source.module.bytes })),
			{ method: 'stored', dataDescriptors: true },
		),
		manifest: restoreManifest(modules, classicEra(platform, release.version)?.manifest ?? 'extended'),
		entries,
	};
}
