import { asPlatform } from '@linac/catalog';
import { concatBytes, seededRandom } from '@linac/core';
import { createAssetModule, joinModules, parseModule, readBundle, writeIntelHexBytes, writeZip } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { describe, expect, it } from 'vitest';
import { bundleFile, someAssets } from '../../../../tests/support/asset-bundles.js';
import { trackerWithNcpAtZero, trackerWithoutRadio, webPageAsImage } from '../../../../tests/support/broken-images.js';
import { mutate } from '../../../../tests/support/mutate.js';
import { realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import { applicationFor, realImage, realRelease, value } from '../../../../tests/support/release-files.js';
import { restoreZip } from '../restore-zip.js';
import type { FileFinding } from './finding.js';
import { type InspectFileOptions, inspectFile } from './inspect-file.js';

/** Also checks what is true of every finding: it is plain JSON. */
function look(bytes: Uint8Array, file = 'file.bin', options: InspectFileOptions = {}): FileFinding {
	const finding = inspectFile(file, bytes, { digests: nodeDigests, ...options });
	expect(JSON.parse(JSON.stringify(finding))).toEqual(finding);
	return finding;
}

const codes = (finding: FileFinding) => finding.problems.map((p) => p.code);
const text = (s: string) => new TextEncoder().encode(s);

describe('a module', () => {
	it('is told with its board, its release, what it needs and what it runs on', () => {
		const found = look(realModule('boron-system-part1@4.0.1.bin'));
		expect(found).toMatchObject({ kind: 'module', state: 'sound', problems: [] });
		expect(found.headline).toBe('A part of Device OS: system-part1 4005 for the Boron, Device OS 4.0.1.');
		expect(found.modules[0]).toMatchObject({
			name: 'system-part1',
			version: 4005,
			needs: [{ text: 'bootloader 1101 or newer' }, { text: 'softdevice 202 or newer' }],
			runsOn: { partOf: ['4.0.1'] },
		});
		const application = look(realTinker('b5som'));
		expect(application.headline).toBe('An application (user-part 6) for the B5xx SoM.');
		expect(application.modules[0]?.needs).toEqual([{ text: 'system-part1 1502 or newer' }]);
		expect(application.modules[0]?.runsOn.text).toBe('On the B5xx SoM with Device OS 1.5.2 to 6.2.1.');
	});

	it('is damaged when one bit of it was changed', () => {
		const bytes = realModule('photon-system-part1@2.2.0.bin').slice();
		bytes[70_000]! ^= 4;
		const found = look(bytes);
		expect(found).toMatchObject({ state: 'damaged', verdict: expect.stringContaining('do not use it') });
		expect(codes(found)[0]).toBe('CRC_MISMATCH');
		expect(found.modules[0]?.sound).toBe(false);
	});

	it('is no firmware when it was cut short, and the problem says how much is missing', () => {
		const found = look(realModule('boron-bootloader@4.0.1.bin').subarray(0, 40_000));
		expect(found).toMatchObject({ kind: 'none', state: 'not-firmware', modules: [] });
		expect(codes(found)).toEqual(['MODULE_TRUNCATED']);
	});

	it('may be an asset, as a device gets it', () => {
		const found = look(createAssetModule('cat.txt', text('meow '.repeat(900)), nodeDigests));
		expect(found.headline).toContain('An asset, "cat.txt"');
		expect(found.modules[0]?.runsOn.boards.map((b) => b.name)).toEqual(expect.arrayContaining(['boron', 'p2']));
	});

	it('may stand in one file with others', () => {
		const modules = ['boron-bootloader@4.0.1.bin', 'boron-system-part1@4.0.1.bin'].map((n) => value(parseModule(realModule(n))));
		const found = look(joinModules(modules, nodeDigests));
		expect(found).toMatchObject({ kind: 'modules', state: 'sound' });
		expect(found.modules.map((m) => m.name)).toEqual(['bootloader', 'system-part1']);
	});
});

describe('what is no firmware', () => {
	it.each([
		['a web page', text('<!DOCTYPE html><html><body>404</body></html>'), 'HTML_PAGE'],
		['text', text('hello there, this is no firmware'), 'TEXT_FILE'],
		['nothing', new Uint8Array(0), 'FILE_EMPTY'],
		['an archive without a module', zipOfFiles([{ name: 'readme.txt', bytes: text('hello') }]), 'ZIP_WITHOUT_MODULES'],
		['a damaged archive', bundleFile('boron').subarray(0, 9000), 'ZIP_CORRUPT'],
		['a hex file with a wrong checksum', text(':020000040003F8\n:00000001FF\n'), 'HEX_CHECKSUM'],
	])('is told as what it is: %s', (_, bytes, code) => {
		const found = look(bytes);
		expect(found.state).toBe('not-firmware');
		expect(codes(found)).toContain(code);
	});

	it('never throws, whatever was done to a file', () => {
		const random = seededRandom(5);
		const originals = [
			realModule('boron-bootloader@4.0.1.bin'),
			bundleFile('boron'),
			writeIntelHexBytes(realImage('photon', '2.2.0').image).subarray(0, 200_000),
		];
		for (let i = 0; i < 60; i++) look(mutate(originals[i % 3]!, originals[(i + 1) % 3]!, random), 'mutated');
	});
});

describe('an image', () => {
	it('is told part by part, with what a blank board would do with it', () => {
		const found = look(writeIntelHexBytes(realImage('photon', '2.3.1').image), 'photon.hex');
		expect(found).toMatchObject({ kind: 'image', state: 'sound' });
		expect(found.headline).toBe('A memory image for the Photon, Device OS 2.3.1 (Intel HEX).');
		expect(found.image?.blankBoard).toMatchObject({ ok: true, headline: 'A blank Photon starts with it, into its application.' });
		expect(found.image?.parts.map((p) => p.name)).toEqual(['bootloader', 'system-part1', 'system-part2', 'user-part']);
		expect(found.modules.map((m) => m.file)).toContain('photon.hex@0x08000000');
	});

	it('has a verdict of its own beside that: a sound file may not be enough for a blank board', () => {
		const parts = realImage('photon', '2.3.1').parts.filter((p) => p.name !== 'bootloader');
		const found = look(writeIntelHexBytes(parts), 'without.hex');
		expect(found.state).toBe('sound');
		expect(found.image?.blankBoard).toMatchObject({ ok: false, missing: ['bootloader'] });
	});

	it('is damaged where it is one of the published ones that are', () => {
		const overlapping = look(trackerWithNcpAtZero(), 'tracker.hex');
		expect(overlapping.state).toBe('damaged');
		expect(codes(overlapping)).toContain('IMAGE_OVERLAP');
		expect(overlapping.image?.overlaps.length).toBeGreaterThan(0);
		expect(codes(look(webPageAsImage(), 'page.hex'))).toContain('HTML_PAGE');
		expect(look(trackerWithoutRadio(), 'tracker.hex').image?.blankBoard.missing).toEqual(
			expect.arrayContaining(['mbr', 'softdevice']),
		);
	});

	it('of plain bytes asks where they stand, and is read once that is said', () => {
		const noise = seededRandom(3).bytes(9000);
		const asked = look(noise, 'dump.bin');
		expect(codes(asked)).toEqual(expect.arrayContaining(['NO_MODULE_HEADER', 'BASE_NEEDED']));
		const read = look(noise, 'dump.bin', { base: 0x0802_0000, platform: asPlatform('photon') });
		expect(read).toMatchObject({ kind: 'image', state: 'unproven', image: { kind: 'binary', platform: { name: 'photon' } } });
		expect(read.image?.parts[0]?.start).toBe(0x0802_0000);
	});

	it('of plain bytes is known by what it begins with: a dump of a Photon has more behind its bootloader', () => {
		const parts = realImage('photon', '2.3.1').parts;
		const [bootloader, system] = ['bootloader', 'system-part1'].map((name) => parts.find((p) => p.name === name)!);
		const gap = new Uint8Array(system!.start - bootloader!.end).fill(0xff);
		const found = look(concatBytes([bootloader!.bytes, gap, system!.bytes]), 'dump.bin');
		expect(found).toMatchObject({ kind: 'image', image: { platform: { name: 'photon' } } });
		expect(found.modules.map((m) => m.name)).toEqual(['bootloader', 'system-part1']);
	});
});

describe('an archive', () => {
	const zip = () => restoreZip(realRelease('boron', '4.0.1'), applicationFor('boron', '4.0.1')).zip;

	it('with all modules of a release is that release, complete', () => {
		const found = look(zip(), 'boron.zip');
		expect(found).toMatchObject({ kind: 'zip', state: 'sound', release: { version: '4.0.1', complete: true } });
		expect(found.headline).toBe('A zip archive with Device OS 4.0.1 for the Boron: 4 modules.');
		expect(found.members?.map((m) => m.what)).toEqual([
			'softdevice 202',
			'system-part1 4005',
			'bootloader 1101',
			expect.any(String),
		]);
	});

	it('without one of them is a part of it, and what is missing is named', () => {
		const names = ['boron-bootloader@4.0.1.bin', 'boron-system-part1@4.0.1.bin'];
		const found = look(zipOfFiles(names.map((name) => ({ name, bytes: realModule(name) }))), 'part.zip');
		expect(found.release?.complete).toBe(false);
		expect(found.release?.problems.map((p) => p.message).join()).toContain('softdevice');
		expect(found.headline).toContain('a part of Device OS 4.0.1');
	});

	it('with a damaged module among sound ones says which', () => {
		const damaged = realModule('boron-bootloader@4.0.1.bin').slice();
		damaged[9000]! ^= 1;
		const files = [
			{ name: 'good.bin', bytes: realModule('boron-system-part1@4.0.1.bin') },
			{ name: 'bad.bin', bytes: damaged },
		];
		const found = look(zipOfFiles(files), 'mixed.zip');
		expect(found.state).toBe('damaged');
		expect(found.members?.map((m) => [m.name, m.sound])).toEqual([
			['good.bin', true],
			['bad.bin', false],
		]);
		expect(found.problems[0]?.file).toBe('mixed.zip/bad.bin');
	});

	it('that is an asset bundle is told with its assets and the room that they take', () => {
		const found = look(bundleFile('boron'), 'bundle.zip');
		expect(found).toMatchObject({ kind: 'asset-bundle', state: 'sound' });
		expect(found.bundle?.assets.map((a) => [a.name, a.right])).toEqual(someAssets.map((a) => [a.name, true]));
		expect(found.bundle?.stores.every((s) => s.free > 0 && s.used > 0)).toBe(true);
	});

	it('that is a bundle with another asset than the application asks for is damaged', () => {
		const other = someAssets.map((a) => (a.name === 'cat.txt' ? { ...a, bytes: text('woof') } : a));
		const good = look(bundleFile('boron'), 'good.zip');
		expect(good.modules[0]?.assets.map((a) => a.name)).toEqual(someAssets.map((a) => a.name));
		const application = restOf(bundleFile('boron'));
		const files = [{ name: 'app.bin', bytes: application }, ...other.map((a) => ({ name: `assets/${a.name}`, bytes: a.bytes }))];
		const found = look(zipOfFiles(files), 'bundle.zip');
		expect(found.state).toBe('damaged');
		expect(codes(found).filter((c) => c === 'ASSET_HASH_MISMATCH')).toHaveLength(1);
		expect(found.bundle?.assets.filter((a) => !a.right).map((a) => a.name)).toEqual(['cat.txt']);
	});
});

/** The application of a bundle, as a file. */
function restOf(bundle: Uint8Array): Uint8Array {
	const read = value(readBundle('bundle.zip', bundle, { digests: nodeDigests }));
	return read.application.module.bytes;
}

/** As any zip tool makes it. */
function zipOfFiles(files: { name: string; bytes: Uint8Array }[]): Uint8Array {
	return writeZip(files, { method: 'stored' });
}
