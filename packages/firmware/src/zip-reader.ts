/**
 * Reads zip archives from memory, within bounds: stored and deflated entries, by the central directory, every entry checked by
 * its CRC-32. Not for writing, not for encrypted, split or zip64 archives: no tool of the field makes those for firmware.
 * Format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 */
import { bad, type Digests, good, type Problem, portableDigests, problem, u16le, u32le, type Verdict } from '@linac/core';
import { inflateBounded } from './compressed-module.js';

export interface ZipEntry {
	name: string;
	/** Bytes after inflating, by the directory. */
	size: number;
	isFolder: boolean;
	/** Reads the entry. Each call inflates again. */
	read(): Verdict<Uint8Array>;
}

export interface ZipOptions {
	/** Name of the archive for messages. */
	file?: string;
	digests?: Digests;
	/** Largest size of one entry after inflating. Default 32 MB. */
	largestEntry?: number;
	/** Largest sum of all entries after inflating. Default 64 MB. */
	largestTotal?: number;
	/** Most entries. Default 1000. */
	mostEntries?: number;
}

const MB = 1024 * 1024;
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;

/** Lists the entries. Sizes and places are checked here, contents when an entry is read. */
export function readZip(bytes: Uint8Array, options: ZipOptions = {}): Verdict<ZipEntry[]> {
	const name = options.file ?? 'The archive';
	const broken = (why: string, offset: number): Verdict<never> =>
		bad(
			problem('ZIP_CORRUPT', `${name} is a damaged zip archive: ${why}. Download or make it again.`, {
				offset,
				...(options.file === undefined ? {} : { file: options.file }),
			}),
		);
	const end = findEnd(bytes);
	if (end === undefined) return broken('its end record is missing, so it is probably cut short', bytes.length);
	const count = u16le(bytes, end + 10);
	const directory = u32le(bytes, end + 16);
	if (count === 0xffff || directory === 0xffffffff) return bad(unsupported(options.file, 'it is in zip64 form'));
	const mostEntries = options.mostEntries ?? 1000;
	if (count > mostEntries) {
		return bad(
			problem('ZIP_TOO_LARGE', `${name} has ${count} entries, more than ${mostEntries}.`, {
				expected: mostEntries,
				found: count,
			}),
		);
	}
	const largestEntry = options.largestEntry ?? 32 * MB;
	const largestTotal = options.largestTotal ?? 64 * MB;
	const entries: ZipEntry[] = [];
	let total = 0;
	let at = directory;
	for (let i = 0; i < count; i++) {
		if (at + CENTRAL_SIZE > end || u32le(bytes, at) !== CENTRAL_SIGNATURE)
			return broken(`entry ${i + 1} of its directory is not there`, at);
		const nameLength = u16le(bytes, at + 28);
		const next = at + CENTRAL_SIZE + nameLength + u16le(bytes, at + 30) + u16le(bytes, at + 32);
		if (next > end) return broken(`entry ${i + 1} of its directory is cut short`, at);
		const entry: Directory = {
			name: new TextDecoder().decode(bytes.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength)),
			flags: u16le(bytes, at + 8),
			method: u16le(bytes, at + 10),
			crc: u32le(bytes, at + 16),
			packed: u32le(bytes, at + 20),
			size: u32le(bytes, at + 24),
			local: u32le(bytes, at + 42),
		};
		total += entry.size;
		if (entry.size > largestEntry || total > largestTotal) {
			return bad(
				problem(
					'ZIP_TOO_LARGE',
					`${name} would unpack to more than ${Math.floor(Math.min(largestEntry, largestTotal) / MB)} MB. No release is that large.`,
					{
						field: entry.name,
						found: entry.size,
					},
				),
			);
		}
		if (entry.local + LOCAL_SIZE > bytes.length) return broken(`${entry.name} stands outside of it`, at);
		entries.push({
			name: entry.name,
			size: entry.size,
			isFolder: entry.name.endsWith('/'),
			read: () => readEntry(bytes, entry, options),
		});
		at = next;
	}
	return good(entries);
}

interface Directory {
	name: string;
	flags: number;
	method: number;
	crc: number;
	packed: number;
	size: number;
	local: number;
}

/** The end record stands at the end, before a comment of at most 65,535 bytes. */
function findEnd(bytes: Uint8Array): number | undefined {
	const lowest = Math.max(0, bytes.length - END_SIZE - 0xffff);
	for (let at = bytes.length - END_SIZE; at >= lowest; at--) {
		if (u32le(bytes, at) === END_SIGNATURE && at + END_SIZE + u16le(bytes, at + 20) <= bytes.length) return at;
	}
	return undefined;
}

function readEntry(bytes: Uint8Array, entry: Directory, options: ZipOptions): Verdict<Uint8Array> {
	const label = options.file === undefined ? entry.name : `${options.file}/${entry.name}`;
	const broken = (why: string): Verdict<never> =>
		bad(
			problem('ZIP_CORRUPT', `${label} is damaged: ${why}. Download or make the archive again.`, {
				file: label,
				offset: entry.local,
			}),
		);
	if (entry.flags & 1) return bad(unsupported(label, 'it is encrypted'));
	if (u32le(bytes, entry.local) !== LOCAL_SIGNATURE) return broken('its local header is not where the directory says');
	const from = entry.local + LOCAL_SIZE + u16le(bytes, entry.local + 26) + u16le(bytes, entry.local + 28);
	if (from + entry.packed > bytes.length) return broken('it is cut short');
	const packed = bytes.subarray(from, from + entry.packed);
	let data: Uint8Array;
	if (entry.method === 0) data = packed;
	else if (entry.method === 8) {
		const inflated = inflateBounded(packed, entry.size);
		if (!inflated.ok) return broken('its compressed data cannot be inflated');
		data = inflated.value;
	} else return bad(unsupported(label, `its compression method ${entry.method} is not one of stored and deflated`));
	if (data.length !== entry.size) return broken(`it has ${data.length} bytes instead of ${entry.size}`);
	if ((options.digests ?? portableDigests).crc32(data) !== entry.crc) return broken('its CRC-32 is wrong');
	return good(data);
}

function unsupported(file: string | undefined, why: string): Problem {
	return problem(
		'ZIP_UNSUPPORTED',
		`${file ?? 'The archive'} cannot be read: ${why}. Unpack it and give the files.`,
		file === undefined ? {} : { file },
	);
}
