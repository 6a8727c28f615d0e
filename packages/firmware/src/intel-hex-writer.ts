/**
 * Writes Intel HEX: record types 00, 01, 04 and 05. Reading is in intel-hex-reader.ts; format and the peculiarities of published restore files:
 * docs/formats/intel-hex.md (Intel, "Hexadecimal Object File Format Specification", revision A, 1988).
 */
import { assert, concatBytes } from '@linac/core';
import { MemoryImage } from './memory-image.js';

export interface WriteHexOptions {
	/** Data bytes a record, 1 to 255. Default 16, as all tools of the field write it. */
	recordLength?: number;
	/** Upper-case digits. Default true. */
	upperCase?: boolean;
	/** EIP, written as a type 05 record. */
	startAddress?: number;
	/** Type 04 records only where the upper half of the address changes (default), or also at the start of every piece. */
	baseRecord?: 'when-needed' | 'each-piece';
	/** The type 01 record at the end. Default true. */
	endRecord?: boolean;
}

type Piece = { start: number; bytes: Uint8Array };

const COLON = 0x3a;
const LINE_END = 0x0a;
/** Characters of a record besides its data: colon, length, address, type, checksum, line end. */
const FRAME = 12;
/** Characters of a type 04 record. */
const BASE_RECORD = FRAME + 4;
const BLOCK = 0x10000;
const latin1 = new TextDecoder('latin1');

/** The two digits of every byte: at 2 * value and behind it. */
function digitTable(digits: string): Uint8Array {
	const out = new Uint8Array(512);
	for (let i = 0; i < 256; i++) {
		out[i * 2] = digits.charCodeAt(i >> 4);
		out[i * 2 + 1] = digits.charCodeAt(i & 15);
	}
	return out;
}
const UPPER = digitTable('0123456789ABCDEF');
const LOWER = digitTable('0123456789abcdef');

/** Writes pieces in the order given (an image's own order is by address): LF line ends, type 04 records where the upper half changes, EOF record. */
export function writeIntelHex(pieces: MemoryImage | Iterable<Piece>, options: WriteHexOptions = {}): string {
	return latin1.decode(writeIntelHexBytes(pieces, options));
}

/** The same as ASCII bytes, which is what a file holds: no text is made in between. */
export function writeIntelHexBytes(
	pieces: MemoryImage | Iterable<Piece>,
	options: WriteHexOptions = {},
): Uint8Array<ArrayBuffer> {
	const size = Math.min(255, Math.max(1, options.recordLength ?? 16));
	const digits = options.upperCase === false ? LOWER : UPPER;
	const eachPiece = options.baseRecord === 'each-piece';
	const list = pieces instanceof MemoryImage ? pieces.segments : [...pieces];
	const { startAddress, endRecord = true } = options;
	const length = textLength(list, size, eachPiece) + (startAddress === undefined ? 0 : FRAME + 8) + (endRecord ? FRAME : 0);
	const out = new Uint8Array(length);
	let to = 0;
	const short = (type: number, data: readonly number[]) => {
		to = header(out, to, digits, data.length, 0, type);
		let sum = data.length + type;
		for (const b of data) {
			sum += b;
			out[to++] = digits[b * 2]!;
			out[to++] = digits[b * 2 + 1]!;
		}
		to = checksum(out, to, digits, sum);
	};
	// Without a type 04 record the upper half is 0.
	let upper = 0;
	for (const { start, bytes } of list) {
		if (eachPiece) upper = -1;
		for (let at = 0; at < bytes.length; ) {
			const here = start + at;
			const half = Math.floor(here / BLOCK);
			if (half !== upper) {
				short(4, [half >> 8, half & 0xff]);
				upper = half;
			}
			const low = here & (BLOCK - 1);
			const count = Math.min(size, bytes.length - at, BLOCK - low);
			to = header(out, to, digits, count, low, 0);
			let sum = count + (low >> 8) + (low & 0xff);
			for (const end = at + count; at < end; at++) {
				const b = bytes[at]!;
				sum += b;
				out[to++] = digits[b * 2]!;
				out[to++] = digits[b * 2 + 1]!;
			}
			to = checksum(out, to, digits, sum);
		}
	}
	if (startAddress !== undefined)
		short(5, [startAddress >>> 24, (startAddress >>> 16) & 0xff, (startAddress >>> 8) & 0xff, startAddress & 0xff]);
	if (endRecord) to = end(out, to);
	assert(to === length, 'the length of a hex file is known before it is written');
	return out;
}

function header(out: Uint8Array, to: number, digits: Uint8Array, length: number, low: number, type: number): number {
	out[to] = COLON;
	out[to + 1] = digits[length * 2]!;
	out[to + 2] = digits[length * 2 + 1]!;
	out[to + 3] = digits[(low >> 8) * 2]!;
	out[to + 4] = digits[(low >> 8) * 2 + 1]!;
	out[to + 5] = digits[(low & 0xff) * 2]!;
	out[to + 6] = digits[(low & 0xff) * 2 + 1]!;
	out[to + 7] = digits[type * 2]!;
	out[to + 8] = digits[type * 2 + 1]!;
	return to + 9;
}

function checksum(out: Uint8Array, to: number, digits: Uint8Array, sum: number): number {
	const value = -sum & 0xff;
	out[to] = digits[value * 2]!;
	out[to + 1] = digits[value * 2 + 1]!;
	out[to + 2] = LINE_END;
	return to + 3;
}

const END_RECORD = new TextEncoder().encode(':00000001FF\n');

/** Upper case in every file, also in those whose other digits are not. */
function end(out: Uint8Array, to: number): number {
	out.set(END_RECORD, to);
	return to + END_RECORD.length;
}

function textLength(pieces: readonly Piece[], size: number, eachPiece: boolean): number {
	let length = 0;
	let upper = 0;
	for (const { start, bytes } of pieces) {
		if (eachPiece) upper = -1;
		for (let at = 0; at < bytes.length; ) {
			const half = Math.floor((start + at) / BLOCK);
			if (half !== upper) length += BASE_RECORD;
			upper = half;
			// A record never crosses a block, so each block is counted for itself.
			const count = Math.min(bytes.length - at, BLOCK - ((start + at) & (BLOCK - 1)));
			length += count * 2 + Math.ceil(count / size) * FRAME;
			at += count;
		}
	}
	return length;
}

/**
 * Puts together files that differ in a few pieces only: the records of each piece, made once, one behind the other, with the end record. Each
 * piece carries its own type 04 record, so the parts may be combined in any order.
 */
export function joinHexRecords(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	return concatBytes([...parts, END_RECORD]);
}

/** The records of one piece for `joinHexRecords`. */
export function hexRecords(
	piece: Piece,
	options: Omit<WriteHexOptions, 'baseRecord' | 'endRecord' | 'startAddress'> = {},
): Uint8Array<ArrayBuffer> {
	return writeIntelHexBytes([piece], { ...options, baseRecord: 'each-piece', endRecord: false });
}
