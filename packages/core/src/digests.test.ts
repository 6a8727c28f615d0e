import { createHash, randomBytes } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32, sha256, toHex } from './index.js';

test('CRC-32 and SHA-256 give what Node gives, at every length around their block sizes and at a large one', () => {
	for (const length of [...Array(200).keys(), 4095, 4096, 65_537]) {
		const bytes = randomBytes(length);
		expect(crc32(bytes)).toBe(zlibCrc32(bytes));
		expect(toHex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'));
	}
});

test('CRC-32 of a whole equals the CRC-32 continued over its parts', () => {
	const bytes = randomBytes(1000);
	expect(crc32(bytes.subarray(333), crc32(bytes.subarray(0, 333)))).toBe(zlibCrc32(bytes));
});
