import { platformByName } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { createModule, parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { standInApplication } from '@linac/virtual';
import { expect, test } from 'vitest';
import { applicationFor, realImage, realRelease, value } from '../../../tests/support/release-files.js';
import { type BaseImage, classicHex, composeImage, type ImagePart, openImage, replaceApplication } from './index.js';

function base(platform: string, version: string): BaseImage {
	const composed = realImage(platform, version);
	return {
		file: 'restore.hex',
		platform: platformByName(platform)!,
		moduleVersion: composed.moduleVersion,
		parts: composed.parts,
	};
}
function application(platform: string, index: number, start: number, size: number) {
	const platformId = platformByName(platform)!.id;
	const bytes = createModule({
		platformId,
		function: 5,
		index,
		version: 6,
		start,
		body: new Uint8Array(size).fill(7),
		dependencies: [],
	});
	const module = value(parseModule(bytes, { digests: nodeDigests }));
	return { slot: index === 2 ? 'user-part2' : 'user-part', origin: 'firmware.bin', module, sha256: '' };
}
const codes = (verdict: { problems: { code: string }[] }) => verdict.problems.map((p) => p.code);
const others = (parts: readonly ImagePart[]) => parts.filter((p) => !p.name.startsWith('user-part') && p.kind !== 'guard');

test.each([
	['boron', '4.0.1'],
	['boron', '2.2.0'],
	['photon', '2.2.0'],
	['electron', '1.5.2'],
	['tracker', '4.0.1'],
])('on %s %s the application is replaced and everything else stays byte for byte', (platform, version) => {
	const from = base(platform, version);
	const wanted = standInApplication(platform, version, { seed: 5, size: 60_000 });
	const { parts, image, replaced } = value(replaceApplication(from, wanted));
	expect(replaced.map((r) => r.name)).toEqual([wanted.slot]);
	expect(others(parts)).toEqual(others(from.parts));
	const at = wanted.module.prefix.start;
	expect(equalBytes(image.read(at, wanted.module.bytes.length)!, wanted.module.bytes)).toBe(true);
	// Nothing of a larger application may be left behind a smaller one.
	expect(image.read(at + wanted.module.bytes.length, 1)).toBeUndefined();
});

test('replacing an application gives the image that is composed with it', () => {
	const wanted = standInApplication('boron', '4.0.1', { seed: 9, size: 200_000 });
	const rebased = value(replaceApplication(base('boron', '4.0.1'), wanted));
	const composed = realImage('boron', '4.0.1', { application: wanted });
	expect(rebased.image.segments.map((s) => [s.start, s.end])).toEqual(composed.image.segments.map((s) => [s.start, s.end]));
	expect(rebased.parts.map((p) => [p.name, p.start, p.end])).toEqual(composed.parts.map((p) => [p.name, p.start, p.end]));
});

test('an application that moves out of the former slot leaves the guard there', () => {
	const from = base('boron', '4.0.1');
	const old = value(replaceApplication(from, application('boron', 1, 0xd4000, 5000)));
	expect(old.parts.filter((p) => p.kind === 'guard')).toEqual([]);
	const again = value(replaceApplication({ ...from, parts: old.parts }, application('boron', 2, 0xb4000, 5000)));
	expect(again.replaced.map((r) => r.start)).toEqual([0xd4000]);
	expect(again.parts.filter((p) => p.kind === 'guard').map((p) => [p.start, p.end])).toEqual([[0xd4000, 0xd4400]]);
});

test.each([
	['boron', '4.0.1'],
	['esomx', '4.0.1'],
	['xenon', '1.5.2'],
])('a %s %s image as it was published keeps every other byte, its stray ones too', (platform, version) => {
	const text = value(classicHex(realImage(platform, version)));
	const { reading } = value(openImage('restore.hex', new TextEncoder().encode(text), { digests: nodeDigests }));
	const published: BaseImage = {
		file: 'restore.hex',
		platform: reading.platform!,
		moduleVersion: reading.moduleVersion!,
		parts: reading.parts,
	};
	const wanted = standInApplication(platform, version, { seed: 4, size: 9000 });
	const { image, parts } = value(replaceApplication(published, wanted));
	expect(parts.map((p) => p.kind)).toContain('stray');
	for (const part of reading.parts) {
		if (part.name.startsWith('user-part')) continue;
		expect(equalBytes(image.read(part.start, part.bytes.length)!, part.bytes), part.name).toBe(true);
	}
	expect(image.size).toBe(
		reading.image.size - applicationFor(platform, version).module.bytes.length + wanted.module.bytes.length,
	);
});

test('an application is judged against what the image holds', () => {
	expect(codes(replaceApplication(base('boron', '2.2.0'), applicationFor('boron', '4.0.1')))).toContain(
		'APPLICATION_SLOT_MISSING',
	);
	const newer = standInApplication('photon', '3.3.1');
	expect(codes(replaceApplication(base('photon', '2.2.0'), newer))).toEqual(['APPLICATION_NEEDS_NEWER']);
});

test('bytes of unknown meaning are never written over', () => {
	const from = base('photon', '2.2.0');
	const stranger: ImagePart = { kind: 'unknown', name: 'unknown', start: 0x080a8000, end: 0x080a8010, bytes: new Uint8Array(16) };
	const parts = [...from.parts, stranger].sort((a, b) => a.start - b.start);
	expect(codes(replaceApplication({ ...from, parts }, application('photon', 1, 0x080a0000, 60_000)))).toEqual([
		'BASE_PLACE_TAKEN',
	]);
	const smaller = value(replaceApplication({ ...from, parts }, application('photon', 1, 0x080a0000, 20_000)));
	expect(smaller.parts).toContainEqual(stranger);
});

test('an image without an application gets one', () => {
	const platform = platformByName('photon')!;
	const composed = value(composeImage({ platform, release: realRelease('photon', '2.2.0'), digests: nodeDigests }));
	const from: BaseImage = { file: 'bare.hex', platform, moduleVersion: composed.moduleVersion, parts: composed.parts };
	const { replaced, parts } = value(replaceApplication(from, application('photon', 1, 0x080a0000, 100)));
	expect(replaced).toEqual([]);
	expect(parts.at(-1)!.name).toBe('user-part');
});
