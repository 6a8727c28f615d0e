/**
 * Bundles against binary-version-reader (npm, Apache-2.0), which Particle's command line and cloud make and read them with: the same bytes in
 * the application, each reads what the other wrote, and where the two differ, why. And the stores against Particle's device constants.
 */
import { createRequire } from 'node:module';
import { assetStore, platforms } from '@linac/catalog';
import { equalBytes, portableDigests } from '@linac/core';
import { parseModule, readBundle, requiredAssets, withAssets, withoutAssets } from '@linac/firmware';
import { planBundle, writePlannedBundle } from '@linac/image';
import { describe, expect, test } from 'vitest';
import { assetApplication, realAssetApplication } from '../support/asset-applications.js';
import { realTinker } from '../support/real-firmware.js';

interface PeerAsset {
	name: string;
	data: Buffer;
}

const require = createRequire(import.meta.url);
const peer = require('binary-version-reader') as {
	updateModuleAssetDependencies(data: Buffer, assets: PeerAsset[]): Promise<Buffer>;
	removeModuleExtensions(options: { module: Buffer; exts: number[] }): Promise<Buffer>;
	createAssetModule(data: Buffer, name: string): Promise<Buffer>;
	createApplicationAndAssetBundle(application: PeerAsset, assets: PeerAsset[], env?: object): Promise<Buffer>;
	unpackApplicationAndAssetBundle(bundle: Buffer): Promise<{ application: PeerAsset; assets: PeerAsset[] }>;
	isAssetValid(data: Buffer, info: { hashType: number; hash: string }): boolean;
	HalModuleParser: new () => {
		parseBuffer(options: { fileBuffer: Buffer }): Promise<{
			crc: { ok: boolean };
			assets?: { name: string; hash: string; hashType: number }[];
		}>;
	};
};
const constants = createRequire(require.resolve('binary-version-reader'))('@particle/device-constants') as {
	platformsById: Record<
		number,
		| {
				assets?: {
					blockSize: number;
					storageTotalBlocks: number;
					reservedBlocks: number;
					assetPerBlockOverhead: number;
					maxSingleAssetSize: number;
				};
		  }
		| undefined
	>;
};

const buffer = (bytes: Uint8Array) => Buffer.from(bytes);
const text = (s: string) => new TextEncoder().encode(s);
// In the order in which linac writes them: the other tool takes that of the folder.
const assets = [
	{ name: 'Katze-ä.txt', bytes: text('miau') },
	{ name: 'cat.txt', bytes: text('meow '.repeat(3000)) },
	{ name: 'empty', bytes: new Uint8Array(0) },
];
const theirs = assets.map((a) => ({ name: a.name, data: buffer(a.bytes) }));
const needed = assets.map((a) => ({ name: a.name, sha256: portableDigests.sha256(a.bytes) }));

function module(bytes: Uint8Array) {
	const parsed = parseModule(new Uint8Array(bytes));
	if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
	return parsed.value;
}

function ours(bytes: Uint8Array, form: 'prefix' | 'suffix', list = needed): Uint8Array {
	const made = withAssets(module(bytes), list, { form });
	if (!made.ok) throw new Error(made.problems[0]?.message);
	return made.value;
}

describe.each<[string, 'prefix' | 'suffix', () => Uint8Array]>([
	['Tinker of the Boron', 'suffix', () => realTinker('boron')],
	['Tinker of the Tracker', 'suffix', () => realTinker('tracker', '3.51.0')],
	['Tinker of the P2', 'prefix', () => realTinker('p2', '3.51.0')],
	['Tinker of the Tracker M', 'prefix', () => realAssetApplication('trackerm')],
	['Tinker of the M SoM', 'prefix', () => realAssetApplication('msom')],
	['an application for the Argon', 'suffix', () => assetApplication('argon')],
	['an application for the E SoM X', 'suffix', () => assetApplication('esomx')],
])('%s', (_name, form, make) => {
	test('gets the same bytes here and there, whatever the lengths of the names', async () => {
		const app = make();
		expect(equalBytes(ours(app, form), await peer.updateModuleAssetDependencies(buffer(app), theirs))).toBe(true);
		// Every remainder of the alignment.
		for (let length = 1; length <= 9; length++) {
			const one = { name: 'x'.repeat(length), data: Buffer.from([length]) };
			const list = [{ name: one.name, sha256: portableDigests.sha256(one.data) }];
			expect(equalBytes(ours(app, form, list), await peer.updateModuleAssetDependencies(buffer(app), [one]))).toBe(true);
		}
	});

	test('is had back byte for byte from what the other tool made of it', async () => {
		const app = make();
		const back = withoutAssets(module(await peer.updateModuleAssetDependencies(buffer(app), theirs)));
		expect(back.ok && equalBytes(back.value, app)).toBe(true);
		// The other tool leaves an END behind, and so another file than the compiler made.
		const removed = await peer.removeModuleExtensions({ module: buffer(ours(app, form)), exts: [0x12] });
		expect(equalBytes(removed, app)).toBe(false);
	});
});

test('bundled a second time, a P2 application keeps its assets here; there they end up behind an END, where devices do not look', async () => {
	const app = assetApplication('p2');
	const once = ours(app, 'prefix');
	const again = [{ name: 'dog', data: Buffer.from('woof') }];
	const list = again.map((a) => ({ name: a.name, sha256: portableDigests.sha256(a.data) }));
	expect(requiredAssets(module(ours(once, 'prefix', list))).map((a) => a.name)).toEqual(['dog']);
	const twice = await peer.updateModuleAssetDependencies(buffer(once), again);
	const seen = await new peer.HalModuleParser().parseBuffer({ fileBuffer: twice });
	expect([seen.crc.ok, seen.assets]).toEqual([true, undefined]);
	const refused = planBundle({ name: 'app.bin', bytes: twice }, assets);
	expect(refused.problems.map((p) => p.code)).toEqual(['ASSET_DEPENDENCIES_HIDDEN']);
	const bundle = await peer.createApplicationAndAssetBundle({ name: 'app.bin', data: buffer(ours(app, 'prefix')) }, again);
	expect(readBundle('b.zip', new Uint8Array(bundle)).problems.map((p) => p.code)).toEqual([
		'ASSET_NOT_NEEDED',
		'ASSET_DEPENDENCIES_HIDDEN',
	]);
});

describe.each(['boron', 'tracker', 'trackerm', 'msom', 'p2'])('a bundle for %s', (name) => {
	test('that linac made is read by the other tool, which finds every asset valid', async () => {
		const plan = planBundle({ name: 'app.bin', bytes: assetApplication(name) }, assets);
		if (!plan.ok) throw new Error(plan.problems[0]?.message);
		const read = await peer.unpackApplicationAndAssetBundle(buffer(writePlannedBundle(plan.value)));
		expect(read.application.name).toBe('app.bin');
		expect(equalBytes(read.application.data, plan.value.application.module.bytes)).toBe(true);
		expect(read.assets.map((a) => a.name)).toEqual(assets.map((a) => a.name));
		const info = await new peer.HalModuleParser().parseBuffer({ fileBuffer: read.application.data });
		expect(info.crc.ok).toBe(true);
		for (const [i, asset] of read.assets.entries()) {
			expect(equalBytes(asset.data, assets[i]!.bytes)).toBe(true);
			expect(peer.isAssetValid(asset.data, info.assets![i]!)).toBe(true);
		}
	});

	test('that the other tool made is read, is good, and its application is the one that linac would make', async () => {
		const app = assetApplication(name);
		const bundle = await peer.createApplicationAndAssetBundle({ name: 'app.bin', data: buffer(app) }, theirs);
		const read = readBundle('b.zip', new Uint8Array(bundle));
		expect(read.problems).toEqual([]);
		const plan = planBundle({ name: 'app.bin', bytes: app }, assets);
		if (!read.ok || !plan.ok) throw new Error('a bundle and a plan');
		expect(read.value.assets).toEqual(assets);
		expect(equalBytes(read.value.application.module.bytes, plan.value.application.module.bytes)).toBe(true);
		// What is told as its size is what the other tool sends, within what the two compressors differ.
		for (const asset of plan.value.assets) {
			const sent = (await peer.createAssetModule(buffer(asset.bytes), asset.name)).length;
			expect(Math.abs(sent - asset.moduleSize)).toBeLessThanOrEqual(Math.ceil(sent * 0.03));
		}
	});
});

test('environment variables that the other tool bundled are found, and their asset is one of those asked for', async () => {
	const bundle = await peer.createApplicationAndAssetBundle({ name: 'app.bin', data: buffer(assetApplication('boron')) }, [], {
		FOO: 'bar',
	});
	const read = readBundle('b.zip', new Uint8Array(bundle));
	expect(read.problems).toEqual([]);
	expect(read.ok && JSON.parse(new TextDecoder().decode(read.value.env?.bytes))).toEqual({ FOO: 'bar' });
});

test('stores are those of the device constants; a single asset is bounded by what the firmware can receive, where that is less', () => {
	let compared = 0;
	for (const platform of platforms) {
		const store = assetStore(platform);
		const given = constants.platformsById[platform.id]?.assets;
		expect(store !== undefined, platform.name).toBe(given !== undefined);
		if (!store || !given) continue;
		compared++;
		expect(store.blocks).toBe(given.storageTotalBlocks);
		expect(store.usable).toBe(given.blockSize * (given.storageTotalBlocks - given.reservedBlocks));
		for (const size of [1, 4088, 4089, 100_000])
			expect(store.takes(size)).toBe(Math.ceil(size / (given.blockSize - given.assetPerBlockOverhead)) * given.blockSize);
		expect(store.largest).toBeLessThanOrEqual(given.maxSingleAssetSize);
	}
	expect(compared).toBe(9);
	expect([assetStore('boron')!.largest, assetStore('tracker')!.largest, assetStore('p2')!.largest]).toEqual([
		606_208, 1_536_000, 1_114_112,
	]);
});
