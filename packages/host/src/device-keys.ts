/**
 * Makes private keys of devices with Node's own generator, and tells the public key that belongs to one. No program is started, and no key
 * is written anywhere. Which kind a device wants, and how it is laid out in its memory, is for `@linac/catalog` and `@linac/image`.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

type Kind = 'rsa-1024' | 'ec-p256';

/** A new key: PKCS#1 (RSA) or SEC 1 (EC), in DER. */
export function newDevicePrivateKey(kind: Kind): Uint8Array {
	if (kind === 'ec-p256') {
		const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
		return new Uint8Array(privateKey.export({ format: 'der', type: 'sec1' }));
	}
	// 1024 bits are what devices that talk TCP read; they take no others.
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024, publicExponent: 65537 });
	return new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs1' }));
}

/** The public key of a private one (PKCS#1 or SEC 1, in the shortest form of DER), as SubjectPublicKeyInfo. */
export function devicePublicKey(privateKey: Uint8Array, kind: Kind): { pem: string; der: Uint8Array } {
	const key = createPublicKey(
		createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: kind === 'ec-p256' ? 'sec1' : 'pkcs1' }),
	);
	return {
		pem: key.export({ format: 'pem', type: 'spki' }).toString(),
		der: new Uint8Array(key.export({ format: 'der', type: 'spki' })),
	};
}
