import { writeIntelHexBytes, writeZip } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { describe, expect, it } from 'vitest';
import { bundleFile, someAssets } from '../../../../tests/support/asset-bundles.js';
import { realModule } from '../../../../tests/support/real-firmware.js';
import { applicationFor, realImage, realRelease } from '../../../../tests/support/release-files.js';
import { restoreZip } from '../restore-zip.js';
import { compareFiles, type FileComparison } from './compare-files.js';

/** Also checks what is true of every comparison: it is plain JSON. */
function compare(a: Uint8Array, b: Uint8Array, names: [string, string] = ['a', 'b']): FileComparison {
	const found = compareFiles({ file: names[0], bytes: a }, { file: names[1], bytes: b }, nodeDigests);
	expect(JSON.parse(JSON.stringify(found))).toEqual(found);
	return found;
}

const zipOf = (version: string) => restoreZip(realRelease('boron', version), applicationFor('boron', version)).zip;

describe('two modules', () => {
	it('are compared field by field', () => {
		const found = compare(realModule('boron-bootloader@2.2.0.bin'), realModule('boron-bootloader@4.0.1.bin'));
		expect(found.module?.fields.find((f) => f.name === 'prefix.version')).toMatchObject({
			same: false,
			a: { value: '1006' },
			b: { value: '1101' },
		});
		expect(found.summary).toContain('prefix.version');
		expect(found.identical).toBe(false);
	});

	it('may be the same', () => {
		const bytes = realModule('boron-bootloader@4.0.1.bin');
		expect(compare(bytes, bytes.slice())).toMatchObject({ identical: true, summary: 'They are the same module, byte for byte.' });
	});
});

describe('two images', () => {
	it('are compared by part and by memory', () => {
		const [a, b] = ['2.2.0', '4.0.1'].map((v) => writeIntelHexBytes(realImage('boron', v).image));
		const found = compare(a!, b!, ['a.hex', 'b.hex']);
		const rows = Object.fromEntries(found.image!.partRows.map((r) => [r.what, r]));
		expect(rows.bootloader).toMatchObject({ a: '1006', b: '1101', words: 'other version' });
		expect(rows.mbr).toMatchObject({ same: true });
		expect(found.image!.rangeRows.length).toBe(found.image!.memory.length);
	});

	it('are compared when one of them is a plain module that says where it stands', () => {
		const hex = writeIntelHexBytes(realImage('boron', '4.0.1').image);
		const found = compare(hex, realModule('boron-bootloader@4.0.1.bin'), ['a.hex', 'b.bin']);
		expect(found.image?.partRows.find((r) => r.what === 'bootloader')).toMatchObject({ same: true });
	});
});

describe('two archives', () => {
	it('are compared member by member: the same, and another version with the fields that differ', () => {
		const found = compare(zipOf('2.2.0'), zipOf('4.0.1'));
		const of = (name: string) => found.members?.find((m) => m.a?.name === name);
		expect(of('softdevice.bin')?.kind).toBe('same');
		expect(of('bootloader.bin')).toMatchObject({
			kind: 'version',
			a: { module: 'bootloader 1006' },
			b: { module: 'bootloader 1101' },
		});
		expect(of('bootloader.bin')?.fields?.map((f) => f.name)).toContain('prefix.version');
	});

	it('find a module again under another name', () => {
		const bytes = realModule('boron-bootloader@4.0.1.bin');
		const found = compare(zipOfFiles([{ name: 'a.bin', bytes }]), zipOfFiles([{ name: 'folder/b.bin', bytes }]));
		expect(found.members).toEqual([expect.objectContaining({ kind: 'renamed' })]);
		expect(found.summary).toBe('Everything in them is the same.');
	});

	it('that are bundles show the asset that changed, and the one that only one has', () => {
		const other = [...someAssets.filter((a) => a.name !== 'song.wav'), { name: 'new.txt', bytes: new Uint8Array(5) }].map((a) =>
			a.name === 'cat.txt' ? { ...a, bytes: new Uint8Array(9) } : a,
		);
		const found = compare(bundleFile('boron'), bundleFile('boron', other));
		const kinds = Object.fromEntries(found.members!.map((m) => [(m.a ?? m.b)?.name, m.kind]));
		expect(kinds).toMatchObject({ 'assets/cat.txt': 'content', 'assets/song.wav': 'only-a', 'assets/new.txt': 'only-b' });
		expect(kinds['assets/leer-ä']).toBe('same');
	});
});

it('an image and an archive have their modules compared', () => {
	const hex = writeIntelHexBytes(realImage('boron', '4.0.1').image);
	const found = compare(hex, zipOf('4.0.1'), ['boron.hex', 'boron.zip']);
	const same = found.members?.filter((m) => m.kind === 'same' || m.kind === 'renamed').map((m) => m.a?.module);
	expect(same).toEqual(expect.arrayContaining(['bootloader 1101', 'system-part1 4005']));
});

it('a module and a file that is no firmware are only compared by their bytes', () => {
	const found = compare(realModule('boron-bootloader@4.0.1.bin'), new TextEncoder().encode('hello'));
	expect(found.summary).toBe('Their bytes differ. The second is not firmware, so there is nothing else to compare.');
});

/** As any zip tool makes it. */
function zipOfFiles(files: { name: string; bytes: Uint8Array }[]): Uint8Array {
	return writeZip(files, { method: 'stored' });
}
