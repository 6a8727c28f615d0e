import { equalBytes, portableDigests, seededRandom, toHex } from '@linac/core';
import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { realTinker } from '../../../tests/support/real-firmware.js';
import {
	createModule,
	inspectInput,
	isBystander,
	parseModule,
	readBundle,
	rebuildModule,
	signModule,
	whyNoAssetName,
	withAssets,
	withoutAssets,
	writeBundle,
} from './index.js';

const assets = [
	{ name: 'dog.bin', bytes: strToU8('woof '.repeat(200)) },
	{ name: 'cat.txt', bytes: strToU8('meow') },
];

function application(platform: string, list = assets): Uint8Array {
	const module = parseModule(realTinker(platform, '3.51.0'));
	if (!module.ok) throw new Error('a real application');
	const needed = list.map((a) => ({ name: a.name, sha256: portableDigests.sha256(a.bytes) }));
	const made = withAssets(module.value, needed, { form: platform === 'p2' ? 'prefix' : 'suffix' });
	if (!made.ok) throw new Error(made.problems[0]?.message);
	return made.value;
}

function codes(zip: Uint8Array) {
	const read = readBundle('b.zip', zip);
	return read.problems.map((p) => [p.code, p.severity]);
}

test.each(['boron', 'p2'])('a bundle for %s is read back as it was written, and nothing is wrong with it', (platform) => {
	const zip = writeBundle({ name: 'folder/app.bin', bytes: application(platform) }, assets);
	const read = readBundle('b.zip', zip);
	expect(read.problems).toEqual([]);
	if (!read.ok) return;
	expect(read.value.application.name).toBe('app.bin');
	expect(equalBytes(read.value.application.module.bytes, application(platform))).toBe(true);
	expect(read.value.assets).toEqual([assets[1], assets[0]]);
	const input = inspectInput('b.zip', zip);
	expect(input.ok && [input.value.kind, input.value.assets.map((a) => a.required)]).toEqual(['asset-bundle', [true, true]]);
});

test('the order in which assets are given makes no difference to a byte', () => {
	const app = { name: 'app.bin', bytes: application('boron') };
	expect(equalBytes(writeBundle(app, assets), writeBundle(app, [...assets].reverse()))).toBe(true);
});

test('an application whose file is called otherwise gets a name that readers know', () => {
	const named = (name: string) => {
		const read = readBundle('b.zip', writeBundle({ name, bytes: application('boron') }, assets));
		return read.ok && read.value.application.name;
	};
	expect(['firmware.BIN', 'C:\\build\\app.bin', 'app', '.bin'].map(named)).toEqual([
		'firmware.bin',
		'app.bin',
		'app.bin',
		'application.bin',
	]);
});

test('every way in which a bundle can be wrong has its own code', () => {
	const good = { 'app.bin': application('boron'), 'assets/cat.txt': assets[1]!.bytes, 'assets/dog.bin': assets[0]!.bytes };
	expect(codes(zipSync(good))).toEqual([]);
	const { 'assets/cat.txt': _cat, ...missing } = good;
	expect(codes(zipSync(missing))).toEqual([['ASSET_MISSING', 'error']]);
	expect(codes(zipSync({ ...good, 'assets/cat.txt': strToU8('hiss') }))).toEqual([['ASSET_HASH_MISMATCH', 'error']]);
	expect(codes(zipSync({ ...good, 'assets/more': strToU8('x') }))).toEqual([['ASSET_NOT_NEEDED', 'error']]);
	expect(codes(zipSync({ ...good, 'assets/deep/more': strToU8('x') }))).toEqual([['BUNDLE_ENTRY_UNKNOWN', 'warning']]);
	expect(codes(zipSync({ ...good, 'readme.txt': strToU8('x') }))).toEqual([['BUNDLE_ENTRY_UNKNOWN', 'warning']]);
	const damaged = application('boron').slice();
	damaged[3000]! ^= 1;
	expect(codes(zipSync({ ...good, 'app.bin': damaged }))).toContainEqual(['CRC_MISMATCH', 'error']);
	expect(codes(zipSync({ ...good, 'other.bin': damaged }))).toEqual([['BUNDLE_INVALID', 'error']]);
	expect(codes(zipSync({ 'assets/cat.txt': strToU8('x') }))).toEqual([['BUNDLE_INVALID', 'error']]);
	expect(codes(zipSync({ ...good, 'app.bin': strToU8('<!DOCTYPE html>') }))).toEqual([['HTML_PAGE', 'error']]);
	expect(codes(application('boron'))).toEqual([['BUNDLE_INVALID', 'error']]);
	const bad = 'a\tb';
	const list = [{ name: bad, bytes: strToU8('x') }];
	expect(codes(zipSync({ 'app.bin': application('boron', list), [`assets/${bad}`]: strToU8('x') }))).toEqual([
		['ASSET_NAME_INVALID', 'error'],
	]);
	expect(codes(writeBundle({ name: 'a', bytes: application('boron') }, assets).subarray(0, 900))).toEqual([
		['ZIP_CORRUPT', 'error'],
	]);
});

test('a P2 application that another tool bundled twice is named as such: its devices would never see the assets', () => {
	const module = parseModule(application('p2'));
	if (!module.ok) throw new Error('a real application');
	const { prefixExtensions } = module.value;
	const twice = rebuildModule(module.value, { prefixExtensions: [prefixExtensions.at(-1)!, ...prefixExtensions] });
	const read = readBundle('b.zip', zipSync({ 'app.bin': twice, 'assets/cat.txt': assets[1]!.bytes }));
	expect(read.problems.map((p) => p.code)).toEqual(['ASSET_NOT_NEEDED', 'ASSET_DEPENDENCIES_HIDDEN']);
});

test.each(['env.json', 'env/env-vars.json'])('environment variables in %s are found, and are no fault', (name) => {
	const env = { name: 'env', bytes: Uint8Array.of(10, 0) };
	const text = strToU8('{ "FOO": "bar" }');
	const zip = zipSync({ 'app.bin': application('boron', [env]), 'assets/env': env.bytes, [name]: text });
	const read = readBundle('b.zip', zip);
	expect(read.ok && read.value.env).toEqual({ name, bytes: text });
	expect(read.problems).toEqual([]);
	const input = inspectInput('b.zip', zip);
	expect(input.ok && input.value.others.map((o) => [o.problem.code, o.problem.severity])).toEqual([
		['ENVIRONMENT_VARIABLES', 'info'],
	]);
});

test('names that a device cannot store are refused before anything is written, the longest possible one is not', () => {
	expect(whyNoAssetName('x'.repeat(255))).toBeUndefined();
	expect(whyNoAssetName('ä'.repeat(127))).toBeUndefined();
	for (const name of ['', 'x'.repeat(256), 'ä'.repeat(128), 'a/b', 'a\\b', '..', 'env', 'a\n', '\ud800'])
		expect(whyNoAssetName(name), toHex(strToU8(name))).toBeDefined();
	expect(whyNoAssetName('Umgebung (env).json')).toBeUndefined();
});

test('what operating systems and editors leave in folders is no asset', () => {
	expect(['.DS_Store', 'Thumbs.db', 'desktop.ini', '__MACOSX', '.hidden'].every(isBystander)).toBe(true);
	expect(['thumbs.png', 'a.ini', 'DS_Store'].some(isBystander)).toBe(false);
});

test('5,000 damaged applications, half of them with a right CRC, never make anything throw', () => {
	const random = seededRandom(5);
	const make = (form: 'prefix' | 'suffix') => {
		const common = { platformId: 32, function: 5, index: 1, version: 6, body: new Uint8Array(64) };
		const module = parseModule(
			createModule(form === 'prefix' ? { ...common, end: 0x085ffffc, suffix: 'dynamic' } : { ...common, start: 0xb4000 }),
		);
		if (!module.ok) throw new Error('a module');
		const made = withAssets(module.value, [{ name: 'cat', sha256: new Uint8Array(32) }], { form });
		if (!made.ok) throw new Error('an application');
		return made.value;
	};
	const originals = [make('prefix'), make('suffix')] as const;
	for (let i = 0; i < 5000; i++) {
		const bytes = mutate(originals[i % 2]!, originals[(i + 1) % 2]!, random);
		if (random.int(2) === 0 && bytes.length > 64) signModule(bytes);
		const read = readBundle('b.zip', zipSync({ 'app.bin': bytes, 'assets/cat': bytes }, { level: 0 }));
		if (read.ok) withoutAssets(read.value.application.module);
		else expect(read.problems.length).toBeGreaterThan(0);
	}
});
