/**
 * Unpacks the files of a release out of a zip, all or nothing: half a release is worse than none. Reading the format itself, within bounds, is
 * `readZip` of the firmware package.
 */
import { type Digests, good, type Verdict } from '@linac/core';
import { readZip } from '@linac/firmware';

export interface UnpackedEntry {
	/** Path inside the archive, as written there. Never used as a path on disk. */
	name: string;
	bytes: Uint8Array;
}

export interface UnpackOptions {
	/** For messages. */
	file?: string;
	/** Largest sum of all entries, in bytes. */
	limit?: number;
	digests?: Digests;
	/** Entries that it says no to are not unpacked. */
	wanted?: (name: string) => boolean;
}

/** Every wanted file in the archive, or why the archive cannot be used. Never throws. */
export function unpackZip(bytes: Uint8Array, options: UnpackOptions = {}): Verdict<UnpackedEntry[]> {
	const listed = readZip(bytes, { file: options.file, digests: options.digests, largestTotal: options.limit });
	if (!listed.ok) return listed;
	const out: UnpackedEntry[] = [];
	for (const entry of listed.value) {
		if (entry.isFolder || options.wanted?.(entry.name) === false) continue;
		const content = entry.read();
		if (!content.ok) return content;
		out.push({ name: entry.name, bytes: content.value });
	}
	return good(out);
}
