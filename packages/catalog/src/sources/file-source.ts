/**
 * A release source over files that are already at hand: a folder, a zip, an unpacked package. Reading them is the host's business and comes
 * in as a function; the release is whatever the headers say.
 */
import { bad, type Digests, problem, throwIfCancelled, type Verdict } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { platformById } from '../platforms.js';
import { expectedModules, releaseByModuleVersion } from '../releases.js';
import type { ReleaseQuery, ReleaseSet, ReleaseSource, ReleaseSummary } from '../types.js';
import { type CandidateFile, checkRelease } from './check-release.js';

export interface FileSourceOptions {
	/** For messages and reports, e.g. `folder ./release`. */
	name: string;
	/** Called once; what it throws (a folder that is not there) is handed on each time. */
	read(signal?: AbortSignal): Promise<CandidateFile[]>;
	digests?: Digests;
	/** Its modules were made by linac's own builder. */
	standIn?: boolean;
}

/** Opens releases from a set of files. Needs no network. */
export function fileSource(options: FileSourceOptions): ReleaseSource {
	let files: Promise<CandidateFile[]> | undefined;
	const read = (signal?: AbortSignal) => {
		files ??= options.read(signal).catch((error: unknown) => {
			files = undefined;
			throw error;
		});
		return files;
	};
	return {
		name: options.name,
		offline: true,
		async list(signal) {
			return summarize(await read(signal), options);
		},
		async open(query, signal): Promise<Verdict<ReleaseSet>> {
			throwIfCancelled(signal);
			const all = await read(signal);
			if (all.length === 0) {
				return bad(
					problem('NO_FILES', `${options.name} holds no module files. Expected files with the ending .bin.`, {
						file: options.name,
					}),
				);
			}
			return checkRelease(all, { ...query, source: options.name, digests: options.digests, standIn: options.standIn });
		},
	};
}

/** Which releases the system parts among the files belong to, and whether the rest of each is there. */
function summarize(files: readonly CandidateFile[], options: FileSourceOptions): ReleaseSummary[] {
	const seen = new Map<string, ReleaseQuery>();
	for (const file of files) {
		const parsed = parseModule(file.bytes, { file: file.name, digests: options.digests });
		if (!parsed.ok || !parsed.value.sound) continue;
		const { prefix } = parsed.value;
		const platform = platformById(prefix.platformId);
		if (!platform || prefix.function !== 4) continue;
		const release = releaseByModuleVersion(platform, prefix.version);
		if (release) seen.set(`${platform.name} ${release.version}`, { platform: platform.name, version: release.version });
	}
	return [...seen.values()]
		.filter(
			(q) =>
				expectedModules(q.platform, q.version).length > 0 &&
				checkRelease(files, { ...q, source: options.name, digests: options.digests }).ok,
		)
		.map((q) => ({ ...q, source: options.name, offline: true }));
}
