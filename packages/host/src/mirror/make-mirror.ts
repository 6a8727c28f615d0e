/**
 * Makes a mirror in a folder, or adds to one: opens each wanted release that is not there yet, writes its files, and last of all the manifest and
 * its signature. A run that was interrupted leaves the mirror as it was before; run again, it finds the files that it had written. It deletes nothing,
 * and writes over nothing but its own damaged files. Which releases are wanted, and where they come from, the caller decides.
 */
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
	filesOf,
	furtherPart,
	MANIFEST_NAME,
	type MirrorFile,
	type MirrorManifest,
	type MirrorPart,
	type MirrorSignature,
	mirrorManifest,
	type ReleaseQuery,
	type ReleaseSet,
	releasePart,
	SIGNATURE_NAME,
	type SignedBy,
	type SourcedModule,
	serializeManifest,
	serializeSignatures,
	signManifest,
	verifyMirrorFile,
} from '@linac/catalog';
import { type Ed25519PrivateKey, equalBytes, keyIdOf, LinacError, throwIfCancelled, toHex, unwrap } from '@linac/core';
import { nodeDigests } from '../digests.js';
import { nodeEd25519 } from '../ed25519.js';
import { writeWhole } from '../files.js';
import { folderReader, isMirror } from './folder-reader.js';
import { folderMirror } from './path-source.js';

export interface MakeMirrorOptions {
	/** Is made when it is not there. Must be empty, or a mirror. */
	folder: string;
	wanted: readonly ReleaseQuery[];
	/** Opens a release, as `openRelease` does. Throws `RELEASE_NOT_AVAILABLE` when it cannot be had; every other error ends the work. */
	open(query: ReleaseQuery, signal: AbortSignal | undefined): Promise<ReleaseSet>;
	/** The default application for a release that came without one. */
	application?(query: ReleaseQuery, signal: AbortSignal | undefined): Promise<SourcedModule | undefined>;
	/** Files that are no modules, e.g. kind `mbr` for `nrf52840`. */
	further?: readonly { kind: string; mcu: string; bytes: Uint8Array }[];
	/** A mirror that was signed has to be signed again when it changes. */
	signingKey?: Ed25519PrivateKey;
	/** When given, a mirror that is added to must be signed by one of them. */
	trustedKeys?: readonly Uint8Array[];
	signal?: AbortSignal;
	/** Told of every wanted release when it is there, or cannot be had. */
	onRelease?(
		release: ReleaseQuery & { state: 'added' | 'kept' | 'missing'; source?: string; index: number; count: number },
	): void;
}

export interface MissingRelease extends ReleaseQuery {
	code: string;
	/** Why, with what every source answered. */
	message: string;
}

export interface MadeMirror {
	manifest: MirrorManifest;
	/** SHA-256 of the manifest, hex: the same everywhere for the same content. */
	sha256: string;
	/** The public key that signed it; undefined for a mirror without signature. */
	publicKey: Uint8Array | undefined;
	/** Who had signed what was there before. */
	before: SignedBy | undefined;
	added: ReleaseQuery[];
	/** Wanted, and in it before. */
	kept: ReleaseQuery[];
	missing: MissingRelease[];
	/** Files that were written, the manifest and its signature not counted. */
	written: number;
}

interface Existing {
	manifest: MirrorManifest;
	bytes: Uint8Array;
	signatures: MirrorSignature[];
	signedBy: SignedBy | undefined;
	/** Paths of files that are missing or changed. */
	damaged: Set<string>;
}

/**
 * Throws `MIRROR_FOLDER_NOT_EMPTY`; what an existing mirror is refused for (`MIRROR_...`), `MIRROR_FILE_CHANGED` and `MIRROR_FILE_MISSING` among them for damaged
 * files that no wanted release makes good; `MIRROR_NEEDS_KEY` when a signed mirror would change without being signed; all these before anything is
 * written. Later: `MIRROR_FILE_IN_THE_WAY`, `MIRROR_BUSY` when somebody else changed it meanwhile, `FILE_NOT_WRITTEN`, `CANCELLED`.
 */
export async function makeMirror(options: MakeMirrorOptions): Promise<MadeMirror> {
	const { folder, signal } = options;
	const before = await existing(options);
	const wanted = inOrder(options.wanted);
	const parts: MirrorPart[] = [];
	const added: ReleaseQuery[] = [];
	const kept: ReleaseQuery[] = [];
	const missing: MissingRelease[] = [];
	let written = 0;

	/** Before the first file: from then on the folder is a mirror, even if it is empty, and a run that is interrupted can be continued. */
	const begin = async () => {
		if (before.bytes.length > 0 || written > 0) return;
		await publish(folder, mirrorManifest([]), options.signingKey, before);
	};
	const mayChange = before.signatures.length === 0 || options.signingKey !== undefined;
	const take = async (part: MirrorPart) => {
		await begin();
		for (const file of part.files) {
			throwIfCancelled(signal);
			if (await write(folder, file, part.contents.get(file.path)!, before)) written++;
		}
		parts.push(part);
	};

	for (const [index, query] of wanted.entries()) {
		throwIfCancelled(signal);
		const tell = (state: 'added' | 'kept' | 'missing', source?: string) =>
			options.onRelease?.({ ...query, state, ...(source === undefined ? {} : { source }), index, count: wanted.length });
		const entry = before.manifest.releases.find((r) => r.platform === query.platform && r.version === query.version);
		if (entry && !filesOf(entry).some((path) => before.damaged.has(path))) {
			// What came without an application gets one, when one can be had now.
			const part = entry.application || !mayChange ? undefined : await withApplication(query, options);
			if (part) await take(part);
			kept.push(query);
			tell('kept');
			continue;
		}
		let set: ReleaseSet;
		try {
			set = await options.open(query, signal);
		} catch (error) {
			if (!isNotAvailable(error)) throw error;
			missing.push({ ...query, code: error.code, message: error.message });
			tell('missing');
			continue;
		}
		const part = releasePart(set, set.application ?? (await options.application?.(query, signal)));
		const differs = differsFrom(before, part);
		if (differs !== undefined) throw inTheWay(folder, differs, 'What the source has differs; a mirror is added to, not changed.');
		const [release] = part.releases;
		if (release && !release.application && entry?.application) release.application = entry.application;
		await take(part);
		added.push(query);
		tell('added', set.source);
	}
	for (const { kind, mcu, bytes } of options.further ?? []) {
		const there = before.manifest.further.find((f) => f.kind === kind && f.mcu === mcu);
		if (there && !before.damaged.has(there.file)) continue;
		if (parts.length === 0 && before.manifest.releases.length === 0) continue;
		await take(furtherPart(kind, mcu, bytes, nodeDigests));
	}
	throwIfCancelled(signal);
	const repaired = new Set(parts.flatMap((p) => p.files.map((f) => f.path)));
	const stillDamaged = [...before.damaged].filter((path) => !repaired.has(path));
	if (stillDamaged.length > 0) throw damagedFile(folder, before, stillDamaged[0]!);
	const manifest = mirrorManifest([before.manifest, ...parts]);
	const isThere = before.bytes.length > 0 || written > 0 || parts.length > 0;
	const publicKey = isThere ? await publish(folder, manifest, options.signingKey, before) : undefined;
	return {
		manifest,
		sha256: toHex(nodeDigests.sha256(serializeManifest(manifest))),
		publicKey,
		before: before.signedBy,
		added,
		kept,
		missing,
		written,
	};
}

/** What is in the folder already: verified, file by file. An empty one is a mirror without releases. */
async function existing(options: MakeMirrorOptions): Promise<Existing> {
	const { folder, signal } = options;
	const nothing: Existing = {
		manifest: mirrorManifest([]),
		bytes: new Uint8Array(0),
		signatures: [],
		signedBy: undefined,
		damaged: new Set(),
	};
	if (!(await isMirror(folder))) {
		const names = await namesIn(folder);
		if (names.length === 0) return nothing;
		throw new LinacError('MIRROR_FOLDER_NOT_EMPTY', `${folder} is not empty and is no mirror: there is ${names[0]} in it.`, {
			details: { path: folder },
			hint: 'Name a new folder, or one that "linac releases mirror" made.',
		});
	}
	const source = folderMirror(folder, options.trustedKeys);
	const { manifest, signatures, signedBy } = await source.mirror(signal);
	const reader = folderReader(folder);
	const damaged = new Set<string>();
	for (const file of manifest.files) {
		const bytes = await reader.read(file.path, file.size, signal);
		if (verifyMirrorFile(file, bytes, { digests: nodeDigests })) damaged.add(file.path);
	}
	// What is there is judged by its headers too: it may be signed again.
	const wrong = damaged.size === 0 ? (await source.verify(signal))[0] : undefined;
	if (wrong)
		throw new LinacError(wrong.code, wrong.message, { details: { path: folder }, hint: 'Make a mirror in another folder.' });
	const before: Existing = { manifest, bytes: serializeManifest(manifest), signatures, signedBy, damaged };
	// Damaged files that belong to something that is fetched anew are made good.
	const renewed = new Set(
		manifest.releases
			.filter((r) => options.wanted.some((q) => q.platform === r.platform && q.version === r.version))
			.flatMap(filesOf)
			.concat(
				manifest.further.filter((f) => options.further?.some((g) => g.kind === f.kind && g.mcu === f.mcu)).map((f) => f.file),
			),
	);
	const lost = [...damaged].find((path) => !renewed.has(path));
	if (lost !== undefined) throw damagedFile(folder, before, lost);
	const grows =
		options.wanted.some((q) => !manifest.releases.some((r) => r.platform === q.platform && r.version === q.version)) ||
		options.further?.some((f) => !manifest.further.some((g) => g.kind === f.kind && g.mcu === f.mcu)) === true;
	if (grows) needsKey(folder, before, options.signingKey);
	return before;
}

function needsKey(folder: string, before: Existing, key: Ed25519PrivateKey | undefined): void {
	if (key !== undefined || before.signatures.length === 0) return;
	throw new LinacError(
		'MIRROR_NEEDS_KEY',
		`${folder} is signed by key ${before.signatures.map((s) => keyIdOf(s.publicKey, nodeDigests)).join(', ')}. What is added needs a new signature.`,
		{ details: { path: folder }, hint: 'Give the private key with --sign, or make a mirror in another folder.' },
	);
}

/** A release of the mirror itself, with an application that it did not have; undefined when there still is none. */
async function withApplication(query: ReleaseQuery, options: MakeMirrorOptions): Promise<MirrorPart | undefined> {
	const application = await options.application?.(query, options.signal);
	if (!application) return undefined;
	const set = unwrap(await folderMirror(options.folder, options.trustedKeys).open(query, options.signal));
	return releasePart(set, application);
}

/** The path of a file that the mirror has with other content. */
function differsFrom(before: Existing, part: MirrorPart): string | undefined {
	const is = new Map(before.manifest.files.map((f) => [f.path, f.sha256]));
	return part.files.find((f) => is.has(f.path) && is.get(f.path) !== f.sha256)?.path;
}

/** True when it was written; false when it is there already, from an earlier run. */
async function write(folder: string, file: MirrorFile, bytes: Uint8Array, before: Existing): Promise<boolean> {
	const path = join(folder, file.path);
	await noLinks(folder, file.path);
	const there = await folderReader(folder).read(file.path, file.size);
	if (there !== undefined) {
		if (equalBytes(there, bytes)) return false;
		if (!before.damaged.has(file.path)) throw inTheWay(folder, file.path, 'It is not of this mirror.');
	}
	await writeWhole(path, bytes);
	return true;
}

/** What is written stays in the folder: not through a link that somebody put there. */
async function noLinks(folder: string, path: string): Promise<void> {
	for (let at = path; at !== '.'; at = dirname(at)) {
		const info = await lstat(join(folder, at)).catch(() => undefined);
		if (info?.isSymbolicLink()) throw inTheWay(folder, at, 'It is a link.');
	}
}

/**
 * The manifest last, and whole. While it is replaced, the signature file has signatures of the old and of the new one, so that at every moment
 * the mirror is the old one or the new one.
 */
async function publish(
	folder: string,
	manifest: MirrorManifest,
	key: Ed25519PrivateKey | undefined,
	before: Existing,
): Promise<Uint8Array | undefined> {
	const bytes = serializeManifest(manifest);
	const same = equalBytes(bytes, before.bytes);
	const reader = folderReader(folder);
	const now = (await reader.read(MANIFEST_NAME, Math.max(bytes.length, before.bytes.length) + 1)) ?? new Uint8Array(0);
	if (!equalBytes(now, before.bytes)) {
		throw new LinacError('MIRROR_BUSY', `${folder} was changed by somebody else meanwhile.`, {
			details: { path: folder },
			retry: 'job',
			hint: 'Run the command again.',
		});
	}
	if (same && key === undefined) return before.signedBy?.publicKey;
	needsKey(folder, before, key);
	const signature = key && (await signManifest(bytes, key, nodeEd25519));
	// The first one begins without: a signature alone would be a mirror that lost its manifest.
	if (signature && before.bytes.length > 0) {
		await writeWhole(join(folder, SIGNATURE_NAME), serializeSignatures(distinct([...before.signatures, signature]), nodeDigests));
	}
	if (!same) await writeWhole(join(folder, MANIFEST_NAME), bytes);
	if (signature) await writeWhole(join(folder, SIGNATURE_NAME), serializeSignatures([signature], nodeDigests));
	before.bytes = bytes;
	before.signatures = signature ? [signature] : [];
	return signature?.publicKey;
}

function distinct(signatures: readonly MirrorSignature[]): MirrorSignature[] {
	return [...new Map(signatures.map((s) => [toHex(s.publicKey) + toHex(s.signature), s])).values()];
}

function inOrder(queries: readonly ReleaseQuery[]): ReleaseQuery[] {
	const byKey = new Map(queries.map(({ platform, version }) => [`${platform} ${version}`, { platform, version }]));
	return [...byKey.keys()].sort().map((key) => byKey.get(key)!);
}

function isNotAvailable(error: unknown): error is LinacError {
	return error instanceof LinacError && error.code === 'RELEASE_NOT_AVAILABLE';
}

function damagedFile(folder: string, before: Existing, path: string): LinacError {
	const owner = before.manifest.releases.find((r) => filesOf(r).includes(path));
	return new LinacError('MIRROR_FILE_CHANGED', `${join(folder, path)} is missing, or is not what the mirror was made with.`, {
		details: { path: join(folder, path) },
		hint: owner
			? `Fetch it anew with --platform ${owner.platform} --target ${owner.version}, or copy the mirror again.`
			: 'Copy the mirror again, or make a new one.',
	});
}

function inTheWay(folder: string, path: string, why: string): LinacError {
	return new LinacError('MIRROR_FILE_IN_THE_WAY', `${join(folder, path)} is there and is not what would be written. ${why}`, {
		details: { path: join(folder, path) },
		hint: 'Move it away, or make the mirror in another folder.',
	});
}

async function namesIn(folder: string): Promise<string[]> {
	try {
		return (await readdir(folder)).sort();
	} catch (error) {
		const { code } = error as { code?: string };
		if (code === 'ENOENT') return [];
		throw new LinacError('FILE_UNREADABLE', `The folder ${folder} cannot be read (${code ?? String(error)}).`, {
			details: { path: folder },
			cause: error,
			retry: 'operator',
		});
	}
}
