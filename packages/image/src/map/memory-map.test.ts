import { platformByName } from '@linac/catalog';
import { MemoryImage } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { standInApplication, standInRelease } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trackerWithGuardOverApplication, trackerWithoutRadio } from '../../../../tests/support/broken-images.js';
import { realImage, value } from '../../../../tests/support/release-files.js';
import {
	composeImage,
	type MapStorage,
	memoryMap,
	openImage,
	positionOf,
	readImage,
	renderMapSvg,
	renderMapText,
} from '../index.js';

const digests = nodeDigests;
const mapOf = (parts: Iterable<{ start: number; bytes: Uint8Array }>, file = 'boron.hex') =>
	memoryMap(readImage(value(MemoryImage.from(parts)), { digests, file }));
const opened = (bytes: Uint8Array) => memoryMap(value(openImage('tracker.hex', bytes, { digests })).reading);
const boron = realImage('boron', '4.0.1').parts;
const flash = (map: ReturnType<typeof memoryMap>) => map.storages[0]!;
/** The bar of the line that begins with this address, without its edges. */
const bar = (lines: string[], name: string) => {
	const line = lines.find((l) => l.startsWith(name, 14))!;
	return /[│|](.*)[│|]/.exec(line)![1]!;
};

describe('the layout of a memory map', () => {
	test('positions are to scale: a part takes the share of the axis that it takes of the flash', () => {
		const storage = flash(mapOf(boron));
		expect(storage).toMatchObject({ name: 'Internal flash', start: 0, end: 0x100000 });
		for (const row of storage.rows) {
			expect(positionOf(storage, row.start)).toBeCloseTo(row.start / 0x100000, 9);
			expect(positionOf(storage, row.end)).toBeCloseTo(row.end / 0x100000, 9);
		}
	});

	test('every part of the image is a row, with the place of the chip that it belongs in', () => {
		const storage = flash(mapOf(boron));
		expect(storage.rows.map((r) => [r.name, r.place?.name])).toEqual([
			['mbr', 'mbr'],
			['softdevice', 'radio-stack'],
			['system-part1', 'system-part-1'],
			['user-part2', 'user-part-2'],
			['guard', undefined],
			['bootloader', 'bootloader'],
		]);
		expect(storage.used).toBe(boron.filter((p) => p.kind !== 'uicr').reduce((sum, p) => sum + p.bytes.length, 0));
	});

	test('what a blank chip needs and the image lacks is a row by itself; what needs nothing is free', () => {
		const map = opened(trackerWithoutRadio());
		const missing = map.storages.flatMap((s) => s.rows.filter((r) => r.state === 'missing').map((r) => r.name));
		expect(missing).toEqual(['mbr', 'softdevice', 'uicr']);
		const photon = flash(mapOf(realImage('photon', '2.3.1').parts));
		expect(photon.rows.filter((r) => r.state === 'free').map((r) => r.name)).toEqual(['dct-pages', 'eeprom', 'ota']);
	});

	test('the longest empty stretches of a P2 are drawn shorter, and say how long they are', () => {
		const platform = platformByName('p2')!;
		const release = standInRelease(platform, '5.8.0');
		const composed = value(composeImage({ platform, release, application: standInApplication(platform, '5.8.0'), digests }));
		const map = mapOf(composed.parts);
		const storage = flash(map);
		const cut = storage.stretches.filter((s) => s.collapsed);
		expect(cut.length).toBeGreaterThan(0);
		for (const s of cut) expect(s.to - s.from).toBeCloseTo(0.05, 9);
		expect(storage.stretches.at(-1)!.to).toBeCloseTo(1, 9);
		expect(renderMapText(map, { width: 80 }).filter((l) => l.includes('drawn shorter than it is'))).toHaveLength(cut.length);
		expect(storage.rows.find((r) => r.name === 'prebootloader-mbr')?.kind).toBe('on-chip');
	});

	test('for any image the axis goes from 0 to 1 without a gap, and never back', () => {
		const pieces = fc.uniqueArray(
			fc.record({ start: fc.integer({ min: 0, max: 0xffff_f000 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
			{ minLength: 1, maxLength: 8, selector: (p) => p.start },
		);
		fc.assert(
			fc.property(pieces, fc.constantFrom(undefined, 'boron', 'photon', 'p2'), (parts, name) => {
				const image = MemoryImage.from(parts);
				fc.pre(image.ok);
				const platform = name === undefined ? {} : { platform: platformByName(name)! };
				const map = memoryMap(readImage(value(image), { digests, ...platform }));
				for (const s of map.storages) checkAxis(s);
				renderMapText(map, { width: 60 });
				renderMapSvg(map);
			}),
			{ numRuns: 200 },
		);
	});
});

function checkAxis(storage: MapStorage): void {
	let at = 0;
	for (const s of storage.stretches) {
		expect(s.from).toBeCloseTo(at, 9);
		expect(s.to).toBeGreaterThan(s.from);
		at = s.to;
	}
	expect(at).toBeCloseTo(1, 9);
}

describe('drawn on a terminal', () => {
	test.each([80, 100, 120])('no line is wider than %i columns, of a whole image and of broken ones', (width) => {
		for (const map of [mapOf(boron), opened(trackerWithoutRadio()), opened(trackerWithGuardOverApplication())]) {
			for (const line of renderMapText(map, { width })) expect([...line].length).toBeLessThanOrEqual(width);
		}
	});

	test('even four bytes are to be seen, and a bar begins and ends where its part does', () => {
		const lines = renderMapText(mapOf([...boron, { start: 0xe0000, bytes: Uint8Array.of(1, 2, 3, 4) }]), { width: 120 });
		const cells = (name: string) => [...bar(lines, name)];
		expect(cells('unknown').filter((c) => c === '▒')).toHaveLength(1);
		const system = cells('system-part1');
		const filled = system.map((c, i) => ('█▌▐'.includes(c) ? i : -1)).filter((i) => i >= 0);
		expect(filled[0]).toBe(Math.floor((0x30000 / 0x100000) * system.length));
		expect(filled.at(-1)).toBe(Math.ceil((0xacb4a / 0x100000) * system.length) - 1);
	});

	test('with --ascii there is nothing but ASCII, and what is wrong is said in words, not in colour', () => {
		const lines = renderMapText(opened(trackerWithoutRadio()), { width: 80, ascii: true });
		const text = lines.join('\n');
		// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is asked
		expect(text).toMatch(/^[\x0a\x20-\x7e]*$/);
		expect(text.match(/MISSING/g)).toHaveLength(3);
	});

	test('colour comes from the caller alone, and the words are the same without it', () => {
		const painted = renderMapText(mapOf(boron), { width: 80, paint: (text, tone) => `<${tone}>${text}</>` }).join('\n');
		const plain = renderMapText(mapOf(boron), { width: 80 }).join('\n');
		expect(painted.replace(/<[a-z/]*>/g, '')).toBe(plain);
		expect(painted).toContain('<good>');
	});
});

describe('drawn as SVG', () => {
	test('it is one document without scripts or foreign content, with a title and all of it in words', () => {
		const svg = renderMapSvg(mapOf(boron));
		expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
		expect(svg).not.toMatch(/<script|<foreignObject|href=|url\((?!#)/i);
		expect(svg).toContain('<title id="map-title">Memory map of boron.hex</title>');
		const words = /<desc[^>]*>(.*)<\/desc>/.exec(svg)![1]!;
		for (const name of ['mbr', 'softdevice 202', 'system-part1 4005', 'bootloader 1101', 'NRFFW[0]'])
			expect(words).toContain(name);
		expect(svg).toContain('prefers-color-scheme: dark');
		expect(openTags(svg)).toEqual([]);
	});

	test('the name of a file cannot become markup', () => {
		const svg = renderMapSvg(mapOf(boron, `<script>alert("1")</script>&'\u0000\ud800.hex`));
		expect(svg).not.toContain('<script');
		expect(svg).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\ufffd\ufffd.hex');
		expect(openTags(svg)).toEqual([]);
	});

	test('the same image gives the same drawing, and every piece of it is inside of the page', () => {
		const svg = renderMapSvg(mapOf(boron));
		expect(renderMapSvg(mapOf([...boron].reverse()))).toBe(svg);
		const height = Number(/viewBox="0 0 860 (\d+)"/.exec(svg)![1]);
		for (const [, y, h] of svg.matchAll(/<rect class="[^"]*" x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"/g)) {
			expect(Number(y) + Number(h)).toBeLessThanOrEqual(height);
			expect(Number(y)).toBeGreaterThanOrEqual(0);
		}
	});

	test('names do not cover each other, however many small parts there are', () => {
		const many = Array.from({ length: 40 }, (_, i) => ({ start: 0xe0000 + i * 64, bytes: Uint8Array.of(i, 1, 2, 3) }));
		const svg = renderMapSvg(mapOf([...boron, ...many]));
		const heights = [...svg.matchAll(/<text x="352" y="([\d.]+)" id=/g)].map((m) => Number(m[1]));
		expect(heights.length).toBeGreaterThan(40);
		for (const [i, y] of heights.entries()) if (i > 0) expect(y - heights[i - 1]!).toBeGreaterThanOrEqual(35.9);
	});
});

/** Tags that are opened and not closed, or closed in the wrong order. */
function openTags(xml: string): string[] {
	const open: string[] = [];
	for (const [, close, name, self] of xml.matchAll(/<(\/?)([a-z]+)\b[^<>]*?(\/?)>/gi)) {
		if (self) continue;
		if (!close) open.push(name!);
		else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
	}
	return open;
}
