/** Node's own Ed25519 behind the portable interface: it needs no WebCrypto, which older versions of Node call experimental. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Ed25519, Ed25519PrivateKey } from '@linac/core';

/** SubjectPublicKeyInfo with id-Ed25519, before the 32 bytes: RFC 8410, 4. */
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex');

export const nodeEd25519: Ed25519 = {
	async verify(publicKey, message, signature) {
		if (publicKey.length !== 32 || signature.length !== 64) return false;
		let key: KeyObject;
		try {
			key = createPublicKey({ key: Buffer.concat([spkiHead, publicKey]), format: 'der', type: 'spki' });
		} catch {
			return false;
		}
		return verify(null, message, key, signature);
	},
	async sign(privateKey, message) {
		return new Uint8Array(sign(null, message, privateObject(privateKey)));
	},
	async publicKeyOf(privateKey) {
		const der = createPublicKey(privateObject(privateKey)).export({ format: 'der', type: 'spki' });
		return new Uint8Array(der.subarray(spkiHead.length));
	},
};

function privateObject(privateKey: Ed25519PrivateKey): KeyObject {
	return createPrivateKey({ key: Buffer.from(privateKey.toPkcs8()), format: 'der', type: 'pkcs8' });
}
