/**
 * What a user names as a source of releases: a mirror (a folder with `linac-mirror.json`), which is verified, or else a folder, zip, package or
 * file. Which of them it is shows when it is first asked: a share may be slow, or away.
 */
import { basename, dirname, resolve } from 'node:path';
import {
	type FurtherQuery,
	fileSource,
	MANIFEST_NAME,
	type MirrorSource,
	mirrorSource,
	type ReleaseSource,
	type SignedBy,
	type SourcedModule,
} from '@linac/catalog';
import { bad, LinacError, problem, type Verdict } from '@linac/core';
import { nodeDigests } from '../digests.js';
import { nodeEd25519 } from '../ed25519.js';
import { namesThere, readCandidates } from '../files.js';
import { folderReader, isMirror } from './folder-reader.js';

export interface PathSourceOptions {
	/** Public keys. When given, the path must be a mirror that one of them signed. */
	trustedKeys?(): Promise<readonly Uint8Array[]>;
	/** See `ReleaseSource.strict`. */
	strict?: boolean;
	/** Told once, when the path is a mirror and its manifest is believed. */
	onMirror?(mirror: { name: string; signedBy: SignedBy | undefined }): void;
}

/** A source that can also have default applications and further files: a mirror. */
export interface PathSource extends ReleaseSource {
	openApplication: MirrorSource['openApplication'];
	openFurther: MirrorSource['openFurther'];
}

/**
 * A release source over a mirror, folder, zip, package or file. With trusted keys everything but a mirror is refused with `MIRROR_NOT_SIGNED`: taking
 * away the manifest must not be a way around the signature.
 */
export function pathSource(path: string, options: PathSourceOptions = {}): PathSource {
	const plain = fileSource({
		name: path,
		read: (signal) => readCandidates(path, signal),
		found: () => namesThere(path),
		digests: nodeDigests,
	});
	let mirror: MirrorSource | undefined;

	/** Undefined when it is no mirror. */
	async function asMirror(): Promise<MirrorSource | undefined> {
		if (mirror) return mirror;
		const trustedKeys = await options.trustedKeys?.();
		const folder = basename(path) === MANIFEST_NAME ? dirname(resolve(path)) : path;
		if (await isMirror(folder)) {
			mirror = folderMirror(folder, trustedKeys, options);
			return mirror;
		}
		if (trustedKeys === undefined) return undefined;
		// That it is not there is told as always.
		await readCandidates(path);
		throw new LinacError(
			'MIRROR_NOT_SIGNED',
			`${path} is no mirror, so nobody signed it, and a key was named that must have signed what is used.`,
			{
				details: { path },
				hint: 'Name a mirror that "linac releases mirror --sign" made, or leave the key (--mirror-key, LINAC_MIRROR_KEY) out.',
			},
		);
	}

	return {
		name: path,
		offline: true,
		...(options.strict ? { strict: true } : {}),
		async list(signal) {
			return ((await asMirror()) ?? plain).list(signal);
		},
		async open(query, signal) {
			return ((await asMirror()) ?? plain).open(query, signal);
		},
		async openApplication(platform, signal): Promise<Verdict<SourcedModule>> {
			const source = await asMirror();
			if (source) return source.openApplication(platform, signal);
			return bad(problem('APPLICATION_NOT_AT_SOURCE', `${path} is no mirror; its applications come with its releases.`));
		},
		async openFurther(query, signal) {
			return (await asMirror())?.openFurther(query, signal);
		},
	};
}

export function isPathSource(source: ReleaseSource): source is PathSource {
	return 'openFurther' in source;
}

/** A mirror in a folder. */
export function folderMirror(
	folder: string,
	trustedKeys: readonly Uint8Array[] | undefined,
	options: Pick<PathSourceOptions, 'strict' | 'onMirror'> = {},
): MirrorSource {
	return mirrorSource({
		reader: folderReader(folder),
		ed25519: nodeEd25519,
		digests: nodeDigests,
		...(trustedKeys === undefined ? {} : { trustedKeys }),
		...(options.strict ? { strict: true } : {}),
		...(options.onMirror ? { onRead: options.onMirror } : {}),
	});
}

/** The first of the sources that has such a file, e.g. `{ kind: 'mbr', mcu: 'nrf52840' }`. Throws what a mirror that was asked is refused for. */
export async function openFurther(
	sources: readonly ReleaseSource[],
	query: FurtherQuery,
	signal?: AbortSignal,
): Promise<{ bytes: Uint8Array; origin: string } | undefined> {
	for (const source of sources) {
		if (!isPathSource(source)) continue;
		try {
			const found = await source.openFurther(query, signal);
			if (found) return found;
		} catch (error) {
			if (!(error instanceof LinacError) || error.code === 'CANCELLED' || isFinal(source, error)) throw error;
		}
	}
	return undefined;
}

/** Whether what a source failed with ends the search for a release, because the source was named or has to be signed. */
export function isFinal(source: ReleaseSource, failure: LinacError): boolean {
	return source.strict === true && /^(MIRROR|KEY)_/.test(failure.code);
}
