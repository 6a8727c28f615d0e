/**
 * A strict reader and a writer for the little of ASN.1 DER (X.690) that keys are made of: definite lengths in their shortest form, one-byte
 * tags. What the values mean stands in private-key.ts and public-key.ts.
 */
import { concatBytes } from '@linac/core';

export const Tag = {
	integer: 0x02,
	bitString: 0x03,
	octetString: 0x04,
	null: 0x05,
	oid: 0x06,
	sequence: 0x30,
	context0: 0xa0,
	context1: 0xa1,
} as const;

export interface DerValue {
	tag: number;
	/** Contents: a view. */
	bytes: Uint8Array;
	/** Where the value begins in what was read, and where the next one does. */
	start: number;
	end: number;
}

/** One value, or undefined when there is none that is whole and in its shortest form. */
export function readDer(bytes: Uint8Array, at = 0): DerValue | undefined {
	const tag = bytes[at];
	const first = bytes[at + 1];
	if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
	let length = first;
	let from = at + 2;
	if (first & 0x80) {
		const count = first & 0x7f;
		// Keys have at most some hundred bytes: three bytes of length are plenty.
		if (count === 0 || count > 3 || from + count > bytes.length) return undefined;
		length = 0;
		for (let i = 0; i < count; i++) length = length * 256 + bytes[from + i]!;
		if (length < 0x80 || (count > 1 && bytes[from] === 0)) return undefined;
		from += count;
	}
	const end = from + length;
	return end > bytes.length ? undefined : { tag, bytes: bytes.subarray(from, end), start: at, end };
}

/** The values that a SEQUENCE (or another constructed value) holds, or undefined when they do not fill it exactly. */
export function derItems(bytes: Uint8Array): DerValue[] | undefined {
	const items: DerValue[] = [];
	for (let at = 0; at < bytes.length; ) {
		const item = readDer(bytes, at);
		if (!item) return undefined;
		items.push(item);
		at = item.end;
	}
	return items;
}

/** The one value that makes up all of `bytes` and has this tag, taken apart. */
export function derSequence(bytes: Uint8Array): DerValue[] | undefined {
	const outer = readDer(bytes);
	return outer?.tag === Tag.sequence && outer.end === bytes.length ? derItems(outer.bytes) : undefined;
}

/**
 * A whole number that is not negative. Zeros in front are let pass: Device OS writes its own RSA keys with them (communication/src/dsakeygen.cpp).
 * @returns the digits without zeros in front
 */
export function derUnsigned(item: DerValue | undefined): Uint8Array | undefined {
	if (item?.tag !== Tag.integer || item.bytes.length === 0 || item.bytes[0]! & 0x80) return undefined;
	let from = 0;
	while (from < item.bytes.length - 1 && item.bytes[from] === 0) from++;
	return item.bytes.subarray(from);
}

export function writeDer(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
	const body = concatBytes(parts);
	const n = body.length;
	const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
	return concatBytes([Uint8Array.of(tag, ...length), body]);
}

/** An INTEGER of at least `width` bytes, with zeros in front where the number is shorter. */
export function writeUnsigned(digits: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
	const size = Math.max(width, digits.length + (digits[0]! & 0x80 ? 1 : 0));
	const body = new Uint8Array(size);
	body.set(digits, size - digits.length);
	return writeDer(Tag.integer, body);
}

export function bigOf(digits: Uint8Array): bigint {
	let hex = '0x0';
	for (const b of digits) hex += b.toString(16).padStart(2, '0');
	return BigInt(hex);
}
