import { concatBytes } from '@linac/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { realModule } from '../../../tests/support/real-firmware.js';
import { MemoryImage } from './index.js';

const of = (...values: number[]) => Uint8Array.from(values);

test('pieces added in any order give the same image as pieces given at once', () => {
	fc.assert(
		fc.property(
			fc.array(fc.record({ start: fc.nat(60), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) }), { maxLength: 12 }),
			(list) => {
				const image = new MemoryImage();
				const model = new Map<number, number>();
				for (const { start, bytes } of list) {
					const clash = bytes.some((_, i) => model.has(start + i));
					const verdict = image.add(start, bytes);
					expect(verdict.ok).toBe(!clash);
					if (!clash) for (const [i, b] of bytes.entries()) model.set(start + i, b);
					else expect(verdict.problems).toMatchObject([{ code: 'IMAGE_OVERLAP' }]);
				}
				const held = image.segments.flatMap((s) => [...s.bytes].map((b, i) => [s.start + i, b] as const));
				expect(held).toEqual([...model].sort((a, b) => a[0] - b[0]));
				for (const [i, s] of image.segments.entries()) expect(s.end).toBeLessThan(image.segments[i + 1]?.start ?? 1000);
				const again = MemoryImage.from([...model].map(([start, b]) => ({ start, bytes: of(b) })));
				expect(again.ok && again.value.segments).toEqual(image.segments);
			},
		),
	);
});

test('overlapping pieces and pieces beyond 32 bits are refused', () => {
	const verdict = MemoryImage.from([
		{ start: 0, bytes: of(1, 2, 3) },
		{ start: 2, bytes: of(9) },
		{ start: 0xffffffff, bytes: of(1, 2) },
	]);
	expect(verdict.problems.map((p) => p.code)).toEqual(['IMAGE_OVERLAP', 'IMAGE_OUT_OF_RANGE']);
	expect(verdict.problems[0]?.message).toContain('0x00000002 to 0x00000003');
});

test('gaps, reads and what lies outside of allowed memory are told exactly', () => {
	const verdict = MemoryImage.from([
		{ start: 0x10, bytes: of(1, 2, 3, 4) },
		{ start: 0x20, bytes: of(5) },
	]);
	if (!verdict.ok) throw new Error('refused');
	const image = verdict.value;
	expect(image.gaps()).toEqual([{ start: 0x14, end: 0x20 }]);
	expect(image.gaps({ start: 0, end: 0x30 })).toEqual([
		{ start: 0, end: 0x10 },
		{ start: 0x14, end: 0x20 },
		{ start: 0x21, end: 0x30 },
	]);
	expect(image.read(0x11, 2)).toEqual(of(2, 3));
	expect(image.read(0x13, 2)).toBeUndefined();
	expect(image.checkRanges([{ start: 0, end: 0x30 }])).toEqual([]);
	expect(
		image
			.checkRanges([
				{ start: 0x11, end: 0x12 },
				{ start: 0x12, end: 0x14 },
			])
			.map((p) => p.message),
	).toEqual([expect.stringContaining('0x00000010 to 0x00000011'), expect.stringContaining('0x00000020 to 0x00000021')]);
});

test('modules are found where their own headers say that they stand, and nowhere else', () => {
	const bootloader = realModule('boron-bootloader@2.2.0.bin');
	const system = realModule('boron-system-part1@2.2.0.bin');
	const softDevice = realModule('boron-softdevice@2.2.0.bin').subarray(24);
	const image = MemoryImage.from([
		{ start: 0xf4000, bytes: bootloader },
		{ start: 0x30000, bytes: concatBytes([system, of(1, 2, 3)]) },
		{ start: 0x1000, bytes: softDevice },
		// The same module at an address that is not its own.
		{ start: 0x200000, bytes: bootloader },
	]);
	if (!image.ok) throw new Error('refused');
	const { modules, others } = image.value.locateModules();
	expect(modules.map((m) => [m.start, m.end, m.module.sound])).toEqual([
		[0x30000, 0x30000 + system.length, true],
		[0xf4000, 0xf4000 + bootloader.length, true],
	]);
	expect(others.map((o) => [o.start, o.bytes.length])).toEqual([
		[0x1000, softDevice.length],
		[0x30000 + system.length, 3],
		[0x200000, bootloader.length],
	]);
});
