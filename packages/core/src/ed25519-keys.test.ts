import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBase64, toBase64 } from './base64.js';
import { toHex } from './bytes.js';
import { keyIdOf, parsePrivateKey, parsePublicKeys, publicKeyLine } from './ed25519-keys.js';

const pair = generateKeyPairSync('ed25519');
const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const rawPublic = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(12));
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const x25519 = generateKeyPairSync('x25519');
const codes = (verdict: { ok: boolean; problems: { code: string }[] }) => verdict.problems.map((p) => p.code);

test("Node's PEM files give the keys that are in them", () => {
	const key = parsePrivateKey(privatePem, 'key.pem');
	expect(key.ok && toHex(key.value.toPkcs8())).toBe(toHex(pair.privateKey.export({ type: 'pkcs8', format: 'der' })));
	expect(parsePublicKeys(publicPem, 'key.pub.pem')).toMatchObject({ ok: true, value: [rawPublic] });
});

test('a public key survives its one line, several may stand in a file, and comments are passed over', () => {
	const line = publicKeyLine(rawPublic);
	expect(line).toMatch(/^ed25519:[A-Za-z0-9+/]{43}=$/);
	expect(parsePublicKeys(`# line 7\r\n\r\n${line}\n`, 'keys')).toMatchObject({ ok: true, value: [rawPublic] });
	expect(parsePublicKeys(publicPem + publicPem, 'keys')).toMatchObject({ ok: true, value: [rawPublic, rawPublic] });
});

test.each([
	['RSA', rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), /RSA/],
	['RSA in its own form', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }), /RSA/],
	['EC', ec.privateKey.export({ type: 'pkcs8', format: 'pem' }), /EC/],
	['EC in its own form', ec.privateKey.export({ type: 'sec1', format: 'pem' }), /EC/],
	['X25519', x25519.privateKey.export({ type: 'pkcs8', format: 'pem' }), /X25519/],
	['OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n', /OPENSSH/],
] as const)('a private key of another kind (%s) is refused with its name and how to make the right one', (_, pem, kind) => {
	const verdict = parsePrivateKey(pem as string, 'key.pem');
	expect(codes(verdict)).toEqual(['KEY_WRONG_KIND']);
	expect(verdict.problems[0]?.message).toMatch(kind);
	expect(verdict.problems[0]?.message).toContain('openssl genpkey -algorithm ed25519');
});

test.each([
	['RSA', rsa.publicKey],
	['EC', ec.publicKey],
	['X25519', x25519.publicKey],
] as const)('a public key of another kind (%s) is refused', (kind, key) => {
	const verdict = parsePublicKeys(key.export({ type: 'spki', format: 'pem' }) as string, 'k');
	expect(codes(verdict)).toEqual(['KEY_WRONG_KIND']);
	expect(verdict.problems[0]?.message).toContain(kind);
});

test('the wrong half of a pair, and a key behind a passphrase, are told apart from damage', () => {
	expect(codes(parsePrivateKey(publicPem, 'k'))).toEqual(['KEY_IS_PUBLIC']);
	expect(codes(parsePrivateKey(publicKeyLine(rawPublic), 'k'))).toEqual(['KEY_IS_PUBLIC']);
	expect(codes(parsePublicKeys(privatePem, 'k'))).toEqual(['KEY_IS_PRIVATE']);
	const locked = pair.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }) as string;
	expect(codes(parsePrivateKey(locked, 'k'))).toEqual(['KEY_ENCRYPTED']);
	for (const text of ['', 'hello', 'ed25519:AAAA', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'])
		expect(codes(parsePublicKeys(text, 'k'))).toEqual(['KEY_INVALID']);
	expect(codes(parsePrivateKey('-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----', 'k'))).toEqual([
		'KEY_INVALID',
	]);
});

test('a private key shows itself nowhere: not printed, not as JSON, not in a message about a damaged file', () => {
	const key = parsePrivateKey(privatePem, 'key.pem');
	if (!key.ok) throw new Error('the key is refused');
	const secret = toHex(key.value.toPkcs8().subarray(16));
	const base64 = privatePem.split('\n')[1]!;
	for (const shown of [inspect(key.value, { depth: 9, showHidden: true }), JSON.stringify(key.value), String(key.value)]) {
		expect(shown).not.toContain(secret.slice(0, 16));
		expect(shown).not.toContain(base64.slice(30, 50));
	}
	fc.assert(
		fc.property(fc.nat(base64.length - 1), (at) => {
			const damaged = privatePem.replace(base64, base64.slice(0, at));
			const verdict = parsePrivateKey(damaged, 'key.pem');
			if (!verdict.ok) expect(JSON.stringify(verdict.problems)).not.toContain(base64.slice(22, 34));
		}),
	);
});

test('the id of a key is the first 16 digits of the SHA-256 of its 32 bytes', () => {
	// RFC 8032, 7.1, test 1; the hash by coreutils' sha256sum.
	const key = Uint8Array.from(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'));
	expect(keyIdOf(key)).toBe('21fe31dfa154a261');
});

test('base64 is read in its one form only', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
			expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
			expect(fromBase64(toBase64(bytes))).toEqual(bytes);
		}),
	);
	for (const text of ['A', 'AA', 'AA=', 'AB==', 'AA==\n', 'A-==', '=AAA']) expect(fromBase64(text)).toBeUndefined();
});
