/**
 * Signatures of a mirror, `linac-mirror.json.sig`: detached Ed25519 signatures of the bytes of `linac-mirror.json`. A list, so that a mirror can carry
 * an old and a new key for a while. The public key in it only says which key it was: whether that key is trusted, the reader of the mirror has to
 * know from elsewhere. Format: docs/releases.md.
 */
import {
	bad,
	type Digests,
	type Ed25519,
	type Ed25519PrivateKey,
	equalBytes,
	fromBase64,
	good,
	keyIdOf,
	portableDigests,
	problem,
	toBase64,
	type Verdict,
} from '@linac/core';
import { isRecord } from '../sources/download.js';
import { SIGNATURE_NAME } from './mirror-paths.js';

export interface MirrorSignature {
	/** 32 bytes. */
	publicKey: Uint8Array;
	/** 64 bytes, over the manifest as it is. */
	signature: Uint8Array;
}

const SIGNATURE_FORMAT = 'linac-mirror-signature/1';
const ALGORITHM = 'Ed25519';
export const LARGEST_SIGNATURE = 64 * 1024;

export async function signManifest(manifest: Uint8Array, key: Ed25519PrivateKey, ed25519: Ed25519): Promise<MirrorSignature> {
	return { publicKey: await ed25519.publicKeyOf(key), signature: await ed25519.sign(key, manifest) };
}

/** The one way to write them. */
export function serializeSignatures(signatures: readonly MirrorSignature[], digests: Digests = portableDigests): Uint8Array {
	const list = signatures
		.map(({ publicKey, signature }) => ({
			algorithm: ALGORITHM,
			keyId: keyIdOf(publicKey, digests),
			publicKey: toBase64(publicKey),
			signature: toBase64(signature),
		}))
		.sort((a, b) => (a.keyId + a.signature < b.keyId + b.signature ? -1 : 1));
	return new TextEncoder().encode(`${JSON.stringify({ format: SIGNATURE_FORMAT, signatures: list }, null, '\t')}\n`);
}

/** At least one signature, or `MIRROR_SIGNATURE_DAMAGED`. Checks the form only. */
export function parseSignatures(
	bytes: Uint8Array,
	digests: Digests = portableDigests,
	file = SIGNATURE_NAME,
): Verdict<MirrorSignature[]> {
	const damaged = bad(
		problem('MIRROR_SIGNATURE_DAMAGED', `${file} is not as linac wrote it: it was cut short or changed. Copy the mirror again.`, {
			file,
		}),
	);
	if (bytes.length > LARGEST_SIGNATURE) return damaged;
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
	} catch {
		return damaged;
	}
	if (!isRecord(value) || !Array.isArray(value.signatures) || value.signatures.length === 0) return damaged;
	const out: MirrorSignature[] = [];
	for (const entry of value.signatures as unknown[]) {
		const publicKey = isRecord(entry) && typeof entry.publicKey === 'string' ? fromBase64(entry.publicKey) : undefined;
		const signature = isRecord(entry) && typeof entry.signature === 'string' ? fromBase64(entry.signature) : undefined;
		if (publicKey?.length !== 32 || signature?.length !== 64) return damaged;
		out.push({ publicKey, signature });
	}
	// Format, algorithm and key id are right when writing it again gives the same.
	return equalBytes(serializeSignatures(out, digests), bytes) ? good(out) : damaged;
}
