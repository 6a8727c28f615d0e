/** Small helpers over `Uint8Array`. No `Buffer`: the same code runs in a browser. */

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	let length = 0;
	for (const part of parts) length += part.length;
	const out = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Lower-case hex, two digits a byte, no separators. */
export function toHex(bytes: Uint8Array): string {
	let out = '';
	for (const b of bytes) out += HEX[b];
	return out;
}

/** Reads hex without separators. Returns `undefined` when it is not an even number of hex digits. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
	if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
	const out = new Uint8Array(text.length / 2);
	for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
	return out;
}

/** An address the way people of the field write it: `0x080A0000`. */
export function address(value: number): string {
	return `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** The number that `0x30000` or `196608` stands for, at most 2^32; undefined when the text is no address. */
export function addressFromText(text: string): number | undefined {
	const trimmed = text.trim();
	const value = /^(0x[0-9a-f]{1,9}|\d{1,10})$/i.test(trimmed) ? Number(trimmed) : Number.NaN;
	return value <= 0x1_0000_0000 ? value : undefined;
}

/** Little-endian and big-endian access with a name for each width. Offsets are trusted: check lengths before. */
export function u16le(bytes: Uint8Array, at: number): number {
	return bytes[at]! | (bytes[at + 1]! << 8);
}
export function u32le(bytes: Uint8Array, at: number): number {
	return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
export function u32be(bytes: Uint8Array, at: number): number {
	return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
export function putU16le(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value & 0xff;
	bytes[at + 1] = (value >>> 8) & 0xff;
}
export function putU32le(bytes: Uint8Array, at: number, value: number): void {
	putU16le(bytes, at, value & 0xffff);
	putU16le(bytes, at + 2, value >>> 16);
}
export function putU32be(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = (value >>> 24) & 0xff;
	bytes[at + 1] = (value >>> 16) & 0xff;
	bytes[at + 2] = (value >>> 8) & 0xff;
	bytes[at + 3] = value & 0xff;
}
