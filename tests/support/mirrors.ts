/** Small mirrors of real releases, for tests: in memory, and as folders. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
	checkRelease,
	furtherPart,
	MANIFEST_NAME,
	type MirrorPart,
	type MirrorReader,
	mirrorManifest,
	type ReleaseSet,
	releasePart,
	SIGNATURE_NAME,
	serializeManifest,
	serializeSignatures,
	signManifest,
} from '@linac/catalog';
import { type Ed25519PrivateKey, parsePrivateKey, parsePublicKeys } from '@linac/core';
import { nodeDigests, nodeEd25519 } from '@linac/host';
import { standInMbr } from './nordic-mbr.js';
import { realModule, realTinker } from './real-firmware.js';

export interface KeyPair {
	privatePem: string;
	publicPem: string;
	privateKey: Ed25519PrivateKey;
	/** 32 bytes. */
	publicKey: Uint8Array;
}

export function makeKeys(): KeyPair {
	const pair = generateKeyPairSync('ed25519');
	const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
	const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
	const privateKey = parsePrivateKey(privatePem, 'key.pem');
	const publicKeys = parsePublicKeys(publicPem, 'key.pub.pem');
	if (!privateKey.ok || !publicKeys.ok) throw new Error('a new key is refused');
	return { privatePem, publicPem, privateKey: privateKey.value, publicKey: publicKeys.value[0]! };
}

/** A real release, with Tinker for Boron. */
export function realRelease(platform: 'boron' | 'photon', version: '2.2.0' | '4.0.1'): ReleaseSet {
	const slots =
		platform === 'boron' ? ['bootloader', 'softdevice', 'system-part1'] : ['bootloader', 'system-part1', 'system-part2'];
	const files = slots.map((slot) => {
		const name = `${platform}-${slot}@${version}${platform === 'photon' && slot === 'bootloader' ? '+lto' : ''}.bin`;
		return { name, bytes: realModule(name) };
	});
	if (platform === 'boron') files.push({ name: 'tinker.bin', bytes: realTinker('boron') });
	const verdict = checkRelease(files, { platform, version, source: 'test', digests: nodeDigests });
	if (!verdict.ok) throw new Error(`the real ${platform} ${version} is refused: ${verdict.problems[0]?.message}`);
	return verdict.value;
}

/** Every file of a mirror by its path, the manifest and, with keys, the signature among them. */
export async function mirrorInMemory(parts: readonly MirrorPart[], keys?: KeyPair): Promise<Map<string, Uint8Array>> {
	const manifest = serializeManifest(mirrorManifest(parts));
	const files = new Map(parts.flatMap((p) => [...p.contents]));
	files.set(MANIFEST_NAME, manifest);
	if (keys) {
		const signature = await signManifest(manifest, keys.privateKey, nodeEd25519);
		files.set(SIGNATURE_NAME, serializeSignatures([signature], nodeDigests));
	}
	return files;
}

/** Boron 4.0.1 with Tinker, and an MBR that is none. */
export function boronParts(): MirrorPart[] {
	return [releasePart(realRelease('boron', '4.0.1')), furtherPart('mbr', 'nrf52840', standInMbr(), nodeDigests)];
}

export function memoryReader(files: ReadonlyMap<string, Uint8Array>, name = 'memory'): MirrorReader {
	return { name, read: async (path) => files.get(path) };
}

export function writeMirror(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
	for (const [path, bytes] of files) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), bytes);
	}
}

/** Every file below a folder, by its path with `/`. */
export function filesBelow(folder: string): Map<string, Uint8Array> {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
	return new Map(
		names
			.filter((n) => statSync(join(folder, n)).isFile())
			.map((n) => [n.replaceAll('\\', '/'), new Uint8Array(readFileSync(join(folder, n)))]),
	);
}
