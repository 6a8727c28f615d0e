/**
 * A mirror as a source of releases: serves what its manifest names and nothing else, each file verified before it is used, each release judged
 * again by its headers. How files are read comes in as a function: from a folder, or by a browser from a server. Format: docs/releases.md.
 */
import {
	assert,
	bad,
	type Digests,
	type Ed25519,
	good,
	type Json,
	LinacError,
	type Problem,
	portableDigests,
	problem,
	throwIfCancelled,
	type Verdict,
} from '@linac/core';
import { mbrFacts } from '../image-facts.js';
import { platformByName, platforms } from '../platforms.js';
import { releaseByModuleVersion } from '../releases.js';
import { type CandidateFile, checkRelease, judgeFile } from '../sources/check-release.js';
import type { ReleaseQuery, ReleaseSet, ReleaseSource, ReleaseSummary, SourcedModule } from '../types.js';
import { compareVersions } from '../versions.js';
import {
	filesOf,
	LARGEST_MANIFEST,
	type MirrorFile,
	type MirrorFurther,
	type MirrorManifest,
	type MirrorModule,
	type MirrorRelease,
} from './manifest.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from './mirror-paths.js';
import { LARGEST_SIGNATURE } from './mirror-signature.js';
import { changedFile, type Mirror, missingFile, readMirror, type SignedBy, verifyMirrorFile } from './read-mirror.js';

/** Where the files of a mirror are. Paths are those of the manifest. Throws when the place cannot be reached. */
export interface MirrorReader {
	/** For messages: a folder, an address. */
	readonly name: string;
	/** Undefined when there is no such file. Of a file that has more than `limit` bytes, at least one byte more than `limit`. */
	read(path: string, limit: number, signal?: AbortSignal): Promise<Uint8Array | undefined>;
	/** In bytes; undefined when there is no such file. Where this is cheap, files that are missing or cut short are noticed early. */
	size?(path: string, signal?: AbortSignal): Promise<number | undefined>;
}

export interface MirrorSourceOptions {
	reader: MirrorReader;
	ed25519: Ed25519;
	digests?: Digests;
	/** Public keys, 32 bytes each. When given, one of them must have signed. */
	trustedKeys?: readonly Uint8Array[];
	/** See `ReleaseSource.strict`. */
	strict?: boolean;
	/** Told once, when the manifest has been read and believed. */
	onRead?(mirror: { name: string; signedBy: SignedBy | undefined }): void;
}

/** What a file in a mirror that is no module is for. */
export interface FurtherQuery {
	/** E.g. `mbr`. */
	kind: string;
	/** E.g. `nrf52840`. */
	mcu: string;
}

export interface MirrorSource extends ReleaseSource {
	/** The manifest and who signed it, verified. */
	mirror(signal?: AbortSignal): Promise<Mirror>;
	/** The default application (Tinker) of the newest release that has one for the platform. */
	openApplication(platform: string, signal?: AbortSignal): Promise<Verdict<SourcedModule>>;
	/** A file that is no module, verified; undefined when the mirror has none of that kind. */
	openFurther(query: FurtherQuery, signal?: AbortSignal): Promise<{ bytes: Uint8Array; origin: string } | undefined>;
	/** Reads everything and says all that is wrong with it. */
	verify(signal?: AbortSignal, onProgress?: (done: number, total: number) => void): Promise<Problem[]>;
}

/** Sizes that are asked for at the same time: a share on a network answers slowly. */
const AT_ONCE = 32;

/**
 * Every method throws what the manifest or signature is refused for (`MIRROR_...`), `MIRROR_FILE_MISSING` or `MIRROR_FILE_CHANGED` with the file's name, and
 * `MIRROR_RELEASE_WRONG` when unchanged files are not the release that the manifest says. After one of them nothing more is served. `list` throws
 * `SOURCE_EMPTY` for a mirror without releases.
 */
export function mirrorSource(options: MirrorSourceOptions): MirrorSource {
	const { reader, ed25519, digests = portableDigests, trustedKeys } = options;
	const { name } = reader;
	let read: Promise<Mirror> | undefined;
	let refused: LinacError | undefined;

	function refuse(problems: readonly Problem[]): LinacError {
		const [first] = problems;
		assert(first, 'a mirror was refused for nothing');
		refused = new LinacError(first.code, problems.map((p) => p.message).join(' '), {
			details: { path: name, problems: problems as unknown as Json },
			hint: 'Name another source, or none, to work without this mirror.',
		});
		return refused;
	}

	async function mirror(signal?: AbortSignal): Promise<Mirror> {
		throwIfCancelled(signal);
		if (refused) throw refused;
		read ??= readOnce(signal).catch((error: unknown) => {
			read = undefined;
			throw error;
		});
		return read;
	}

	async function readOnce(signal?: AbortSignal): Promise<Mirror> {
		const bytes = await reader.read(MANIFEST_NAME, LARGEST_MANIFEST, signal);
		if (bytes === undefined) {
			throw refuse([
				problem('MIRROR_MANIFEST_MISSING', `${name} is no mirror: there is no ${MANIFEST_NAME} in it.`, { file: name }),
			]);
		}
		const signature = await reader.read(SIGNATURE_NAME, LARGEST_SIGNATURE, signal);
		const verdict = await readMirror(bytes, {
			...(signature === undefined ? {} : { signature }),
			...(trustedKeys === undefined ? {} : { trustedKeys }),
			ed25519,
			digests,
			name,
		});
		if (!verdict.ok) throw refuse(verdict.problems);
		options.onRead?.({ name, signedBy: verdict.value.signedBy });
		return verdict.value;
	}

	async function readFile(manifest: MirrorManifest, path: string, signal?: AbortSignal): Promise<Verdict<Uint8Array>> {
		throwIfCancelled(signal);
		const entry = manifest.files.find((f) => f.path === path);
		assert(entry, `the manifest was consistent, but does not list ${path}`);
		const bytes = await reader.read(path, entry.size, signal);
		const wrong = verifyMirrorFile(entry, bytes, { digests, name });
		return wrong ? bad(wrong) : good(bytes!);
	}

	async function candidate(manifest: MirrorManifest, m: MirrorModule, signal?: AbortSignal): Promise<Verdict<CandidateFile>> {
		const bytes = await readFile(manifest, m.file, signal);
		return bytes.ok ? good({ name: m.file, origin: `${name}: ${m.file}`, bytes: bytes.value }) : bytes;
	}

	/** The release as the headers have it, or what is wrong with its files or with what the manifest says of them. */
	async function openEntry(manifest: MirrorManifest, release: MirrorRelease, signal?: AbortSignal): Promise<Verdict<ReleaseSet>> {
		const { platform, version } = release;
		const wrong = (message: string) =>
			bad<ReleaseSet>(problem('MIRROR_RELEASE_WRONG', `${name}: ${message} Do not use this mirror.`, { file: name }));
		if (!platformByName(platform) || platformByName(platform)?.name !== platform)
			return wrong(`it has files for ${platform}, a platform that this linac does not know.`);
		const files: CandidateFile[] = [];
		for (const m of [...release.modules, ...(release.application ? [release.application] : [])]) {
			const file = await candidate(manifest, m, signal);
			if (!file.ok) return file;
			files.push(file.value);
		}
		const verdict = checkRelease(files, { platform, version, source: name, digests });
		if (!verdict.ok)
			return wrong(
				`its files for ${platform} ${version} are not that release: ${verdict.problems.map((p) => p.message).join(' ')}`,
			);
		const set = verdict.value;
		// A release that is not in the table is judged by itself; but these modules must not be those of one that is.
		const known = releaseByModuleVersion(platform, set.moduleVersion);
		if (known && known.version !== version) return wrong(`its files for ${platform} ${version} are those of ${known.version}.`);
		const says = (list: readonly { slot: string; version: number }[]) =>
			list
				.map((m) => `${m.slot} ${m.version}`)
				.sort()
				.join(', ');
		const is = (list: readonly SourcedModule[]) => says(list.map((m) => ({ slot: m.slot, version: m.module.prefix.version })));
		if (
			set.moduleVersion !== release.moduleVersion ||
			is(set.modules) !== says(release.modules) ||
			is(set.application ? [set.application] : []) !== says(release.application ? [release.application] : [])
		) {
			return wrong(
				`its list for ${platform} ${version} says ${says(release.modules)}, the headers say ${is(set.modules)} (of ${set.moduleVersion}).`,
			);
		}
		return verdict;
	}

	async function openFurtherEntry(
		manifest: MirrorManifest,
		entry: MirrorFurther,
		signal?: AbortSignal,
	): Promise<Verdict<Uint8Array>> {
		const family = platforms.find((p) => p.mcu === entry.mcu);
		const facts = family && mbrFacts(family);
		if (entry.kind !== 'mbr' || !facts) {
			return bad(
				problem(
					'MIRROR_KIND_UNKNOWN',
					`${name}: ${entry.file} is of the kind "${entry.kind}" for ${entry.mcu}, which this linac does not know.`,
					{
						file: entry.file,
					},
				),
			);
		}
		const bytes = await readFile(manifest, entry.file, signal);
		if (!bytes.ok || bytes.value.length === facts.size) return bytes;
		return bad(
			problem(
				'MIRROR_RELEASE_WRONG',
				`${name}: ${entry.file} has ${bytes.value.length} bytes; an MBR has ${facts.size}. Do not use this mirror.`,
				{
					file: entry.file,
				},
			),
		);
	}

	/** What `verdict` holds; once something is wrong with a file, nothing more is served. */
	function believed<T>(verdict: Verdict<T>): T {
		if (verdict.ok) return verdict.value;
		throw refuse(verdict.problems);
	}

	async function allSizesRight(manifest: MirrorManifest, signal?: AbortSignal): Promise<void> {
		if (!reader.size) return;
		for (let i = 0; i < manifest.files.length; i += AT_ONCE) {
			throwIfCancelled(signal);
			const wrong = await Promise.all(manifest.files.slice(i, i + AT_ONCE).map((f) => wrongSize(f, signal)));
			const first = wrong.find((w) => w !== undefined);
			if (first) throw refuse([first]);
		}
	}

	async function wrongSize(entry: MirrorFile, signal?: AbortSignal): Promise<Problem | undefined> {
		const size = await reader.size?.(entry.path, signal);
		if (size === undefined) return missingFile(entry, name);
		return size === entry.size ? undefined : changedFile(entry, name, 'size', entry.size, size);
	}

	return {
		name,
		offline: true,
		...(options.strict ? { strict: true } : {}),
		mirror,
		async list(signal): Promise<ReleaseSummary[]> {
			const { manifest } = await mirror(signal);
			if (manifest.releases.length === 0) {
				throw new LinacError('SOURCE_EMPTY', `${name} is a mirror without releases: making it was not finished.`, {
					details: { path: name, files: 0 },
					hint: 'Run "linac releases mirror" again, where there is a network.',
				});
			}
			await allSizesRight(manifest, signal);
			return manifest.releases
				.filter((r) => platformByName(r.platform) !== undefined)
				.map(({ platform, version }) => ({ platform, version, source: name, offline: true }));
		},
		async open(query: ReleaseQuery, signal): Promise<Verdict<ReleaseSet>> {
			const { manifest } = await mirror(signal);
			const release = manifest.releases.find((r) => r.platform === query.platform && r.version === query.version);
			if (!release) {
				return bad(
					problem('RELEASE_NOT_AT_SOURCE', `${name} does not have release ${query.version} for ${query.platform}.`, {
						field: 'version',
					}),
				);
			}
			return good(believed(await openEntry(manifest, release, signal)));
		},
		async openApplication(platform, signal) {
			const { manifest } = await mirror(signal);
			const known = platformByName(platform);
			const [newest] = manifest.releases
				.filter((r) => r.platform === platform && r.application !== undefined)
				.sort((a, b) => compareVersions(b.version, a.version));
			if (!known || !newest?.application)
				return bad(problem('APPLICATION_NOT_AT_SOURCE', `${name} does not have a default application for ${platform}.`));
			const file = believed(await candidate(manifest, newest.application, signal));
			const judged = judgeFile(file, known, digests);
			if (judged.role !== 'application' || !judged.module || !judged.slot)
				throw refuse([
					problem(
						'MIRROR_RELEASE_WRONG',
						`${name}: ${file.name} is not an application for ${platform}. Do not use this mirror.`,
						{
							file: file.name,
						},
					),
				]);
			const { sha256 } = manifest.files.find((f) => f.path === file.name)!;
			return good({ slot: judged.slot.name, origin: file.origin ?? file.name, module: judged.module, sha256 });
		},
		async openFurther(query, signal) {
			const { manifest } = await mirror(signal);
			const entry = manifest.further.find((f) => f.kind === query.kind && f.mcu === query.mcu);
			if (!entry) return undefined;
			return { bytes: believed(await openFurtherEntry(manifest, entry, signal)), origin: `${name}: ${entry.file}` };
		},
		async verify(signal, onProgress) {
			const { manifest } = await mirror(signal);
			const problems: Problem[] = [];
			const note = (verdict: Verdict<unknown>) => {
				if (!verdict.ok) problems.push(...verdict.problems.filter((p) => p.severity === 'error'));
			};
			const total = manifest.files.length;
			let done = 0;
			for (const release of manifest.releases) {
				note(await openEntry(manifest, release, signal));
				done += filesOf(release).length;
				onProgress?.(Math.min(done, total), total);
			}
			for (const entry of manifest.further) note(await openFurtherEntry(manifest, entry, signal));
			onProgress?.(total, total);
			return problems;
		},
	};
}
