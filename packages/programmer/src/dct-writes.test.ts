import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK, blocksOf, type DctChange } from './dct-writes.js';

/** Fields of a table: one behind the other with gaps, and some of them changed. */
const tables = fc
	.array(fc.record({ gap: fc.nat(40), size: fc.integer({ min: 1, max: 3000 }), changed: fc.boolean() }), { maxLength: 20 })
	.map((fields) => {
		let at = 0;
		return fields.flatMap(({ gap, size, changed }, i): DctChange[] => {
			at += gap;
			const offset = at;
			at += size;
			return changed ? [{ name: `f${i}`, storage: 'dct', offset, bytes: new Uint8Array(size).fill(i + 1) }] : [];
		});
	});

test('every change is written exactly once, nothing else is, and no field that fits into one block is cut', () => {
	fc.assert(
		fc.property(tables, (changes) => {
			const blocks = blocksOf([...changes].reverse());
			const seen = new Map<number, number>();
			for (const { offset, bytes } of blocks) {
				expect(bytes.length).toBeLessThanOrEqual(BLOCK);
				for (const [i, b] of bytes.entries()) {
					if (seen.has(offset + i)) throw new Error(`${offset + i} is written twice`);
					seen.set(offset + i, b);
				}
			}
			expect(seen.size).toBe(changes.reduce((sum, c) => sum + c.bytes.length, 0));
			for (const { name, offset, bytes } of changes) {
				expect(seen.get(offset)).toBe(bytes[0]);
				expect(blocks.filter((b) => b.names.includes(name))).toHaveLength(1);
			}
		}),
	);
});

test('a field longer than a block is written in blocks, and fields without a gap share one', () => {
	const change = (offset: number, size: number): DctChange => ({
		name: `${offset}`,
		storage: 'dct',
		offset,
		bytes: new Uint8Array(size),
	});
	expect(blocksOf([change(3823, 4296)]).map((b) => [b.offset, b.bytes.length])).toEqual([
		[3823, 4096],
		[7919, 200],
	]);
	expect(blocksOf([change(34, 1216), change(1250, 384), change(1700, 10)]).map((b) => b.names)).toEqual([
		['34', '1250'],
		['1700'],
	]);
});
