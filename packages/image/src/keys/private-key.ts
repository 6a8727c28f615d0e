/**
 * A device's private key, from the file that somebody has to the bytes that Device OS reads: RSA 1024 as PKCS#1 (RFC 8017), EC P-256 as
 * SEC 1 (RFC 5915); both also inside PKCS#8 (RFC 5208). The key itself never gets into a message.
 */
import { bad, equalBytes, good, problem, type Verdict } from '@linac/core';
import { type DerValue, derItems, derSequence, derUnsigned, readDer, Tag, writeDer, writeUnsigned } from './der.js';
import { EC_SIZE, isEcPoint, isEcPrivateNumber } from './ec.js';
import { readKeyFile } from './pem.js';
import { bitLength, type RsaNumbers, rsaNumbersAgree } from './rsa.js';

export const rsaOid = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01);
export const ecOid = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);
export const p256Oid = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07);

const E65537 = Uint8Array.of(1, 0, 1);
const RSA_BITS = 1024;
/**
 * Device OS takes the numbers from fixed places and lets a number be one byte longer, not shorter (communication/src/handshake.cpp:
 * init_rsa_context_with_private_key). OpenSSL writes short ones where a number happens to be small, once in about a hundred keys: they get
 * zeros in front here, as the device's own key generator writes them.
 */
const RSA_WIDTHS = [128, 3, 128, 64, 64, 64, 64, 64];

type Kind = 'rsa-1024' | 'ec-p256';
const kindNames: Record<Kind, string> = { 'rsa-1024': 'an RSA key of 1024 bits', 'ec-p256': 'an EC key on the curve P-256' };

/**
 * The bytes that a device wants for its private key.
 * @param file name of the file, for messages
 * @returns refused with `KEY_UNREADABLE`, `KEY_ENCRYPTED`, `KEY_NOT_PRIVATE`, `KEY_WRONG_KIND` or `KEY_DAMAGED`
 */
export function devicePrivateKey(bytes: Uint8Array, kind: Kind, file: string): Verdict<Uint8Array<ArrayBuffer>> {
	const opened = readKeyFile(bytes, file);
	if (!opened.ok) return opened;
	const items = derSequence(opened.value.der);
	const refuse = (code: string, message: string) => bad(problem(code, message, { file }));
	const wanted = kindNames[kind];
	if (!items) return refuse('KEY_UNREADABLE', `${file} is not one whole DER value. This device wants ${wanted}.`);
	if (opened.value.label?.includes('PUBLIC KEY') || isPublicKey(items)) {
		return refuse('KEY_NOT_PRIVATE', `${file} is a public key. The device needs its private key: ${wanted}.`);
	}
	const inner = unwrapPkcs8(items);
	const found = inner.algorithm ?? (derUnsigned(inner.items[0])?.[0] === 1 ? 'ec' : 'rsa');
	if (found === 'other') return refuse('KEY_WRONG_KIND', `${file} is neither an RSA nor an EC key. This device wants ${wanted}.`);
	if (found === 'rsa') return rsaKey(inner.items, kind, file);
	return ecKey(inner.items, inner.curve, kind, file);
}

/**
 * The same key for a file: in the shortest form of DER, which other programs ask for (a device's own RSA keys have zeros in front of numbers), and
 * what PEM calls it. `field`: the place in the DCT, with whatever follows the key there.
 * @returns refused as by `devicePrivateKey`
 */
export function privateKeyForFiles(field: Uint8Array, kind: Kind, name: string): Verdict<{ der: Uint8Array; label: string }> {
	// Behind the key there may be what is left of a longer one: some tools write a key without clearing its place.
	const key = devicePrivateKey(field.subarray(0, readDer(field)?.end), kind, name);
	if (!key.ok) return key;
	if (kind === 'ec-p256') return good({ der: key.value, label: 'EC PRIVATE KEY' });
	const numbers = derSequence(key.value)!.slice(1).map(derUnsigned) as Uint8Array[];
	const der = writeDer(Tag.sequence, Uint8Array.of(Tag.integer, 1, 0), ...numbers.map((n) => writeUnsigned(n, 0)));
	return good({ der, label: 'RSA PRIVATE KEY' });
}

function rsaKey(items: DerValue[], kind: Kind, file: string): Verdict<Uint8Array<ArrayBuffer>> {
	const numbers = items.slice(1).map(derUnsigned);
	if (items.length !== 9 || derUnsigned(items[0])?.[0] !== 0 || numbers.includes(undefined)) {
		return bad(problem('KEY_DAMAGED', `${file} is not a whole RSA private key (PKCS#1): it should hold nine numbers.`, { file }));
	}
	const rsa = numbers as unknown as RsaNumbers;
	const bits = bitLength(rsa[0]);
	if (kind !== 'rsa-1024' || bits !== RSA_BITS) return wrongKind(kind, `an RSA key of ${bits} bits`, file);
	if (!equalBytes(rsa[1], E65537)) return wrongKind(kind, 'an RSA key with another public exponent than 65537', file);
	if (!rsaNumbersAgree(rsa)) {
		return bad(problem('KEY_DAMAGED', `The numbers of the RSA key in ${file} do not belong together: it is damaged.`, { file }));
	}
	if (rsa.some((digits, i) => digits.length > RSA_WIDTHS[i]!)) {
		return wrongKind(kind, 'an RSA key whose two primes are not of the same length', file);
	}
	return good(writeDer(Tag.sequence, Uint8Array.of(Tag.integer, 1, 0), ...rsa.map((n, i) => writeUnsigned(n, RSA_WIDTHS[i]!))));
}

function ecKey(
	items: DerValue[],
	outerCurve: Uint8Array | undefined,
	kind: Kind,
	file: string,
): Verdict<Uint8Array<ArrayBuffer>> {
	const damaged = (why: string) => bad(problem('KEY_DAMAGED', `${file} is not a sound EC private key: ${why}.`, { file }));
	const [version, number, ...optional] = items;
	if (derUnsigned(version)?.[0] !== 1 || number?.tag !== Tag.octetString)
		return damaged('it should begin with version 1 and its number');
	const parameters = optional.find((item) => item.tag === Tag.context0);
	const curve = outerCurve ?? (parameters && oidOf(readDer(parameters.bytes)));
	if (!curve) return damaged('it does not name its curve');
	if (kind !== 'ec-p256' || !equalBytes(curve, p256Oid)) {
		return wrongKind(kind, equalBytes(curve, p256Oid) ? kindNames['ec-p256'] : 'an EC key on another curve than P-256', file);
	}
	if (!isEcPrivateNumber(number.bytes)) return damaged(`its number should have ${EC_SIZE} bytes and belong to the curve`);
	const given = optional.find((item) => item.tag === Tag.context1);
	const point = given && readDer(given.bytes);
	if (given && !(point?.tag === Tag.bitString && point.bytes[0] === 0 && isEcPoint(point.bytes.subarray(1)))) {
		return damaged('its public part is not an uncompressed point of the curve');
	}
	// In PKCS#8 the curve stands outside; inside mbed TLS wants it.
	return good(
		writeDer(
			Tag.sequence,
			Uint8Array.of(Tag.integer, 1, 1),
			writeDer(Tag.octetString, number.bytes),
			writeDer(Tag.context0, writeDer(Tag.oid, p256Oid)),
			...(point ? [writeDer(Tag.context1, writeDer(Tag.bitString, point.bytes))] : []),
		),
	);
}

function wrongKind(kind: Kind, found: string, file: string) {
	const make = kind === 'rsa-1024' ? 'openssl genrsa -traditional 1024' : 'openssl ecparam -name prime256v1 -genkey -noout';
	return bad(
		problem('KEY_WRONG_KIND', `${file} is ${found}. This device wants ${kindNames[kind]} (${make}).`, {
			file,
			expected: kindNames[kind],
			found,
		}),
	);
}

/** SubjectPublicKeyInfo, or the bare public key of PKCS#1: two values. */
function isPublicKey(items: DerValue[]): boolean {
	return items.length === 2 && (items[1]!.tag === Tag.bitString || items[1]!.tag === Tag.integer);
}

interface Inner {
	items: DerValue[];
	algorithm?: 'rsa' | 'ec' | 'other';
	curve?: Uint8Array;
}

/** version, algorithm, key: anything else is taken for the key itself. */
function unwrapPkcs8(items: DerValue[]): Inner {
	const [, algorithm, key] = items;
	if (algorithm?.tag !== Tag.sequence || key?.tag !== Tag.octetString) return { items };
	const [oid, parameters] = derItems(algorithm.bytes) ?? [];
	const name = oidOf(oid);
	const inner = derSequence(key.bytes) ?? [];
	if (name && equalBytes(name, rsaOid)) return { items: inner, algorithm: 'rsa' };
	if (!name || !equalBytes(name, ecOid)) return { items: inner, algorithm: 'other' };
	const curve = oidOf(parameters);
	return { items: inner, algorithm: 'ec', ...(curve ? { curve } : {}) };
}

export function oidOf(item: DerValue | undefined): Uint8Array | undefined {
	return item?.tag === Tag.oid ? item.bytes : undefined;
}
