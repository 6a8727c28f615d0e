import { type Ed25519, Ed25519PrivateKey, fromHex, toHex, webEd25519 } from '@linac/core';
import { expect, test } from 'vitest';
import { nodeEd25519 } from './ed25519.js';

/** RFC 8032, 7.1: tests 1 to 3. */
const vectors = [
	[
		'9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
		'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
		'',
		'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
	],
	[
		'4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
		'3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
		'72',
		'92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
	],
	[
		'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
		'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
		'af82',
		'6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
	],
] as const;

test.each([
	["Node's", nodeEd25519],
	["WebCrypto's", webEd25519],
] as [string, Ed25519][])('%s Ed25519 gives the signatures of RFC 8032 and takes no others', async (_, ed25519) => {
	for (const [seed, publicHex, messageHex, signatureHex] of vectors) {
		const [key, publicKey, message, signature] = [
			new Ed25519PrivateKey(fromHex(seed)!),
			fromHex(publicHex)!,
			fromHex(messageHex)!,
			fromHex(signatureHex)!,
		];
		expect(toHex(await ed25519.publicKeyOf(key))).toBe(publicHex);
		expect(toHex(await ed25519.sign(key, message))).toBe(signatureHex);
		expect(await ed25519.verify(publicKey, message, signature)).toBe(true);
		for (const i of [0, 31, 32, 63]) {
			const other = Uint8Array.from(signature);
			other[i]! ^= 1;
			expect(await ed25519.verify(publicKey, message, other)).toBe(false);
		}
		expect(await ed25519.verify(publicKey, Uint8Array.of(...message, 0), signature)).toBe(false);
		expect(await ed25519.verify(publicKey, message, signature.subarray(1))).toBe(false);
		expect(await ed25519.verify(publicKey.subarray(1), message, signature)).toBe(false);
		// No point of the curve.
		expect(await ed25519.verify(new Uint8Array(32).fill(0xff), message, signature)).toBe(false);
	}
});
