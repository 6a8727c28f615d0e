/**
 * An opened release as one zip, to be handed over or kept: its module files under the names that Particle publishes them with, and beside them where
 * each came from. The same release gives the same bytes. Whoever gets one judges it again: `openReleaseZip` believes nothing but the headers. Not
 * the restore zip that people download; that is `restoreZip` of the image package.
 */
import type { Digests, Verdict } from '@linac/core';
import { writeZip } from '@linac/firmware';
import type { ReleaseQuery, ReleaseSet, SourcedModule } from '../types.js';
import { type CandidateFile, checkRelease } from './check-release.js';
import { isRecord } from './download.js';
import { unpackZip } from './zip-archive.js';

const ABOUT = 'linac-release.json';
const FORMAT = 'linac-release/1';
/** Characters of a name that are shown. */
const LONGEST_ORIGIN = 200;

/** Stored, not deflated: most modules do not get smaller, and it is read again at once. */
export function releaseZip(set: ReleaseSet): Uint8Array<ArrayBuffer> {
	const all = [...set.modules, ...(set.application ? [set.application] : [])];
	const files = all.map((m) => ({ name: nameOf(set, m), source: m }));
	const about = {
		format: FORMAT,
		platform: set.platform,
		version: set.version,
		source: set.source,
		...(all.length > 0 && all.every((m) => m.standIn) ? { standIn: true } : {}),
		origins: Object.fromEntries(files.map(({ name, source }) => [name, source.origin])),
	};
	return writeZip(
		[
			...files.map(({ name, source }) => ({ name, bytes: source.module.bytes })),
			{ name: ABOUT, bytes: new TextEncoder().encode(`${JSON.stringify(about, null, '\t')}\n`) },
		],
		{ method: 'stored' },
	);
}

function nameOf({ platform, version }: ReleaseSet, { slot }: SourcedModule): string {
	return `${platform}-${slot}@${version}.bin`;
}

/** Problems: those of `unpackZip` and `checkRelease`. `name`: of the source, where the zip does not say it. */
export function openReleaseZip(
	bytes: Uint8Array,
	query: ReleaseQuery,
	options: { name: string; digests?: Digests },
): Verdict<ReleaseSet> {
	const { name, digests } = options;
	const entries = unpackZip(bytes, { file: `${query.platform} ${query.version}`, digests });
	if (!entries.ok) return entries;
	const about = aboutIn(entries.value.find((e) => e.name === ABOUT)?.bytes);
	const files: CandidateFile[] = entries.value
		.filter((e) => e.name.endsWith('.bin'))
		.map((e) => ({ name: e.name, origin: about.origins[e.name] ?? `${name}: ${e.name}`, bytes: e.bytes }));
	const { platform, version } = query;
	return checkRelease(files, {
		platform,
		version,
		source: about.source ?? name,
		digests,
		...(about.standIn ? { standIn: true } : {}),
	});
}

/** What is said about the files is for people only. What cannot be read is left out. */
function aboutIn(bytes: Uint8Array | undefined): { source?: string; standIn: boolean; origins: Record<string, string> } {
	try {
		const value: unknown = bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
		if (!isRecord(value) || value.format !== FORMAT) return { standIn: false, origins: {} };
		const origins = isRecord(value.origins) ? Object.entries(value.origins) : [];
		return {
			...(isText(value.source) ? { source: value.source } : {}),
			standIn: value.standIn === true,
			origins: Object.fromEntries(origins.filter((entry): entry is [string, string] => isText(entry[1]))),
		};
	} catch {
		return { standIn: false, origins: {} };
	}
}

function isText(value: unknown): value is string {
	return typeof value === 'string' && value !== '' && value.length <= LONGEST_ORIGIN;
}
