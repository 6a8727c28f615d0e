/**
 * Particle's own generator of restore images (HexTool, rickkas7/HexTool at a237c60) made files of the same real modules; here stand their
 * lengths and SHA-256. Two things were changed to let it run on what npm has: platforms without files are passed over, and Tracker gets
 * its UICR as in the published files (the generator's last revision leaves it out). Where Tinker has no build for the slot of the release,
 * and for the bootloader that Electron 1.5.2 carries inside its system part, it was given the same stand-in, or the same extract, as here.
 */
import { asPlatform, classicFacts } from '@linac/catalog';
import { address, toHex } from '@linac/core';
import { type MemoryImage, parseIntelHex, writeIntelHex } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { classicHex, needsMbr } from '@linac/image';
import { describe, expect, test } from 'vitest';
import { realMbr } from '../support/nordic-mbr.js';
import { realImage, value } from '../support/release-files.js';

const sha256 = (text: string) => toHex(nodeDigests.sha256(new TextEncoder().encode(text)));

/** Release, platform, characters and SHA-256 of the generator's hex file. */
const theirs: [version: string, platform: string, length: number, sha256: string][] = [
	['1.4.4', 'asom', 2399872, '9e7fe908cdc624c37688157b0b701128656b477ccd3ee881348a04819b1a7024'],
	['1.5.2', 'argon', 2339436, '298a82a3dc975f8f8a2fcde0a21a124431905aa81494090c8c924072f5f440a0'],
	['1.5.2', 'b5som', 2382800, '5165a496bf4e80d234fe30cf67e6b7719c15c1df33e425ae26dfabdfa5265b63'],
	['1.5.2', 'boron', 2386472, '315a76b1693e142604d615ca91aa2a0b32689b19d063f9062ec5f5a8ff6de910'],
	['1.5.2', 'bsom', 2388248, '5a96c4675e4bb9c8e313378a4cdaaab246b74348d7f9bdbcad0fe65cc97647ea'],
	['1.5.2', 'electron', 949092, '64209186044814ff49088fccb45036b7b70f884fe7f46d93586b1f54a0e62f40'],
	['1.5.2', 'p1', 1434244, 'f676af33a9edd573987a1cac3d005e64ef807d12b156c47922cd04465af9c24c'],
	['1.5.2', 'photon', 1431920, '434329434439e232dd108c9883df143f2a68d61e23095e7b7187e2936e3ebed6'],
	['1.5.2', 'xenon', 2230772, '35069612376b48343c6676d796d5917226d342157013949ec19cb43914784f1d'],
	['2.2.0', 'argon', 1903276, 'd40af8304181b5dd0fe12b38bec62535e71d63fad1b0baadeead5c0d30d68617'],
	['2.2.0', 'b5som', 1971596, 'db7606ed17fcc3e78d12362328921e292b8ebc1e305d712927c0bbd0f9be2b37'],
	['2.2.0', 'boron', 1977644, '62f3f5893701c862fcea9a0d37730771da31d0ff682eae8b7397e8e020d3153f'],
	['2.2.0', 'bsom', 1979376, 'f8634c718cbcd560da3ee08c1095dc9ef00bf9900b0e98044d0413028ccd84ea'],
	['2.2.0', 'electron', 949708, '5ed9a8c469325d0593a24abcc5cb784549d4294f38800cdd3ecd4cfc15507d69'],
	['2.2.0', 'p1', 1440016, '39a843adcdef17091549216e99fc989cf51f94859afad7a674792943c84fa5dc'],
	['2.2.0', 'photon', 1437852, 'e51821a02ad5f8b5c1f7598235d43545c18ce502ad786b2f9d084eb67de16618'],
	['2.2.0', 'tracker', 1985780, '638d3bf1c9fb1af94cfe34a7825dfe06334a6bcf015f36d8b61f3ff370c7d08d'],
	['2.3.1', 'electron', 951600, 'edd02002a17b550c8927c220aa884eca9df1fc3653b2d356aebae4cbc497e7c5'],
	['2.3.1', 'p1', 1440412, 'b12883d6e5216649ee5d616a6820007ab77d9860c27f73ebf59c53a89e84d511'],
	['2.3.1', 'photon', 1438248, 'af5cef16a62fb900a91c8f47424afea11e692a26be1c908a68a044b5e2674acb'],
	['4.0.1', 'argon', 1918408, '4eaaca8af8dccc94c247e71d6a9b4e03e43851a6016a22ca322d2e68c23c3d94'],
	['4.0.1', 'b5som', 2004032, 'f34b445031ea2baffff27897828f8807a990faf0df0f12c378a99d8b2896ad83'],
	['4.0.1', 'boron', 2017600, '65cc1d539fe82338fab22bc3640f57df4f28f0e7e9156debd1836f0a78d0e795'],
	['4.0.1', 'bsom', 2018612, '10257c5c7318719db91e386a7c68251b775c52c0f373a24cd19859ec794c455a'],
	['4.0.1', 'esomx', 2017557, '1a0657d1acf3b2e1e28f5721cdbe9946443335d137192ac532455c94a8f54246'],
	['4.0.1', 'tracker', 2079640, '824542e7a228ffea8def57e72fa529d8eac6ccc4cc2a83e8df5290e3a4a68020'],
];

describe.each(theirs)('%s %s', (version, platform, length, hash) => {
	const needs = needsMbr(asPlatform(platform));
	test.skipIf(needs && !realMbr())('the classic layout is the file of Particle’s generator, character for character', () => {
		const text = value(classicHex(realImage(platform, version)));
		expect(text.length).toBe(length);
		expect(sha256(text)).toBe(hash);
	});

	test('the default layout is the same memory without the stray bytes, sorted and without overlaps', () => {
		const composed = realImage(platform, version);
		const classic = value(parseIntelHex(value(classicHex(composed))));
		const ours = value(parseIntelHex(writeIntelHex(composed.image))).image;
		// No record may be out of order: what is written is the image's own pieces, by address.
		expect(ours.segments.map((s) => [s.start, s.end])).toEqual(composed.image.segments.map((s) => [s.start, s.end]));
		const stray = composed.parts
			.filter((p) => p.kind === 'softdevice')
			.map((p) => ({ start: p.end, end: p.end + classicFacts().strayAfterSoftDevice }));
		expect(pages(ours)).toEqual(pages(classic.image, stray));
	});
});

/** SHA-256 of every 4 KB page with 0xFF where nothing is, by its address; `blank` ranges are taken as not there. Blank pages are left out. */
function pages(image: MemoryImage, blank: { start: number; end: number }[] = []): Record<string, string> {
	const content = new Map<number, Uint8Array>();
	for (const s of image.segments) {
		for (let at = s.start; at < s.end; ) {
			const page = Math.floor(at / 4096) * 4096;
			const to = Math.min(s.end, page + 4096);
			const bytes = content.get(page) ?? new Uint8Array(4096).fill(0xff);
			bytes.set(s.bytes.subarray(at - s.start, to - s.start), at - page);
			content.set(page, bytes);
			at = to;
		}
	}
	for (const { start, end } of blank) {
		const page = Math.floor(start / 4096) * 4096;
		content.get(page)?.fill(0xff, start - page, end - page);
	}
	const rows = [...content].filter(([, bytes]) => bytes.some((b) => b !== 0xff)).sort(([a], [b]) => a - b);
	return Object.fromEntries(rows.map(([page, bytes]) => [address(page), toHex(nodeDigests.sha256(bytes))]));
}
