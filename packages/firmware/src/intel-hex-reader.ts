/**
 * Reads Intel HEX, record types 00 to 05. Writing is in intel-hex-writer.ts. Format and the peculiarities of published restore files:
 * docs/formats/intel-hex.md (Intel, "Hexadecimal Object File Format Specification", revision A, 1988).
 */
import { address, bad, equalBytes, type Json, type Problem, problem, type Verdict } from '@linac/core';
import { MemoryImage } from './memory-image.js';

export interface IntelHex {
	image: MemoryImage;
	/** CS:IP of a type 03 record or EIP of a type 05 record, if there is one. */
	startAddress: number | undefined;
	/** Number of records, the EOF record included. */
	records: number;
}

/** Errors are collected up to this number, then reading stops: a binary file would have one a line. */
const MOST_PROBLEMS = 20;
/** Real images have a dozen pieces. The bound keeps a hostile file from costing many times its own size. */
const MOST_RUNS = 2000;
/** A run of data at consecutive addresses, where it stands in the collected data, and the line where it began. */
interface Run {
	start: number;
	line: number;
	from: number;
	length: number;
}

const COLON = 0x3a;
const LF = 0x0a;
const CR = 0x0d;

/** Value of an ASCII hex digit, or -1. */
const DIGIT = new Int8Array(256).fill(-1);
for (let i = 0; i < 10; i++) DIGIT[0x30 + i] = i;
for (let i = 0; i < 6; i++) {
	DIGIT[0x41 + i] = 10 + i;
	DIGIT[0x61 + i] = 10 + i;
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
	for (let at = from; at < to; at++) if (bytes[at]! > 0x20) return false;
	return true;
}

/** The byte of two digits, or a negative number. */
function pair(bytes: Uint8Array, at: number): number {
	return (DIGIT[bytes[at]!]! << 4) | DIGIT[bytes[at + 1]!]!;
}

/**
 * Reads an Intel HEX file given as bytes or text. Line numbers in messages count from 1. A missing EOF record is a warning: every
 * published Gen 3 restore file of 0.9.0 ends without one. Bytes given twice are a warning when equal and an error when not.
 */
export function parseIntelHex(input: Uint8Array | string, options: { file?: string } = {}): Verdict<IntelHex> {
	const reader = new Reader(typeof input === 'string' ? new TextEncoder().encode(input) : input, options.file);
	return reader.read();
}

/** Bytes at consecutive addresses as they follow each other in the file. */
export interface HexLayer {
	start: number;
	bytes: Uint8Array;
	/** Where it begins in the file, from 1. */
	line: number;
}

/**
 * The pieces of an Intel HEX file in the order in which they stand there, whether or not they overlap: for telling what a file holds whose
 * pieces contradict each other. For everything else there is `parseIntelHex`, which refuses such a file.
 */
export function parseHexLayers(input: Uint8Array | string, options: { file?: string } = {}): Verdict<HexLayer[]> {
	const reader = new Reader(typeof input === 'string' ? new TextEncoder().encode(input) : input, options.file);
	return reader.layers();
}

class Reader {
	readonly #bytes: Uint8Array;
	readonly #file: string | undefined;
	readonly #problems: Problem[] = [];
	readonly #runs: Run[] = [];
	#run: Run | undefined;
	#line = 0;
	#records = 0;
	#base = 0;
	#segmented = false;
	#start: number | undefined;
	#ended = false;
	// The data of all records one after the other: a byte takes two digits, so the text bounds it.
	readonly #data: Uint8Array;
	#filled = 0;
	// One record at most: 255 bytes of data, length, address, type and checksum.
	readonly #record = new Uint8Array(260);

	constructor(bytes: Uint8Array, file: string | undefined) {
		this.#bytes = bytes;
		this.#file = file;
		this.#data = new Uint8Array(bytes.length >> 1);
	}

	read(): Verdict<IntelHex> {
		this.#readLines();
		return this.#problems.some((p) => p.severity === 'error') ? bad(...this.#problems) : this.#finish();
	}

	layers(): Verdict<HexLayer[]> {
		this.#readLines();
		if (this.#problems.some((p) => p.severity === 'error')) return bad(...this.#problems);
		const value = this.#runs.map((r) => ({
			start: r.start,
			bytes: this.#data.subarray(r.from, r.from + r.length),
			line: r.line,
		}));
		return { ok: true, value, problems: this.#problems };
	}

	#readLines(): undefined {
		const bytes = this.#bytes;
		let at = 0;
		while (at < bytes.length && this.#problems.length < MOST_PROBLEMS) {
			this.#line++;
			const next = this.#readPlain(at);
			if (next > 0) {
				at = next;
				continue;
			}
			let end = bytes.indexOf(0x0a, at);
			if (end < 0) end = bytes.length;
			// A CR in front of an LF belongs to the line end. Anything else behind or in front of a record makes other readers refuse it, or pass it over.
			const last = end > at && end < bytes.length && bytes[end - 1] === CR ? end - 1 : end;
			// Empty lines are no error: published files have them.
			if (!isBlank(bytes, at, last)) this.#readLine(at, last);
			at = end + 1;
		}
		if (this.#problems.some((p) => p.severity === 'error')) return;
		if (this.#filled === 0) {
			const what = this.#records === 0 ? 'There is no Intel HEX record in it.' : 'There are records in it, but none with data.';
			this.#problems.push(this.#problem('HEX_EMPTY', what));
			return;
		}
		if (!this.#ended) {
			this.#warn(
				'HEX_NO_EOF',
				'There is no end-of-file record, so the file may be cut short. (Published Gen 3 files of 0.9.0 never had one; every module inside is checked by its own CRC.)',
			);
		}
	}

	/**
	 * A whole, right data record that begins at `from` and ends with a line end, as almost all lines are: decoded straight into the data.
	 * Returns where the next line begins, or 0 when the line has to be looked at more closely.
	 */
	#readPlain(from: number): number {
		const bytes = this.#bytes;
		if (this.#ended || bytes[from] !== COLON) return 0;
		const length = pair(bytes, from + 1);
		const last = from + 11 + length * 2;
		if (length <= 0 || last > bytes.length) return 0;
		let next = last + 1;
		if (last < bytes.length && bytes[last] !== LF) {
			if (bytes[last] !== CR || bytes[last + 1] !== LF) return 0;
			next++;
		}
		const high = pair(bytes, from + 3);
		const low = pair(bytes, from + 5);
		const type = pair(bytes, from + 7);
		if (type !== 0) return 0;
		const offset = (high << 8) | low;
		if (offset < 0 || length > 0x10000 - offset) return 0;
		const data = this.#data;
		const filled = this.#filled;
		let sum = length + high + low;
		// A digit that is none is negative and stays so through every OR.
		let wrong = 0;
		let at = from + 9;
		for (let to = filled; to < filled + length; to++, at += 2) {
			const value = (DIGIT[bytes[at]!]! << 4) | DIGIT[bytes[at + 1]!]!;
			wrong |= value;
			data[to] = value;
			sum += value;
		}
		const check = pair(bytes, at);
		if (wrong < 0 || check < 0 || ((sum + check) & 0xff) !== 0) return 0;
		if (!this.#extend(this.#base + offset, length)) return 0;
		this.#records++;
		return next;
	}

	/** Makes room in the runs for data that has been, or will be, put behind what is filled. False when there are too many pieces. */
	#extend(start: number, length: number): boolean {
		let run = this.#run;
		if (!run || run.start + run.length !== start) {
			if (this.#runs.length >= MOST_RUNS) return false;
			run = { start, line: this.#line, from: this.#filled, length: 0 };
			this.#run = run;
			this.#runs.push(run);
		}
		this.#filled += length;
		run.length += length;
		return true;
	}

	#readLine(from: number, to: number): undefined {
		const bytes = this.#bytes;
		if (this.#ended) {
			this.#warnOnce('HEX_AFTER_EOF', 'Something follows the end-of-file record; it is ignored.');
			return;
		}
		if (bytes[to - 1]! <= 0x20) return this.#error('HEX_SPACE', 'has a space or a control character behind the record.');
		if (bytes[from] !== COLON) return this.#error('HEX_NO_COLON', 'does not begin with a colon, as every Intel HEX record does.');
		const digits = to - from - 1;
		const count = digits >> 1;
		const record = this.#record;
		if (digits % 2 !== 0 || count < 5 || count > record.length) {
			return this.#error(
				'HEX_LENGTH',
				`has ${digits} digits after the colon; a record has an even number from 10 to 520.`,
				digits,
			);
		}
		let sum = 0;
		for (let i = 0, at = from + 1; i < count; i++, at += 2) {
			const value = (DIGIT[bytes[at]!]! << 4) | DIGIT[bytes[at + 1]!]!;
			if (value < 0) return this.#error('HEX_DIGIT', 'has a character that is not a hex digit.');
			record[i] = value;
			sum += value;
		}
		const length = record[0]!;
		if (count !== length + 5)
			return this.#error('HEX_LENGTH', `declares ${length} data bytes and has ${count - 5}.`, count - 5, length);
		if ((sum & 0xff) !== 0) {
			const right = (record[count - 1]! - sum) & 0xff;
			return this.#error(
				'HEX_CHECKSUM',
				`has the checksum ${two(record[count - 1]!)}; its content gives ${two(right)}. The file is damaged.`,
				two(record[count - 1]!),
				two(right),
			);
		}
		this.#records++;
		this.#take((record[1]! << 8) | record[2]!, record[3]!, record.subarray(4, 4 + length));
	}

	#take(offset: number, type: number, data: Uint8Array): undefined {
		switch (type) {
			case 0:
				return this.#place(offset, data);
			case 1:
				if (data.length !== 0) return this.#wrongLength(type, data.length, 0);
				this.#ended = true;
				return;
			case 2:
				if (offset !== 0) return this.#wrongAddress(type, offset);
				if (data.length !== 2) return this.#wrongLength(type, data.length, 2);
				this.#base = ((data[0]! << 8) | data[1]!) << 4;
				this.#segmented = true;
				return;
			case 4:
				if (offset !== 0) return this.#wrongAddress(type, offset);
				if (data.length !== 2) return this.#wrongLength(type, data.length, 2);
				this.#base = ((data[0]! << 8) | data[1]!) * 0x10000;
				this.#segmented = false;
				return;
			case 3:
			case 5:
				if (offset !== 0) return this.#wrongAddress(type, offset);
				if (data.length !== 4) return this.#wrongLength(type, data.length, 4);
				// EIP is of the linear addresses: behind it readers differ on whether offsets still wrap round, so nobody may rely on it.
				if (type === 5) this.#segmented = false;
				this.#start = ((data[0]! << 24) | (data[1]! << 16) | (data[2]! << 8) | data[3]!) >>> 0;
				return;
			default:
				return this.#error('HEX_TYPE', `is of type ${two(type)}; the types 00 to 05 exist.`, type);
		}
	}

	#place(offset: number, data: Uint8Array): undefined {
		const room = 0x10000 - offset;
		if (data.length > room) {
			// In a segment the offset wraps round; with linear addresses the format leaves it open, so nobody may rely on it.
			if (!this.#segmented) return this.#error('HEX_WRAP', `crosses the 64 KB boundary behind ${address(this.#base + 0xffff)}.`);
			this.#put(this.#base + offset, data.subarray(0, room));
			return this.#put(this.#base, data.subarray(room));
		}
		this.#put(this.#base + offset, data);
	}

	#put(start: number, data: Uint8Array): undefined {
		if (data.length === 0) return;
		const at = this.#filled;
		if (!this.#extend(start, data.length)) {
			return this.#error('HEX_TOO_SCATTERED', `begins piece number ${MOST_RUNS + 1}; no firmware image is that scattered.`);
		}
		this.#data.set(data, at);
	}

	#finish(): Verdict<IntelHex> {
		// By address and disjoint: of each run only what lies behind the end of all before it.
		const pieces: HexLayer[] = [];
		for (const run of this.#runs.sort((a, b) => a.start - b.start || a.line - b.line)) {
			const bytes = this.#data.subarray(run.from, run.from + run.length);
			const last = pieces.at(-1);
			const shared = last ? Math.max(0, Math.min(last.start + last.bytes.length - run.start, bytes.length)) : 0;
			if (shared > 0) this.#compare(pieces, { start: run.start, bytes: bytes.subarray(0, shared), line: run.line });
			if (this.#problems.length >= MOST_PROBLEMS && this.#problems.at(-1)?.severity === 'error') break;
			if (shared < bytes.length) pieces.push({ start: run.start + shared, bytes: bytes.subarray(shared), line: run.line });
		}
		if (this.#problems.some((p) => p.severity === 'error')) return bad(...this.#problems);
		const image = MemoryImage.from(pieces);
		if (!image.ok) return image;
		return {
			ok: true,
			value: { image: image.value, startAddress: this.#start, records: this.#records },
			problems: this.#problems,
		};
	}

	/** Says of bytes that the pieces hold already, in one of them or in several, whether they are the same there. */
	#compare(pieces: readonly HexLayer[], again: HexLayer): void {
		const end = again.start + again.bytes.length;
		let i = pieces.length - 1;
		while (i > 0 && pieces[i]!.start > again.start) i--;
		for (; i < pieces.length && pieces[i]!.start < end; i++) {
			const piece = pieces[i]!;
			const from = Math.max(piece.start, again.start);
			const to = Math.min(piece.start + piece.bytes.length, end);
			if (from >= to) continue;
			const here = piece.bytes.subarray(from - piece.start, to - piece.start);
			const where = `${address(from)} to ${address(to)} is given twice, by the data from line ${piece.line} and from line ${again.line}`;
			if (equalBytes(here, again.bytes.subarray(from - again.start, to - again.start))) {
				this.#warn('HEX_OVERLAP_SAME', `${where}, with the same bytes both times.`);
				continue;
			}
			const message = `${where}, with different bytes. Only one of them can be meant; fetch a corrected file.`;
			this.#problems.push(this.#problem('HEX_OVERLAP', message, { field: 'address', found: address(from) }));
			if (this.#problems.length >= MOST_PROBLEMS) return;
		}
	}

	#wrongAddress(type: number, found: number): undefined {
		this.#error('HEX_ADDRESS', `is of type ${two(type)} and has the address ${found}; that type has address 0.`, found, 0);
	}

	#wrongLength(type: number, found: number, expected: number): undefined {
		this.#error('HEX_LENGTH', `is of type ${two(type)} and has ${found} data bytes instead of ${expected}.`, found, expected);
	}

	#error(code: string, rest: string, found?: Json, expected?: Json): undefined {
		this.#problems.push(
			this.#problem(code, `Line ${this.#line} ${rest}`, {
				field: `line ${this.#line}`,
				...(found === undefined ? {} : { found }),
				...(expected === undefined ? {} : { expected }),
			}),
		);
	}

	#warn(code: string, message: string): void {
		if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(this.#problem(code, message, { severity: 'warning' }));
	}

	#warnOnce(code: string, message: string): void {
		if (!this.#problems.some((p) => p.code === code)) this.#warn(code, message);
	}

	#problem(code: string, message: string, more: Partial<Problem> = {}): Problem {
		const named = this.#file === undefined ? message : `${this.#file}: ${message}`;
		return problem(code, named, { ...more, ...(this.#file === undefined ? {} : { file: this.#file }) });
	}
}

function two(value: number): string {
	return value.toString(16).toUpperCase().padStart(2, '0');
}
