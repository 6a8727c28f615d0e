import { createRequire } from 'node:module';
import { portableDigests, seededRandom, toHex } from '@linac/core';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import {
	assetOf,
	compressModule,
	contentBytes,
	createAssetModule,
	decompressModule,
	inflateModule,
	joinModules,
	type ParsedModule,
	parseModule,
	rebuildModule,
	requiredAssets,
	securityMode,
	splitModules,
} from './index.js';

const peer = createRequire(import.meta.url)('binary-version-reader') as {
	compressModule(data: Buffer): Promise<Buffer>;
	decompressModule(data: Buffer): Promise<Buffer>;
	combineModules(modules: Buffer[]): Promise<Buffer>;
	splitCombinedModules(data: Buffer): Promise<Buffer[]>;
	createAssetModule(data: Buffer, name: string): Promise<Buffer>;
	unwrapAssetModule(data: Buffer): Promise<Buffer>;
	updateModuleAssetDependencies(data: Buffer, assets: { name: string; data: Buffer }[]): Promise<Buffer>;
	createProtectedModule(data: Buffer): Promise<Buffer>;
};

function sound(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(new Uint8Array(bytes));
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	expect(verdict.value.problems).toEqual([]);
	return verdict.value;
}

function ok<T>(verdict: { ok: true; value: T } | { ok: false; problems: { message: string }[] }): T {
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

const names = [
	'boron-system-part1@2.2.0.bin',
	'photon-system-part1@2.2.0.bin',
	'boron-bootloader@2.2.0.bin',
	'boron-softdevice@2.2.0.bin',
];

test('what binary-version-reader compresses is inflated to what it inflates itself, and the other way round', async () => {
	for (const name of names) {
		const original = realModule(name);
		const theirs = sound(await peer.compressModule(Buffer.from(original)));
		expect(theirs.compressed, name).toBe(true);
		const expected = await peer.decompressModule(Buffer.from(theirs.bytes));
		expect(Buffer.compare(ok(decompressModule(theirs)).bytes, expected), name).toBe(0);
		const ours = sound(compressModule(sound(original)));
		expect(Buffer.compare(await peer.decompressModule(Buffer.from(ours.bytes)), expected), name).toBe(0);
		expect(Buffer.compare(ok(decompressModule(ours)).bytes, expected), name).toBe(0);
		expect(ours.bytes.length).toBeLessThan(original.length);
	}
});

test('a compressed module stands in flash as the module that was compressed', () => {
	const original = realModule('boron-system-part1@2.2.0.bin');
	expect(Buffer.compare(contentBytes(sound(compressModule(sound(original)))), original)).toBe(0);
});

test('combined files made here and there are the same, and are split into their modules', async () => {
	const files = names.slice(0, 3).map((n) => realModule(n));
	const ours = joinModules(files.map(sound));
	expect(Buffer.compare(ours, await peer.combineModules(files.map((f) => Buffer.from(f))))).toBe(0);
	const split = ok(splitModules(ours));
	expect(split.modules.map((m) => [m.module.sound, m.module.combined, m.module.prefix.version])).toEqual([
		[true, true, 2202],
		[true, true, 2202],
		[true, false, 1006],
	]);
	expect([split.rest.length, split.unfinished]).toEqual([0, false]);
	const cut = ok(splitModules(ours.subarray(0, ours.length - 1)));
	expect([cut.modules.length, cut.unfinished]).toEqual([2, true]);
});

test('asset modules made here and there carry the same asset', async () => {
	const data = new TextEncoder().encode('meow '.repeat(1000));
	const theirs = sound(await peer.createAssetModule(Buffer.from(data), 'cat.txt'));
	const ours = sound(createAssetModule('cat.txt', data));
	for (const module of [theirs, ours]) {
		expect(assetOf(module)).toEqual({ name: 'cat.txt', hashType: 0, hash: portableDigests.sha256(data) });
		expect(Buffer.compare(ok(inflateModule(module)), data)).toBe(0);
	}
	expect(Buffer.compare(await peer.unwrapAssetModule(Buffer.from(ours.bytes)), data)).toBe(0);
	expect(ours.suffix.extensions).toEqual(theirs.suffix.extensions);
});

test.each(['boron', 'p2'])(
	'asset dependencies that binary-version-reader adds to a %s application are read',
	async (platform) => {
		const application = realTinker(platform, '3.51.0');
		const data = Buffer.from('meow');
		const changed = sound(await peer.updateModuleAssetDependencies(Buffer.from(application), [{ name: 'cat.txt', data }]));
		expect(requiredAssets(changed).map((a) => [a.name, toHex(a.hash)])).toEqual([
			['cat.txt', toHex(portableDigests.sha256(data))],
		]);
	},
);

test('a bootloader that binary-version-reader made protected is recognised', async () => {
	const module = sound(await peer.createProtectedModule(Buffer.from(realModule('boron-bootloader@4.0.1.bin'))));
	expect(securityMode(module)).toBe(1);
});

test('a compression header that promises gigabytes is refused without asking for the memory', () => {
	const module = sound(compressModule(sound(realTinker('boron'))));
	const body = module.bytes.slice(module.bodyStart, module.bodyEnd);
	body.set([0xff, 0xff, 0xff, 0x7f], 4);
	const lying = sound(rebuildModule(module, { body }));
	expect(inflateModule(lying).problems).toMatchObject([{ code: 'INFLATED_TOO_LARGE', found: 0x7fffffff }]);
	// A small promise with much data behind it is given up as soon as it is broken.
	body.set([0x10, 0, 0, 0], 4);
	expect(inflateModule(sound(rebuildModule(module, { body }))).problems).toMatchObject([{ code: 'COMPRESSED_DATA_CORRUPT' }]);
});

test('20,000 random mutations of compressed data never throw and never give more than was promised', () => {
	const random = seededRandom(2);
	const module = sound(compressModule(sound(realTinker('photon'))));
	const original = module.bytes.subarray(module.bodyStart, module.bodyEnd);
	const other = realTinker('boron');
	for (let i = 0; i < 20_000; i++) {
		const changed: ParsedModule = { ...module, bytes: mutate(original, other, random), bodyStart: 0, bodyEnd: 0 };
		changed.bodyEnd = changed.bytes.length;
		const verdict = inflateModule(changed, 20_000);
		if (verdict.ok) expect(verdict.value.length).toBeLessThanOrEqual(20_000);
		else expect(verdict.problems.length).toBeGreaterThan(0);
	}
});
