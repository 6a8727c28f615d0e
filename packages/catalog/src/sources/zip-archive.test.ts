import { randomBytes } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { unpackZip } from '../index.js';

const codes = (verdict: { problems: { code: string }[] }) => verdict.problems.map((p) => p.code);

test('what another zip writer packed comes out as it went in, stored or deflated', () => {
	fc.assert(
		fc.property(
			fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9._-]{0,20}\.bin$/), fc.uint8Array({ maxLength: 5000 }), { maxKeys: 8 }),
			fc.constantFrom(0, 6, 9) as fc.Arbitrary<0 | 6 | 9>,
			(files, level) => {
				const verdict = unpackZip(zipSync(files, { level }));
				expect(verdict.ok).toBe(true);
				if (verdict.ok)
					expect(Object.fromEntries(verdict.value.map((e) => [e.name, [...e.bytes]]))).toEqual(
						Object.fromEntries(Object.entries(files).map(([n, b]) => [n, [...b]])),
					);
			},
		),
	);
});

test('entries with streamed data descriptors are read, as published restore zips and bundles have them', () => {
	const body = randomBytes(3000);
	const verdict = unpackZip(zipWithDescriptor('softdevice.bin', new Uint8Array(body)));
	expect(verdict.ok && verdict.value.map((e) => [e.name, Buffer.from(e.bytes).equals(body)])).toEqual([['softdevice.bin', true]]);
});

test('a zip cut at any length is refused and never half read', () => {
	const zip = zipSync({ 'a.bin': randomBytes(300), 'b.bin': strToU8('x'.repeat(500)) });
	for (let length = 0; length < zip.length; length++) {
		const verdict = unpackZip(zip.subarray(0, length), { file: 'set.zip' });
		expect(verdict.ok, `${length}`).toBe(false);
		expect(verdict.problems[0]?.message).toContain('set.zip');
	}
});

test('every changed byte either is reported or changes nothing in the content', () => {
	const files = { 'a.bin': randomBytes(200), 'b.bin': strToU8('y'.repeat(400)) };
	const zip = zipSync(files);
	for (let at = 0; at < zip.length; at++) {
		const changed = new Uint8Array(zip);
		changed[at]! ^= 0x55;
		const verdict = unpackZip(changed);
		if (!verdict.ok) continue;
		for (const entry of verdict.value)
			expect(Object.values(files).some((f) => Buffer.from(f).equals(entry.bytes)) || entry.bytes.length === 0, `byte ${at}`).toBe(
				true,
			);
	}
});

test('20,000 random mutations neither crash nor give out more than the limit', () => {
	const zip = zipSync({ 'a.bin': randomBytes(100), 'dir/b.bin': strToU8('z'.repeat(300)), 'c.txt': strToU8('hello') });
	let state = 12345;
	const next = (below: number) => {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		return (state >>> 8) % below;
	};
	for (let i = 0; i < 20_000; i++) {
		const mutated = new Uint8Array(zip.subarray(0, zip.length - (next(4) === 0 ? next(zip.length) : 0)));
		for (let n = 1 + next(6); n > 0 && mutated.length > 0; n--) mutated[next(mutated.length)] = next(256);
		const verdict = unpackZip(mutated, { limit: 100_000 });
		if (verdict.ok) expect(verdict.value.reduce((sum, e) => sum + e.bytes.length, 0)).toBeLessThanOrEqual(100_000);
		else expect(verdict.problems.length).toBeGreaterThan(0);
	}
});

test('a zip bomb is refused before it is unpacked', () => {
	const zip = zipSync({ 'big.bin': new Uint8Array(20_000_000) }, { level: 9 });
	expect(zip.length).toBeLessThan(30_000);
	expect(codes(unpackZip(zip, { limit: 1_000_000 }))).toEqual(['ZIP_TOO_LARGE']);
	// One that lies about its size is stopped at what it declared.
	const lying = new Uint8Array(zip);
	const central = lying.length - 22 - 46 - 'big.bin'.length;
	new DataView(lying.buffer).setUint32(central + 24, 1000, true);
	expect(codes(unpackZip(lying, { limit: 1_000_000 }))).toEqual(['ZIP_CORRUPT']);
});

test('encrypted entries and unknown methods are named, not guessed at', () => {
	const zip = zipSync({ 'a.bin': strToU8('hello') }, { level: 0 });
	const central = zip.length - 22 - 46 - 'a.bin'.length;
	const encrypted = new Uint8Array(zip);
	encrypted[central + 8]! |= 1;
	expect(codes(unpackZip(encrypted))).toEqual(['ZIP_UNSUPPORTED']);
	const method = new Uint8Array(zip);
	method[central + 10] = 14;
	expect(codes(unpackZip(method))).toEqual(['ZIP_UNSUPPORTED']);
});

test('unwanted entries are not unpacked, and text that is no zip is refused', () => {
	const zip = zipSync({ 'a.bin': strToU8('hello'), 'readme.txt': strToU8('x') });
	const verdict = unpackZip(zip, { wanted: (n) => n.endsWith('.bin') });
	expect(verdict.ok && verdict.value.map((e) => e.name)).toEqual(['a.bin']);
	expect(codes(unpackZip(strToU8('<!DOCTYPE html><p>not found')))).toEqual(['ZIP_CORRUPT']);
});

function zipWithDescriptor(name: string, body: Uint8Array): Uint8Array {
	const packed = deflateRawSync(body);
	const label = Buffer.from(name);
	const local = Buffer.alloc(30);
	local.writeUInt32LE(0x04034b50, 0);
	local.writeUInt16LE(20, 4);
	local.writeUInt16LE(8, 6);
	local.writeUInt16LE(8, 8);
	local.writeUInt16LE(label.length, 26);
	const descriptor = Buffer.alloc(16);
	descriptor.writeUInt32LE(0x08074b50, 0);
	descriptor.writeUInt32LE(crc32(body), 4);
	descriptor.writeUInt32LE(packed.length, 8);
	descriptor.writeUInt32LE(body.length, 12);
	const central = Buffer.alloc(46);
	central.writeUInt32LE(0x02014b50, 0);
	central.writeUInt16LE(8, 8);
	central.writeUInt16LE(8, 10);
	central.writeUInt32LE(crc32(body), 16);
	central.writeUInt32LE(packed.length, 20);
	central.writeUInt32LE(body.length, 24);
	central.writeUInt16LE(label.length, 28);
	const end = Buffer.alloc(22);
	end.writeUInt32LE(0x06054b50, 0);
	end.writeUInt16LE(1, 8);
	end.writeUInt16LE(1, 10);
	end.writeUInt32LE(central.length + label.length, 12);
	end.writeUInt32LE(local.length + label.length + packed.length + descriptor.length, 16);
	return new Uint8Array(Buffer.concat([local, label, packed, descriptor, central, label, end]));
}
