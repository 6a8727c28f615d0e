/**
 * Reads Ed25519 keys as `openssl genpkey -algorithm ed25519` and Node write them: PEM (RFC 7468) around PKCS#8 (RFC 5958) or
 * SubjectPublicKeyInfo (RFC 5280), with the identifiers of RFC 8410. A public key may also be one line, `ed25519:` and 32 bytes in base64, which
 * fits into a variable. Makes no keys; making and checking signatures is `ed25519.ts`.
 */
import { fromBase64, toBase64 } from './base64.js';
import { concatBytes, toHex } from './bytes.js';
import { type Digests, portableDigests } from './digests.js';
import { bad, good, type Problem, problem, type Verdict } from './errors.js';

const KEY_SIZE = 32;
const ED25519_OID = '2b6570';
/** What other keys are called, by their algorithm's object identifier (DER, hex). */
const otherKinds: Record<string, string> = {
	'2a864886f70d010101': 'an RSA key',
	'2a864886f70d01010a': 'an RSA-PSS key',
	'2a8648ce3d0201': 'an EC (ECDSA) key',
	'2a8648ce380401': 'a DSA key',
	'2b656e': 'an X25519 key',
	'2b656f': 'an X448 key',
	'2b6571': 'an Ed448 key',
};
/** SEQUENCE { INTEGER 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING of 32 bytes, which follow } }: RFC 8410, 7. */
const pkcs8Head = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const HOW_TO_MAKE = 'Make a key with: openssl genpkey -algorithm ed25519 -out key.pem';

/** A private key. It shows itself in no print, log or JSON. */
export class Ed25519PrivateKey {
	readonly #seed: Uint8Array;

	/** `seed` is the 32 bytes of RFC 8032, 5.1.5. */
	constructor(seed: Uint8Array) {
		this.#seed = seed;
	}

	/** For the one who signs with it: DER, as in an unencrypted PEM file. */
	toPkcs8(): Uint8Array {
		return concatBytes([pkcs8Head, this.#seed]);
	}

	toJSON(): string {
		return '[private key]';
	}
}

/** `ed25519:` and the key in base64: the form for a variable or a setting. */
export function publicKeyLine(publicKey: Uint8Array): string {
	return `ed25519:${toBase64(publicKey)}`;
}

/** A short name for a public key: the first 16 hex digits of the SHA-256 of its 32 bytes. For people; it proves nothing by itself. */
export function keyIdOf(publicKey: Uint8Array, digests: Digests = portableDigests): string {
	return toHex(digests.sha256(publicKey)).slice(0, 16);
}

/**
 * The one private key in a PEM file. Problems: `KEY_INVALID`, `KEY_WRONG_KIND` (RSA, EC, ...), `KEY_IS_PUBLIC`, `KEY_ENCRYPTED`. No message holds
 * any part of the key.
 */
export function parsePrivateKey(text: string, file: string): Verdict<Ed25519PrivateKey> {
	const blocks = pemBlocks(text);
	const block = blocks.find((b) => b.label.endsWith('PRIVATE KEY')) ?? blocks[0];
	if (!block) {
		if (/^\s*ed25519:/m.test(text)) return bad(isPublic(file));
		return bad(invalid(file, 'it is not a PEM file with a private key', HOW_TO_MAKE));
	}
	if (block.label === 'PUBLIC KEY') return bad(isPublic(file));
	const wrong = wrongLabel(block.label, 'PRIVATE KEY', file);
	if (wrong) return bad(wrong);
	const outer = block.der && element(block.der, 0, 0x30);
	const version = outer && element(block.der!, outer.start, 0x02);
	const algorithm = version && algorithmAt(block.der!, version.end);
	if (!algorithm || outer?.end !== block.der!.length) return bad(damaged(file));
	if (algorithm.oid !== ED25519_OID) return bad(wrongKind(algorithm.oid, file));
	const wrapped = element(block.der!, algorithm.end, 0x04);
	const seed = wrapped && element(block.der!, wrapped.start, 0x04);
	if (!seed || seed.end !== wrapped.end || seed.end - seed.start !== KEY_SIZE) return bad(damaged(file));
	return good(new Ed25519PrivateKey(block.der!.slice(seed.start, seed.end)));
}

/**
 * The public keys in a text, 32 bytes each: PEM blocks, or lines `ed25519:BASE64` (empty lines and those that begin with `#` are passed over). At
 * least one. Problems: `KEY_INVALID`, `KEY_WRONG_KIND`, `KEY_IS_PRIVATE`.
 */
export function parsePublicKeys(text: string, file: string): Verdict<Uint8Array[]> {
	const blocks = pemBlocks(text);
	const out: Uint8Array[] = [];
	for (const block of blocks) {
		if (block.label.endsWith('PRIVATE KEY')) {
			return bad(
				keyProblem(
					'KEY_IS_PRIVATE',
					file,
					`${file} holds a private key. Keep it where mirrors are signed, and name its public half here: openssl pkey -in key.pem -pubout -out key.pub.pem`,
				),
			);
		}
		const wrong = wrongLabel(block.label, 'PUBLIC KEY', file);
		if (wrong) return bad(wrong);
		const outer = block.der && element(block.der, 0, 0x30);
		const algorithm = outer && algorithmAt(block.der!, outer.start);
		if (!algorithm || outer.end !== block.der!.length) return bad(damaged(file));
		if (algorithm.oid !== ED25519_OID) return bad(wrongKind(algorithm.oid, file));
		// A BIT STRING: one byte says how many bits of the last byte are not used.
		const bits = element(block.der!, algorithm.end, 0x03);
		if (!bits || bits.end !== outer.end || bits.end - bits.start !== KEY_SIZE + 1 || block.der![bits.start] !== 0)
			return bad(damaged(file));
		out.push(block.der!.slice(bits.start + 1, bits.end));
	}
	if (blocks.length === 0) {
		for (const line of text.split(/\r?\n/).map((l) => l.trim())) {
			if (line === '' || line.startsWith('#')) continue;
			const key = line.startsWith('ed25519:') ? fromBase64(line.slice('ed25519:'.length)) : undefined;
			if (key?.length !== KEY_SIZE)
				return bad(invalid(file, 'it is neither a PEM file with a public key nor a line "ed25519:" with 32 bytes in base64'));
			out.push(key);
		}
	}
	return out.length > 0 ? good(out) : bad(invalid(file, 'there is no key in it'));
}

interface PemBlock {
	label: string;
	/** Undefined when what stands there is not base64. */
	der: Uint8Array | undefined;
}

function pemBlocks(text: string): PemBlock[] {
	const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g);
	return [...blocks].map(([, label, body]) => ({ label: label!, der: fromBase64(body!.replace(/\s+/g, '')) }));
}

/** A DER element of this tag at `at`: where its content begins and ends. Undefined when it is another one, or reaches beyond the bytes. */
function element(der: Uint8Array, at: number, tag: number): { start: number; end: number } | undefined {
	const first = der[at + 1];
	if (der[at] !== tag || first === undefined) return undefined;
	let length = first;
	let start = at + 2;
	if (first >= 0x80) {
		const count = first & 0x7f;
		if (count === 0 || count > 3) return undefined;
		length = 0;
		for (let i = 0; i < count; i++) length = length * 256 + (der[start + i] ?? 0);
		start += count;
	}
	return start + length <= der.length ? { start, end: start + length } : undefined;
}

function algorithmAt(der: Uint8Array, at: number): { oid: string; end: number } | undefined {
	const sequence = element(der, at, 0x30);
	const oid = sequence && element(der, sequence.start, 0x06);
	return oid && { oid: toHex(der.subarray(oid.start, oid.end)), end: sequence.end };
}

/** PEM files of other kinds say so in their first line. */
function wrongLabel(label: string, wanted: string, file: string): Problem | undefined {
	if (label === wanted) return undefined;
	if (label === 'ENCRYPTED PRIVATE KEY') {
		return keyProblem(
			'KEY_ENCRYPTED',
			file,
			`${file} is protected by a passphrase, which linac does not ask for. Decrypt it for the time being: openssl pkey -in ${file} -out key.pem`,
		);
	}
	const kind = /^(RSA|EC|DSA|OPENSSH)/.exec(label)?.[1];
	const what = kind === undefined ? `a PEM file with "${label}"` : `a key in the form of ${kind}`;
	return keyProblem('KEY_WRONG_KIND', file, `${file} is ${what}. Expected an Ed25519 key ("${wanted}"). ${HOW_TO_MAKE}`);
}

function wrongKind(oid: string, file: string): Problem {
	return keyProblem(
		'KEY_WRONG_KIND',
		file,
		`${file} holds ${otherKinds[oid] ?? 'a key of another kind'}. Expected an Ed25519 key. ${HOW_TO_MAKE}`,
	);
}

function isPublic(file: string): Problem {
	return keyProblem('KEY_IS_PUBLIC', file, `${file} holds a public key. Signing needs the private one.`);
}

function damaged(file: string): Problem {
	return invalid(file, 'what stands in it is not a whole key');
}

function invalid(file: string, why: string, hint = ''): Problem {
	return keyProblem('KEY_INVALID', file, `${file} cannot be used as a key: ${why}.${hint === '' ? '' : ` ${hint}`}`);
}

function keyProblem(code: string, file: string, message: string): Problem {
	return problem(code, message, { file });
}
