import { assetStore, platforms } from '@linac/catalog';
import { equalBytes, portableDigests, seededRandom } from '@linac/core';
import { createAssetModule, parseModule, readBundle, requiredAssets, withAssets } from '@linac/firmware';
import { describe, expect, test } from 'vitest';
import { assetApplication, realAssetApplication } from '../../../../tests/support/asset-applications.js';
import { realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import { type BundlePlan, parseProjectProperties, planBundle, writePlannedBundle } from '../index.js';

const text = (s: string) => new TextEncoder().encode(s);
const noise = (size: number) => seededRandom(size).bytes(size);
const cat = { name: 'cat.txt', bytes: text('meow '.repeat(5000)) };

function planned(bytes: Uint8Array, assets = [cat]): { plan: BundlePlan; codes: string[] } {
	const verdict = planBundle({ name: 'app.bin', bytes }, assets);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return { plan: verdict.value, codes: verdict.problems.map((p) => p.code) };
}

function refusal(bytes: Uint8Array, assets = [cat]): string[] {
	const verdict = planBundle({ name: 'app.bin', bytes }, assets);
	expect(verdict.ok).toBe(false);
	return verdict.problems.map((p) => p.code);
}

const withStore = ['argon', 'boron', 'bsom', 'b5som', 'esomx', 'tracker', 'trackerm', 'p2', 'msom'];

test('exactly the platforms of generation 3 and 4 that Device OS 5.5.0 was made for keep assets, and only since then', () => {
	expect(
		platforms
			.filter((p) => assetStore(p))
			.map((p) => p.name)
			.sort(),
	).toEqual([...withStore].sort());
	for (const name of withStore) expect(assetStore(name, 5410), name).toBeUndefined();
});

describe.each(withStore)('for %s', (name) => {
	test('a bundle is planned, written and read back, and its application asks for what is in it', () => {
		const { plan, codes } = planned(assetApplication(name));
		expect([plan.fits, codes]).toEqual([true, []]);
		const read = readBundle('b.zip', writePlannedBundle(plan));
		expect(read.problems).toEqual([]);
		if (!read.ok) return;
		expect(read.value.assets).toEqual([cat]);
		expect(requiredAssets(read.value.application.module).map((a) => a.name)).toEqual(['cat.txt']);
		expect(plan.assets[0]!.moduleSize).toBe(createAssetModule(cat.name, cat.bytes).length);
	});

	test('the store is that of every release from the one that the application needs', () => {
		const versions = (needs: number) =>
			planned(assetApplication(name, { needs })).plan.stores.flatMap((s) => s.releases.map((r) => r.version));
		expect(versions(5501)[0]).toBe('5.5.0');
		expect(versions(5800)[0]).toBe('5.8.0');
		expect(versions(5501)).toContain('6.2.1');
		// Newer than any that is known.
		expect(planned(assetApplication(name, { needs: 60000 })).plan.stores).toMatchObject([{ releases: [], platform: name }]);
	});
});

// One of each size of store.
describe.each(['boron', 'tracker', 'msom'])('the store of %s', (name) => {
	test('takes what fills its last block, and nothing more', () => {
		const store = assetStore(name)!;
		const perAsset = 100 * 4096;
		const size = perAsset - 100 * 8 - 500;
		const assets = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `${i}`, bytes: noise(size + i) }));
		const count = Math.floor(store.usable / perAsset);
		const left = (store.usable - count * perAsset) / 4096;
		const small = (n: number) => Array.from({ length: n }, (_, i) => ({ name: `s${i}`, bytes: text(`${i}`) }));
		const full = planned(assetApplication(name), [...assets(count), ...small(left)]);
		expect([full.plan.fits, full.plan.stores[0]!.free, full.codes]).toEqual([true, 0, ['BUNDLE_NEARLY_FULL']]);
		const more = planned(assetApplication(name), [...assets(count), ...small(left + 1)]);
		expect([more.plan.fits, more.plan.stores[0]!.free, more.codes]).toEqual([false, -4096, ['BUNDLE_TOO_LARGE']]);
		expect(() => writePlannedBundle(more.plan)).toThrow('Bug in linac');
	});

	test('takes no single asset that the device could not receive, though there is room for it', () => {
		const store = assetStore(name)!;
		const { plan, codes } = planned(assetApplication(name), [{ name: 'large', bytes: noise(store.largest) }]);
		expect(plan.fits).toBe(false);
		expect(codes).toContain('ASSET_TOO_LARGE');
		const less = planned(assetApplication(name), [{ name: 'large', bytes: noise(store.largest - 2000) }]);
		expect(less.codes).toContain('BUNDLE_NEARLY_FULL');
		expect(less.plan.fits).toBe(true);
	});
});

test('published applications can be bundled, with the real numbers of their store', () => {
	const { plan } = planned(realAssetApplication('trackerm'));
	expect(plan.application.needsSystem).toBe(5800);
	expect(plan.stores[0]).toMatchObject({ used: 4096, free: 278 * 4096 - 4096 });
	expect(plan.stores[0]!.releases[0]!.version).toBe('5.8.0');
});

test('the order of the assets makes no difference to a byte of the bundle', () => {
	const dog = { name: 'Dog.bin', bytes: noise(1000) };
	const one = writePlannedBundle(planned(assetApplication('p2'), [cat, dog]).plan);
	expect(equalBytes(one, writePlannedBundle(planned(assetApplication('p2'), [dog, cat]).plan))).toBe(true);
});

test('an application that had assets asks for the new ones only, and the old names are told', () => {
	const module = parseModule(assetApplication('boron'));
	if (!module.ok) throw new Error('a module');
	const old = withAssets(module.value, [{ name: 'old', sha256: portableDigests.sha256(text('x')) }], { form: 'suffix' });
	if (!old.ok) throw new Error('an application with assets');
	const again = planned(old.value);
	expect([again.plan.replaced, again.codes, again.plan.fits]).toEqual([['old'], ['BUNDLE_ASSETS_REPLACED'], true]);
	expect(equalBytes(writePlannedBundle(again.plan), writePlannedBundle(planned(assetApplication('boron')).plan))).toBe(true);
});

test('an application that would leave its slot with the list of its assets is refused', () => {
	const room = 256 * 1024 - 24 - 40 - 4;
	expect(planned(assetApplication('boron', { size: room - 100 })).plan.fits).toBe(true);
	const { plan, codes } = planned(assetApplication('boron', { size: room - 10 }));
	expect([plan.fits, codes]).toEqual([false, ['APPLICATION_TOO_LARGE']]);
});

test.each<[string, () => Uint8Array, string[]]>([
	['built for an older Device OS', () => realTinker('p2', '3.51.0'), ['BUNDLE_SYSTEM_TOO_OLD']],
	['for a board without a store', () => realTinker('photon'), ['BUNDLE_NO_STORE']],
	['for a board that has left the stage', () => realTinker('xenon', '3.51.0'), ['BUNDLE_NO_STORE']],
	['no application', () => realModule('boron-system-part1@4.0.1.bin'), ['NOT_AN_APPLICATION']],
	['a web page', () => text('<!DOCTYPE html><p>404'), ['HTML_PAGE']],
	['a bundle already', () => writePlannedBundle(planned(assetApplication('boron')).plan), ['BUNDLE_OF_BUNDLE']],
	['damaged', () => Uint8Array.from(assetApplication('boron'), (b, i) => (i === 999 ? b ^ 4 : b)), ['CRC_MISMATCH']],
])('a file that is %s is refused with its own code', (_what, make, codes) => {
	expect(refusal(make()).filter((c) => c !== 'SHA_MISMATCH')).toEqual(codes);
});

test('names that cannot be, and no assets at all, are refused before anything is measured', () => {
	const app = assetApplication('boron');
	expect(refusal(app, [])).toEqual(['BUNDLE_WITHOUT_ASSETS']);
	expect(refusal(app, [{ name: 'env', bytes: text('x') }])).toEqual(['ASSET_NAME_INVALID']);
	expect(refusal(app, [cat, cat])).toEqual(['ASSET_NAME_TWICE']);
	expect(
		refusal(app, [
			{ name: 'a/b', bytes: text('x') },
			{ name: 'x'.repeat(256), bytes: text('') },
		]),
	).toEqual(['ASSET_NAME_INVALID', 'ASSET_NAME_INVALID']);
});

test.each<[string, string, string | undefined]>([
	['as the documentation has it', 'name=demo\nassetOtaDir=assets\n', 'assets'],
	['with Windows line ends and spaces', 'name = demo\r\n  assetOtaDir =  my assets \r\n', 'my assets'],
	['with a colon', 'assetOtaDir: a/b', 'a/b'],
	['with a byte order mark', '\uFEFFassetOtaDir=assets', 'assets'],
	['commented out', '#assetOtaDir=no\n! assetOtaDir=no\n', undefined],
	['empty', 'assetOtaDir=\nname=x', undefined],
	['twice: the last counts', 'assetOtaDir=a\nassetOtaDir=b', 'b'],
	['with an escaped character', 'assetOtaDir=Tr\\u00e4ume\\ x', 'Träume x'],
	['continued in the next line', 'assetOtaDir=as\\\n   sets', 'assets'],
	['with a key that only looks like it', 'assetOtaDirectory=x\nmy.assetOtaDir=y', undefined],
])('assetOtaDir is read from a project.properties %s', (_how, source, folder) => {
	expect(parseProjectProperties(source).assetOtaDir).toBe(folder);
});
