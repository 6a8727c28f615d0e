/**
 * The seam to Ed25519 signatures (RFC 8032), and its implementation by WebCrypto, for browsers and other hosts that have it. Node's own
 * stands in `@linac/host`. Reading keys from files is `ed25519-keys.ts`.
 */
import type { Ed25519PrivateKey } from './ed25519-keys.js';
import { LinacError } from './errors.js';

export interface Ed25519 {
	/** False also when `publicKey` (32 bytes) or `signature` (64 bytes) has no right form. */
	verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
	/** 64 bytes; the same for the same key and message. */
	sign(privateKey: Ed25519PrivateKey, message: Uint8Array): Promise<Uint8Array>;
	/** 32 bytes. */
	publicKeyOf(privateKey: Ed25519PrivateKey): Promise<Uint8Array>;
}

const ALGORITHM = 'Ed25519';

/** Every method throws `ED25519_NOT_SUPPORTED` where WebCrypto has no Ed25519 (or is turned off, as on pages without https). */
export const webEd25519: Ed25519 = {
	async verify(publicKey, message, signature) {
		if (publicKey.length !== 32 || signature.length !== 64) return false;
		const { subtle } = webCrypto();
		let key: CryptoKey;
		try {
			key = await subtle.importKey('raw', new Uint8Array(publicKey), ALGORITHM, false, ['verify']);
		} catch (error) {
			if (isNotSupported(error)) throw notSupported(error);
			return false;
		}
		return subtle.verify(ALGORITHM, key, new Uint8Array(signature), new Uint8Array(message));
	},
	async sign(privateKey, message) {
		const key = await importPrivate(privateKey, false);
		return new Uint8Array(await webCrypto().subtle.sign(ALGORITHM, key, new Uint8Array(message)));
	},
	async publicKeyOf(privateKey) {
		const key = await importPrivate(privateKey, true);
		const { x = '' } = await webCrypto().subtle.exportKey('jwk', key);
		return Uint8Array.from(atob(x.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
	},
};

async function importPrivate(privateKey: Ed25519PrivateKey, extractable: boolean): Promise<CryptoKey> {
	try {
		return await webCrypto().subtle.importKey('pkcs8', new Uint8Array(privateKey.toPkcs8()), ALGORITHM, extractable, ['sign']);
	} catch (error) {
		throw isNotSupported(error) ? notSupported(error) : error;
	}
}

function webCrypto(): Crypto {
	const { crypto } = globalThis as { crypto?: Crypto };
	if (crypto?.subtle === undefined) throw notSupported();
	return crypto;
}

function isNotSupported(error: unknown): boolean {
	return (error as { name?: string } | undefined)?.name === 'NotSupportedError';
}

function notSupported(cause?: unknown): LinacError {
	return new LinacError('ED25519_NOT_SUPPORTED', 'Signatures cannot be made or checked here: WebCrypto has no Ed25519.', {
		retry: 'operator',
		hint: 'Use a newer browser, and a page that was loaded by https.',
		...(cause === undefined ? {} : { cause }),
	});
}
