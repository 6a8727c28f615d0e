/**
 * CRC-32 and SHA-256, synchronous and portable. A host that has faster ones (Node's `zlib.crc32` and `crypto`) passes its own
 * `Digests`; every function that hashes takes one and falls back to these.
 *
 * CRC-32: IEEE 802.3, reflected, initial value and final XOR 0xFFFFFFFF. SHA-256: FIPS 180-4.
 */
export interface Digests {
	/** Unsigned 32-bit. `seed` is the result for the bytes before, to continue it. */
	crc32(bytes: Uint8Array, seed?: number): number;
	/** 32 bytes. */
	sha256(bytes: Uint8Array): Uint8Array;
}

let tables: Uint32Array | undefined;

function crcTables(): Uint32Array {
	// Slicing by 8: eight tables of 256, so that eight input bytes take one round.
	const t = new Uint32Array(8 * 256);
	for (let i = 0; i < 256; i++) {
		let c = i;
		for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
		t[i] = c >>> 0;
	}
	for (let i = 256; i < 2048; i++) {
		const prev = t[i - 256]!;
		t[i] = (prev >>> 8) ^ t[prev & 0xff]!;
	}
	return t;
}

export function crc32(bytes: Uint8Array, seed = 0): number {
	tables ??= crcTables();
	const t = tables;
	let c = ~seed;
	let i = 0;
	const fast = bytes.length - 7;
	for (; i < fast; i += 8) {
		c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
		c =
			t[1792 + (c & 0xff)]! ^
			t[1536 + ((c >>> 8) & 0xff)]! ^
			t[1280 + ((c >>> 16) & 0xff)]! ^
			t[1024 + (c >>> 24)]! ^
			t[768 + bytes[i + 4]!]! ^
			t[512 + bytes[i + 5]!]! ^
			t[256 + bytes[i + 6]!]! ^
			t[bytes[i + 7]!]!;
	}
	for (; i < bytes.length; i++) c = (c >>> 8) ^ t[(c ^ bytes[i]!) & 0xff]!;
	return ~c >>> 0;
}

// The round constants: the first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2),
// and the initial hash values: the same of the square roots of the first 8 primes (5.3.3). Computed once, not typed in.
let constants: { k: Int32Array; h: Int32Array } | undefined;

function shaConstants(): { k: Int32Array; h: Int32Array } {
	const k = new Int32Array(64);
	const h = new Int32Array(8);
	let n = 0;
	for (let candidate = 2; n < 64; candidate++) {
		let prime = true;
		for (let d = 2; d * d <= candidate; d++) if (candidate % d === 0) prime = false;
		if (!prime) continue;
		if (n < 8) h[n] = fraction(candidate ** (1 / 2));
		k[n++] = fraction(candidate ** (1 / 3));
	}
	return { k, h };
}

function fraction(x: number): number {
	return ((x - Math.floor(x)) * 0x100000000) | 0;
}

export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	constants ??= shaConstants();
	const { k } = constants;
	const h = Int32Array.from(constants.h);
	const w = new Int32Array(64);
	const whole = bytes.length & ~63;
	for (let at = 0; at < whole; at += 64) block(bytes, at, h, w, k);
	const rest = bytes.length - whole;
	const tail = new Uint8Array(rest < 56 ? 64 : 128);
	tail.set(bytes.subarray(whole));
	tail[rest] = 0x80;
	const view = new DataView(tail.buffer);
	view.setUint32(tail.length - 8, Math.floor(bytes.length / 0x20000000));
	view.setUint32(tail.length - 4, (bytes.length << 3) >>> 0);
	for (let at = 0; at < tail.length; at += 64) block(tail, at, h, w, k);
	const out = new Uint8Array(32);
	const result = new DataView(out.buffer);
	for (let i = 0; i < 8; i++) result.setInt32(i * 4, h[i]!);
	return out;
}

function block(p: Uint8Array, at: number, h: Int32Array, w: Int32Array, k: Int32Array): void {
	for (let i = 0, j = at; i < 16; i++, j += 4) w[i] = (p[j]! << 24) | (p[j + 1]! << 16) | (p[j + 2]! << 8) | p[j + 3]!;
	for (let i = 16; i < 64; i++) {
		const x = w[i - 15]!;
		const y = w[i - 2]!;
		const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
		const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
		w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
	}
	let a = h[0]!;
	let b = h[1]!;
	let c = h[2]!;
	let d = h[3]!;
	let e = h[4]!;
	let f = h[5]!;
	let g = h[6]!;
	let z = h[7]!;
	for (let i = 0; i < 64; i++) {
		const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
		const t1 = (z + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
		const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
		const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		z = g;
		g = f;
		f = e;
		e = (d + t1) | 0;
		d = c;
		c = b;
		b = a;
		a = (t1 + t2) | 0;
	}
	h[0] = (h[0]! + a) | 0;
	h[1] = (h[1]! + b) | 0;
	h[2] = (h[2]! + c) | 0;
	h[3] = (h[3]! + d) | 0;
	h[4] = (h[4]! + e) | 0;
	h[5] = (h[5]! + f) | 0;
	h[6] = (h[6]! + g) | 0;
	h[7] = (h[7]! + z) | 0;
}

export const portableDigests: Digests = { crc32, sha256 };
