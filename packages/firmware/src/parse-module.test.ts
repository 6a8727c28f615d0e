import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { concatBytes, type Digests, portableDigests, putU32le, seededRandom } from '@linac/core';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import { createModule, ModuleFunction, type ParsedModule, parseModule, signModule } from './index.js';

/** For sweeps over every byte: the native CRC-32, and no SHA-256, whose mismatch is only a warning anyway. */
const crcOnly: Digests = { crc32: (bytes, seed) => crc32(bytes, seed), sha256: () => new Uint8Array(32) };

function sound(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	expect(verdict.value.problems).toEqual([]);
	return verdict.value;
}

function codes(bytes: Uint8Array): string[] {
	return parseModule(bytes).problems.map((p) => p.code);
}

test('every single-byte change of a real user module is refused or reported: all 255 changes of all its bytes', () => {
	const original = realTinker('photon');
	sound(original);
	const bytes = original.slice();
	const missed: string[] = [];
	let changes = 0;
	for (let at = 0; at < bytes.length; at++) {
		const right = bytes[at]!;
		for (let flip = 1; flip < 256; flip++) {
			bytes[at] = right ^ flip;
			changes++;
			const verdict = parseModule(bytes, { digests: crcOnly });
			if (verdict.ok && verdict.value.sound) missed.push(`${at}: ${bytes[at]}`);
		}
		bytes[at] = right;
	}
	expect(changes).toBe(original.length * 255);
	expect(missed).toEqual([]);
	// 1.4 million modules are parsed here: on a busy machine that takes its time.
}, 600_000);

test.each([
	['a user part of a Boron', () => realTinker('boron')],
	['a user part of a P2 with suffix extensions', () => realTinker('p2', '3.51.0')],
	['a Photon bootloader behind its vector table', () => realModule('photon-bootloader@2.2.0+lto.bin')],
])('%s cut short at any length is refused, and says how long it should be wherever its header is left', (_name, load) => {
	const original = load();
	const { prefixOffset } = sound(original);
	for (let length = 0; length < original.length; length++) {
		const verdict = parseModule(original.subarray(0, length), { digests: crcOnly });
		expect(verdict.ok, `${length} bytes`).toBe(false);
		if (length >= prefixOffset + 24) {
			expect(verdict.problems[0]).toMatchObject({ code: 'MODULE_TRUNCATED', expected: original.length, found: length });
		}
	}
});

test('20,000 random mutations of real modules never throw, and nothing but the original is called sound', () => {
	const random = seededRandom(1);
	const originals = [
		realTinker('photon'),
		realTinker('p2', '3.51.0'),
		realTinker('argon'),
		realModule('electron-bootloader@2.2.0+lto.bin'),
	];
	for (let i = 0; i < 20_000; i++) {
		const original = originals[i % originals.length]!;
		const changed = mutate(original, originals[(i + 1) % originals.length]!, random);
		const verdict = parseModule(changed, { digests: crcOnly });
		if (!verdict.ok) {
			expect(verdict.problems.some((p) => p.severity === 'error')).toBe(true);
			continue;
		}
		expect(verdict.value.bytes.length + verdict.value.trailing.length).toBe(changed.length);
		if (verdict.value.sound) expect(originals.some((o) => Buffer.compare(o, verdict.value.bytes) === 0)).toBe(true);
	}
});

test('random bytes are no module', () => {
	for (let i = 0; i < 300; i++) expect(parseModule(randomBytes(i * 97), { digests: crcOnly }).ok).toBe(false);
});

test.each([
	['an empty file', new Uint8Array(0), 'FILE_EMPTY'],
	['a web page', new TextEncoder().encode('\n<!DOCTYPE html><html><body>Not found</body></html>'), 'HTML_PAGE'],
	['JSON text', new TextEncoder().encode('{"message":"Not Found"}'), 'JSON_TEXT'],
	['plain text', new TextEncoder().encode('Bad gateway'), 'TEXT_FILE'],
	['Intel HEX text', new TextEncoder().encode(':00000001FF\n'), 'INTEL_HEX_TEXT'],
	['a zip', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0), 'ZIP_ARCHIVE'],
	['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0), 'GZIP_ARCHIVE'],
	['an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0), 'ELF_FILE'],
	['erased flash', new Uint8Array(4096).fill(0xff), 'FILE_BLANK'],
	['one byte', Uint8Array.of(0xa5), 'FILE_TOO_SHORT'],
])('%s instead of firmware is refused with its own code', (_name, bytes, code) => {
	const verdict = parseModule(bytes, { file: 'given.bin' });
	expect(verdict.ok).toBe(false);
	expect(verdict.problems[0]).toMatchObject({ code, file: 'given.bin' });
	expect(verdict.problems[0]?.message).toContain('given.bin');
});

test('a module whose header has one impossible field is called damaged, not unknown', () => {
	const bytes = realTinker('photon').slice();
	bytes[14] = 0x40;
	expect(codes(bytes)).toEqual(['MODULE_HEADER_DAMAGED']);
});

test('a module padded to a whole sector is taken apart, and its filler is named', () => {
	const original = realModule('photon-bootloader@2.2.0+lto.bin');
	const padded = new Uint8Array(16 * 1024).fill(0xff);
	padded.set(original);
	const verdict = parseModule(padded);
	expect(verdict.ok && verdict.value.sound && verdict.value.bytes.length).toBe(original.length);
	expect(verdict.problems).toMatchObject([{ code: 'TRAILING_PADDING', severity: 'info', offset: original.length }]);
	expect(codes(concatBytes([original, Uint8Array.of(1, 2, 3)]))).toEqual(['TRAILING_BYTES']);
});

test('a right CRC with a wrong SHA-256 is a warning: devices take it', () => {
	const bytes = realTinker('photon').slice();
	bytes[bytes.length - 38]! ^= 1;
	const right = portableDigests.crc32(bytes.subarray(0, -4));
	new DataView(bytes.buffer).setUint32(bytes.length - 4, right);
	const verdict = parseModule(bytes);
	expect(verdict.ok && verdict.value).toMatchObject({ sound: true, sha: { ok: false, rule: 'none' } });
	expect(verdict.problems).toMatchObject([{ code: 'SHA_MISMATCH', severity: 'warning' }]);
});

test('a prefix at an unusual place is found when size or CRC prove it', () => {
	const made = createModule({
		platformId: 6,
		function: ModuleFunction.system,
		index: 1,
		version: 7,
		start: 0x08020000,
		prefixOffset: 0x708,
		body: randomBytes(100),
	});
	expect(sound(made).prefixOffset).toBe(0x708);
	const followed = parseModule(concatBytes([made, new Uint8Array(10).fill(0xff)]));
	expect(followed.ok && followed.value.prefixOffset).toBe(0x708);
});

test('hundreds of headers that look plausible cost no more than a few checks', () => {
	// Every fourth byte begins a header of the right form and a wrong size: the scan must not compute a CRC for each.
	const header = realTinker('photon').slice(0, 24);
	const bytes = new Uint8Array(1 << 20);
	for (let at = 12; at + 24 < 8192; at += 24) {
		putU32le(header, 4, 0x080a0000 + 500_000);
		bytes.set(header, at);
	}
	let calls = 0;
	const counting: Digests = {
		crc32: () => {
			calls++;
			return 1;
		},
		sha256: () => new Uint8Array(32),
	};
	expect(parseModule(bytes, { digests: counting }).ok).toBe(false);
	expect(calls).toBe(4);
});

test('a suffix size that leaves no room is an error, and so is an extension that leaves the suffix', () => {
	const bytes = realTinker('photon').slice();
	bytes.set([0xff, 0xff], bytes.length - 6);
	signModule(bytes);
	const tooLarge = parseModule(bytes);
	expect(tooLarge.ok && tooLarge.value.sound).toBe(false);
	expect(tooLarge.problems[0]).toMatchObject({ code: 'SUFFIX_SIZE_INVALID', offset: bytes.length - 6 });

	const p2 = realTinker('p2', '3.51.0').slice();
	const { bodyEnd } = sound(p2);
	p2[bodyEnd + 3] = 0x40;
	signModule(p2);
	const broken = parseModule(p2);
	expect(broken.ok && broken.value.sound).toBe(false);
	expect(broken.problems[0]).toMatchObject({ code: 'EXTENSION_INVALID', offset: bodyEnd });
});

test('a platform that the table does not have is reported', () => {
	const verdict = parseModule(realTinker('photon'), { platforms: new Map([[13, 'boron']]) });
	expect(verdict.problems).toMatchObject([{ code: 'PLATFORM_UNKNOWN', found: 6 }]);
});

test('the hash of a module is computed once, and only when somebody looks at it or at the problems', () => {
	let hashed = 0;
	const counting: Digests = {
		crc32: portableDigests.crc32,
		sha256: (bytes) => {
			hashed++;
			return portableDigests.sha256(bytes);
		},
	};
	for (const load of [() => realTinker('photon'), () => realModule('boron-softdevice@2.2.0.bin')]) {
		hashed = 0;
		const verdict = parseModule(load(), { digests: counting });
		expect(verdict.ok && verdict.value.sound).toBe(true);
		expect(hashed).toBe(0);
		expect(verdict.problems).toEqual([]);
		if (verdict.ok) expect({ ...verdict.value }.sha.ok).toBe(true);
		expect(hashed).toBe(1);
	}
});
