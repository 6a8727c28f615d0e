/**
 * A release source over files that are already at hand: a folder, a zip, an unpacked package. Reading them is the host's business and comes
 * in as a function; the release is whatever the headers say.
 */
import { bad, type Digests, type Json, LinacError, problem, throwIfCancelled, type Verdict } from '@linac/core';
import { ModuleFunction, parseModule } from '@linac/firmware';
import { platformById } from '../platforms.js';
import { expectedModules, releaseByModuleVersion } from '../releases.js';
import type { ReleaseQuery, ReleaseSet, ReleaseSource, ReleaseSummary } from '../types.js';
import { type CandidateFile, checkRelease } from './check-release.js';

/** Files that are named in an error; a folder may hold thousands. */
const MOST_REASONS = 3;

export interface FileSourceOptions {
	/** For messages and reports, e.g. `folder ./release`. */
	name: string;
	/** Called once; what it throws (a folder that is not there) is handed on each time. */
	read(signal?: AbortSignal): Promise<CandidateFile[]>;
	/** What else is there when there are no candidates, for people: `a.hex, notes.txt`. */
	found?(): Promise<string | undefined>;
	digests?: Digests;
	/** Its modules were made by linac's own builder. */
	standIn?: boolean;
}

/**
 * Opens releases from a set of files. Needs no network. `list` throws `SOURCE_EMPTY` when not one of them is a sound module of Device OS: whoever named
 * them meant something else. Parts of a release, and other releases than the wanted one, are not empty.
 */
export function fileSource(options: FileSourceOptions): ReleaseSource {
	let files: Promise<CandidateFile[]> | undefined;
	const read = (signal?: AbortSignal) => {
		files ??= options.read(signal).catch((error: unknown) => {
			files = undefined;
			throw error;
		});
		return files;
	};
	// The files are read once, so what they are is found out once.
	let summary: ReleaseSummary[] | undefined;
	const verdicts = new Map<string, Verdict<ReleaseSet>>();
	const judge = (files: readonly CandidateFile[], query: ReleaseQuery) => {
		const key = `${query.platform} ${query.version}`;
		const verdict =
			verdicts.get(key) ??
			checkRelease(files, { ...query, source: options.name, digests: options.digests, standIn: options.standIn });
		verdicts.set(key, verdict);
		return verdict;
	};
	return {
		name: options.name,
		offline: true,
		async list(signal) {
			if (summary) return summary;
			const all = await read(signal);
			const why = all.length === 0 ? await nothing(options) : uselessness(all, options);
			if (why !== undefined) throw sourceEmpty(options.name, why, all.length);
			summary = releasesAmong(all, options)
				.filter((query) => expectedModules(query.platform, query.version).length > 0 && judge(all, query).ok)
				.map((query) => ({ ...query, source: options.name, offline: true }));
			return summary;
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
			return judge(all, query);
		},
	};
}

async function nothing(options: FileSourceOptions): Promise<string> {
	const found = await options.found?.();
	return found === undefined ? 'There are no files with the ending .bin in it.' : `Found there: ${found}.`;
}

/** Why none of the files is of use; undefined when one is. */
function uselessness(files: readonly CandidateFile[], options: FileSourceOptions): string | undefined {
	const reasons: string[] = [];
	for (const file of files) {
		const parsed = parseModule(file.bytes, { file: file.name, digests: options.digests });
		const prefix = parsed.ok && parsed.value.sound ? parsed.value.prefix : undefined;
		const platform = prefix && platformById(prefix.platformId);
		if (platform && prefix.function !== ModuleFunction.user) return undefined;
		const error = parsed.problems.find((p) => p.severity === 'error') ?? parsed.problems[0];
		const reason =
			prefix === undefined
				? (error?.message ?? 'it is not a module')
				: platform
					? `it is an application for ${platform.displayName}, not a part of Device OS.`
					: `it is for platform ${prefix.platformId}, which linac does not know.`;
		reasons.push(reason.includes(file.name) ? reason : `${file.name}: ${reason}`);
	}
	const more = reasons.length - MOST_REASONS;
	return [...reasons.slice(0, MOST_REASONS), ...(more > 0 ? [`And ${more} more.`] : [])].join(' ');
}

function sourceEmpty(name: string, why: string, files: number): LinacError {
	const details: { [key: string]: Json } = { path: name, files };
	return new LinacError('SOURCE_EMPTY', `${name} holds no module of Device OS that can be used. ${why}`, {
		details,
		hint: 'Name a folder, zip or npm package (.tgz) with the module files (.bin) of a release, or leave it out.',
	});
}

/** Which releases the system parts among the files belong to. */
function releasesAmong(files: readonly CandidateFile[], options: FileSourceOptions): ReleaseQuery[] {
	const seen = new Map<string, ReleaseQuery>();
	for (const file of files) {
		const parsed = parseModule(file.bytes, { file: file.name, digests: options.digests });
		if (!parsed.ok || !parsed.value.sound) continue;
		const { prefix } = parsed.value;
		const platform = platformById(prefix.platformId);
		if (!platform || prefix.function !== ModuleFunction.system) continue;
		const release = releaseByModuleVersion(platform, prefix.version);
		if (release) seen.set(`${platform.name} ${release.version}`, { platform: platform.name, version: release.version });
	}
	return [...seen.values()];
}
