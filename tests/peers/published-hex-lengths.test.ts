/**
 * Restore images as published on Particle's documentation site (device-restore/VERSION/PLATFORM.hex): their length follows from the layout
 * and from where each module ends, which the published manifests tell (PLATFORM.json beside them). The real modules are used where npm has
 * them; for the others, and for applications, stand-ins of exactly the published size.
 */
import { asPlatform, type ReleaseSet } from '@linac/catalog';
import { nodeDigests } from '@linac/host';
import { classicHex, composeImage } from '@linac/image';
import { standInApplication, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';
import { realRelease, value } from '../support/release-files.js';

interface Published {
	/** Characters of the published hex file. */
	length: number;
	/** End address of the published application, and its start where it is not that of its slot. */
	application: number;
	applicationStart?: number;
	/** End addresses of the modules that have to be stood in for. */
	modules?: Record<string, number>;
}

const published: [version: string, platform: string, file: Published][] = [
	['2.2.0', 'boron', { length: 1_974_852, application: 0xd689c }],
	['2.2.0', 'electron', { length: 962_248, application: 0x808285c }],
	['2.2.0', 'photon', { length: 1_457_968, application: 0x80a315c }],
	['2.2.0', 'tracker', { length: 2_239_968, application: 0xed634 }],
	['1.5.2', 'xenon', { length: 2_232_116, application: 0xd6cec }],
	['4.0.1', 'boron', { length: 2_003_036, application: 0xb5b90 }],
	[
		'5.4.1',
		'p2',
		{
			length: 3_112_412,
			application: 0x85ffffc,
			applicationStart: 0x85f4000,
			modules: { 'system-part1': 0x81567c8, 'prebootloader-part1': 0x8018e40, bootloader: 0x8010e78 },
		},
	],
	[
		'6.2.1',
		'msom',
		{
			length: 4_118_192,
			application: 0x85ffffc,
			applicationStart: 0x85f2000,
			modules: { 'system-part1': 0x819d968, 'prebootloader-part1': 0x80278a4, bootloader: 0x8012700 },
		},
	],
	[
		'6.2.1',
		'esomx',
		{
			length: 2_134_033,
			application: 0xb630a,
			modules: { 'system-part1': 0xafc38, softdevice: 0x265d4, bootloader: 0xffdf6 },
		},
	],
	[
		'6.2.1',
		'tracker',
		// The corrected file: an older upload had the guard over the application, 2832 characters more.
		{
			length: 2_460_492,
			application: 0xd7658,
			modules: { 'system-part1': 0xacb90, softdevice: 0x265d4, bootloader: 0xfff06 },
		},
	],
];

test.each(published)('the classic %s image for %s is as long as the published one', (version, platform, file) => {
	const composed = value(
		composeImage({
			platform: asPlatform(platform),
			release: file.modules ? ofSize(platform, version, file.modules) : realRelease(platform, version),
			application: applicationOfSize(platform, version, file),
			mbr: standInMbr(),
			allowUnknownMbr: true,
			digests: nodeDigests,
		}),
	);
	expect(value(classicHex(composed)).length).toBe(file.length);
});

/** Stand-ins whose modules end exactly where the published ones do. */
function ofSize(platform: string, version: string, ends: Record<string, number>): ReleaseSet {
	const base = 0x4000;
	const slots = Object.keys(ends);
	const first = standInRelease(platform, version, { sizes: Object.fromEntries(slots.map((s) => [s, base])) });
	const sizes = first.modules.map(({ slot, module }) => [slot, base + (ends[slot] ?? module.prefix.end) - module.prefix.end]);
	const set = standInRelease(platform, version, { sizes: Object.fromEntries(sizes) });
	for (const { slot, module } of set.modules) if (slot in ends) expect(module.prefix.end, slot).toBe(ends[slot]);
	return { ...set, modules: set.modules.filter((m) => m.slot in ends) };
}

function applicationOfSize(platform: string, version: string, file: Published) {
	const base = 1000;
	const first = standInApplication(platform, version, { size: base }).module.prefix;
	const length = file.application - (file.applicationStart ?? first.start);
	const overhead = first.end - first.start - base;
	// RTL872x applications are rounded up to whole pages.
	const size = file.applicationStart === undefined ? length - overhead : length - 1000;
	const application = standInApplication(platform, version, { size });
	expect(application.module.prefix.end - application.module.prefix.start).toBe(length);
	return application;
}
