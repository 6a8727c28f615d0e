import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { derSequence } from './der.js';
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

function numbersOf(key: KeyObject): string[] {
	const jwk = key.export({ format: 'jwk' });
	return [jwk.n, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map((value, i) =>
		Buffer.from(value!, 'base64url')
			.toString('hex')
			.padStart(i < 2 ? 256 : 128, '0'),
	);
}

test('the device finds every number of an RSA key in its place, also of keys with short numbers', () => {
	let short = 0;
	for (let i = 0; i < 60 || (short === 0 && i < 2000); i++) {
		const { privateKey } = rsa(1024);
		const der = out(privateKey, 'der', 'pkcs1');
		const verdict = devicePrivateKey(der, 'rsa-1024', 'device.der');
		if (!verdict.ok) throw new Error(codes(verdict).join());
		const numbers = numbersOf(privateKey);
		if (numbers.some((n) => n.startsWith('00'))) short++;
		else expect(verdict.value).toEqual(der);
		expect(deviceReadsRsa(verdict.value)).toEqual(numbers);
		expect(verdict.value.length).toBeLessThanOrEqual(612);
	}
	expect(short).toBeGreaterThan(0);
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

test('openssl reads what is made of its keys, and they are the same keys', () => {
	if (spawnSync('openssl', ['version']).status !== 0) return;
	const folder = mkdtempSync(join(tmpdir(), 'linac-keys-'));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
	// With the block of parameters in front, as particle-cli makes its keys.
	openssl('ecparam', '-name', 'prime256v1', '-genkey', '-out', 'device.pem');
	const pem = new Uint8Array(readFileSync(join(folder, 'device.pem')));
	expect(new TextDecoder().decode(pem)).toContain('BEGIN EC PARAMETERS');
	const verdict = devicePrivateKey(pem, 'ec-p256', 'device.pem');
	if (!verdict.ok) throw new Error(codes(verdict).join());
	expect(verdict.value).toEqual(new Uint8Array(openssl('ec', '-in', 'device.pem', '-outform', 'DER')));
	expect(verdict.value.length).toBe(121);
	const server = new Uint8Array(openssl('ec', '-in', 'device.pem', '-pubout'));
	expect(serverPublicKey(server, 'ec-p256', 'server.pem')).toMatchObject({ ok: true });
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
		// Device OS reads 294 bytes, and the modulus from offset 33 on.
		expect(verdict.value.length).toBe(294);
		const modulus = Buffer.from(big.publicKey.export({ format: 'jwk' }).n!, 'base64url');
		expect(Buffer.from(verdict.value.subarray(33, 33 + 256)).equals(modulus)).toBe(true);
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
