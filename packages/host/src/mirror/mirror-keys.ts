/** Reads keys for mirrors where a user keeps them: in files, or a public one in a variable. What is a key is `@linac/core`'s to say. */
import { open } from 'node:fs/promises';
import { type Ed25519PrivateKey, LinacError, parsePrivateKey, parsePublicKeys, type Verdict } from '@linac/core';

/** Bytes. A key file has a few hundred. */
const LARGEST_KEY_FILE = 64 * 1024;

/**
 * Public keys, 32 bytes each. `named` is the path of a file with PEM or with lines `ed25519:BASE64`, or such a line itself. Throws `FILE_NOT_FOUND`,
 * `FILE_UNREADABLE`, `KEY_INVALID`, `KEY_WRONG_KIND`, `KEY_IS_PRIVATE`.
 */
export async function readMirrorKeys(named: string): Promise<readonly Uint8Array[]> {
	if (named.startsWith('ed25519:')) return orThrow(parsePublicKeys(named, 'The key'));
	return orThrow(parsePublicKeys(await readKeyFile(named), named));
}

/** The private key in a PEM file. Throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `KEY_INVALID`, `KEY_WRONG_KIND`, `KEY_IS_PUBLIC`, `KEY_ENCRYPTED`. */
export async function readSigningKey(path: string): Promise<Ed25519PrivateKey> {
	return orThrow(parsePrivateKey(await readKeyFile(path), path));
}

function orThrow<T>(verdict: Verdict<T>): T {
	if (verdict.ok) return verdict.value;
	const [first] = verdict.problems;
	throw new LinacError(first?.code ?? 'KEY_INVALID', first?.message ?? 'The key cannot be used.', {
		details: { file: first?.file ?? null },
	});
}

async function readKeyFile(path: string): Promise<string> {
	try {
		const file = await open(path);
		try {
			const bytes = new Uint8Array(LARGEST_KEY_FILE);
			const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
			return new TextDecoder().decode(bytes.subarray(0, bytesRead));
		} finally {
			await file.close();
		}
	} catch (error) {
		const code = (error as { code?: string }).code ?? String(error);
		if (code === 'ENOENT' || code === 'ENOTDIR') {
			throw new LinacError('FILE_NOT_FOUND', `There is no key file ${path}.`, {
				details: { path },
				cause: error,
				hint: 'Name a PEM file, or for a public key "ed25519:" and the key in base64.',
			});
		}
		throw new LinacError('FILE_UNREADABLE', `The key file ${path} cannot be read (${code}).`, {
			details: { path },
			cause: error,
			retry: 'operator',
		});
	}
}
