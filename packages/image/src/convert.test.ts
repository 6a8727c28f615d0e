import { concatBytes } from '@linac/core';
import { MemoryImage } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realModule } from '../../../tests/support/real-firmware.js';
import { realImage, value } from '../../../tests/support/release-files.js';
import { filesToImage, type ImageReading, imageToFiles, imageToFlat, openImage, readImage, selectRange } from './index.js';

const digests = nodeDigests;
const imageOf = (parts: Iterable<{ start: number; bytes: Uint8Array }>) => value(MemoryImage.from(parts));
const read = (image: MemoryImage): ImageReading => readImage(image, { digests });
const codes = (verdict: { problems: { code: string }[] }) => verdict.problems.map((p) => p.code);
const boron = realImage('boron', '4.0.1');

describe('an image as plain bytes', () => {
	test('the gaps are filled, the base address is that of the first byte, and opening it again gives the same parts', () => {
		const { base, bytes, filler } = value(imageToFlat(realImage('photon', '2.3.1').image));
		expect(base).toBe(0x0800_0000);
		expect(filler).toBe(bytes.length - realImage('photon', '2.3.1').image.size);
		// It begins with a module, which says where it stands.
		const { reading } = value(openImage('photon.bin', bytes, { digests }));
		expect(reading.parts.filter((p) => p.kind === 'module').map((p) => p.name)).toEqual(
			realImage('photon', '2.3.1').parts.map((p) => p.name),
		);
	});

	test('flash and registers of a Boron are too far apart for one file; the range that is meant has to be named', () => {
		const whole = imageToFlat(boron.image);
		expect(codes(whole)).toEqual(['IMAGE_TOO_SPARSE']);
		expect(whole.ok || whole.problems[0]!.message).toContain('0x00000000 to 0x000FFC54');
		const flat = value(imageToFlat(boron.image, { range: { start: 0, end: 0x100000 } }));
		expect(flat).toMatchObject({ base: 0 });
		expect(flat.bytes.length).toBe(0x100000);
		expect(flat.bytes[0xfffff]).toBe(0xff);
	});

	test('what lies outside of 32-bit addresses or of the image is refused', () => {
		expect(codes(selectRange(boron.image, { start: 5, end: 5 }))).toEqual(['RANGE_INVALID']);
		expect(codes(selectRange(boron.image, { start: 0, end: 2 ** 33 }))).toEqual(['RANGE_INVALID']);
		expect(codes(selectRange(boron.image, { start: 0x2000_0000, end: 0x2000_1000 }))).toEqual(['RANGE_EMPTY']);
		expect(codes(imageToFlat(imageOf([])))).toEqual(['IMAGE_EMPTY']);
	});

	test('a file of plain bytes that says nothing about its address needs one', () => {
		const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31 + 128) & 0xff);
		expect(codes(openImage('noise.bin', noise, { digests }))).toEqual(['BASE_NEEDED']);
		expect(value(openImage('noise.bin', noise, { digests, base: 0x1000 })).reading.parts[0]!.start).toBe(0x1000);
		expect(codes(openImage('noise.bin', noise, { digests, base: 0xffff_ffff }))).toEqual(['BASE_INVALID']);
	});

	test('for any pieces and any range: every byte is the one of the image, or filler', () => {
		const pieces = fc.uniqueArray(
			fc.record({ start: fc.integer({ min: 0, max: 400 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }) }),
			{
				minLength: 1,
				maxLength: 5,
				selector: (p) => p.start,
			},
		);
		fc.assert(
			fc.property(
				pieces,
				fc.integer({ min: 0, max: 400 }),
				fc.integer({ min: 1, max: 200 }),
				fc.integer({ min: 0, max: 255 }),
				(parts, start, length, fill) => {
					const made = MemoryImage.from(parts);
					fc.pre(made.ok);
					const image = value(made);
					const range = { start, end: start + length };
					const flat = imageToFlat(image, { range, fill });
					if (!flat.ok) {
						expect(codes(flat)).toEqual(['RANGE_EMPTY']);
						return;
					}
					expect(flat.value.bytes).toHaveLength(length);
					let filler = 0;
					for (const [i, byte] of flat.value.bytes.entries()) {
						const there = image.read(start + i, 1)?.[0];
						if (there === undefined) filler++;
						expect(byte).toBe(there ?? fill);
					}
					expect(flat.value.filler).toBe(filler);
				},
			),
			{ numRuns: 300 },
		);
	});
});

describe('an image as a folder of files, and back', () => {
	test.each([
		['boron', '4.0.1'],
		['esomx', '4.0.1'],
		['photon', '2.3.1'],
		['electron', '1.5.2'],
	])('%s %s: every module is a file of its own, and together they are the same image', (platform, version) => {
		const { image, parts } = realImage(platform, version);
		const files = value(imageToFiles(read(image)));
		const again = value(filesToImage(files, digests));
		expect(again.segments).toEqual(image.segments);
		const modules = parts.filter((p) => p.kind === 'module');
		expect(files.filter((f) => f.name.endsWith('.bin')).map((f) => f.name)).toEqual(
			modules.map((p) => `${platform}-${p.name}@${p.version}.bin`).sort(),
		);
	});

	test('a SoftDevice keeps its address in a hex file, as its header is not in an image', () => {
		const files = value(imageToFiles(read(boron.image)));
		const softDevice = files.find((f) => f.name === 'boron-softdevice@202.hex')!;
		expect(softDevice.note).toContain('cannot be had back');
	});

	test('published module files become an image with each at its address, a SoftDevice without its header', () => {
		const names = ['boron-bootloader@4.0.1.bin', 'boron-softdevice@4.0.1.bin', 'boron-system-part1@4.0.1.bin'];
		const image = value(
			filesToImage(
				names.map((name) => ({ name, bytes: realModule(name) })),
				digests,
			),
		);
		const reading = read(image);
		expect(reading.parts.map((p) => [p.name, p.state])).toEqual([
			['softdevice', 'sound'],
			['system-part1', 'sound'],
			['bootloader', 'sound'],
		]);
	});

	test('two files for one place, a damaged one, and no firmware are refused with the name of the file', () => {
		const system = realModule('boron-system-part1@4.0.1.bin');
		const files = (list: [string, Uint8Array][]) =>
			filesToImage(
				list.map(([name, bytes]) => ({ name, bytes })),
				digests,
			);
		const twice = files([
			['a.bin', system],
			['b.bin', system],
		]);
		expect(twice.problems[0]).toMatchObject({ code: 'FILES_OVERLAP', file: 'b.bin' });
		const damaged = system.slice();
		damaged[5000]! ^= 1;
		expect(files([['a.bin', damaged]]).problems[0]).toMatchObject({ code: 'CRC_MISMATCH', file: 'a.bin' });
		expect(files([['page.bin', new TextEncoder().encode('<!DOCTYPE html><html>')]]).problems[0]).toMatchObject({
			code: 'HTML_PAGE',
			file: 'page.bin',
		});
		expect(codes(files([]))).toEqual(['IMAGE_EMPTY']);
	});

	test('nothing but blank bytes makes no files', () => {
		const blank = imageOf([{ start: 0, bytes: new Uint8Array(1000).fill(0xff) }]);
		expect(codes(imageToFiles(read(blank)))).toEqual(['IMAGE_EMPTY']);
		const some = imageToFiles(
			read(imageOf([{ start: 0, bytes: concatBytes([new Uint8Array(1000).fill(0xff), Uint8Array.of(1)]) }])),
		);
		expect(codes(some)).toEqual(['BLANK_LEFT_OUT']);
	});
});
