import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalBytes, u16le, u32le } from '@linac/core';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { hasTool } from '../../../tests/support/debian-tools.js';
import { realModule } from '../../../tests/support/real-firmware.js';
import { readZip, type WriteZipOptions, writeZip } from './index.js';

const forms: [string, WriteZipOptions][] = [
	['deflated', { method: 'deflate' }],
	['stored', { method: 'stored' }],
	['stored with data descriptors', { method: 'stored', dataDescriptors: true }],
	['deflated with data descriptors', { method: 'deflate', dataDescriptors: true }],
];
const files = [
	{ name: 'boron-bootloader.bin', bytes: realModule('boron-bootloader@4.0.1.bin') },
	{ name: 'assets/Katze-ä.txt', bytes: new TextEncoder().encode('miau '.repeat(1000)) },
	{ name: 'assets/空.bin', bytes: new Uint8Array(0) },
	{ name: 'one', bytes: Uint8Array.of(1) },
];

describe.each(forms)('a zip that is %s', (_form, options) => {
	const zip = writeZip(files, options);

	test('is read back by our reader and by fflate', () => {
		const listed = readZip(zip, { file: 'x.zip' });
		expect(listed.ok && listed.value.map((e) => e.name)).toEqual(files.map((f) => f.name));
		if (listed.ok) {
			for (const [i, entry] of listed.value.entries()) expect(entry.read()).toMatchObject({ ok: true, value: files[i]!.bytes });
		}
		const theirs = unzipSync(zip);
		expect(Object.keys(theirs)).toEqual(files.map((f) => f.name));
		for (const { name, bytes } of files) expect(equalBytes(theirs[name]!, bytes)).toBe(true);
	});

	test.skipIf(!hasTool('unzip'))('passes the test of Info-ZIP without a complaint', () => {
		const folder = mkdtempSync(join(tmpdir(), 'linac-zip-'));
		try {
			writeFileSync(join(folder, 'x.zip'), zip);
			const said = execFileSync('unzip', ['-t', join(folder, 'x.zip')], { encoding: 'utf8' });
			expect(said).toContain('No errors detected');
			const bytes = execFileSync('unzip', ['-p', join(folder, 'x.zip'), files[0]!.name]);
			expect(equalBytes(bytes, files[0]!.bytes)).toBe(true);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	test.skipIf(!hasTool('python3'))('is read by Python with the same names, sizes and time stamp', () => {
		const script =
			'import io,json,sys,zipfile\nz=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\nassert z.testzip() is None\n' +
			'print(json.dumps([[i.filename,i.file_size,i.date_time,i.extra.decode(),i.external_attr] for i in z.infolist()]))';
		const said = execFileSync('python3', ['-c', script], { input: zip, encoding: 'utf8' });
		expect(JSON.parse(said)).toEqual(files.map((f) => [f.name, f.bytes.length, [1980, 1, 1, 0, 0, 0], '', 0]));
	});
});

test('a time zone, and a second run, change nothing', () => {
	const before = process.env.TZ;
	try {
		const [a, b, c] = ['Pacific/Kiritimati', 'America/Anchorage', 'UTC'].map((zone) => {
			process.env.TZ = zone;
			return writeZip(files, { method: 'deflate' });
		});
		expect(equalBytes(a!, b!) && equalBytes(b!, c!)).toBe(true);
	} finally {
		if (before === undefined) delete process.env.TZ;
		else process.env.TZ = before;
	}
});

test('stored entries with data descriptors have the structure that streaming writers leave', () => {
	const bytes = Uint8Array.of(1, 2, 3, 4, 5);
	const zip = writeZip([{ name: 'a.bin', bytes }], { method: 'stored', dataDescriptors: true });
	// Local header: flag 0x08, method 0, CRC and sizes zero.
	expect([u32le(zip, 0), u16le(zip, 6), u16le(zip, 8), u32le(zip, 14), u32le(zip, 18), u32le(zip, 22)]).toEqual([
		0x04034b50, 8, 0, 0, 0, 0,
	]);
	const descriptor = 30 + 5 + 5;
	expect([u32le(zip, descriptor), u32le(zip, descriptor + 8), u32le(zip, descriptor + 12)]).toEqual([0x08074b50, 5, 5]);
	// The directory has them all the same.
	const central = descriptor + 16;
	expect([u32le(zip, central), u16le(zip, central + 8), u32le(zip, central + 20), u32le(zip, central + 24)]).toEqual([
		0x02014b50, 8, 5, 5,
	]);
	expect(u32le(zip, central + 16)).toBe(u32le(zip, descriptor + 4));
});

test('what does not get smaller is stored, so that no archive is larger than its files for it', () => {
	const noise = realModule('boron-bootloader@4.0.1.bin').slice(0, 3);
	const zip = writeZip([{ name: 'n', bytes: noise }], { method: 'deflate' });
	expect(u16le(zip, 8)).toBe(0);
	expect(zip.length).toBe(30 + 1 + 3 + 46 + 1 + 22);
});

test('any entries in any form are read back as they were', () => {
	fc.assert(
		fc.property(
			fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-zä-ü0-9]{1,9}(\/[a-z]{1,5}\.bin)?$/), fc.uint8Array({ maxLength: 300 })), {
				selector: ([name]) => name,
				maxLength: 6,
			}),
			fc.constantFrom(...forms.map(([, o]) => o)),
			(entries, options) => {
				const given = entries.map(([name, bytes]) => ({ name, bytes }));
				const listed = readZip(writeZip(given, options));
				expect(listed.ok).toBe(true);
				if (!listed.ok) return;
				const back = listed.value.map((e) => {
					const data = e.read();
					return { name: e.name, bytes: data.ok ? data.value : undefined };
				});
				expect(back).toEqual(given);
			},
		),
		{ numRuns: 200 },
	);
});

test.each(['../a', '/a', 'a/../b', 'a\\b', '', './a'])('an entry cannot be called "%s"', (name) => {
	expect(() => writeZip([{ name, bytes: new Uint8Array(0) }], { method: 'stored' })).toThrow('Bug in linac');
});
