/**
 * Makes the parts of a mirror: for an opened release or another file, what stands in the manifest and which files go with it. Writes nothing; a
 * mirror is `serializeManifest(mirrorManifest(parts))` and the files of all parts. The order of the parts does not matter.
 */
import { assert, type Digests, portableDigests, toHex } from '@linac/core';
import type { ReleaseSet, SourcedModule } from '../types.js';
import type { MirrorFile, MirrorManifest, MirrorModule } from './manifest.js';
import { furtherPath, modulePath, unsafePath } from './mirror-paths.js';

export interface MirrorPart extends Pick<MirrorManifest, 'files' | 'further' | 'releases'> {
	/** Content of `files`, by path. */
	contents: ReadonlyMap<string, Uint8Array>;
}

/** `application` overrides the one that came with the release. Modules that linac made itself (`standIn`) do not belong in a mirror. */
export function releasePart(set: ReleaseSet, application: SourcedModule | undefined = set.application): MirrorPart {
	const files: MirrorFile[] = [];
	const contents = new Map<string, Uint8Array>();
	const add = (m: SourcedModule, name: string): MirrorModule => {
		assert(m.standIn !== true, 'a module that linac made was to be mirrored');
		const file = modulePath(set.platform, set.version, name);
		assert(unsafePath(file, 'file') === undefined, `a release has the path ${file}`);
		files.push({ path: file, sha256: m.sha256, size: m.module.bytes.length });
		contents.set(file, m.module.bytes);
		return { file, slot: m.slot, version: m.module.prefix.version };
	};
	const modules = set.modules.map((m) => add(m, m.slot));
	return {
		files,
		further: [],
		releases: [
			{
				moduleVersion: set.moduleVersion,
				modules,
				platform: set.platform,
				version: set.version,
				...(application ? { application: add(application, 'application') } : {}),
			},
		],
		contents,
	};
}

/** A file that is no module, e.g. kind `mbr` for the MCU `nrf52840`. */
export function furtherPart(kind: string, mcu: string, bytes: Uint8Array, digests: Digests = portableDigests): MirrorPart {
	const file = furtherPath(kind, mcu);
	return {
		files: [{ path: file, sha256: toHex(digests.sha256(bytes)), size: bytes.length }],
		further: [{ file, kind, mcu }],
		releases: [],
		contents: new Map([[file, bytes]]),
	};
}
