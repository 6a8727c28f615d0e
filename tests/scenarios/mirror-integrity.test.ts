/** What a mirror is worth: which changes to it are found, and what a signature adds. */
import { MANIFEST_NAME, type MirrorSource, mirrorSource, releasePart, SIGNATURE_NAME } from '@linac/catalog';
import { concatBytes, LinacError, portableDigests, seededRandom, toHex, webEd25519 } from '@linac/core';
import { nodeDigests, nodeEd25519 } from '@linac/host';
import { beforeAll, describe, expect, test } from 'vitest';
import { boronParts, type KeyPair, makeKeys, memoryReader, mirrorInMemory, realRelease } from '../support/mirrors.js';

const keys = makeKeys();
const others = makeKeys();
let plain: Map<string, Uint8Array>;
let signed: Map<string, Uint8Array>;
beforeAll(async () => {
	plain = await mirrorInMemory(boronParts());
	signed = await mirrorInMemory(boronParts(), keys);
});

const sourceOf = (files: Map<string, Uint8Array>, trusted?: KeyPair[]): MirrorSource =>
	mirrorSource({
		reader: memoryReader(files),
		ed25519: nodeEd25519,
		digests: nodeDigests,
		...(trusted ? { trustedKeys: trusted.map((k) => k.publicKey) } : {}),
	});
/** The code that a mirror is refused with; undefined for a sound one. */
async function refusedWith(files: Map<string, Uint8Array>, trusted?: KeyPair[]): Promise<string | undefined> {
	try {
		return (await sourceOf(files, trusted).verify())[0]?.code;
	} catch (error) {
		if (error instanceof LinacError) return error.code;
		throw error;
	}
}
function flipped(files: Map<string, Uint8Array>, path: string, at: number, bit: number): Map<string, Uint8Array> {
	const bytes = Uint8Array.from(files.get(path)!);
	bytes[at]! ^= 1 << bit;
	return new Map(files).set(path, bytes);
}
const without = (files: Map<string, Uint8Array>, path: string) => new Map([...files].filter(([p]) => p !== path));

test('a sound mirror is served as it is: the release, Tinker and the MBR, each byte as it was put in', async () => {
	const source = sourceOf(signed, [keys]);
	expect(await source.list()).toEqual([{ platform: 'boron', version: '4.0.1', source: 'memory', offline: true }]);
	const opened = await source.open({ platform: 'boron', version: '4.0.1' });
	const real = realRelease('boron', '4.0.1');
	if (!opened.ok) throw new Error('refused');
	expect(opened.value.modules.map((m) => [m.slot, m.sha256])).toEqual(real.modules.map((m) => [m.slot, m.sha256]));
	const tinker = await source.openApplication('boron');
	expect(tinker.ok && tinker.value.sha256).toBe(real.application?.sha256);
	expect((await source.openFurther({ kind: 'mbr', mcu: 'nrf52840' }))?.bytes).toEqual(plain.get('further/nrf52840-mbr.bin'));
	expect(await source.openFurther({ kind: 'mbr', mcu: 'stm32f2' })).toBeUndefined();
	expect(await source.open({ platform: 'boron', version: '2.2.0' })).toMatchObject({
		ok: false,
		problems: [{ code: 'RELEASE_NOT_AT_SOURCE' }],
	});
	expect(await source.verify()).toEqual([]);
});

test('a browser, with portable digests and WebCrypto, sees the same', async () => {
	const source = mirrorSource({
		reader: memoryReader(signed),
		ed25519: webEd25519,
		digests: portableDigests,
		trustedKeys: [keys.publicKey],
	});
	expect((await source.mirror()).signedBy).toMatchObject({ trusted: true });
	expect(await source.verify()).toEqual([]);
});

describe('every changed bit is found', () => {
	test('in the manifest of a mirror without a signature', async () => {
		const { length } = plain.get(MANIFEST_NAME)!;
		for (let at = 0; at < length; at++) {
			for (let bit = 0; bit < 8; bit++) {
				const code = await refusedWith(flipped(plain, MANIFEST_NAME, at, bit));
				if (code === undefined) expect.fail(`bit ${bit} of byte ${at} of ${length} was not noticed`);
			}
		}
	});

	test('in the manifest and the signature of a signed mirror, whether or not a key is trusted', async () => {
		for (const path of [MANIFEST_NAME, SIGNATURE_NAME]) {
			for (let at = 0; at < signed.get(path)!.length; at++) {
				const bit = at % 8;
				for (const trusted of [undefined, [keys]]) {
					const code = await refusedWith(flipped(signed, path, at, bit), trusted);
					if (!code?.startsWith('MIRROR_')) expect.fail(`bit ${bit} of byte ${at} of ${path} was not noticed`);
				}
			}
		}
	});

	test('in the files: each byte of the smallest, and 300 places of the others; also one byte more or less', async () => {
		const random = seededRandom(7);
		for (const [path, bytes] of plain) {
			if (path === MANIFEST_NAME) continue;
			const places =
				bytes.length <= 4096 ? Array.from(bytes.keys()) : Array.from({ length: 300 }, () => random.int(bytes.length));
			for (const at of places) {
				const code = await refusedWith(flipped(plain, path, at, at % 8));
				if (code !== 'MIRROR_FILE_CHANGED') expect.fail(`byte ${at} of ${path}: ${code}`);
			}
			expect(await refusedWith(new Map(plain).set(path, bytes.subarray(1)))).toBe('MIRROR_FILE_CHANGED');
			expect(await refusedWith(new Map(plain).set(path, concatBytes([bytes, Uint8Array.of(0)])))).toBe('MIRROR_FILE_CHANGED');
			expect(await refusedWith(without(plain, path))).toBe('MIRROR_FILE_MISSING');
		}
	});
});

test('after one changed file nothing of the mirror is served any more', async () => {
	const path = 'modules/boron/4.0.1/boron-bootloader@4.0.1.bin';
	const source = sourceOf(flipped(plain, path, 100, 0));
	await expect(source.open({ platform: 'boron', version: '4.0.1' })).rejects.toMatchObject({
		code: 'MIRROR_FILE_CHANGED',
		message: expect.stringContaining(path) as string,
	});
	await expect(source.openFurther({ kind: 'mbr', mcu: 'nrf52840' })).rejects.toMatchObject({ code: 'MIRROR_FILE_CHANGED' });
	await expect(source.list()).rejects.toMatchObject({ code: 'MIRROR_FILE_CHANGED' });
});

test('headers are the truth: a manifest with right hashes and a wrong release is refused', async () => {
	const set = realRelease('boron', '4.0.1');
	const lies = [
		{ ...set, version: '4.0.0' },
		// Not in the table.
		{ ...set, version: '4.0.7' },
		{ ...set, platform: 'argon' },
		{ ...set, moduleVersion: 4006 },
		{ ...set, modules: set.modules.slice(1) },
		{ ...set, modules: set.modules.map((m) => ({ ...m, slot: m.slot === 'bootloader' ? 'ncp' : m.slot })) },
	];
	for (const lie of lies) expect(await refusedWith(await mirrorInMemory([releasePart(lie)]))).toBe('MIRROR_RELEASE_WRONG');
});

describe('with a key that must have signed', () => {
	test('the right signature is taken, and who signed is told', async () => {
		const { signedBy } = await sourceOf(signed, [others, keys]).mirror();
		expect(signedBy).toMatchObject({ trusted: true, keyId: toHex(nodeDigests.sha256(keys.publicKey)).slice(0, 16) });
	});

	test('no signature, one of another key, and one of another manifest are refused, each with its own code', async () => {
		expect(await refusedWith(plain, [keys])).toBe('MIRROR_NOT_SIGNED');
		expect(await refusedWith(without(signed, SIGNATURE_NAME), [keys])).toBe('MIRROR_NOT_SIGNED');
		expect(await refusedWith(await mirrorInMemory(boronParts(), others), [keys])).toBe('MIRROR_KEY_NOT_TRUSTED');
		const older = await mirrorInMemory([releasePart(realRelease('boron', '4.0.1'))], keys);
		expect(await refusedWith(new Map(signed).set(SIGNATURE_NAME, older.get(SIGNATURE_NAME)!), [keys])).toBe(
			'MIRROR_SIGNATURE_WRONG',
		);
	});

	test('hashes put right again do not help somebody who changed a file', async () => {
		const boron = realRelease('boron', '4.0.1');
		const forged = await mirrorInMemory(
			[releasePart({ ...boron, modules: boron.modules }, undefined), ...boronParts().slice(1)],
			others,
		);
		forged.set(SIGNATURE_NAME, signed.get(SIGNATURE_NAME)!);
		forged.set(MANIFEST_NAME, Uint8Array.from(forged.get(MANIFEST_NAME)!).fill(0x20, -2, -1));
		expect(await refusedWith(forged, [keys])).toBe('MIRROR_SIGNATURE_WRONG');
	});
});

test('without such a key a signature that fits is told, and said not to be checked', async () => {
	expect((await sourceOf(signed).mirror()).signedBy).toMatchObject({ trusted: false });
	expect((await sourceOf(plain).mirror()).signedBy).toBeUndefined();
});
