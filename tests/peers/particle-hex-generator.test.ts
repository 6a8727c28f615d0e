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

/** The other releases that npm has: three packages more, fetched with LINAC_TEST_RELEASES=all. */
const others: typeof theirs = [
	[
		'2.0.1',
		'argon',
		1882412,
		'd9d0ad3cfef694eacdeb2dde7996dca7bed8d36ebcdfc3d49ab29a2bbad2a9ae',
		'ea742ca5584382c8ca2f38c91ea48b20a32be3ea54228dbac4e40512a9e3dc42',
	],
	[
		'2.0.1',
		'b5som',
		1955792,
		'46b8bb2eaff71c388d1b072bc01f439336298fa02749aba8966033a7512d2d7b',
		'e55653fb0d7c2f1aa71bcbe516be5c3368a0e145b61e2f75b52645538a187d8b',
	],
	[
		'2.0.1',
		'boron',
		1962720,
		'4ed8c0717fd95ef29c68044992f7d3b55d634490c46529962ea91425e255334b',
		'4e94f4cf0f8c43d0d2a9b495637c6125afb0cb4ae87d21eff905d34ff0ef69a1',
	],
	[
		'2.0.1',
		'bsom',
		1964496,
		'929c945b5afc44a86260bcebba882b8b3072eb59d2baf918b69826a3b916551f',
		'413497276498d3578035bb196a0a343c08cea31e299cf5b2ca50a3e646fd5aeb',
	],
	[
		'2.0.1',
		'electron',
		982504,
		'ad255e0f9c9128874ba7dacb377735f8caf7e7acc9f3dd6668af20b43e228474',
		'c6ebadc536563f966cf1fc8ca5641b4839af1c37a5718db8593f94d85bfd5e4d',
	],
	[
		'2.0.1',
		'p1',
		1437452,
		'd72914f0cb9d05bae1030eb7f20a2c0babe06e570fc69b82036ee5e191834642',
		'efc274d4025740b1360686d2b61241c900f20da82b11d70864cb65560a9b743a',
	],
	[
		'2.0.1',
		'photon',
		1435316,
		'c9321fa03ece46d42c71e2a8a78031691caa65ee52f6d7b901aea350ee70db3e',
		'e43b04610d39cb7445bb1096ecef6a508a89d6a869e6232b2c1cb46725a51445',
	],
	[
		'2.0.1',
		'tracker',
		1970180,
		'76c17810fc89f61981002e3b7384b103aa7fe8ef52f6260ded4177f374acdc65',
		'69ca05646b9ce0578ea3983ed4b3361a86c32f716f2fa0c79442c4fcca509754',
	],
	[
		'2.1.0',
		'argon',
		1894908,
		'7a0329a6f202f3f75cb45c784bc96b938c346b202c788e1bc478fa6ac64246ad',
		'1137f2f4fb369c90d04ef28657f92b37fead3605ee995f96dbd38dccd9f8205d',
	],
	[
		'2.1.0',
		'b5som',
		1970224,
		'0be0b387e2098d852a12183cb9c5d025db5a263a57794f39c52afc99b5519955',
		'13395e27c443b683f012c81d18652e3876e028683cd62edfca6df21975d98b38',
	],
	[
		'2.1.0',
		'boron',
		1975832,
		'9a8e8594f7ba6792648722dbbc5c6f44a226e0e12389e350fe0636b6f4f909da',
		'ac77f2acb9e43c25bc51e57dbbaff0aa88c8b9061c34b8d7fd993cf00a086411',
	],
	[
		'2.1.0',
		'bsom',
		1977564,
		'f441253ec253346445666cdc83787ec53b747f3964989801dad4c9535a7d8d25',
		'40383024be6b78452650cd41df1d33e104ba45ad6b5aa3e442983c6a3987371d',
	],
	[
		'2.1.0',
		'electron',
		946284,
		'5c4607c9af00dce6c06d10d10105c75e452250c634de19800d7116b203d91f8d',
		'8f71f4d4e1445b41a80c36b0846a687d102e7fd3e4f480b8f26091a41770d672',
	],
	[
		'2.1.0',
		'p1',
		1442732,
		'dcfa11625f5a9f0703ba1ed353efe485807e317659fcb87ca0fe0847ee0509c3',
		'868851e029ef9376dd7d5f7d26ca2705145a61b7957a5f4c89e0a353840db7aa',
	],
	[
		'2.1.0',
		'photon',
		1440552,
		'650d5df2171c322a96519cd863631b785a04e1d3af8c6e19c759c6df6b49be3a',
		'a468bbab5063dce39baa3c8b66d7e3e53ed749311fba70c976a20e5c7bd4da73',
	],
	[
		'2.1.0',
		'tracker',
		1984568,
		'f99ff4134f2b9e9238d1b0047b1821d4887de596027037059e855dded1b12078',
		'1ec416912fae0ddb3e8a10fbe87b29e01595fb61f6ff34e762278478f2ba180e',
	],
	[
		'4.0.2',
		'argon',
		1918760,
		'7a93369e4baed5730e4601c527138d5bf2590fd06a5d3f8a78264fa1d27e1d28',
		'e16e72a74fba7f514694c018efeedb758cb7a46c9ae68c73082b8ca1e26bad43',
	],
	[
		'4.0.2',
		'b5som',
		2004340,
		'4c8751dcc9a4afb0f4b0fdd188191a6d82f9567508ec571906e25b8695043a1e',
		'c0d013c7c86e857c81518a00634a78b9ea297cdbc19fdbec7a940ceee974858a',
	],
	[
		'4.0.2',
		'boron',
		2017996,
		'50b742ad93afdbef9145a70f84a81beacd717ceee83fea6c9692a2a7b250202e',
		'881c9fdef2cc865287692266922b3ef3f1ec362fb833cac738269f321a30642b',
	],
	[
		'4.0.2',
		'bsom',
		2018920,
		'c718da882366d1d05600e4439f21c165c3865f3d174959b26a41cdca6633f18f',
		'982daada714c684228292c28e1a2701e14dd407f6cc364a5afb71993e4c82036',
	],
	[
		'4.0.2',
		'esomx',
		2017865,
		'437accb0373c658a7a776f15aa13f8437c651074424f3d84ea39f37987f0e5ec',
		'bdb893ab9e2156eb87571f53ffcc1b1bddefaba8bc943d43f3f80d8b153a4ed7',
	],
	[
		'4.0.2',
		'tracker',
		2079948,
		'507bdf70ada87f8a117481c4b30844bc35d1da3b715cb17de8d567e574919962',
		'7564d8231b840bf4ef5edeac5cb771b4a933a01191ab8b0e107ba74ec31e5bbb',
	],
];
const all = process.env.LINAC_TEST_RELEASES === 'all';

describe.each(all ? [...theirs, ...others] : theirs)('%s %s', (version, platform, length, hash, manifestHash) => {
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
