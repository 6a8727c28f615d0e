import { address, concatBytes, equalBytes, seededRandom } from '@linac/core';
import fc from 'fast-check';
import nrfIntelHex from 'nrf-intel-hex';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { realModule } from '../../../tests/support/real-firmware.js';
import { flattenImage, type IntelHex, MemoryImage, parseIntelHex, writeIntelHex } from './index.js';

// Its types describe an ES module; Node loads its CommonJS form, where the class is the export itself.
const NrfHex = nrfIntelHex as unknown as typeof nrfIntelHex.default;

function read(text: string | Uint8Array): IntelHex {
	const verdict = parseIntelHex(text, { file: 'given.hex' });
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

function imageOf(pieces: { start: number; bytes: Uint8Array }[]): MemoryImage {
	const verdict = MemoryImage.from(pieces);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

const bytes = (length: number) => seededRandom(length).bytes(length);

/** Pieces that do not touch, anywhere in 32 bits. */
const pieces = fc
	.array(fc.record({ gap: fc.integer({ min: 1, max: 0x30000 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }), {
		maxLength: 8,
	})
	.chain((list) => fc.constantFrom(0, 0x0800_0000, 0x1000_1000, 0xfff0_0000).map((base) => ({ list, base })))
	.map(({ list, base }) => {
		let at = base;
		return list.flatMap(({ gap, bytes }) => {
			at += gap;
			const piece = { start: at, bytes };
			at += bytes.length;
			return at <= 0x1_0000_0000 ? [piece] : [];
		});
	});

test('what is written is read back as the same image, and Nordic’s reader agrees', () => {
	fc.assert(
		fc.property(pieces, fc.integer({ min: 1, max: 255 }), fc.boolean(), (list, recordLength, upperCase) => {
			const image = imageOf(list);
			const text = writeIntelHex(image, { recordLength, upperCase });
			if (list.length > 0) expect(read(text).image.segments).toEqual(image.segments);
			// Their addresses are signed: they cannot read the upper half of the address space.
			if (list.some((p) => p.start >= 0x8000_0000)) return;
			const theirs = [...NrfHex.fromHex(text)].map(([start, data]) => ({ start, end: start + data.length, bytes: data }));
			expect(theirs).toEqual(image.segments);
		}),
		{ numRuns: 300 },
	);
});

test('what Nordic’s writer makes of a real module is read as that module', () => {
	const module = realModule('photon-system-part1@2.2.0.bin');
	const text = new NrfHex([[0x08020000, module]]).asHexString();
	const { image } = read(text);
	expect(image.segments.map((s) => [s.start, s.bytes.length])).toEqual([[0x08020000, module.length]]);
	expect(equalBytes(image.segments[0]!.bytes, module)).toBe(true);
});

test('a file as it is published is read: lower case, a type 04 record before every piece, an empty line, CR LF', () => {
	const { image, startAddress } = read(
		[
			':020000040800f2',
			':0400000001020304f2',
			'',
			':020000040801f1',
			':020010000506e3',
			':04000005080201 00ec'.replace(' ', ''),
			':00000001FF',
			'',
		].join('\r\n'),
	);
	expect(image.segments.map((s) => [address(s.start), [...s.bytes]])).toEqual([
		['0x08000000', [1, 2, 3, 4]],
		['0x08010010', [5, 6]],
	]);
	expect(startAddress).toBe(0x08020100);
});

test('segment addresses of type 02 are read, and their offset wraps round inside the segment', () => {
	const { image } = read([':020000021000EC', ':04FFFE0001020304F5', ':00000001FF'].join('\n'));
	expect(image.segments.map((s) => [s.start, [...s.bytes]])).toEqual([
		[0x10000, [3, 4]],
		[0x1fffe, [1, 2]],
	]);
});

test.each([
	['a wrong checksum', ':0400000001020304F3', 'HEX_CHECKSUM', /line 2 .*F3.*F2/i],
	['a digit that is none', ':04000000010203g4F2', 'HEX_DIGIT', /line 2/i],
	['an odd number of digits', ':0400000001020304F', 'HEX_LENGTH', /line 2/i],
	['a length that does not fit', ':0500000001020304F1', 'HEX_LENGTH', /line 2 declares 5 data bytes and has 4/i],
	['a missing colon', '0400000001020304F2', 'HEX_NO_COLON', /line 2/i],
	['an unknown type', ':00000009F7', 'HEX_TYPE', /line 2/i],
	['a data record that crosses 64 KB', ':04FFFE0001020304F5', 'HEX_WRAP', /line 2/i],
	['a type 04 record of the wrong length', ':0100000400FB', 'HEX_LENGTH', /line 2/i],
])('%s is an error that names the file and the line', (_name, line, code, message) => {
	const verdict = parseIntelHex([':020000040000FA', line, ':00000001FF'].join('\n'), { file: 'given.hex' });
	expect(verdict.ok).toBe(false);
	expect(verdict.problems[0]).toMatchObject({ code, file: 'given.hex', severity: 'error' });
	expect(verdict.problems[0]?.message).toMatch(message);
	expect(verdict.problems[0]?.message).toContain('given.hex');
});

test('a missing end-of-file record is a warning, because published files have none', () => {
	const verdict = parseIntelHex(':0400000001020304F2\n');
	expect(verdict.ok && verdict.value.image.size).toBe(4);
	expect(verdict.problems).toMatchObject([{ code: 'HEX_NO_EOF', severity: 'warning' }]);
});

test('bytes given twice are a warning when they are the same and an error when they differ', () => {
	const first = ':0400000001020304F2';
	const same = parseIntelHex([first, ':020002000304F5', ':00000001FF'].join('\n'));
	expect(same.ok && [...same.value.image.segments[0]!.bytes]).toEqual([1, 2, 3, 4]);
	expect(same.problems).toMatchObject([{ code: 'HEX_OVERLAP_SAME', severity: 'warning' }]);
	const differs = parseIntelHex([first, ':020002000305F4', ':00000001FF'].join('\n'));
	expect(differs.ok).toBe(false);
	expect(differs.problems).toMatchObject([{ code: 'HEX_OVERLAP', severity: 'error', found: '0x00000002' }]);
	expect(differs.problems[0]?.message).toContain('line 1 and from line 2');
});

test('bytes given three times are compared with all that were there before, not only with the last', () => {
	const bytes = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, i) => from + i);
	const file = (third: Uint8Array) =>
		writeIntelHex(
			[
				{ start: 0, bytes: bytes(0, 10) },
				{ start: 5, bytes: bytes(5, 20) },
				{ start: 6, bytes: third },
			],
			{ recordLength: 32 },
		);
	const same = parseIntelHex(file(bytes(6, 12)));
	expect(same.ok && same.value.image.segments).toEqual([{ start: 0, end: 20, bytes: bytes(0, 20) }]);
	expect(same.problems.every((p) => p.code === 'HEX_OVERLAP_SAME')).toBe(true);
	// These stand at 16 and 17, ten bytes further on.
	expect(parseIntelHex(file(Uint8Array.of(16, 17))).problems.at(-1)).toMatchObject({ code: 'HEX_OVERLAP', found: '0x00000006' });
});

test('overlapping pieces in any order are the memory that they agree on, or are refused', () => {
	fc.assert(
		fc.property(
			fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 20 }), fc.boolean()), { minLength: 1, maxLength: 8 }),
			fc.nat(7),
			(list, odd) => {
				const model = new Map<number, number>();
				let contradiction = false;
				const pieces = list.map(([start, length, wrong], i) => {
					const bytes = Uint8Array.from({ length }, (_, at) => (start + at) % 8);
					if (i === odd && wrong) bytes[length >> 1]! ^= 8;
					for (const [at, b] of bytes.entries()) {
						contradiction ||= (model.get(start + at) ?? b) !== b;
						model.set(start + at, b);
					}
					return { start, bytes };
				});
				const verdict = parseIntelHex(writeIntelHex(pieces));
				expect(verdict.ok).toBe(!contradiction);
				if (!verdict.ok) return;
				const held = verdict.value.image.segments.flatMap((s) => [...s.bytes].map((b, i) => [s.start + i, b]));
				expect(held).toEqual([...model].sort((a, b) => a[0] - b[0]));
			},
		),
		{ numRuns: 1000 },
	);
});

test('an offset that wraps round in a segment is refused behind a 32-bit start address, where other readers go on linearly', () => {
	const file = (between: string) => [':020000021000EC', between, ':04FFFE0001020304F5', ':00000001FF'].join('\n');
	expect(parseIntelHex(file('')).ok).toBe(true);
	expect(parseIntelHex(file(':0400000310000003E6')).ok).toBe(true);
	expect(parseIntelHex(file(':0400000500000000F7')).problems).toMatchObject([{ code: 'HEX_WRAP' }]);
});

test('text without any record, and a binary file, are refused after a bounded number of messages', () => {
	expect(parseIntelHex('\n\n').problems).toMatchObject([{ code: 'HEX_EMPTY' }]);
	const binary = concatBytes(Array.from({ length: 500 }, (_, i) => Uint8Array.of((i & 0x7f) | 0x40, 0x0a)));
	expect(parseIntelHex(binary).problems.length).toBeLessThanOrEqual(20);
});

test('a file of ever new single bytes is refused before it costs much', () => {
	const lines: string[] = [];
	for (let i = 0; i < 2050; i++)
		lines.push(writeIntelHex([{ start: (i % 0x8000) * 2, bytes: Uint8Array.of(0) }]).split('\n')[0]!);
	expect(parseIntelHex(lines.join('\n')).problems.some((p) => p.code === 'HEX_TOO_SCATTERED')).toBe(true);
});

test('every single-character change of a small file is refused, or changes nothing but its form', () => {
	const image = imageOf([
		{ start: 0x08020000, bytes: bytes(40) },
		{ start: 0x10001000, bytes: bytes(16) },
	]);
	const text = new TextEncoder().encode(writeIntelHex(image));
	for (let at = 0; at < text.length; at++) {
		for (const value of [...'0123456789abcdefABCDEF:G \n\r\0'].map((c) => c.charCodeAt(0))) {
			if (value === text[at]) continue;
			const changed = text.slice();
			changed[at] = value;
			const verdict = parseIntelHex(changed);
			if (verdict.ok && !verdict.problems.some((p) => p.code === 'HEX_NO_EOF'))
				expect(verdict.value.image.segments).toEqual(image.segments);
		}
	}
});

test('20,000 random mutations of Intel HEX text never throw', () => {
	const random = seededRandom(3);
	const text = new TextEncoder().encode(
		writeIntelHex(
			imageOf([
				{ start: 0xfff0, bytes: bytes(300) },
				{ start: 0x08000000, bytes: bytes(200) },
			]),
		),
	);
	for (let i = 0; i < 20_000; i++) {
		const verdict = parseIntelHex(mutate(text, text, random));
		if (verdict.ok) expect(verdict.value.image.size).toBeLessThanOrEqual(text.length * 4);
		else expect(verdict.problems.length).toBeGreaterThan(0);
	}
});

test('an image is laid out flat with filler in its gaps, up to a limit', () => {
	const image = imageOf([
		{ start: 10, bytes: Uint8Array.of(1) },
		{ start: 13, bytes: Uint8Array.of(2) },
	]);
	expect(flattenImage(image, 4)).toMatchObject({ ok: true, value: Uint8Array.of(1, 0xff, 0xff, 2) });
	expect(flattenImage(image, 3).problems).toMatchObject([{ code: 'IMAGE_TOO_SPARSE' }]);
});
