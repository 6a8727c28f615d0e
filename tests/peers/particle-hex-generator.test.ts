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
import { classicHex, needsMbr, publishedModules, restoreManifest } from '@linac/image';
import { describe, expect, test } from 'vitest';
import { realMbr } from '../support/nordic-mbr.js';
import { applicationFor, realImage, realRelease, value } from '../support/release-files.js';

const sha256 = (text: string) => toHex(nodeDigests.sha256(new TextEncoder().encode(text)));

/**
 * Release, platform, characters and SHA-256 of the generator's hex file, and SHA-256 of its manifest without what depends on which board's
 * file the SoftDevice was taken from (the generator took Argon's for all up to 3.3.x), and without the NCP, which npm does not have.
 */
const theirs: [version: string, platform: string, length: number, sha256: string, manifest: string][] = [
	[
		'1.4.4',
		'asom',
		2399872,
		'9e7fe908cdc624c37688157b0b701128656b477ccd3ee881348a04819b1a7024',
		'8e28d9a021826790ad70f9d419ac89171eab715d9ed01559922b65f1d447a453',
	],
	[
		'1.5.2',
		'argon',
		2339436,
		'298a82a3dc975f8f8a2fcde0a21a124431905aa81494090c8c924072f5f440a0',
		'80a1d149a2661b07f4de07cde2e1605e55fe8858f8e314fb682908378c2e93a1',
	],
	[
		'1.5.2',
		'b5som',
		2382800,
		'5165a496bf4e80d234fe30cf67e6b7719c15c1df33e425ae26dfabdfa5265b63',
		'09d975a86da65681016f8080a5143e7545f902716632e6aca1cec746785fe1fa',
	],
	[
		'1.5.2',
		'boron',
		2386472,
		'315a76b1693e142604d615ca91aa2a0b32689b19d063f9062ec5f5a8ff6de910',
		'8e6570390ff17105c0a24b8a69665f7b43f71b7bf6cf4401a06731deea5e74b0',
	],
	[
		'1.5.2',
		'bsom',
		2388248,
		'5a96c4675e4bb9c8e313378a4cdaaab246b74348d7f9bdbcad0fe65cc97647ea',
		'e28c3cf3eaa1a0ebdd7b7c09656380248d6a182ec68e97196f27d328619595ef',
	],
	[
		'1.5.2',
		'electron',
		949092,
		'64209186044814ff49088fccb45036b7b70f884fe7f46d93586b1f54a0e62f40',
		'1b9fdc8dc16df0ef3255297a8b69cf44ca147de656f437ceffb0dc157ef3fee1',
	],
	[
		'1.5.2',
		'p1',
		1434244,
		'f676af33a9edd573987a1cac3d005e64ef807d12b156c47922cd04465af9c24c',
		'4a4ed787ef61bcbf503798945bb3ecb42c20c9ca1e7718e1ba9e8a87f416df53',
	],
	[
		'1.5.2',
		'photon',
		1431920,
		'434329434439e232dd108c9883df143f2a68d61e23095e7b7187e2936e3ebed6',
		'a42d12cea8787d17d88d15cd1976b9aadfee15ef0a2518f099d95c358211ba8e',
	],
	[
		'1.5.2',
		'xenon',
		2230772,
		'35069612376b48343c6676d796d5917226d342157013949ec19cb43914784f1d',
		'a8debf672508f4c7c3d299a56ebeb787ab0a4a2cfd1c20fe5faf67c7df28ac9a',
	],
	[
		'2.2.0',
		'argon',
		1903276,
		'd40af8304181b5dd0fe12b38bec62535e71d63fad1b0baadeead5c0d30d68617',
		'9448cf60e3cbe9c17cef69131fab468f34609a9a5bb1199b90a878b31be2dc60',
	],
	[
		'2.2.0',
		'b5som',
		1971596,
		'db7606ed17fcc3e78d12362328921e292b8ebc1e305d712927c0bbd0f9be2b37',
		'1ae83a9acf26d3970d57cbdfea90daeb0f69e82cadfaf45526244729a1e1e91c',
	],
	[
		'2.2.0',
		'boron',
		1977644,
		'62f3f5893701c862fcea9a0d37730771da31d0ff682eae8b7397e8e020d3153f',
		'5ffcdcba71bb988cb4c3963f4f4eed5eb972d88aa89c4aa73d414aa4d1bf5036',
	],
	[
		'2.2.0',
		'bsom',
		1979376,
		'f8634c718cbcd560da3ee08c1095dc9ef00bf9900b0e98044d0413028ccd84ea',
		'55a090a9fed87b65d79a4227262765a5b8928d63f679bc118dc2b76cb10b6c00',
	],
	[
		'2.2.0',
		'electron',
		949708,
		'5ed9a8c469325d0593a24abcc5cb784549d4294f38800cdd3ecd4cfc15507d69',
		'5d65809ae57cfef5eaafb68e6b719f603769518ddb9fa2ed089c468207ad64ab',
	],
	[
		'2.2.0',
		'p1',
		1440016,
		'39a843adcdef17091549216e99fc989cf51f94859afad7a674792943c84fa5dc',
		'49e0ee45634cdda6c4b91c7d26810cc24f81a8eceb1bec994caf3c6d5fca3a45',
	],
	[
		'2.2.0',
		'photon',
		1437852,
		'e51821a02ad5f8b5c1f7598235d43545c18ce502ad786b2f9d084eb67de16618',
		'592526dbf31eba9178eaa9c8f92a5c37e4a730836d0e183eb6defd0e22da89c8',
	],
	[
		'2.2.0',
		'tracker',
		1985780,
		'638d3bf1c9fb1af94cfe34a7825dfe06334a6bcf015f36d8b61f3ff370c7d08d',
		'58901952cb821be7ce078c5d7e330bf65ececa73506bc2c0c40188ef7d7f2eda',
	],
	[
		'2.3.1',
		'electron',
		951600,
		'edd02002a17b550c8927c220aa884eca9df1fc3653b2d356aebae4cbc497e7c5',
		'9aae5034359671d9c6c25822ac96057f8aa8fdacb0d8aed76113907d62cfbed4',
	],
	[
		'2.3.1',
		'p1',
		1440412,
		'b12883d6e5216649ee5d616a6820007ab77d9860c27f73ebf59c53a89e84d511',
		'00f9b7bc675281b6cc020e2517ab58f6b6eb750fad828f88a138660ab7c49301',
	],
	[
		'2.3.1',
		'photon',
		1438248,
		'af5cef16a62fb900a91c8f47424afea11e692a26be1c908a68a044b5e2674acb',
		'4b1874acaa2978068d4f631ef36832e427475ed8fab2bcc66b0fab2975f8e3ad',
	],
	[
		'4.0.1',
		'argon',
		1918408,
		'4eaaca8af8dccc94c247e71d6a9b4e03e43851a6016a22ca322d2e68c23c3d94',
		'0e2048e3f06b866f925bfbd6bcdb352944a7e0e8798c9a9f8c84edbcb9236f11',
	],
	[
		'4.0.1',
		'b5som',
		2004032,
		'f34b445031ea2baffff27897828f8807a990faf0df0f12c378a99d8b2896ad83',
		'1aea2528b276281a20839a7817f038555dd87ba7383d4655e9ce04554e1777f8',
	],
	[
		'4.0.1',
		'boron',
		2017600,
		'65cc1d539fe82338fab22bc3640f57df4f28f0e7e9156debd1836f0a78d0e795',
		'abe2e1c2ad3e465b697ee4b05e4fd1b6f798fb05ee209508d3af1afb06b116b5',
	],
	[
		'4.0.1',
		'bsom',
		2018612,
		'10257c5c7318719db91e386a7c68251b775c52c0f373a24cd19859ec794c455a',
		'7e4e94ec98fc04cffd69caf39a18b14257bf31d956e47de18210c7ab43e8efef',
	],
	[
		'4.0.1',
		'esomx',
		2017557,
		'1a0657d1acf3b2e1e28f5721cdbe9946443335d137192ac532455c94a8f54246',
		'bfd8a219e612d7042cc00146cb11c3b267829e0cae758c5190ce7d22ef200c05',
	],
	[
		'4.0.1',
		'tracker',
		2079640,
		'824542e7a228ffea8def57e72fa529d8eac6ccc4cc2a83e8df5290e3a4a68020',
		'dba4d670c0ca8643572b347fe084b077dca9d0a2e18cf51a0aa3bd2f84615e6d',
	],
];

describe.each(theirs)('%s %s', (version, platform, length, hash, manifestHash) => {
	const needs = needsMbr(asPlatform(platform));
	test.skipIf(needs && !realMbr())('the classic layout is the file of Particle’s generator, character for character', () => {
		const text = value(classicHex(realImage(platform, version)));
		expect(text.length).toBe(length);
		expect(sha256(text)).toBe(hash);
	});

	test('the manifest is that of Particle’s generator', () => {
		const text = restoreManifest(publishedModules(realRelease(platform, version), applicationFor(platform, version)), 'plain');
		const modules = JSON.parse(text) as Record<string, { prefixInfo: { platformID: number }; suffixInfo: { crcBlock: string } }>;
		if (modules.softdevice) {
			modules.softdevice.prefixInfo.platformID = 0;
			modules.softdevice.suffixInfo.crcBlock = '';
		}
		expect(sha256(JSON.stringify(modules, null, 2))).toBe(manifestHash);
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
