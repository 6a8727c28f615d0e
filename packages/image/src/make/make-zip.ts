/**
 * The finished restore zip of a release, for the command line and the web page alike: made, opened again as somebody else's file, and judged as that
 * release before it is given away. What is in it, and in which form: ../restore-zip.ts.
 */
import { asPlatform, checkRelease, type ReleaseSet, type SourcedModule, unpackZip } from '@linac/catalog';
import { assert, type Digests, portableDigests, toHex } from '@linac/core';
import { type RestoreZip, restoreZip } from '../restore-zip.js';

export interface MadeZip extends RestoreZip {
	/** `boron-4.0.1.zip`, and `boron-4.0.1.json` for the manifest. */
	file: string;
	manifestFile: string;
	/** Of the zip, in hex. */
	sha256: string;
}

/** `file`: its name, where the caller has one of its own. The application has been judged by the caller (`judgeApplication`). */
export function makeZip(
	release: ReleaseSet,
	application: SourcedModule | undefined,
	options: { file?: string; digests?: Digests } = {},
): MadeZip {
	const { digests = portableDigests } = options;
	const platform = asPlatform(release.platform);
	const file = options.file ?? `${platform.name}-${release.version}.zip`;
	const made = restoreZip(release, application);
	const entries = unpackZip(made.zip, { file, digests });
	const again = entries.ok ? checkRelease(entries.value, { platform, version: release.version, source: file, digests }) : entries;
	assert(again.ok, 'the zip that was made is the release');
	const manifestFile = file.replace(/(\.zip)?$/i, '.json');
	return { ...made, file, manifestFile, sha256: toHex(digests.sha256(made.zip)) };
}
