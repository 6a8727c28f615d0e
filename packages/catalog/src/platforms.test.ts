import { parseModule } from '@linac/firmware';
import { expect, test } from 'vitest';
import { stale } from '../../../scripts/generate-data.mjs';
import { type ParticleCliVersion, particleCliVersions, realFiles } from '../../../tests/support/real-firmware.js';
import {
	inRange,
	platformById,
	platformByName,
	platformByUsb,
	platforms,
	regionOf,
	regionsFor,
	releasesFor,
	slotByName,
	slotOf,
	usbModeOf,
} from './index.js';

const numbers = [102, 1406, 1512, 2011, 2202, 3005, 3103, 3302, 4005, 5410, 5500, 5901, 6101, 6200, 6201];

test('the generated modules say what the data says', () => {
	expect(stale()).toEqual([]);
});

test('every platform of the download table, and the older ones, can be recognised', () => {
	expect(platforms.map((p) => p.name)).toEqual([
		'core',
		'photon',
		'p1',
		'electron',
		'argon',
		'boron',
		'xenon',
		'esomx',
		'asom',
		'bsom',
		'xsom',
		'b5som',
		'tracker',
		'trackerm',
		'p2',
		'msom',
	]);
});

test('ids, names, aliases and USB ids are unambiguous', () => {
	const unique = (values: unknown[]) => expect(new Set(values).size).toBe(values.length);
	unique(platforms.map((p) => p.id));
	unique(platforms.flatMap((p) => [p.name, ...p.aliases]));
	unique(platforms.flatMap((p) => [`${p.usb.vendorId}:${p.usb.productId}`, `${p.usb.vendorId}:${p.usb.dfuProductId}`]));
});

test('a device is recognised by its USB ids in both modes, and by any of its names', () => {
	const boron = platformByName('Boron')!;
	expect(platformByUsb(0x2b04, 0xc00d)).toBe(boron);
	expect(platformByUsb(0x2b04, 0xd00d)).toBe(boron);
	expect(usbModeOf(boron, 0xd00d)).toBe('dfu');
	expect(usbModeOf(boron, 0xc00d)).toBe('normal');
	expect(platformByUsb(0x2b04, 0xffff)).toBeUndefined();
	expect(platformByUsb(0x1d50, 0x607f)?.name).toBe('core');
	expect(platformByName('photon2')?.name).toBe('p2');
	expect(platformByName('E-Series')?.name).toBe('electron');
	expect(platformByName('B4xx')?.id).toBe(23);
	expect(platformByName('toaster')).toBeUndefined();
	for (const p of platforms) {
		expect(platformById(p.id)).toBe(p);
		// device-os build/platform-id.mk: the product ids carry the platform id, except for the Core.
		if (p.id !== 0) expect([p.usb.productId & 0xff, p.usb.dfuProductId & 0xff]).toEqual([p.id, p.id]);
	}
});

test('every fact has its source', () => {
	for (const p of platforms) {
		expect(p.sources.length).toBeGreaterThan(0);
		for (const fact of [...p.memory, ...p.alternates, ...p.modules, ...p.flash])
			expect(fact.source.length, `${p.name} ${JSON.stringify(fact)}`).toBeGreaterThan(10);
	}
});

test('each memory map is one map for every version: a name once, inside the flash, on erase boundaries', () => {
	for (const p of platforms) {
		for (const version of numbers) {
			const regions = regionsFor(p, version);
			expect(new Set(regions.map((r) => r.name)).size, `${p.name} ${version}`).toBe(regions.length);
			for (const r of regions) {
				expect(r.end).toBeGreaterThan(r.start);
				if (r.storage === 'dct') continue;
				const flash = p.flash.find((f) => f.storage === r.storage)!;
				expect(r.start, `${p.name} ${r.name}`).toBeGreaterThanOrEqual(flash.base);
				expect(r.end, `${p.name} ${r.name}`).toBeLessThanOrEqual(flash.base + flash.size);
				if (p.id !== 0) expect(boundaries(flash).has(r.start), `${p.name} ${r.name} starts inside a sector`).toBe(true);
			}
		}
	}
});

test('regions of one storage do not overlap, but for those that are documented to', () => {
	// The 128 KB slot lies in the 256 KB slot; updates and assets share the small chips; a monolithic image replaces the parts.
	const meant = new Set([
		'user-part-1|user-part-2',
		'assets|ota',
		'factory|ota',
		'mbr-parameters|radio-stack',
		'ota|system-part-1',
		'ota|user-part-1',
		'assets|reserved-1',
	]);
	for (const p of platforms) {
		for (const version of numbers) {
			const regions = regionsFor(p, version).filter((r) => r.name !== 'monolithic');
			for (const a of regions) {
				for (const b of regions) {
					if (a.name >= b.name || a.storage !== b.storage || a.end <= b.start || b.end <= a.start) continue;
					expect(meant.has(`${a.name}|${b.name}`), `${p.name} ${version}: ${a.name} and ${b.name}`).toBe(true);
				}
			}
		}
	}
});

test('flash geometry adds up to the size of the chip', () => {
	for (const p of platforms) {
		for (const f of p.flash)
			expect(
				f.sectors.reduce((sum, s) => sum + s.count * s.size, 0),
				`${p.name} ${f.storage}`,
			).toBe(f.size);
	}
});

test('the DfuSe string of each alternate describes the storage that it gives access to', () => {
	for (const p of platforms) {
		for (const alternate of p.alternates) {
			const segments = parseDfuString(alternate.name);
			if (alternate.storage === 'dct') {
				expect(segments.size).toBe(16384);
				continue;
			}
			const flash = p.flash.find((f) => f.storage === alternate.storage)!;
			expect(segments.start, p.name).toBe(flash.base + alternate.addressOffset);
			expect(segments.size, `${p.name} ${alternate.name}`).toBe(flash.size);
		}
	}
});

test('every required module has a region at every version, and nothing is required that cannot be sent except what is never replaced', () => {
	for (const p of platforms) {
		for (const m of p.modules) {
			if (m.required && m.transports.length === 0) expect(m.encrypted).toBe(true);
			if (m.region === undefined) continue;
			for (const version of numbers) {
				if (inRange(m.versions, version) && (p.id !== 10 || version >= 100))
					expect(regionOf(p, m.region, version), `${p.name} ${m.name} ${version}`).toBeDefined();
			}
		}
	}
});

test('the traps of the memory maps are in the data', () => {
	const start = (p: string, name: string, version: number) => regionOf(p, name, version)?.start;
	// System part moved down at 6.2.0 (6.1.2 was withdrawn).
	expect([start('boron', 'system-part-1', 6101), start('boron', 'system-part-1', 6200)]).toEqual([0x30000, 0x28000]);
	// Update slot of 4 MB boards moved at 5.5.0-rc.1, that of 8 MB boards never.
	expect([start('argon', 'ota', 5410), start('argon', 'ota', 5500)]).toEqual([0x289000, 0x24c000]);
	expect([start('tracker', 'ota', 2011), start('tracker', 'ota', 6200)]).toEqual([0x689000, 0x689000]);
	// B5 SoM used the numbers of 4 MB boards up to 1.5.2 although its chip has 8 MB.
	expect([start('b5som', 'ota', 1512), start('b5som', 'ota', 2011)]).toEqual([0x289000, 0x689000]);
	expect(start('esomx', 'factory', 4005)).toBe(0x600000);
	expect(start('p2', 'ota', 5501)).toBe(0x08300000);
	expect(regionOf('boron', 'user-part-2', 3005)).toBeUndefined();
	expect(start('boron', 'user-part-2', 3102)).toBe(0xb4000);
	expect(regionOf('xenon', 'user-part-2', 1512)).toBeUndefined();
	// Setup-done is a byte of Gen 3; on Gen 2 that byte is part of the power configuration.
	expect(platformByName('boron')?.dct.setupDone).toBe(8134);
	expect(platformByName('photon')?.dct.setupDone).toBeUndefined();
	// The encrypted pre-bootloader is known and never sent.
	expect(slotByName('p2', 'prebootloader-mbr')).toMatchObject({ encrypted: true, transports: [] });
});

test('the components are those of the published table', () => {
	const row = (name: string) => {
		const { systemParts, softDevice, ncp } = platformByName(name)!.components;
		return [systemParts, softDevice, ncp];
	};
	expect(row('tracker')).toEqual([1, true, true]);
	expect(row('bsom')).toEqual([1, true, false]);
	expect(row('boron')).toEqual([1, true, false]);
	expect(row('argon')).toEqual([1, true, true]);
	expect(row('electron')).toEqual([3, false, false]);
	expect(row('p1')).toEqual([2, false, false]);
	expect(row('photon')).toEqual([2, false, false]);
	for (const p of platforms) {
		expect(p.modules.filter((m) => m.function === 4).length, p.name).toBe(p.components.systemParts);
		expect(
			p.modules.some((m) => m.function === 8),
			p.name,
		).toBe(p.components.softDevice);
		expect(
			p.modules.some((m) => m.function === 7),
			p.name,
		).toBe(p.components.ncp);
	}
	// Every platform with a column in the download table has releases, and the A SoM has one beside it.
	expect(platforms.filter((p) => releasesFor(p).length === 0).map((p) => p.name)).toEqual(['core', 'xsom']);
});

test.each(particleCliVersions.map((v) => [v] as [ParticleCliVersion]))(
	'every real module of particle-cli %s lies in the slot and the region that the data gives it',
	(version) => {
		let seen = 0;
		for (const file of realFiles(version)) {
			const parsed = parseModule(file.bytes, { file: file.name });
			if (!parsed.ok || !parsed.value.sound) continue;
			const { prefix } = parsed.value;
			const platform = platformById(prefix.platformId);
			if (!platform || platform.name === 'core') continue;
			const slot = slotOf(platform, prefix);
			// One old Photon demonstration is a monolithic image, which no slot takes.
			if (prefix.function === 3) continue;
			expect(slot, file.name).toBeDefined();
			const system = /@(\d+\.\d+\.\d+)/.exec(file.name)?.[1];
			const listed = releasesFor(platform).find((r) => r.version === system)?.moduleVersion;
			// A release that the table leaves out (1.5.0) is known by its system parts only.
			const moduleVersion = listed ?? (prefix.function === 4 ? prefix.version : undefined);
			if (system !== undefined && moduleVersion === undefined) continue;
			const region = slot?.region && regionOf(platform, slot.region, moduleVersion);
			if (!region) continue;
			seen++;
			expect(prefix.start, file.name).toBeGreaterThanOrEqual(region.start);
			expect(prefix.end + 4, file.name).toBeLessThanOrEqual(region.end);
			if (platform.mcu !== 'rtl872x' || prefix.function !== 5) expect(prefix.start, file.name).toBe(region.start);
		}
		expect(seen).toBeGreaterThan(10);
	},
);

function boundaries(flash: (typeof platforms)[number]['flash'][number]): Set<number> {
	const out = new Set<number>();
	let at = flash.base;
	for (const run of flash.sectors) for (let i = 0; i < run.count; i++, at += run.size) out.add(at);
	return out;
}

function parseDfuString(name: string): { start: number; size: number } {
	const [, start, runs] = /\/(0x[0-9A-Fa-f]+)\/(.*)$/.exec(name)!;
	let size = 0;
	for (const run of runs!.split(',')) {
		const [, count, each, unit] = /^(\d+)\*(\d+)([KM ])[a-g]$/.exec(run)!;
		size += Number(count) * Number(each) * (unit === 'M' ? 1024 * 1024 : unit === 'K' ? 1024 : 1);
	}
	return { start: Number(start), size };
}
