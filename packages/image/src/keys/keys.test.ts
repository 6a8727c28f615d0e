import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derSequence, Tag, writeDer } from './der.js';
import { devicePrivateKey } from './private-key.js';
import { serverPublicKey } from './public-key.js';

const rsa = (bits: number, exponent = 65537) => generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
const ec = (curve: string) => generateKeyPairSync('ec', { namedCurve: curve });
const text = (value: string | Buffer) => new Uint8Array(Buffer.from(value));
const codes = (verdict: { problems: { code: string }[] }) => verdict.problems.map((p) => p.code);
type PrivateType = 'pkcs1' | 'pkcs8' | 'sec1';
const out = (key: KeyObject, format: 'pem' | 'der', type: PrivateType) => text(key.export({ format, type } as never) as Buffer);
const pub = (key: KeyObject, format: 'pem' | 'der' = 'pem') => text(key.export({ format, type: 'spki' } as never) as Buffer);

/** The numbers as Device OS takes them: from fixed places (communication/src/handshake.cpp). */
function deviceReadsRsa(key: Uint8Array): string[] {
	let at = 9;
	const take = (length: number) => {
		if (key[at]! & 1) at++;
		at++;
		const found = Buffer.from(key.subarray(at, at + length)).toString('hex');
		at += length;
		return found;
	};
	const n = take(128);
	at += 7;
	const d = take(128);
	at += 1;
	const rest: string[] = [];
	for (let i = 0; i < 5; i++) {
		rest.push(take(64));
		at += 1;
	}
	return [n, d, ...rest];
}

/** n, d, p, q, dp, dq, 1/q in full length, from the file that Node wrote. Not as JWK: Node 20 hangs after some thousand such exports. */
function numbersOf(der: Uint8Array): string[] {
	const out: string[] = [];
	for (let at = 7; at < der.length; ) {
		const long = der[at + 1]! === 0x81;
		const from = at + (long ? 3 : 2);
		const end = from + der[long ? at + 2 : at + 1]!;
		out.push(Buffer.from(der.subarray(from, end)).toString('hex'));
		at = end;
	}
	out.splice(1, 1);
	return out.map((hex, i) => hex.padStart(256, '0').slice(i < 2 ? -256 : -128));
}

const hexOf = (value: bigint) => {
	const hex = value.toString(16);
	return hex.length % 2 === 0 ? hex : `0${hex}`;
};

/** PKCS#1 of two primes, each number in as few bytes as DER has it: as OpenSSL writes it. */
function pkcs1Of(p: bigint, q: bigint): Uint8Array {
	const power = (base: bigint, exponent: bigint, mod: bigint) => {
		let [out, factor] = [1n, base % mod];
		for (let e = exponent; e > 0n; e >>= 1n) {
			if (e & 1n) out = (out * factor) % mod;
			factor = (factor * factor) % mod;
		}
		return out;
	};
	const inverse = (value: bigint, mod: bigint) => {
		let [a, b, x, y] = [value % mod, mod, 1n, 0n];
		while (a > 1n) [a, b, x, y] = [b % a, a, y - (b / a) * x, x];
		return ((x % mod) + mod) % mod;
	};
	const d = inverse(65537n, (p - 1n) * (q - 1n));
	const numbers = [0n, p * q, 65537n, d, p, q, d % (p - 1n), d % (q - 1n), power(q, p - 2n, p)].map((value) => {
		const bytes = Buffer.from(hexOf(value), 'hex');
		return writeDer(Tag.integer, bytes[0]! & 0x80 ? Uint8Array.of(0, ...bytes) : bytes);
	});
	return writeDer(Tag.sequence, ...numbers);
}

// One key in a hundred has such a number: here d mod p-1, of 63 bytes instead of 64. Found by trying; not used anywhere.
const shortP =
	0xfd064c5df47034ffad2f505d38ea31cdb6de0a3d209d8236b15ddaff9dff65079537af23907ac5d43a09848969e4e700d72298a27c608b456624171d9b495d5dn;
const shortQ =
	0xd0fde061809999072331df665d038b1008d1df7e9ac7c00cf787c9942dda59388e7c37844099b1a46de8e408f58e97c5819e49522d2b9ac2c5729b6fb331a705n;

describe('the device finds every number of an RSA key in its place', () => {
	const check = (der: Uint8Array) => {
		const verdict = devicePrivateKey(der, 'rsa-1024', 'device.der');
		if (!verdict.ok) throw new Error(codes(verdict).join());
		expect(deviceReadsRsa(verdict.value)).toEqual(numbersOf(der));
		expect(verdict.value.length).toBeLessThanOrEqual(612);
		return verdict.value;
	};

	test('in keys that openssl made', () => {
		for (let i = 0; i < 25; i++) check(out(rsa(1024).privateKey, 'der', 'pkcs1'));
	});

	test('in a key with a short number, which it would not find in the file as it is', () => {
		const der = pkcs1Of(shortP, shortQ);
		expect(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs1' }).asymmetricKeyType).toBe('rsa');
		expect(deviceReadsRsa(der)).not.toEqual(numbersOf(der));
		expect(check(der)).not.toEqual(der);
	});
});

describe('one key gives the same bytes in every form that openssl writes', () => {
	const rsaKey = rsa(1024).privateKey;
	const ecKey = ec('prime256v1').privateKey;
	test.each([
		['rsa-1024', rsaKey, 'pkcs1'],
		['ec-p256', ecKey, 'sec1'],
	] as const)('%s', (kind, key, own) => {
		const want = devicePrivateKey(out(key, 'der', own), kind, 'key');
		if (!want.ok) throw new Error(codes(want).join());
		const forms = [out(key, 'pem', own), out(key, 'pem', 'pkcs8'), out(key, 'der', 'pkcs8')];
		// As read back from a device: 0xFF up to the size of the field.
		forms.push(new Uint8Array([...out(key, 'der', own), ...new Array<number>(20).fill(0xff)]));
		for (const form of forms) expect(devicePrivateKey(form, kind, 'key')).toEqual(want);
		expect(createPrivateKey({ key: Buffer.from(want.value), format: 'der', type: own }).equals(key)).toBe(true);
	});
});

describe('a key that the device could not use is refused', () => {
	const rsa1024 = rsa(1024);
	const p256 = ec('prime256v1');
	const pkcs1 = (key: KeyObject) => out(key, 'pem', 'pkcs1');
	const damaged = out(rsa1024.privateKey, 'der', 'pkcs1');
	damaged[200]! ^= 1;
	const locked = text(
		rsa1024.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }) as string,
	);
	const cases: [why: string, bytes: Uint8Array, kind: 'rsa-1024' | 'ec-p256', code: string][] = [
		['RSA of 2048 bits', pkcs1(rsa(2048).privateKey), 'rsa-1024', 'KEY_WRONG_KIND'],
		['another exponent', pkcs1(rsa(1024, 3).privateKey), 'rsa-1024', 'KEY_WRONG_KIND'],
		['RSA for a device that talks UDP', pkcs1(rsa1024.privateKey), 'ec-p256', 'KEY_WRONG_KIND'],
		['EC for a device that talks TCP', out(p256.privateKey, 'pem', 'sec1'), 'rsa-1024', 'KEY_WRONG_KIND'],
		['another curve', out(ec('secp384r1').privateKey, 'pem', 'sec1'), 'ec-p256', 'KEY_WRONG_KIND'],
		['another algorithm', out(generateKeyPairSync('ed25519').privateKey, 'pem', 'pkcs8'), 'ec-p256', 'KEY_WRONG_KIND'],
		['a public key', pub(p256.publicKey), 'ec-p256', 'KEY_NOT_PRIVATE'],
		['a public key in DER', pub(rsa1024.publicKey, 'der'), 'rsa-1024', 'KEY_NOT_PRIVATE'],
		['a password', locked, 'rsa-1024', 'KEY_ENCRYPTED'],
		['one wrong bit', damaged, 'rsa-1024', 'KEY_DAMAGED'],
		['half a file', damaged.subarray(0, 300), 'rsa-1024', 'KEY_UNREADABLE'],
		['no key at all', text('hello'), 'rsa-1024', 'KEY_UNREADABLE'],
		['an empty file', new Uint8Array(0), 'ec-p256', 'KEY_UNREADABLE'],
	];
	test.each(cases)('%s', (_why, bytes, kind, code) => {
		expect(codes(devicePrivateKey(bytes, kind, 'key.pem'))).toEqual([code]);
	});
});

test('the public key of a server is taken as PEM and DER, and nothing else in its place', () => {
	const big = rsa(2048);
	const p256 = ec('prime256v1');
	for (const format of ['pem', 'der'] as const) {
		const verdict = serverPublicKey(pub(big.publicKey, format), 'rsa-2048', 'server');
		if (!verdict.ok) throw new Error(codes(verdict).join());
		expect(verdict.value).toEqual(pub(big.publicKey, 'der'));
		// Device OS reads 294 bytes, and the 256 of the modulus from offset 33 on: before it the zero, behind it 65537.
		expect(verdict.value.length).toBe(294);
		expect([...verdict.value.subarray(29, 33), ...verdict.value.subarray(289)]).toEqual([0x82, 1, 1, 0, 2, 3, 1, 0, 1]);
		expect(serverPublicKey(pub(p256.publicKey, format), 'ec-p256', 'server')).toMatchObject({ ok: true });
	}
	expect(codes(serverPublicKey(pub(p256.publicKey), 'rsa-2048', 's'))).toEqual(['KEY_WRONG_KIND']);
	expect(codes(serverPublicKey(pub(rsa(1024).publicKey), 'rsa-2048', 's'))).toEqual(['KEY_WRONG_KIND']);
	expect(codes(serverPublicKey(pub(ec('secp256k1').publicKey), 'ec-p256', 's'))).toEqual(['KEY_WRONG_KIND']);
	expect(codes(serverPublicKey(out(p256.privateKey, 'pem', 'pkcs8'), 'ec-p256', 's'))).toEqual(['KEY_NOT_PUBLIC']);
	expect(codes(serverPublicKey(out(big.privateKey, 'der', 'pkcs1'), 'rsa-2048', 's'))).toEqual(['KEY_NOT_PUBLIC']);
	const off = pub(p256.publicKey, 'der');
	off[40]! ^= 1;
	expect(codes(serverPublicKey(off, 'ec-p256', 's'))).toEqual(['KEY_DAMAGED']);
});

test('what is accepted after random damage, Node reads as the same kind of key', () => {
	const key = ec('prime256v1').privateKey;
	const der = out(key, 'der', 'pkcs8');
	fc.assert(
		fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
			const changed = der.slice();
			changed[at]! ^= flip;
			const verdict = devicePrivateKey(changed, 'ec-p256', 'key.der');
			if (!verdict.ok) return;
			const read = createPrivateKey({ key: Buffer.from(verdict.value), format: 'der', type: 'sec1' });
			expect(read.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
			expect(createPublicKey(read).type).toBe('public');
		}),
		{ numRuns: 400 },
	);
});

test('random bytes are never a DER sequence that reaches beyond its end', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			const items = derSequence(Uint8Array.of(0x30, bytes.length, ...bytes)) ?? [];
			expect(items.reduce((sum, item) => sum + item.end - item.start, 0)).toBe(items.length === 0 ? 0 : bytes.length);
		}),
	);
});
