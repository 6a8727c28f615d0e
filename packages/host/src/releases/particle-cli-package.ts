/**
 * What is read out of a particle-cli package that is at hand: releases (`assets/updates`) and default applications (`assets/knownApps`).
 * Fetching packages is `npm-source.ts`; which package has what stands in the catalogue's `data/tarballs.json`.
 */
import { type CandidateFile, checkRelease, judgeFile, type Platform, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { toHex, type Verdict } from '@linac/core';
import { nodeDigests } from '../digests.js';
import { readTarball } from './tarball.js';

export interface FetchedPackage {
	/** Of particle-cli. */
	version: string;
	/** The `.tgz` as npm has it. */
	bytes: Uint8Array;
}

export const NAME = 'npm particle-cli';

/** The name under which the cache keeps a package. */
export function packageName(version: string): string {
	return `npm:particle-cli@${version}`;
}

/** A release for a platform, with the package's default application. */
export function releaseIn(fetched: FetchedPackage, platform: Platform, version: string): Verdict<ReleaseSet> {
	const files = candidates(fetched, (n) => n.startsWith('package/assets/updates/'));
	if (!files.ok) return files;
	const source = `${NAME} ${fetched.version}`;
	const verdict = checkRelease(files.value, { platform, version, source, digests: nodeDigests });
	if (verdict.ok && verdict.value.application === undefined) {
		const application = tinkerIn(fetched, platform);
		if (application) verdict.value.application = application;
	}
	return verdict;
}

function candidates({ version, bytes }: FetchedPackage, wanted: (name: string) => boolean): Verdict<CandidateFile[]> {
	const entries = readTarball(bytes, { file: `particle-cli ${version}`, wanted: (n) => n.endsWith('.bin') && wanted(n) });
	if (!entries.ok) return entries;
	const files = entries.value.map((e) => {
		const name = e.name.slice(e.name.lastIndexOf('/') + 1);
		return { name, origin: `particle-cli ${version}: ${name}`, bytes: e.bytes };
	});
	// One byte for the update flag lies among the modules of older packages.
	return { ok: true, value: files.filter((f) => f.name !== 'ota-flag-a5.bin'), problems: [] };
}

/** The names only say which of several applications is Tinker; that it is one, and whose, its header says. */
export function tinkerIn(fetched: FetchedPackage, platform: Platform): SourcedModule | undefined {
	const files = candidates(
		fetched,
		(n) => /^package\/assets\/(knownApps|binaries)\//.test(n) && /tinker/.test(n) && !/usb-debugging/.test(n),
	);
	if (!files.ok) return undefined;
	for (const file of files.value) {
		const judged = judgeFile(file, platform, nodeDigests);
		if (judged.role === 'application' && judged.module && judged.slot) {
			return {
				slot: judged.slot.name,
				origin: file.origin ?? file.name,
				module: judged.module,
				sha256: toHex(nodeDigests.sha256(judged.module.bytes)),
			};
		}
	}
	return undefined;
}
