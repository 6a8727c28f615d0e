/**
 * Decides whether a mirror's manifest may be believed, and whether a file is the one that it names. Pure: bytes come from the caller. Modules are
 * judged by their headers besides (`mirror-source.ts`): hashes say that a file is unchanged, not that it is right.
 */
import {
	bad,
	type Digests,
	type Ed25519,
	equalBytes,
	good,
	keyIdOf,
	type Problem,
	portableDigests,
	problem,
	toHex,
	type Verdict,
} from '@linac/core';
import { type MirrorFile, type MirrorManifest, parseManifest } from './manifest.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from './mirror-paths.js';
import { type MirrorSignature, parseSignatures } from './mirror-signature.js';

export interface ReadMirrorOptions {
	/** Content of `linac-mirror.json.sig`, where there is one. */
	signature?: Uint8Array;
	/** Public keys, 32 bytes each. When given, one of them must have signed. */
	trustedKeys?: readonly Uint8Array[];
	ed25519: Ed25519;
	digests?: Digests;
	/** Of the mirror, for messages. */
	name?: string;
}

export interface SignedBy {
	keyId: string;
	publicKey: Uint8Array;
	/** Among the trusted keys. Else the signature fits the manifest, which says nothing about who made it. */
	trusted: boolean;
}

export interface Mirror {
	manifest: MirrorManifest;
	/** Undefined for a mirror without a signature. */
	signedBy: SignedBy | undefined;
	/** As in the file, those that do not fit included. */
	signatures: MirrorSignature[];
}

/**
 * Problems: those of `parseManifest`; `MIRROR_SIGNATURE_DAMAGED`; `MIRROR_SIGNATURE_WRONG` (the manifest is not the one that was signed);
 * `MIRROR_NOT_SIGNED` and `MIRROR_KEY_NOT_TRUSTED` only with trusted keys. A signature is checked before anything in the manifest is looked at.
 */
export async function readMirror(manifest: Uint8Array, options: ReadMirrorOptions): Promise<Verdict<Mirror>> {
	const { ed25519, trustedKeys, digests = portableDigests } = options;
	const where = options.name === undefined ? '' : `${options.name}: `;
	const of = (name: string) => (options.name === undefined ? name : `${options.name.replace(/[\\/]+$/, '')}/${name}`);
	let signatures: MirrorSignature[] = [];
	let signedBy: SignedBy | undefined;
	if (options.signature !== undefined) {
		const parsed = parseSignatures(options.signature, digests, of(SIGNATURE_NAME));
		if (!parsed.ok) return parsed;
		signatures = parsed.value;
		const isTrusted = (s: MirrorSignature) => trustedKeys?.some((k) => equalBytes(k, s.publicKey)) === true;
		const trusted = signatures.filter(isTrusted);
		if (trustedKeys !== undefined && trusted.length === 0) {
			const ids = signatures.map((s) => keyIdOf(s.publicKey, digests)).join(', ');
			const wanted = trustedKeys.map((k) => keyIdOf(k, digests)).join(', ');
			return bad(
				problem(
					'MIRROR_KEY_NOT_TRUSTED',
					`${where}the mirror is signed by key ${ids}, not by ${wanted}, which you trust. Do not use it unless you know why.`,
					{ file: of(SIGNATURE_NAME), field: 'keyId', expected: wanted, found: ids },
				),
			);
		}
		for (const s of trustedKeys === undefined ? signatures : trusted) {
			if (signedBy || !(await ed25519.verify(s.publicKey, manifest, s.signature))) continue;
			signedBy = { keyId: keyIdOf(s.publicKey, digests), publicKey: s.publicKey, trusted: trustedKeys !== undefined };
		}
		if (!signedBy) {
			return bad(
				problem(
					'MIRROR_SIGNATURE_WRONG',
					`${where}the signature does not fit ${MANIFEST_NAME}: one of the two was changed after signing. Copy the mirror again, from where it was made.`,
					{ file: of(SIGNATURE_NAME) },
				),
			);
		}
	} else if (trustedKeys !== undefined) return bad(notSigned(where));
	const parsed = parseManifest(manifest, of(MANIFEST_NAME));
	if (!parsed.ok) return parsed;
	return good({ manifest: parsed.value, signedBy, signatures });
}

function notSigned(where: string): Problem {
	return problem(
		'MIRROR_NOT_SIGNED',
		`${where}the mirror is not signed, and a key was named that must have signed it. Ask its maker for a signed one, or leave the key out.`,
		{ file: SIGNATURE_NAME },
	);
}

/** Undefined when the bytes are those that the manifest names; else `MIRROR_FILE_MISSING` or `MIRROR_FILE_CHANGED`. `name` is the mirror's, for messages. */
export function verifyMirrorFile(
	entry: MirrorFile,
	bytes: Uint8Array | undefined,
	options: { digests?: Digests; name?: string } = {},
): Problem | undefined {
	if (bytes === undefined) return missingFile(entry, options.name);
	if (bytes.length !== entry.size) {
		return changedFile(entry, options.name, 'size', entry.size, bytes.length > entry.size ? 'more' : bytes.length);
	}
	const sha256 = toHex((options.digests ?? portableDigests).sha256(bytes));
	return sha256 === entry.sha256 ? undefined : changedFile(entry, options.name, 'sha256', entry.sha256, sha256);
}

export function missingFile(entry: MirrorFile, name: string | undefined): Problem {
	const path = pathOf(entry, name);
	return problem('MIRROR_FILE_MISSING', `${path} is missing in the mirror. Copy the mirror again, whole.`, { file: path });
}

export function changedFile(
	entry: MirrorFile,
	name: string | undefined,
	field: 'size' | 'sha256',
	expected: number | string,
	found: number | string,
): Problem {
	const path = pathOf(entry, name);
	const what = field === 'size' ? `it has ${found} bytes, not ${expected}` : 'its SHA-256 is another one';
	return problem(
		'MIRROR_FILE_CHANGED',
		`${path} is not the file that the mirror was made with: ${what}. Nothing of this mirror is used; copy it again.`,
		{ file: path, field, expected, found },
	);
}

function pathOf(entry: MirrorFile, name: string | undefined): string {
	return name === undefined ? entry.path : `${name.replace(/[\\/]+$/, '')}/${entry.path}`;
}
