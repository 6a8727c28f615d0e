/**
 * Reads zip files as releases and bundles come: stored or deflated entries, with or without data descriptors (the central directory is what
 * counts). Not for encrypted, split or zip64 archives, which are refused by name. Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 and 4.4.
 * Memory is bounded: an entry never inflates beyond what it declares, and all entries together not beyond the limit.
 */
import { bad, type Digests, good, type Problem, portableDigests, problem, u16le, u32le, type Verdict } from '@linac/core';
import { inflateBounded } from '@linac/firmware';

export interface ZipEntry {
	/** Path inside the archive, as written there, with `/`. Never used as a path on disk. */
	name: string;
	bytes: Uint8Array;
}

export interface ZipOptions {
	/** For messages. */
	file?: string;
	/** Largest sum of all entries, in bytes. */
	limit?: number;
	digests?: Digests;
	/** Entries that it says no to are not unpacked. */
	wanted?: (name: string) => boolean;
}

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_SIZE = 22;
const LARGEST_COMMENT = 0xffff;
const DEFAULT_LIMIT = 256 * 1024 * 1024;

/** Every file in the archive. A damaged archive is refused whole: half a release is worse than none. Never throws. */
export function readZip(bytes: Uint8Array, options: ZipOptions = {}): Verdict<ZipEntry[]> {
	const file = options.file ?? 'the zip file';
	const digests = options.digests ?? portableDigests;
	const limit = options.limit ?? DEFAULT_LIMIT;
	const damaged = (what: string, offset?: number): Verdict<ZipEntry[]> =>
		bad(problem('ZIP_DAMAGED', `${file} is damaged: ${what}. Fetch or make it again.`, { file: options.file, offset }));
	const end = findEnd(bytes);
	if (end === undefined) return damaged('it has no central directory, so it was cut short or is no zip file');
	const count = u16le(bytes, end + 10);
	const directory = u32le(bytes, end + 16);
	if (u16le(bytes, end + 4) !== 0 || count === 0xffff || directory === 0xffffffff) {
		return bad(
			problem('ZIP_UNSUPPORTED', `${file} is a split or zip64 archive. Unpack it and give the folder.`, { file: options.file }),
		);
	}
	const entries: ZipEntry[] = [];
	let at = directory;
	let total = 0;
	for (let i = 0; i < count; i++) {
		if (at + 46 > end || u32le(bytes, at) !== CENTRAL_SIGNATURE)
			return damaged(`entry ${i + 1} of its directory is not there`, at);
		const entry = readCentral(bytes, at);
		if (entry.next > end) return damaged(`entry ${i + 1} of its directory is cut short`, at);
		at = entry.next;
		if (entry.name.endsWith('/') || options.wanted?.(entry.name) === false) continue;
		const label = `${options.file ?? 'zip'}/${entry.name}`;
		total += entry.size;
		if (total > limit) {
			return bad(
				problem('ZIP_TOO_LARGE', `${file} would unpack to more than ${limit} bytes. It is not taken.`, {
					file: options.file,
					expected: limit,
				}),
			);
		}
		const content = unpack(bytes, entry, label);
		if ('code' in content) return bad(content);
		if (digests.crc32(content) !== entry.crc) {
			return bad(
				problem('ZIP_DAMAGED', `${label} does not have the CRC-32 that the archive says. Fetch or make it again.`, {
					file: label,
				}),
			);
		}
		entries.push({ name: entry.name, bytes: content });
	}
	return good(entries);
}

interface CentralEntry {
	name: string;
	flags: number;
	method: number;
	crc: number;
	packedSize: number;
	size: number;
	local: number;
	next: number;
}

function findEnd(bytes: Uint8Array): number | undefined {
	const lowest = Math.max(0, bytes.length - END_SIZE - LARGEST_COMMENT);
	for (let at = bytes.length - END_SIZE; at >= lowest; at--) {
		if (u32le(bytes, at) === END_SIGNATURE && at + END_SIZE + u16le(bytes, at + 20) === bytes.length) return at;
	}
	return undefined;
}

function readCentral(bytes: Uint8Array, at: number): CentralEntry {
	const nameLength = u16le(bytes, at + 28);
	return {
		flags: u16le(bytes, at + 8),
		method: u16le(bytes, at + 10),
		crc: u32le(bytes, at + 16),
		packedSize: u32le(bytes, at + 20),
		size: u32le(bytes, at + 24),
		local: u32le(bytes, at + 42),
		name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
		next: at + 46 + nameLength + u16le(bytes, at + 30) + u16le(bytes, at + 32),
	};
}

function unpack(bytes: Uint8Array, entry: CentralEntry, label: string): Uint8Array | Problem {
	const damaged = (what: string) =>
		problem('ZIP_DAMAGED', `${label} is damaged: ${what}. Fetch or make the archive again.`, { file: label });
	if (entry.flags & 1)
		return problem('ZIP_UNSUPPORTED', `${label} is encrypted. Unpack the archive and give the folder.`, { file: label });
	if (entry.local + 30 > bytes.length || u32le(bytes, entry.local) !== LOCAL_SIGNATURE) return damaged('its header is not there');
	const start = entry.local + 30 + u16le(bytes, entry.local + 26) + u16le(bytes, entry.local + 28);
	if (start + entry.packedSize > bytes.length) return damaged('it is cut short');
	const packed = bytes.subarray(start, start + entry.packedSize);
	if (entry.method === 0) return packed.length === entry.size ? packed.slice() : damaged('its sizes disagree');
	if (entry.method !== 8) {
		return problem(
			'ZIP_UNSUPPORTED',
			`${label} is packed by method ${entry.method}; only stored and deflated entries are read.`,
			{ file: label },
		);
	}
	const inflated = inflateBounded(packed, entry.size);
	if (!inflated.ok || inflated.value.length !== entry.size)
		return damaged('its data cannot be unpacked to the size that it declares');
	return inflated.value;
}
