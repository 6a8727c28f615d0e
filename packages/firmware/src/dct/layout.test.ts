import { createHash } from 'node:crypto';
import { equalBytes } from '@linac/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DctLayout, dctSectorFormat, dctSettings } from './layout.js';
import { DCT_SECTOR_SIZE as SIZE } from './sector-format.js';

const layouts: DctLayout[] = ['wiced', 'dcd'];
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function settings(layout: DctLayout, ...values: [offset: number, ...bytes: number[]][]): Uint8Array {
	const out = new Uint8Array(dctSectorFormat(layout).capacity).fill(0xff);
	for (const [offset, ...bytes] of values) out.set(bytes, offset);
	return out;
}

const claim: [number, ...number[]] = [1762, ...new Array<number>(63).fill(0x41)];

test('a Photon sector is byte for byte what Device OS 1.5.0 ... 2.3.1 made of the same writes', () => {
	// Hashes of the sectors that the real system parts wrote, run in an emulator on a blank flash: claim code, then antenna selection.
	const { build } = dctSectorFormat('wiced');
	const blank = build(settings('wiced'));
	const first = build(settings('wiced', claim), blank);
	expect(sha(first)).toBe('3b7147dede2da50ee74a62787815b4f82ef3c2a6de702c641a7554cf87fa1c52');
	expect(sha(build(settings('wiced', claim, [2976, 1]), first))).toBe(
		'f3a651d79739041df6c4a0d718716c26b08e1eb2f1b7a02845303e081c056dc8',
	);
});

test('an Electron sector is byte for byte what dcd.h made of the same writes', () => {
	// Hashes of what services/inc/dcd.h (the same file in 1.4.4 ... 3.3.1), compiled for the host, wrote on top of our first sector.
	const format = dctSectorFormat('dcd');
	const hashes = [
		'e567e0dd9ab36c9d4380db683cb6ccd1872797d96634c1151ce60ac405638005',
		'1dad44ddfd138864ea7df3bb550a667064d06190d1f597fef6b5bd8b203f4459',
		'c2a51056dbc3289cb8975f15a2a83c39e097bed0c0965c1aa931de171dd9c0fd',
	];
	let sector = format.build(settings('dcd', claim));
	for (const [i, hash] of hashes.entries()) {
		sector = format.build(settings('dcd', claim, [1753, 0xa0 + i]), sector);
		expect(sha(sector)).toBe(hash);
	}
});

/** Flash only clears bits: false if a bit would have to be set. */
function program(sector: Uint8Array, offset: number, bytes: Uint8Array): boolean {
	for (let i = 0; i < bytes.length; i++) {
		if ((sector[offset + i]! & bytes[i]!) !== bytes[i]) return false;
		sector[offset + i] = bytes[i]!;
	}
	return true;
}

describe.each(layouts)('%s', (layout) => {
	const format = dctSectorFormat(layout);
	const blank = new Uint8Array(SIZE).fill(0xff);

	test('two blank sectors hold no table', () => {
		expect(format.current(blank, blank)).toBeUndefined();
	});

	test('a table in either sector is found, with its checksum right', () => {
		const sector = format.build(settings(layout, [100, 1, 2, 3]));
		expect(format.current(sector, blank)).toMatchObject({ sector: 0, checksum: 'right' });
		expect(format.current(blank, sector)).toMatchObject({ sector: 1, checksum: 'right' });
		expect(dctSettings(layout, sector).subarray(100, 103)).toEqual(Uint8Array.of(1, 2, 3));
	});

	test('one wrong bit of the settings makes the checksum wrong', () => {
		const sector = format.build(settings(layout, [100, 1, 2, 3]));
		sector[format.dataOffset + 5000]! ^= 0x10;
		expect(format.current(sector, blank)).toMatchObject({ sector: 0, checksum: 'wrong' });
	});

	test('power lost at any byte of any number of writes leaves the settings of before or of after', () => {
		const values = fc.array(fc.tuple(fc.nat(8000), fc.uint8Array({ minLength: 1, maxLength: 40 })), {
			minLength: 1,
			maxLength: 9,
		});
		// A lost write may be cut anywhere, and most often in the last steps, where the new table becomes the one that counts.
		const cuts = fc.oneof(fc.nat(SIZE), fc.integer({ min: SIZE - 60, max: SIZE + 20 }));
		fc.assert(
			fc.property(values, cuts, (writes, cut) => {
				const flash: [Uint8Array, Uint8Array] = [format.build(settings(layout)), new Uint8Array(SIZE).fill(0xff)];
				let table = settings(layout);
				for (const [n, [offset, bytes]] of writes.entries()) {
					const current = format.current(...flash)!;
					const old = flash[current.sector];
					if (current.checksum !== 'right' || !equalBytes(dctSettings(layout, old), table)) return false;
					const after = table.slice();
					after.set(bytes, offset);
					const next = flash[current.sector === 0 ? 1 : 0]!;
					next.fill(0xff);
					const last = n === writes.length - 1;
					let left = last ? cut : Number.POSITIVE_INFINITY;
					for (const step of format.writes(format.build(after, old), true)) {
						if (!program(step.sector === 'new' ? next : old, step.offset, step.bytes.subarray(0, left))) return false;
						left = Math.max(0, left - step.bytes.length);
					}
					if (last) {
						const found = dctSettings(layout, flash[format.current(...flash)!.sector]);
						return equalBytes(found, table) || equalBytes(found, after);
					}
					table = after;
				}
				return true;
			}),
			{ numRuns: 150 },
		);
	});

	test('of two tables the one written last counts, however often they have taken turns', () => {
		const pair: [Uint8Array, Uint8Array] = [format.build(settings(layout)), blank.slice()];
		for (let i = 1; i <= 600; i++) {
			const current = format.current(...pair)!.sector;
			const next = format.build(settings(layout, [0, i & 0xff, i >> 8]), pair[current]);
			for (const step of format.writes(next, true)) if (step.sector === 'old') pair[current].set(step.bytes, step.offset);
			pair[current === 0 ? 1 : 0] = next;
			const found = pair[format.current(...pair)!.sector];
			expect(dctSettings(layout, found).subarray(0, 2)).toEqual(Uint8Array.of(i & 0xff, i >> 8));
		}
	});
});

test('a sector without the version block of SDK 3.7.0 is read, and gives way to one that has it', () => {
	const format = dctSectorFormat('wiced');
	const old = format.build(settings('wiced', [0, 1]));
	old.fill(0xff, SIZE - 16);
	const blank = new Uint8Array(SIZE).fill(0xff);
	expect(format.current(old, blank)).toEqual({ sector: 0, checksum: 'unchecked', generation: 0 });
	expect(format.current(old, format.build(settings('wiced', [0, 2])))).toMatchObject({ sector: 1 });
});

test('an Electron sector written by firmware before 0.7.0 is read without a checksum', () => {
	const format = dctSectorFormat('dcd');
	const first = format.build(settings('dcd', [0, 7]));
	first[9]! ^= 1;
	const cleared = format.build(settings('dcd'));
	cleared.fill(0, 4, 8);
	expect(format.current(first, cleared)).toMatchObject({ sector: 0, checksum: 'wrong' });
});
