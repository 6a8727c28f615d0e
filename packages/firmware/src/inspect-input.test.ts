import { concatBytes, equalBytes, portableDigests, putU32le, seededRandom } from '@linac/core';
import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import {
	assetDependencyExtension,
	compressModule,
	inputSummary,
	inspectInput,
	joinModules,
	type ParsedModule,
	parseModule,
	readZip,
	rebuildModule,
	toInspectJson,
	writeIntelHex,
} from './index.js';

const platforms = new Map([
	[6, 'photon'],
	[13, 'boron'],
]);
const softDevice = () => realModule('boron-softdevice@2.2.0.bin');
const system = () => realModule('boron-system-part1@2.2.0.bin');
const bootloader = () => realModule('boron-bootloader@2.2.0.bin');

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

function opened(name: string, bytes: Uint8Array) {
	const verdict = inspectInput(name, bytes, { platforms });
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

test('the JSON of a module has exactly the keys and values that scripts rely on', () => {
	const input = opened('fw/boron-system-part1.bin', system());
	expect(toInspectJson(input.modules[0]!.module, input.modules[0]!.file, { platforms })).toEqual({
		file: 'fw/boron-system-part1.bin',
		platformId: 13,
		platform: 'boron',
		function: 4,
		functionName: 'system-part',
		index: 1,
		version: 2202,
		start: 0x30000,
		end: 0x30000 + 499160 - 4,
		flags: 0,
		dependencies: [
			{ function: 2, index: 0, version: 1005 },
			{ function: 8, index: 0, version: 202 },
		],
		size: 499160,
		productId: null,
		productVersion: null,
		crcOk: true,
		shaOk: true,
		problems: [],
	});
});

test('a zip lists its modules under the names of their entries, and says why the rest are none', () => {
	const zip = zipSync({
		'softdevice.bin': [softDevice(), { level: 0 }],
		'system-part1.bin': system(),
		'sub/': new Uint8Array(0),
		'sub/error.bin': strToU8('<!DOCTYPE html><title>404</title>'),
		'boron.json': strToU8('{}'),
		'inner.zip': zipSync({ 'a.bin': bootloader() }),
	});
	const input = opened('boron.zip', zip);
	expect(input.kind).toBe('zip');
	expect(input.modules.map((m) => [m.file, m.module.prefix.function, m.module.sound])).toEqual([
		['boron.zip/softdevice.bin', 8, true],
		['boron.zip/system-part1.bin', 4, true],
	]);
	expect(input.others.map((o) => [o.file, o.problem.code])).toEqual([
		['boron.zip/sub/error.bin', 'HTML_PAGE'],
		['boron.zip/boron.json', 'JSON_TEXT'],
		['boron.zip/inner.zip', 'ZIP_IN_ZIP'],
	]);
	expect(inputSummary(input)).toBe('boron.zip: 2 modules (radio-stack 202, system-part1 2202)');
});

test('content decides, not the name: a module called .zip and a zip called .bin are opened as what they are', () => {
	expect(opened('module.zip', bootloader()).kind).toBe('module');
	expect(opened('archive.bin', zipSync({ x: bootloader() })).modules[0]?.file).toBe('archive.bin/x');
});

test('a bundle is an application with its assets, each compared with what the application asks for', () => {
	const cat = strToU8('meow');
	const application = rebuildModule(parsed(realTinker('boron')), {
		suffixExtensions: [
			assetDependencyExtension('cat.txt', portableDigests.sha256(cat)),
			assetDependencyExtension('dog.txt', portableDigests.sha256(strToU8('woof'))),
			assetDependencyExtension('cow.txt', portableDigests.sha256(strToU8('moo'))),
			{ type: 'end', padding: new Uint8Array(0) },
		],
	});
	const input = opened('b.zip', zipSync({ 'app.bin': application, 'assets/cat.txt': cat, 'assets/dog.txt': strToU8('hiss') }));
	expect(input.kind).toBe('asset-bundle');
	expect(input.modules.map((m) => m.file)).toEqual(['b.zip/app.bin']);
	expect(input.assets.map((a) => [a.name, a.required])).toEqual([
		['cat.txt', true],
		['dog.txt', false],
	]);
	expect(input.problems.map((p) => [p.code, p.file])).toEqual([
		['ASSET_HASH_MISMATCH', 'b.zip/assets/dog.txt'],
		['ASSET_MISSING', 'b.zip'],
	]);
});

test('several modules in one file are listed with their offsets', () => {
	const file = joinModules([parsed(system()), parsed(bootloader())]);
	const input = opened('all.bin', file);
	expect(input.modules.map((m) => [m.file, m.problems.length])).toEqual([
		['all.bin@0', 0],
		['all.bin@499160', 0],
	]);
	const cut = opened('all.bin', file.subarray(0, 499160));
	expect(cut.problems).toMatchObject([{ code: 'COMBINED_UNFINISHED', severity: 'error' }]);
});

test('an Intel HEX restore image lists the modules in it, and names the pieces that are none', () => {
	const uicr = new Uint8Array(4096).fill(0xff);
	putU32le(uicr, 0x14, 0xf4000);
	const text = writeIntelHex([
		{ start: 0x10001000, bytes: uicr },
		{ start: 0, bytes: concatBytes([new Uint8Array(4096).fill(0xff), softDevice().subarray(24, -40)]) },
		{ start: 0x30000, bytes: system() },
		{ start: 0xf4000, bytes: bootloader() },
		{ start: 0xd4000, bytes: new Uint8Array(1024).fill(0xff) },
	]);
	const input = opened('boron.hex', strToU8(text));
	expect(input.kind).toBe('intel-hex');
	expect(input.modules.map((m) => [m.file, m.module.sound])).toEqual([
		['boron.hex@0x00030000', true],
		['boron.hex@0x000F4000', true],
	]);
	expect(input.others.map((o) => [o.file, o.problem.code])).toEqual([
		['boron.hex@0x00000000', 'REGION_SOFTDEVICE'],
		['boron.hex@0x000D4000', 'REGION_BLANK'],
		['boron.hex@0x10001000', 'REGION_UICR'],
	]);
});

test('an error page instead of a hex file is called a web page, also when somebody has made hex of it', () => {
	const page = strToU8('<!DOCTYPE html>\n<html><head><title>Page not found</title></head></html>');
	expect(inspectInput('tracker.hex', page).problems).toMatchObject([{ code: 'HTML_PAGE', file: 'tracker.hex' }]);
	// As published for 6.0.0: the page's text as data, at an address made of four of its letters.
	const asHex = strToU8(writeIntelHex([{ start: 0x69722d70, bytes: page }]));
	const codes = inspectInput('tracker.hex', asHex).problems.map((p) => p.code);
	expect(codes).toEqual(['HEX_WITHOUT_MODULES', 'HTML_PAGE']);
});

test('an image of hundreds of stray pieces is described in a bounded number of lines', () => {
	const pieces = Array.from({ length: 500 }, (_, i) => ({ start: i * 16, bytes: Uint8Array.of(1, 2, 3) }));
	const { problems } = inspectInput('x.hex', strToU8(writeIntelHex(pieces)));
	expect(problems.length).toBe(102);
	expect(problems.at(-1)?.message).toContain('400 more pieces');
});

test('a compressed module with a damaged inside is reported although its CRC is right', () => {
	const module = parsed(compressModule(parsed(realTinker('boron'))));
	const body = module.bytes.slice(module.bodyStart, module.bodyEnd);
	body[100]! ^= 0x55;
	const input = opened('app.bin', rebuildModule(module, { body }));
	expect(input.modules[0]!.module.crc.ok).toBe(true);
	expect(input.modules[0]!.problems.some((p) => p.severity === 'error')).toBe(true);
});

test('a zip that is cut short at any place, or has one changed byte in its data, is refused as damaged', () => {
	const zip = zipSync({ 'a.bin': realTinker('photon'), 'b.bin': [realTinker('p1'), { level: 0 }] });
	for (let length = 4; length < zip.length; length += 7) {
		expect(inspectInput('a.zip', zip.subarray(0, length)).problems[0], `${length}`).toMatchObject({ code: 'ZIP_CORRUPT' });
	}
	for (let at = 64; at < zip.length - 300; at += 13) {
		const changed = zip.slice();
		changed[at]! ^= 0x10;
		const verdict = inspectInput('a.zip', changed);
		if (verdict.ok) {
			// A byte that says nothing (a time, a name in the local header): then the modules must be the right ones.
			expect(
				verdict.value.modules.map((m) => equalBytes(m.module.bytes, realTinker(m.file.endsWith('a.bin') ? 'photon' : 'p1'))),
			).toEqual([true, true]);
		} else expect(verdict.problems[0]).toMatchObject({ code: expect.stringMatching(/^ZIP_(CORRUPT|UNSUPPORTED)$/) });
	}
});

test('a zip that would unpack to gigabytes is refused before anything is unpacked', () => {
	const zip = zipSync({ 'a.bin': new Uint8Array(1000) });
	const directory = zip.length - 22 - 46 - 'a.bin'.length;
	putU32le(zip, directory + 24, 0x7fffffff);
	expect(inspectInput('bomb.zip', zip).problems).toMatchObject([{ code: 'ZIP_TOO_LARGE' }]);
	// One that lies about its size is left as soon as more comes out.
	const bomb = zipSync({ 'a.bin': new Uint8Array(1 << 22) }, { level: 9 });
	putU32le(bomb, bomb.length - 22 - 46 - 'a.bin'.length + 24, 1000);
	expect(inspectInput('bomb.zip', bomb).problems).toMatchObject([{ code: 'ZIP_CORRUPT' }]);
	expect(readZip(bomb, { mostEntries: 0 }).problems).toMatchObject([{ code: 'ZIP_TOO_LARGE' }]);
});

test('an archive without a module is refused with the reason for every entry', () => {
	const verdict = inspectInput(
		'docs.zip',
		zipSync({ 'readme.txt': strToU8('Hello, this is text.'), 'empty.bin': new Uint8Array(0) }),
	);
	expect(verdict.ok).toBe(false);
	expect(verdict.problems.map((p) => p.code)).toEqual(['ZIP_WITHOUT_MODULES', 'TEXT_FILE', 'FILE_EMPTY']);
});

test('20,000 random mutations of zips, images and combined files never throw', () => {
	const random = seededRandom(4);
	const photon = realTinker('photon');
	const electron = realTinker('electron');
	const originals = [
		zipSync({ 'app.bin': photon, 'assets/x.txt': strToU8('x'.repeat(200)) }),
		strToU8(
			writeIntelHex([
				{ start: 0x080a0000, bytes: photon.subarray(0, 1200) },
				{ start: 0, bytes: electron.subarray(0, 300) },
			]),
		),
		joinModules([parsed(photon), parsed(electron)]),
		compressModule(parsed(photon)),
	];
	for (let i = 0; i < 20_000; i++) {
		const original = originals[i % originals.length]!;
		const verdict = inspectInput('x', mutate(original, originals[(i + 1) % originals.length]!, random));
		expect(verdict.ok ? verdict.value.modules.length : verdict.problems.length).toBeGreaterThan(0);
	}
});
