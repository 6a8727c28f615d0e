/**
 * Debian's srecord reads what we write, and everything that we accept it accepts: a file that passed here must not fail in the tool of
 * whoever gets it. srec_cat is the reference: how it takes hundreds of files in one process is in tests/support/srecord.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatBytes, crc32, type Random, seededRandom } from '@linac/core';
import { flattenImage, MemoryImage, parseIntelHex, writeIntelHex, writeIntelHexBytes } from '@linac/firmware';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { hasTool } from '../support/debian-tools.js';
import { mutate } from '../support/mutate.js';
import { everyRealImage, realImage, value } from '../support/release-files.js';
import { srecCatTogether } from '../support/srecord.js';

const folder = mkdtempSync(join(tmpdir(), 'linac-srecord-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const there = hasTool('srec_cat');

function srecCat(...args: string[]) {
	const { status, stderr } = spawnSync('srec_cat', args, { cwd: folder, encoding: 'utf8' });
	return { ok: status === 0, stderr };
}

/** The bytes that srec_cat makes of a hex file between two addresses, with 0xFF in the gaps. */
function asBinary(name: string, start: number, end: number): Uint8Array {
	const range = [String(start), String(end)];
	const { ok, stderr } = srecCat(
		name,
		'-intel',
		'-fill',
		'0xFF',
		...range,
		'-crop',
		...range,
		'-offset',
		`-${start}`,
		'-o',
		'out.bin',
		'-binary',
	);
	expect(stderr).toBe('');
	expect(ok).toBe(true);
	return new Uint8Array(readFileSync(join(folder, 'out.bin')));
}

describe.skipIf(!there)('srecord reads what is written here', () => {
	test.each(everyRealImage)(
		'the image of %s %s has no overlap for it, and its conversion to binary is ours',
		(platform, version) => {
			const { image } = realImage(platform, version);
			writeFileSync(join(folder, 'image.hex'), writeIntelHexBytes(image));
			// The registers lie far away and are compared by themselves.
			for (const [from, to] of [
				[0, 0x1000_0000],
				[0x1000_0000, 0x2000_0000],
			] as const) {
				const part = value(MemoryImage.from(image.segments.filter((s) => s.start >= from && s.start < to)));
				const first = part.segments[0];
				if (!first) continue;
				const mine = value(flattenImage(part, 0x20_0000));
				expect(Buffer.from(asBinary('image.hex', first.start, first.start + mine.length)).equals(Buffer.from(mine))).toBe(true);
			}
		},
	);

	test('pieces anywhere, with any length of record, in either case', () => {
		const pieces = fc
			.array(fc.tuple(fc.integer({ min: 1, max: 0x30000 }), fc.uint8Array({ minLength: 1, maxLength: 400 })), {
				minLength: 1,
				maxLength: 6,
			})
			.chain((list) => fc.constantFrom(0, 0xfff0, 0x0800_0000, 0x7fff_ff00, 0xff00_0000).map((base) => ({ list, base })));
		fc.assert(
			fc.property(pieces, fc.integer({ min: 1, max: 255 }), fc.boolean(), ({ list, base }, recordLength, upperCase) => {
				let at = base;
				const image = value(
					MemoryImage.from(
						list.map(([gap, bytes]) => {
							const piece = { start: at + gap, bytes };
							at = piece.start + bytes.length;
							return piece;
						}),
					),
				);
				writeFileSync(join(folder, 'any.hex'), writeIntelHex(image, { recordLength, upperCase }));
				const mine = value(flattenImage(image, 0x40_0000));
				const { start } = image.segments[0]!;
				expect(Buffer.from(asBinary('any.hex', start, start + mine.length)).equals(Buffer.from(mine))).toBe(true);
			}),
			{ numRuns: 60 },
		);
	});
});

/** Small files of every kind of record, some of them laid out as published ones are. */
function seeds(): Uint8Array[] {
	const random = seededRandom(77);
	const piece = (start: number, length: number) => ({ start, bytes: random.bytes(length) });
	const shared = random.bytes(60);
	const text = (s: string) => new TextEncoder().encode(s);
	return [
		writeIntelHexBytes([piece(0x30000, 200), piece(0x1000_1000, 40)], { startAddress: 0x30201 }),
		writeIntelHexBytes([piece(0xfff8, 40), piece(0x2_0000, 33)], { recordLength: 32, upperCase: false }),
		writeIntelHexBytes([piece(0, 64), piece(64, 64), piece(0x100, 5)], { baseRecord: 'each-piece' }),
		writeIntelHexBytes([piece(0x0800_4000, 100)], { endRecord: false }),
		text(':020000021000EC\n:04FFFE0001020304F5\n:10000000000102030405060708090A0B0C0D0E0F78\n:0400000300003800C1\n:00000001FF\n'),
		// Pieces upon each other that agree.
		writeIntelHexBytes(
			[0, 5, 6, 9, 30].map((start) => ({ start, bytes: shared.subarray(start, start + 20) })),
			{ recordLength: 20 },
		),
		text(':04000000AABBCCDDEE\r\n\r\n:04000000AABBCCDDEE\r\n:00000001FF\r\n'),
	];
}

const hexOf = (b: number) => b.toString(16).toUpperCase().padStart(2, '0');

/** Damage that leaves the checksums right, as a broken program makes it rather than a broken cable. */
function disturb(original: Uint8Array, random: Random): Uint8Array {
	const lines = new TextDecoder('latin1').decode(original).split('\n');
	const below = (n: number) => random.int(Math.max(1, n));
	for (let times = 1 + below(3); times > 0; times--) {
		const i = below(lines.length);
		const record = /^:([0-9A-Fa-f]{2})+\r?$/.test(lines[i]!) ? Buffer.from(lines[i]!.trim().slice(1), 'hex') : undefined;
		switch (below(8)) {
			case 0:
				lines.splice(i, 1);
				break;
			case 1:
				lines.splice(below(lines.length), 0, lines[i]!);
				break;
			case 2: {
				const j = below(lines.length);
				[lines[i], lines[j]] = [lines[j]!, lines[i]!];
				break;
			}
			case 3:
				lines[i] = `${lines[i]!.slice(0, below(lines[i]!.length))}`;
				break;
			case 4:
				lines[i] = ['', ' ', '\t', ';comment', ':', 'S00600004844521B', ` ${lines[i]}`, `${lines[i]} `, `${lines[i]}00`][
					below(9)
				]!;
				break;
			default: {
				if (!record || record.length < 5) break;
				let body = record.subarray(0, -1);
				switch (below(5)) {
					case 0:
						body[below(body.length)] = below(256);
						break;
					case 1:
						body[3] = below(8);
						break;
					case 2:
						body[1] = [0, 0xff, below(256)][below(3)]!;
						body[2] = [0, 0xf0, 0xff, below(256)][below(4)]!;
						break;
					case 3: {
						const length = below(20);
						body = Buffer.concat([
							Buffer.from([length]),
							body.subarray(1, 4),
							Buffer.from(seededRandom(below(1e9)).bytes(length)),
						]);
						break;
					}
					default:
						body[0] = below(256);
				}
				const sum = body.reduce((a, b) => a + b, 0);
				lines[i] = `:${[...body].map(hexOf).join('')}${hexOf(-sum & 0xff)}`;
			}
		}
	}
	return new TextEncoder().encode(lines.join('\n'));
}

describe('100,000 damaged hex files', () => {
	const accepted: { bytes: Uint8Array; image: MemoryImage }[] = [];

	test('are each judged without a crash, and what is accepted holds no more than its text can', () => {
		const random = seededRandom(2026);
		const all = seeds();
		for (let i = 0; i < 100_000; i++) {
			const seed = all[i % all.length]!;
			const bytes = i % 3 === 0 ? mutate(seed, all[random.int(all.length)]!, random) : disturb(seed, random);
			const verdict = parseIntelHex(bytes, { file: 'damaged.hex' });
			if (!verdict.ok) {
				expect(verdict.problems.some((p) => p.severity === 'error')).toBe(true);
				continue;
			}
			expect(verdict.value.image.size).toBeLessThanOrEqual(bytes.length / 2);
			accepted.push({ bytes, image: verdict.value.image });
		}
		expect(accepted.length).toBeGreaterThan(5_000);
	});

	/** A place of 4 KB that none of the files fills. */
	function freeOf(list: readonly { image: MemoryImage }[]): number {
		let free = 0x7000_0000;
		const whole = (at: number) => list.every(({ image }) => image.gaps({ start: at, end: at + 4096 })[0]?.end === at + 4096);
		while (!whole(free)) free += 4096;
		return free;
	}

	test.skipIf(!there)('srec_cat accepts every one that is accepted here, and finds the same bytes in it', () => {
		const distinct = [...new Map(accepted.map((a) => [Buffer.from(a.bytes).toString('latin1'), a])).values()];
		const wrong: unknown[] = [];
		for (let from = 0; from < distinct.length && wrong.length < 3; from += 400) {
			const batch = distinct.slice(from, from + 400);
			const files = batch.map((b) => b.bytes);
			const said = srecCatTogether(folder, files, freeOf(batch));
			for (const [i, { bytes, image }] of batch.entries()) {
				const ours = crc32(concatBytes(image.segments.map((s) => s.bytes)));
				if (said[i] !== ours) wrong.push({ text: new TextDecoder('latin1').decode(bytes), ours, said: said[i] });
			}
		}
		expect(wrong).toEqual([]);
	});

	test.skipIf(!there)('srec_cat judges many at once as it judges each alone, and has the bytes at the same addresses', () => {
		const random = seededRandom(11);
		const all = seeds();
		const together: { bytes: Uint8Array; said: number | string }[] = [];
		const counts = { accepted: 0, contradictory: 0, refused: 0 };
		for (let i = 0; i < 150; i++) {
			const bytes = disturb(all[i % all.length]!, random);
			const verdict = parseIntelHex(bytes);
			writeFileSync(join(folder, 'alone.hex'), bytes);
			// With longer records it crosses 64 KB boundaries, which is refused here.
			const alone = srecCat('alone.hex', '-intel', '-o', 'again.hex', '-intel', '-obs=1').ok;
			const said = srecCatTogether(folder, [bytes], 0x7000_0000)[0]!;
			expect(typeof said === 'number', String(said)).toBe(alone);
			counts[alone ? 'accepted' : said === 'multiple values' ? 'contradictory' : 'refused']++;
			// One that is fatal would end the process for all.
			if (alone || said === 'multiple values') together.push({ bytes, said });
			if (!verdict.ok) continue;
			const again = value(parseIntelHex(new Uint8Array(readFileSync(join(folder, 'again.hex')))));
			expect(again.image.segments).toEqual(verdict.value.image.segments);
		}
		const files = together.map((t) => t.bytes);
		expect(srecCatTogether(folder, files, 0x7000_0000)).toEqual(together.map((t) => t.said));
		for (const [kind, count] of Object.entries(counts)) expect(count, kind).toBeGreaterThan(4);
	});
});

test.skipIf(!there)(
	'what srecord makes of files that published ones resemble: without end record it warns, empty lines it takes',
	() => {
		const record = ':0400000001020304F2';
		const look = (text: string) => {
			writeFileSync(join(folder, 'look.hex'), text);
			return { ours: parseIntelHex(text).ok, theirs: srecCat('look.hex', '-intel', '-o', '/dev/null', '-intel') };
		};
		const noEnd = look(`${record}\n`);
		expect([noEnd.ours, noEnd.theirs.ok]).toEqual([true, true]);
		expect(noEnd.theirs.stderr).toContain('no end-of-file record');
		const empty = look(`${record}\n\n:00000001FF\n`);
		expect([empty.ours, empty.theirs.ok, empty.theirs.stderr]).toEqual([true, true, '']);
		// A space in front makes it a line that srecord passes over: that must not be taken for data here.
		const space = look(` ${record}\n:00000001FF\n`);
		expect([space.ours, space.theirs.ok]).toEqual([false, false]);
		const nothing = look(':00000001FF\n');
		expect([nothing.ours, nothing.theirs.ok]).toEqual([false, false]);
	},
);
