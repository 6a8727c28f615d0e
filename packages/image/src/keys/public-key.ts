/**
 * The public key of a server, as SubjectPublicKeyInfo (RFC 5280) in DER: what Device OS reads. RSA 2048 for devices that talk TCP, EC P-256
 * for those that talk UDP.
 */
import { bad, equalBytes, good, problem, type Verdict } from '@linac/core';
import { derItems, derSequence, derUnsigned, Tag } from './der.js';
import { isEcPoint } from './ec.js';
import { readKeyFile } from './pem.js';
import { ecOid, oidOf, p256Oid, rsaOid } from './private-key.js';
import { bitLength } from './rsa.js';

type Kind = 'rsa-2048' | 'ec-p256';
const kindNames: Record<Kind, string> = { 'rsa-2048': 'an RSA key of 2048 bits', 'ec-p256': 'an EC key on the curve P-256' };
/** Where Device OS looks for the 256 bytes of an RSA modulus (communication/src/handshake.cpp): it does not parse what stands before. */
const RSA_SIZE = 294;

/**
 * The bytes that a device wants for the public key of its server.
 * @param file name of the file, for messages
 * @returns refused with `KEY_UNREADABLE`, `KEY_NOT_PUBLIC`, `KEY_WRONG_KIND` or `KEY_DAMAGED`
 */
export function serverPublicKey(bytes: Uint8Array, kind: Kind, file: string): Verdict<Uint8Array> {
	const opened = readKeyFile(bytes, file);
	if (!opened.ok) return opened;
	const { der, label } = opened.value;
	const items = derSequence(der);
	const wanted = kindNames[kind];
	const refuse = (code: string, message: string) => bad(problem(code, message, { file }));
	if (!items) return refuse('KEY_UNREADABLE', `${file} is not one whole DER value. The key of the server should be ${wanted}.`);
	if (label?.includes('PRIVATE') || items.length > 2) {
		return refuse(
			'KEY_NOT_PUBLIC',
			`${file} is not a public key. Give the public key of the server: ${wanted} (openssl pkey -pubout makes one of a private key).`,
		);
	}
	const [algorithm, key] = items;
	const [oid, parameters] = algorithm?.tag === Tag.sequence ? (derItems(algorithm.bytes) ?? []) : [];
	const name = oidOf(oid);
	if (!name || key?.tag !== Tag.bitString || key.bytes[0] !== 0) {
		return refuse(
			'KEY_UNREADABLE',
			`${file} is not a SubjectPublicKeyInfo ("BEGIN PUBLIC KEY"), which is what the device reads.`,
		);
	}
	const wrong = (found: string) => refuse('KEY_WRONG_KIND', `${file} is ${found}. The key of the server should be ${wanted}.`);
	if (equalBytes(name, rsaOid)) {
		const numbers = derSequence(key.bytes.subarray(1));
		const modulus = derUnsigned(numbers?.[0]);
		const exponent = derUnsigned(numbers?.[1]);
		if (numbers?.length !== 2 || !modulus || !exponent)
			return refuse('KEY_DAMAGED', `${file} holds an RSA key that is not whole.`);
		if (kind !== 'rsa-2048' || bitLength(modulus) !== 2048) return wrong(`an RSA key of ${bitLength(modulus)} bits`);
		if (!equalBytes(exponent, Uint8Array.of(1, 0, 1))) return wrong('an RSA key with another exponent than 65537');
		return der.length === RSA_SIZE ? good(der) : wrong('an RSA key in an unusual form');
	}
	if (!equalBytes(name, ecOid)) return wrong('neither an RSA nor an EC key');
	const curve = oidOf(parameters);
	if (kind !== 'ec-p256') return wrong('an EC key');
	if (!curve || !equalBytes(curve, p256Oid)) return wrong('an EC key on another curve than P-256');
	if (!isEcPoint(key.bytes.subarray(1))) return refuse('KEY_DAMAGED', `${file} holds no uncompressed point of the curve P-256.`);
	return good(der);
}
