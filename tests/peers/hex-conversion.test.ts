/** Conversions of images against Debian's `srecord`: its hex reader takes what linac writes, and makes the same plain bytes of it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryImage, writeIntelHex } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { classicHex, imageToFlat, openImage } from '@linac/image';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../scenarios/cli-harness.js';
import { trackerWithGuardOverApplication, trackerWithNcpAtZero } from '../support/broken-images.js';
import { hasTool } from '../support/debian-tools.js';
import { realImage, value } from '../support/release-files.js';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const path = (name: string) => join(folder.path, name);
const digests = nodeDigests;
const hex = (n: number) => `0x${n.toString(16)}`;

/** What `srec_cat` makes of a hex file in a range: filled with `fill`, and moved to address 0. */
function srecBinary(file: string, start: number, end: number, fill: number): Uint8Array {
	execFileSync('srec_cat', [
		file,
		'-Intel',
		'-crop',
		hex(start),
		hex(end),
		'-fill',
		hex(fill),
		hex(start),
		hex(end),
		'-offset',
		`-${hex(start)}`,
		'-o',
		path('srec.bin'),
		'-Binary',
	]);
	return new Uint8Array(readFileSync(path('srec.bin')));
}

function srecReads(file: string): boolean {
	try {
		execFileSync('srec_cat', [file, '-Intel', '-o', path('read.bin'), '-Intel'], { stdio: ['ignore', 'pipe', 'pipe'] });
		return true;
	} catch {
		return false;
	}
}

describe.skipIf(!hasTool('srec_cat'))('srecord and linac', () => {
	test.each([
		['boron', '4.0.1', 0, 0x100000],
		['esomx', '4.0.1', 0, 0x100000],
		['photon', '2.3.1', 0x0800_0000, 0x0810_0000],
		['electron', '1.5.2', 0x0800_0000, 0x0810_0000],
		['boron', '4.0.1', 0x1000_1000, 0x1000_2000],
	])('%s %s: the plain bytes of a range are the same as those of srec_cat', (platform, version, start, end) => {
		const { image } = realImage(platform, version);
		writeFileSync(path('image.hex'), writeIntelHex(image));
		const ours = value(imageToFlat(image, { range: { start, end } })).bytes;
		expect(Buffer.compare(ours, srecBinary(path('image.hex'), start, end, 0xff))).toBe(0);
	});

	test('any pieces, with any filler', () => {
		const pieces = fc.uniqueArray(
			fc.record({ start: fc.integer({ min: 0, max: 0x30000 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
			{ minLength: 1, maxLength: 6, selector: (p) => p.start },
		);
		fc.assert(
			fc.property(pieces, fc.integer({ min: 0, max: 255 }), (parts, fill) => {
				const made = MemoryImage.from(parts);
				fc.pre(made.ok);
				const image = value(made);
				writeFileSync(path('any.hex'), writeIntelHex(image));
				const { base, bytes } = value(imageToFlat(image, { fill }));
				expect(Buffer.compare(bytes, srecBinary(path('any.hex'), base, base + bytes.length, fill))).toBe(0);
			}),
			{ numRuns: 25 },
		);
	});

	test('what linac calls an overlap with different bytes, srecord refuses, too; what linac reads, it reads', () => {
		const files = {
			'guard.hex': trackerWithGuardOverApplication(),
			'ncp.hex': trackerWithNcpAtZero(),
			'classic.hex': new TextEncoder().encode(value(classicHex(realImage('boron', '4.0.1')))),
		};
		for (const [name, bytes] of Object.entries(files)) {
			writeFileSync(path(name), bytes);
			const { reading } = value(openImage(name, bytes, { digests }));
			expect([name, srecReads(path(name))]).toEqual([name, reading.overlaps.length === 0]);
		}
	});
});
