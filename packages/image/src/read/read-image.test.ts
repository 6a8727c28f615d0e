import { platformByName, uicrFacts } from '@linac/catalog';
import { concatBytes, equalBytes, putU32le, seededRandom } from '@linac/core';
import { createModule, MemoryImage, ModuleFunction, type Segment, writeIntelHex } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { standInApplication, standInRelease } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	trackerWithGuardOverApplication,
	trackerWithNcpAtZero,
	trackerWithoutRadio,
	webPageAsImage,
} from '../../../../tests/support/broken-images.js';
import { mutate } from '../../../../tests/support/mutate.js';
import { realMbr, standInMbr } from '../../../../tests/support/nordic-mbr.js';
import { realModule } from '../../../../tests/support/real-firmware.js';
import { realImage, realRelease, value } from '../../../../tests/support/release-files.js';
import {
	classicHex,
	composeImage,
	diffImages,
	type ImagePart,
	type ImageReading,
	memoryMap,
	openImage,
	readImage,
	renderMapSvg,
	renderMapText,
	verifyImage,
} from '../index.js';

const digests = nodeDigests;
const imageOf = (parts: Iterable<{ start: number; bytes: Uint8Array }>) => value(MemoryImage.from(parts));
const read = (parts: Iterable<{ start: number; bytes: Uint8Array }>) => readImage(imageOf(parts), { digests, file: 'image.hex' });
const codes = (reading: ImageReading) => reading.problems.map((p) => p.code);
const errors = (reading: ImageReading) => reading.problems.filter((p) => p.severity === 'error').map((p) => p.code);
const part = (reading: ImageReading, name: string) => reading.parts.find((p) => p.name === name);
const open = (bytes: Uint8Array) => value(openImage('image.hex', bytes, { digests })).reading;
const without = (parts: readonly ImagePart[], ...names: string[]) => parts.filter((p) => !names.includes(p.name));
const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void) => {
	const copy = bytes.slice();
	change(copy);
	return copy;
};
/** The parts as they are, but one of them with other bytes. */
const withChange = (parts: readonly ImagePart[], name: string, change: (copy: Uint8Array) => void) =>
	parts.map((p) => (p.name === name ? { ...p, bytes: changed(p.bytes, change) } : p));

const boron = realImage('boron', '4.0.1');

function isLossless(image: MemoryImage, reading: ImageReading): void {
	const again = value(MemoryImage.from(reading.parts));
	expect(again.segments.map((s) => [s.start, s.end])).toEqual(image.segments.map((s) => [s.start, s.end]));
	for (const [i, s] of again.segments.entries()) expect(equalBytes(s.bytes, image.segments[i]!.bytes)).toBe(true);
	for (const [i, p] of reading.parts.entries()) {
		expect(p.end - p.start).toBe(p.bytes.length);
		if (i > 0) expect(p.start).toBeGreaterThanOrEqual(reading.parts[i - 1]!.end);
	}
}

describe('what is in an image', () => {
	test('every part of a Boron image is found again, under the name and with the version that it was composed with', () => {
		const reading = read(boron.parts);
		expect(reading.platform?.name).toBe('boron');
		expect(reading.release?.version).toBe('4.0.1');
		expect(reading.moduleVersion).toBe(4005);
		expect(reading.parts.map((p) => [p.name, p.kind, p.version, p.start, p.end])).toEqual(
			boron.parts.map((p) => [p.name, p.kind, p.version, p.start, p.end]),
		);
		expect(errors(reading)).toEqual([]);
	});

	test.each([
		['argon', '1.5.2'],
		['xenon', '1.5.2'],
		['b5som', '2.2.0'],
		['esomx', '4.0.1'],
		['tracker', '4.0.1'],
		['photon', '2.3.1'],
		['p1', '2.2.0'],
		['electron', '1.5.2'],
		['electron', '2.3.1'],
	])('an image for %s with %s is read without a fault, and says what it is', (platform, version) => {
		const composed = realImage(platform, version);
		const reading = read(composed.parts);
		expect(reading.platform?.name).toBe(platform);
		expect(reading.release?.version).toBe(version);
		expect(reading.parts.map((p) => p.name)).toEqual(composed.parts.map((p) => p.name));
		expect(errors(reading)).toEqual([]);
	});

	test('the four bytes that published images have behind the SoftDevice are told apart from bytes that nobody knows', () => {
		const reading = open(new TextEncoder().encode(value(classicHex(boron))));
		expect(part(reading, 'stray')).toMatchObject({ kind: 'stray', start: 0x26598, end: 0x2659c });
		const softDevice = boron.parts.find((p) => p.kind === 'softdevice')!;
		const other = read([...boron.parts, { start: softDevice.end, bytes: Uint8Array.of(0, 0, 1, 2) }]);
		expect(part(other, 'stray')).toBeUndefined();
		expect(codes(other)).toContain('REGION_UNKNOWN');
	});

	test('a SoftDevice that a device has written into its flash has its whole suffix behind it, and is known all the same', () => {
		const { module } = boron.parts.find((p) => p.kind === 'softdevice')!;
		const reading = read([...without(boron.parts, 'softdevice'), { start: 0x1000, bytes: module!.bytes.subarray(24) }]);
		expect(part(reading, 'softdevice')).toMatchObject({ state: 'sound', version: 202, end: 0x26598 });
		expect(part(reading, 'stray')?.bytes.length).toBe(40);
		expect(codes(reading)).not.toContain('REGION_UNKNOWN');
	});

	test('a SoftDevice with one wrong bit is damaged; one with an id that is not known is not judged', () => {
		const damaged = read(
			withChange(boron.parts, 'softdevice', (b) => {
				b[0x8000]! ^= 1;
			}),
		);
		expect(part(damaged, 'softdevice')).toMatchObject({ state: 'damaged' });
		expect(errors(damaged)).toEqual(['SOFTDEVICE_DAMAGED']);
		const unknown = read(
			withChange(boron.parts, 'softdevice', (b) => {
				b[0x200c] = 77;
			}),
		);
		expect(part(unknown, 'softdevice')).toMatchObject({ state: 'unproven', version: 77 });
		expect(errors(unknown)).toEqual([]);
		expect(codes(unknown)).toContain('SOFTDEVICE_UNKNOWN');
	});

	test('a SoftDevice that was put there with its module header cannot run, and that is said', () => {
		const bytes = realModule('boron-softdevice@4.0.1.bin');
		const reading = read([...without(boron.parts, 'softdevice'), { start: 0x1000, bytes }]);
		expect(errors(reading)).toEqual(['SOFTDEVICE_WITH_HEADER']);
	});

	test('registers are named with their values; one that nobody knows is told', () => {
		const reading = read(withChange(boron.parts, 'uicr', (b) => putU32le(b, 0x80, 0x1234)));
		const uicr = part(reading, 'uicr')!;
		expect(uicr.registers!.map((r) => [r.name, r.value])).toEqual([
			['NRFFW[0]', 0xf4000],
			[undefined, 0x1234],
			['PSELRESET[0]', 18],
			['PSELRESET[1]', 18],
		]);
		expect(codes(reading)).toContain('UICR_REGISTER_UNKNOWN');
	});

	test('the published file for turning NFC pins off has the fault that it turns nothing off', () => {
		const { nfcPins } = uicrFacts({ mcu: 'nrf52840' })!;
		const nfc = (bytes: number[]) =>
			codes(read(withChange(boron.parts, 'uicr', (b) => b.set(bytes, nfcPins.address - 0x10001000))));
		expect(nfc([0xff, 0xff, 0xff, 0xfe])).toContain('UICR_NFC_PINS_WRONG');
		expect(nfc([0xfe, 0xff, 0xff, 0xff])).toContain('UICR_NFC_PINS_GPIO');
	});

	test("settings of one unit in an image for a Photon are named as such, and so is the flash's blank half", () => {
		const { parts } = realImage('photon', '2.3.1');
		const sector = Uint8Array.from({ length: 16384 }, (_, i) => i & 0xff);
		const reading = read([
			...parts,
			{ start: 0x08004000, bytes: sector },
			{ start: 0x08008000, bytes: new Uint8Array(16384).fill(0xff) },
		]);
		expect(reading.parts.find((p) => p.start === 0x08004000)).toMatchObject({ kind: 'dct' });
	});

	test('bytes that nobody knows are told with the place that they stand in; outside of the chip they are a fault', () => {
		const noise = seededRandom(5).bytes(5000);
		const inside = read([...without(boron.parts, 'user-part2', 'guard'), { start: 0xb4000, bytes: noise }]);
		expect(inside.problems.find((p) => p.code === 'REGION_UNKNOWN')?.message).toContain('user-part2');
		const outside = read([...boron.parts, { start: 0x0030_0000, bytes: noise }]);
		expect(errors(outside)).toEqual(['IMAGE_OUTSIDE_CHIP']);
	});
});

describe('which board it is for', () => {
	const argon = realRelease('argon', '4.0.1');

	test('the system part decides, and a module for another board is a fault', () => {
		const other = argon.modules.find((m) => m.slot === 'bootloader')!.module.bytes;
		const reading = read([...without(boron.parts, 'bootloader'), { start: 0xf4000, bytes: other }]);
		expect(reading.platform?.name).toBe('boron');
		expect(errors(reading)).toEqual(['MODULE_OTHER_PLATFORM']);
		expect(reading.problems[0]!.message).toContain('Argon');
	});

	test('a SoftDevice names no board in flash, so that of another one is as good', () => {
		const from = argon.modules.find((m) => m.slot === 'softdevice')!.module;
		const payload = from.bytes.subarray(24, from.bodyEnd);
		expect(errors(read([...without(boron.parts, 'softdevice'), { start: 0x1000, bytes: payload }]))).toEqual([]);
	});

	test('asked for as another board, every module of it is a fault', () => {
		const reading = readImage(boron.image, { digests, platform: platformByName('argon')! });
		expect(errors(reading).filter((c) => c === 'MODULE_OTHER_PLATFORM')).toHaveLength(3);
	});

	test('two system parts for two boards leave it open', () => {
		const system = (platformId: number, start: number) =>
			createModule({
				platformId,
				function: ModuleFunction.system,
				index: 1,
				version: 4005,
				start,
				prefixOffset: 0x200,
				body: new Uint8Array(900),
			});
		const reading = read([
			{ start: 0x30000, bytes: system(13, 0x30000) },
			{ start: 0x60000, bytes: system(12, 0x60000) },
		]);
		expect(reading.platform).toBeUndefined();
		expect(reading.candidates.map((p) => p.name).sort()).toEqual(['argon', 'boron']);
		expect(errors(reading)).toContain('IMAGE_SEVERAL_PLATFORMS');
	});

	test("without modules it is no image of a board, and Nordic's MBR is recognised all the same", () => {
		const reading = read(boron.parts.filter((p) => p.kind === 'mbr' || p.kind === 'softdevice'));
		expect(reading.platform).toBeUndefined();
		expect(errors(reading)).toEqual(['IMAGE_WITHOUT_MODULES']);
		expect(reading.parts.map((p) => p.kind)).toEqual(['mbr', 'softdevice']);
	});
});

describe('modules that are not right', () => {
	test('a module that is cut short is named with the bytes that are missing', () => {
		const system = boron.parts.find((p) => p.name === 'system-part1')!;
		const reading = read([
			...without(boron.parts, 'system-part1'),
			{ start: system.start, bytes: system.bytes.subarray(0, 100_000) },
		]);
		expect(part(reading, 'system-part1')).toMatchObject({ state: 'damaged', version: 4005 });
		expect(errors(reading)).toEqual(['MODULE_CUT_SHORT']);
	});

	test('an application for the 256 KB slot has no place beside a system part before 3.1.0', () => {
		const old = realImage('boron', '2.2.0');
		const application = boron.parts.find((p) => p.name === 'user-part2')!;
		const reading = read([...without(old.parts, 'user-part'), application]);
		expect(errors(reading)).toContain('MODULE_PLACE_MISSING');
	});

	test('a system part of the layout from 6.2.0 on stands where older ones have none, and the other way round', () => {
		const system = (version: number, start: number) =>
			createModule({
				platformId: 13,
				function: ModuleFunction.system,
				index: 1,
				version,
				start,
				prefixOffset: 0x200,
				body: new Uint8Array(900),
			});
		expect(errors(read([{ start: 0x28000, bytes: system(6200, 0x28000) }]))).toEqual([]);
		expect(errors(read([{ start: 0x28000, bytes: system(4005, 0x28000) }]))).toEqual(['ADDRESS_OUTSIDE']);
		expect(errors(read([{ start: 0x30000, bytes: system(6200, 0x30000) }]))).toEqual(['ADDRESS_OUTSIDE']);
	});

	test('the MBR of one P2 in an image for others is a fault', () => {
		const p2 = platformByName('p2')!;
		const release = standInRelease(p2, '5.8.0');
		const composed = value(composeImage({ platform: p2, release, application: standInApplication(p2, '5.8.0'), digests }));
		const mbr = createModule({
			platformId: p2.id,
			function: ModuleFunction.bootloader,
			index: 1,
			version: 1,
			start: 0x0800_0000,
			body: new Uint8Array(200),
		});
		expect(errors(read(composed.parts))).toEqual([]);
		expect(errors(read([...composed.parts, { start: 0x0800_0000, bytes: mbr }]))).toEqual(['MODULE_OF_ONE_CHIP']);
	});
});

describe('published images that are broken', () => {
	test('a web page in place of the modules (6.0.0) is called what it is', () => {
		const reading = open(webPageAsImage());
		expect(errors(reading)).toContain('HTML_PAGE');
		expect(verifyImage(reading).ok).toBe(false);
		isLossless(reading.image, reading);
	});

	test('Tracker 5.8.0 without MBR and SoftDevice lacks both, by name', () => {
		const verdict = verifyImage(open(trackerWithoutRadio()));
		expect(verdict).toMatchObject({ ok: false, boots: 'dead' });
		expect(verdict.missing).toEqual(expect.arrayContaining(['mbr', 'softdevice', 'uicr']));
	});

	test('the network processor at address 0 (Tracker 4.2.0, 5.5.0, 5.6.0) is named, with what it lies over', () => {
		const reading = open(trackerWithNcpAtZero());
		expect(errors(reading)).toEqual(expect.arrayContaining(['IMAGE_OVERLAP', 'MODULE_OF_OTHER_CHIP']));
		const over = reading.overlaps.flatMap((o) => o.first);
		expect(over).toEqual(expect.arrayContaining(['mbr', 'softdevice 202', 'system-part1 4005']));
		expect(reading.overlaps[0]!.second).toEqual(['ncp 7']);
		expect(verifyImage(reading).ok).toBe(false);
	});

	test('the guard over the application (Tracker 6.2.0, first upload) is told with both names and lines', () => {
		const bytes = trackerWithGuardOverApplication();
		const reading = open(bytes);
		expect(reading.overlaps).toMatchObject([
			{ start: 0xd4000, end: 0xd4400, first: ['blank bytes (0xFF)'], second: ['user-part2 6'] },
		]);
		const lines = new TextDecoder().decode(bytes).split('\n');
		for (const line of reading.overlaps[0]!.lines) expect(lines[line - 1]).toMatch(/^:10/);
		// What the last piece says is what most programmers write: the application is whole then.
		expect(part(reading, 'user-part2')).toMatchObject({ state: 'sound' });
		expect(verifyImage(reading).ok).toBe(false);
	});
});

describe('whatever the image', () => {
	const small = smallImages();

	test('reading loses no byte, of real images and of any cut of them', () => {
		isLossless(boron.image, read(boron.parts));
		const flat = { start: 0, bytes: new Uint8Array(0x100000).fill(0xff) };
		for (const p of boron.parts) if (p.end <= flat.bytes.length) flat.bytes.set(p.bytes, p.start);
		isLossless(imageOf([flat]), read([flat]));
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 0x100000 }), fc.integer({ min: 1, max: 0x40000 }), (from, length) => {
				const image = imageOf([{ start: from, bytes: flat.bytes.subarray(from, Math.min(0x100000, from + length)) }]);
				isLossless(image, readImage(image, { digests }));
			}),
			{ numRuns: 40 },
		);
	});

	test('20,000 random mutations: nothing throws, no byte is lost, and nothing takes long', () => {
		const random = seededRandom(20_000);
		const started = performance.now();
		let slowest = 0;
		let refused = 0;
		const before = new Map(small.map((s) => [s, readImage(imageOf(s), { digests })]));
		for (let n = 0; n < 20_000; n++) {
			const original = small[n % small.length]!;
			const which = random.int(original.length);
			const pieces = original.map((p, i) =>
				i === which ? { start: p.start, bytes: mutate(p.bytes, original[0]!.bytes, random) } : p,
			);
			const image = MemoryImage.from(pieces);
			if (!image.ok) {
				refused++;
				continue;
			}
			const at = performance.now();
			const reading = readImage(image.value, { digests });
			const verdict = verifyImage(reading);
			diffImages(before.get(original)!, reading);
			const map = memoryMap(reading);
			renderMapText(map, { width: 80 });
			const svg = renderMapSvg(map);
			slowest = Math.max(slowest, performance.now() - at);
			if (n % 50 === 0) isLossless(image.value, reading);
			if (verdict.reasons.length === 0 || svg.length > 100_000)
				throw new Error(`mutation ${n}: no reason, or a drawing without bound`);
		}
		expect(refused).toBeLessThan(5000);
		expect(slowest).toBeLessThan(1000);
		expect(performance.now() - started).toBeLessThan(110_000);
	});

	test('2,000 random mutations of the text of a hex file: opened or refused, never thrown', () => {
		const random = seededRandom(77);
		const text = new TextEncoder().encode(writeIntelHex(small[1]!));
		for (let n = 0; n < 2000; n++) {
			const opened = openImage('image.hex', mutate(text, text, random), { digests });
			if (opened.ok) verifyImage(opened.value.reading);
			else expect(opened.problems.some((p) => p.severity === 'error')).toBe(true);
		}
	});

	test('an image of nothing but alternating bytes is described in a bounded number of parts', () => {
		const bytes = new Uint8Array(1024 * 1024).map((_, i) => ((i >> 9) & 1 ? 0xff : 0x55));
		const reading = read([{ start: 0x0800_0000, bytes }]);
		expect(reading.parts.length).toBeLessThan(1100);
		isLossless(reading.image, reading);
	});
});

/** Images of stand-in modules, a few KB each, so that thousands of them can be read. */
function smallImages(): Segment[][] {
	const image = (name: string, version: string) => {
		const platform = platformByName(name)!;
		const composed = composeImage({
			platform,
			release: standInRelease(platform, version),
			application: standInApplication(platform, version),
			...(platform.mcu === 'nrf52840' ? { mbr: realMbr() ?? standInMbr(), allowUnknownMbr: true } : {}),
			digests,
		});
		return value(composed).parts.map(({ start, end, bytes }) => ({ start, end, bytes }));
	};
	return [
		image('boron', '6.2.0'),
		image('p2', '5.8.0'),
		image('photon', '3.3.1'),
		[{ start: 0, end: 4, bytes: concatBytes([Uint8Array.of(1, 2, 3, 4)]) }],
	];
}
