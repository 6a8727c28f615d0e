import { MemoryImage } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realImage, value } from '../../../../tests/support/release-files.js';
import { classicHex, diffImages, openImage, readImage } from '../index.js';

const digests = nodeDigests;
const read = (parts: Iterable<{ start: number; bytes: Uint8Array }>) => readImage(value(MemoryImage.from(parts)), { digests });
const boron = realImage('boron', '4.0.1');

describe('two images compared', () => {
	test('the order of pieces and of records makes no difference: only memory counts', () => {
		const a = read(boron.parts);
		const b = read([...boron.parts].reverse());
		const diff = diffImages(a, b);
		expect(diff).toMatchObject({ identical: true, sameOnBlankChip: true });
		expect(diff.parts.every((p) => p.kind === 'same')).toBe(true);
		expect(diff.bytes).toEqual({ same: boron.image.size, different: 0, onlyA: 0, onlyB: 0 });
	});

	test("from a published image to linac's own, the four stray bytes are all that differs", () => {
		const published = value(openImage('published.hex', new TextEncoder().encode(value(classicHex(boron))), { digests })).reading;
		const diff = diffImages(published, read(boron.parts));
		expect(diff.memory.filter((r) => r.kind !== 'same')).toEqual([
			{ start: 0x26598, end: 0x2659c, kind: 'only-a', a: ['stray'], b: [], blank: false },
		]);
		expect(diff.identical).toBe(false);
	});

	test('from one release to another, modules are told by name and version', () => {
		const diff = diffImages(read(realImage('boron', '2.2.0').parts), read(boron.parts));
		expect(diff.parts.map((p) => [p.name, p.kind, p.a?.version, p.b?.version])).toEqual([
			['mbr', 'same', undefined, undefined],
			['softdevice', 'same', 202, 202],
			['system-part1', 'version', 2202, 4005],
			['user-part2', 'only-b', undefined, 6],
			['guard', 'only-b', undefined, undefined],
			['user-part', 'only-a', 5, undefined],
			['bootloader', 'version', 1006, 1101],
			['uicr', 'same', undefined, undefined],
		]);
	});

	test('a register that differs is named with both values', () => {
		const diff = diffImages(read(boron.parts), read(realImage('boron', '4.0.1', { nfcPins: 'gpio' }).parts));
		expect(diff.parts.find((p) => p.name === 'uicr')).toMatchObject({
			kind: 'content',
			registers: [{ name: 'NFCPINS', b: 0xfffffffe }],
		});
		expect(diff.parts.find((p) => p.name === 'uicr')!.registers![0]).not.toHaveProperty('a');
	});

	test('what only one of the two writes as 0xFF is the same on an erased chip, and is a difference nevertheless', () => {
		const diff = diffImages(read(boron.parts), read(boron.parts.filter((p) => p.kind !== 'guard')));
		expect(diff).toMatchObject({ identical: false, sameOnBlankChip: true });
	});

	test('for any bytes: the ranges cover all memory once, and count what differs', () => {
		const pieces = fc.uniqueArray(
			fc.record({ start: fc.integer({ min: 0, max: 60 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }) }),
			{
				maxLength: 4,
				selector: (p) => p.start,
			},
		);
		fc.assert(
			fc.property(pieces, pieces, (a, b) => {
				const imageA = MemoryImage.from(a);
				const imageB = MemoryImage.from(b);
				fc.pre(imageA.ok && imageB.ok);
				const diff = diffImages(readImage(value(imageA), { digests }), readImage(value(imageB), { digests }));
				const at = (image: MemoryImage, where: number) => image.read(where, 1)?.[0];
				const count = { same: 0, different: 0, onlyA: 0, onlyB: 0 };
				for (let where = 0; where < 100; where++) {
					const [inA, inB] = [at(value(imageA), where), at(value(imageB), where)];
					const ranges = diff.memory.filter((r) => r.start <= where && where < r.end);
					expect(ranges).toHaveLength(inA === undefined && inB === undefined ? 0 : 1);
					if (inA === undefined && inB === undefined) continue;
					if (inB === undefined) count.onlyA++;
					else if (inA === undefined) count.onlyB++;
					else if (inA === inB) count.same++;
					else count.different++;
				}
				expect(diff.bytes).toEqual(count);
				expect(diff.identical).toBe(count.different + count.onlyA + count.onlyB === 0);
			}),
			{ numRuns: 300 },
		);
	});
});
