/**
 * Writes zip archives into memory, the same bytes for the same entries on every machine: entries stand in the order given, with the time
 * stamp 1980-01-01 00:00, no rights, no extra fields and no comment. Not for archives beyond 4 GB or 65,535 entries.
 * Format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.9, 4.3.12, 4.3.16 and 4.4.4.
 */
import { assert, concatBytes, type Digests, portableDigests, putU16le, putU32le } from '@linac/core';
import { deflateSync } from 'fflate';

export interface ZipFile {
	/** Relative, with `/` between folders. */
	name: string;
	bytes: Uint8Array;
}

export interface WriteZipOptions {
	/** `deflate`: at level 9; an entry that would not get smaller is stored. */
	method: 'stored' | 'deflate';
	/** Sizes and CRC follow the data instead of standing in front of them, as streaming writers leave it (JSZip with `streamFiles`). Default: no. */
	dataDescriptors?: boolean;
	digests?: Digests;
}

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const DESCRIPTOR_SIGNATURE = 0x08074b50;
const DESCRIPTOR_SIZE = 16;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
/** 2.0: folders and Deflate. What made it is given as MS-DOS with the same version, so that no rights of this machine come in. */
const VERSION = 20;
const FLAG_DESCRIPTOR = 0x0008;
const FLAG_UTF8 = 0x0800;
/** 1980-01-01, the first day that the format can say: year 0, month 1, day 1. */
const DATE = (1 << 5) | 1;
const MOST_ENTRIES = 0xffff - 1;

/** The archive. Names must be relative, without `..` and each given once; anything else is our own bug. */
export function writeZip(entries: readonly ZipFile[], options: WriteZipOptions): Uint8Array<ArrayBuffer> {
	assert(entries.length <= MOST_ENTRIES, 'a zip archive has no room for more entries');
	assert(new Set(entries.map((e) => e.name)).size === entries.length, 'every name stands once in an archive');
	const parts: Uint8Array[] = [];
	const directory: Uint8Array[] = [];
	let offset = 0;
	const append = (part: Uint8Array) => {
		parts.push(part);
		offset += part.length;
	};
	for (const { name, bytes } of entries) {
		assert(isSafeName(name), `'${name}' is no name for an entry`);
		const entry = pack(name, bytes, options);
		directory.push(centralHeader(entry, offset));
		append(localHeader(entry));
		append(entry.data);
		if (entry.descriptor) append(descriptorOf(entry));
	}
	const start = offset;
	for (const header of directory) append(header);
	const end = new Uint8Array(END_SIZE);
	putU32le(end, 0, END_SIGNATURE);
	putU16le(end, 8, entries.length);
	putU16le(end, 10, entries.length);
	putU32le(end, 12, offset - start);
	putU32le(end, 16, start);
	append(end);
	assert(offset < 0xffffffff, 'a zip archive ends before 4 GB');
	return concatBytes(parts);
}

function isSafeName(name: string): boolean {
	return (
		name.length > 0 && !name.startsWith('/') && !name.includes('\\') && name.split('/').every((n) => n !== '..' && n !== '.')
	);
}

interface Packed {
	name: Uint8Array;
	flags: number;
	method: number;
	crc: number;
	data: Uint8Array;
	size: number;
	descriptor: boolean;
}

function pack(name: string, bytes: Uint8Array, options: WriteZipOptions): Packed {
	const encoded = new TextEncoder().encode(name);
	// Without the flag a name is in the code page of the first PC; there, ASCII is the same in both.
	const ascii = encoded.length === name.length;
	const deflated = options.method === 'deflate' && bytes.length > 0 ? deflateSync(bytes, { level: 9 }) : undefined;
	const smaller = deflated !== undefined && deflated.length < bytes.length;
	const descriptor = options.dataDescriptors ?? false;
	return {
		name: encoded,
		flags: (ascii ? 0 : FLAG_UTF8) | (descriptor ? FLAG_DESCRIPTOR : 0),
		method: smaller ? 8 : 0,
		crc: (options.digests ?? portableDigests).crc32(bytes),
		data: smaller ? deflated : bytes,
		size: bytes.length,
		descriptor,
	};
}

/** Version, flags, method, time and date: the same 10 bytes in both headers. */
function putCommon(out: Uint8Array, at: number, entry: Packed): void {
	putU16le(out, at, VERSION);
	putU16le(out, at + 2, entry.flags);
	putU16le(out, at + 4, entry.method);
	putU16le(out, at + 6, 0);
	putU16le(out, at + 8, DATE);
}

function putSizes(out: Uint8Array, at: number, entry: Packed): void {
	putU32le(out, at, entry.crc);
	putU32le(out, at + 4, entry.data.length);
	putU32le(out, at + 8, entry.size);
}

function localHeader(entry: Packed): Uint8Array {
	const out = new Uint8Array(LOCAL_SIZE + entry.name.length);
	putU32le(out, 0, LOCAL_SIGNATURE);
	putCommon(out, 4, entry);
	// With a descriptor they are not known here yet, and are zero (4.4.4, bit 3).
	if (!entry.descriptor) putSizes(out, 14, entry);
	putU16le(out, 26, entry.name.length);
	out.set(entry.name, LOCAL_SIZE);
	return out;
}

function descriptorOf(entry: Packed): Uint8Array {
	const out = new Uint8Array(DESCRIPTOR_SIZE);
	putU32le(out, 0, DESCRIPTOR_SIGNATURE);
	putSizes(out, 4, entry);
	return out;
}

function centralHeader(entry: Packed, localOffset: number): Uint8Array {
	const out = new Uint8Array(CENTRAL_SIZE + entry.name.length);
	putU32le(out, 0, CENTRAL_SIGNATURE);
	putU16le(out, 4, VERSION);
	putCommon(out, 6, entry);
	putSizes(out, 16, entry);
	putU16le(out, 28, entry.name.length);
	putU32le(out, 42, localOffset);
	out.set(entry.name, CENTRAL_SIZE);
	return out;
}
