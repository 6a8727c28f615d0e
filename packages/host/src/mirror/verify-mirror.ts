/** Checks every file of a mirror in a folder, and says which files lie there that it does not name. Changes nothing. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_NAME, type MirrorManifest, SIGNATURE_NAME, type SignedBy } from '@linac/catalog';
import { LinacError, type Problem } from '@linac/core';
import { folderMirror } from './path-source.js';

export interface VerifiedMirror {
	manifest: MirrorManifest;
	signedBy: SignedBy | undefined;
	/** Everything that is wrong; empty for a sound mirror. */
	problems: Problem[];
	/** Files in the folder that the mirror does not name, with `/`, sorted. They are never used. */
	strangers: string[];
}

/** Throws what the manifest or its signature is refused for (`MIRROR_...`), `FILE_UNREADABLE`, `CANCELLED`. */
export async function verifyMirror(
	folder: string,
	options: {
		trustedKeys?: readonly Uint8Array[];
		signal?: AbortSignal;
		onProgress?: (done: number, total: number) => void;
	} = {},
): Promise<VerifiedMirror> {
	const source = folderMirror(folder, options.trustedKeys);
	const { manifest, signedBy } = await source.mirror(options.signal);
	const problems = await source.verify(options.signal, options.onProgress);
	const known = new Set([MANIFEST_NAME, SIGNATURE_NAME, ...manifest.files.map((f) => f.path)]);
	const strangers = (await namesBelow(folder)).filter((name) => !known.has(name));
	return { manifest, signedBy, problems, strangers };
}

async function namesBelow(folder: string, prefix = ''): Promise<string[]> {
	const out: string[] = [];
	const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
		const { code } = error as { code?: string };
		throw new LinacError('FILE_UNREADABLE', `${join(folder, prefix)} cannot be read (${code ?? String(error)}).`, {
			details: { path: join(folder, prefix) },
			cause: error,
			retry: 'operator',
		});
	});
	for (const entry of entries) {
		const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
		if (entry.isDirectory()) out.push(...(await namesBelow(folder, name)));
		else out.push(name);
	}
	return out.sort();
}
