import { platformByName, type ReleaseSet, regionOf, releases, releasesFor, toolsFor } from '@linac/catalog';
import { address } from '@linac/core';
import { parseIntelHex } from '@linac/firmware';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { standInMbr } from '../../../../tests/support/nordic-mbr.js';
import { composeImage } from '../compose.js';
import type { ComposedImage } from '../types.js';
import { exportFor } from './export.js';
import type { ExportedFile, ExportManifest, ExportOptions } from './types.js';

function given(platformName: string, version: string, more: Partial<ExportOptions> = {}): ExportOptions {
	const platform = platformByName(platformName)!;
	const release = standInRelease(platform, version);
	const application = standInApplication(platform, version);
	const mbr = platform.mcu === 'nrf52840' ? { mbr: standInMbr(), allowUnknownMbr: true } : {};
	const composed = composeImage({ platform, release, application, ...mbr });
	if (!composed.ok) throw new Error(composed.problems.map((p) => p.message).join(' '));
	return { release, application, composed: composed.value, ...more };
}

function exported(tool: Parameters<typeof exportFor>[0], options: ExportOptions): Map<string, ExportedFile> {
	const made = exportFor(tool, options);
	if (!made.ok) throw new Error(made.problems.map((p) => p.message).join(' '));
	return new Map(made.value.map((f) => [f.path, f]));
}

const text = (file: ExportedFile | undefined) => new TextDecoder().decode(file!.bytes);
const manifestOf = (files: Map<string, ExportedFile>) => JSON.parse(text(files.get('manifest.json'))) as ExportManifest;

/** Alternate, address and file of every call, in order. */
function writes(platform: string, version: string, more: Partial<ExportOptions> = {}): string[] {
	const manifest = manifestOf(exported('dfu-util', given(platform, version, more)));
	return manifest.passes!.flatMap((pass, i) =>
		pass.writes.map((w) => `${i + 1}: ${w.alternate} ${address(w.address)} ${w.path}${w.leave ? ' leave' : ''}`),
	);
}

describe('where a bootloader goes for dfu-util is decided by the release that is installed', () => {
	// Slots for updates: FLASH_MAL of nRF52840 and ota_module_bounds.c of the others (data/platforms).
	test.each([
		['boron', '4.0.1', '2 0x80289000'],
		['boron', '5.4.1', '2 0x80289000'],
		['boron', '5.5.0', '2 0x8024C000'],
		['argon', '6.2.0', '2 0x8024C000'],
		['tracker', '4.0.1', '2 0x80689000'],
		['b5som', '6.1.0', '2 0x80689000'],
		['esomx', '5.9.0', '2 0x80689000'],
		['photon', '3.3.1', '0 0x080C0000'],
		['p1', '2.3.1', '0 0x080C0000'],
		['electron', '3.3.1', '0 0x080C0000'],
		['p2', '5.5.0', '0 0x08300000'],
		['msom', '6.2.0', '0 0x08300000'],
	])('%s %s: %s', (platform, version, place) => {
		const staged = writes(platform, version).filter((w) => /bootloader/.test(w));
		expect(staged.length).toBeGreaterThan(0);
		for (const write of staged) expect(write.slice(3)).toMatch(new RegExp(`^${place} `));
	});

	test('on RTL872x up to 5.4 it is the first page behind the CRC of the new system part, also where that ends on a page', () => {
		const ending = (size: number) => {
			const release = standInRelease('p2', '5.4.1', { sizes: { 'system-part1': size } });
			const part = release.modules.find((m) => m.slot === 'system-part1')!.module;
			const made = exportFor('dfu-util', { release });
			if (!made.ok) throw new Error();
			const { passes } = manifestOf(new Map(made.value.map((f) => [f.path, f])));
			const staged = passes![0]!.writes.find((w) => w.path === 'modules/prebootloader-part1.bin')!;
			return { end: part.prefix.start + part.bytes.length, slot: staged.address };
		};
		const some = ending(10_000);
		expect(some.slot).toBe(some.end - (some.end % 4096) + 4096);
		const whole = ending(10_000 + (4096 - (some.end % 4096)));
		expect(whole.end % 4096).toBe(0);
		// As the source has it: one page further than rounding up.
		expect(whole.slot).toBe(whole.end + 4096);
	});
});

test('a Boron is written in one pass: SoftDevice, system, application, bootloader into the slot, flag', () => {
	expect(writes('boron', '2.3.1')).toEqual([
		'1: 0 0x00001000 modules/softdevice.bin',
		'1: 0 0x00030000 modules/system-part1.bin',
		'1: 0 0x000D4000 modules/application.bin',
		'1: 1 0x00001FC6 dct/setup-done.bin',
		'1: 2 0x80289000 modules/bootloader.bin',
		'1: 1 0x000006D9 dct/update-flag.bin leave',
	]);
});

test('an application for the 256 KB slot comes behind 0xFF over the former one, which would be started instead', () => {
	expect(writes('boron', '4.1.0').slice(2, 4)).toEqual([
		'1: 0 0x000D4000 modules/former-slot.bin',
		'1: 0 0x000B4000 modules/application.bin',
	]);
	const former = exported('dfu-util', given('boron', '4.1.0')).get('modules/former-slot.bin')!;
	expect(former.bytes).toEqual(new Uint8Array(4096).fill(0xff));
});

test('a Photon gets its bootloader first, because the new parts hang with an old one; an Electron gets it with them', () => {
	expect(writes('photon', '2.3.1')).toEqual([
		'1: 0 0x080C0000 modules/bootloader.bin',
		'1: 1 0x000006D9 dct/update-flag.bin leave',
		'2: 0 0x08060000 modules/system-part2.bin',
		'2: 0 0x08020000 modules/system-part1.bin',
		'2: 0 0x080A0000 modules/application.bin leave',
	]);
	expect(writes('electron', '2.3.1').map((w) => w.slice(0, 1))).toEqual(['1', '1', '1', '1', '1', '1']);
});

test('RTL872x has two bootloaders, and each has a pass of its own, the one that the other needs first', () => {
	const passes = manifestOf(exported('dfu-util', given('p2', '5.9.0'))).passes!;
	expect(passes.map((p) => p.applies?.slot)).toEqual(['prebootloader-part1', 'bootloader']);
	expect(passes.map((p) => p.writes.at(-1))).toEqual([
		{ alternate: 1, address: 1753, path: 'dct/update-flag.bin', length: 1, leave: true },
		{ alternate: 1, address: 1753, path: 'dct/update-flag.bin', length: 1, leave: true },
	]);
	expect(text(exported('dfu-util', given('p2', '5.9.0')).get('README.txt'))).not.toContain('prebootloader-mbr');
});

test('for every platform and release the writes are inside of a DFU memory, never of the bootloader, and never at address 0', () => {
	for (const release of releases) {
		for (const name of release.platforms) {
			const platform = platformByName(name)!;
			const set = standInRelease(platform, release.version);
			if (set.modules.length === 0) continue;
			const made = exportFor('dfu-util', { release: set, application: standInApplication(platform, release.version) });
			expect(made.ok, `${name} ${release.version}`).toBe(true);
			if (!made.ok) continue;
			const bootloader = regionOf(platform, 'bootloader', release.moduleVersion)!;
			const { passes } = manifestOf(new Map(made.value.map((f) => [f.path, f])));
			for (const w of passes!.flatMap((p) => p.writes)) {
				const alternate = platform.alternates.find((a) => a.number === w.alternate)!;
				const at = w.address - alternate.addressOffset;
				expect(w.address, w.path).toBeGreaterThan(0);
				if (alternate.storage === 'dct') expect(at + w.length).toBeLessThanOrEqual(platform.dct.size);
				else {
					const flash = platform.flash.find((f) => f.storage === alternate.storage)!;
					expect(at).toBeGreaterThanOrEqual(flash.base);
					expect(at + w.length).toBeLessThanOrEqual(flash.base + flash.size);
				}
				if (alternate.storage === 'internal') expect(at >= bootloader.end || at + w.length <= bootloader.start).toBe(true);
			}
			// One restart a pass, at its end.
			for (const pass of passes!)
				expect(pass.writes.map((w) => w.leave)).toEqual(pass.writes.map((_, i) => i === pass.writes.length - 1));
		}
	}
});

test('a Tracker is told that its network processor cannot be reached', () => {
	const made = exportFor('dfu-util', given('tracker', '4.0.1'));
	expect(made.problems.map((p) => p.code)).toContain('EXPORT_WITHOUT_NCP');
	expect(made.ok && text(made.value.find((f) => f.path === 'README.txt'))).toMatch(/NCP, version 7.*is not in this\s+folder/s);
});

describe('refusals', () => {
	test.each([
		['nrfjprog', 'photon', '2.3.1', ['dfu-util', 'openocd', 'jlink', 'stm32cubeprogrammer']],
		['stm32cubeprogrammer', 'boron', '4.0.1', ['dfu-util', 'openocd', 'jlink', 'nrfjprog']],
		['jlink', 'p2', '5.9.0', ['dfu-util', 'openocd']],
		['nrfjprog', 'msom', '6.2.0', ['dfu-util', 'openocd']],
	] as const)('%s for a %s is refused with the reason and the tools that can do it', (tool, platform, version, others) => {
		const made = exportFor(tool, given(platform, version));
		expect(made.ok).toBe(false);
		expect(made.problems[0]).toMatchObject({ code: 'EXPORT_NOT_FOR_PLATFORM', expected: others });
		expect(made.problems[0]!.message).toContain(others.join(', '));
	});

	const withPart = (composed: ComposedImage, start: number, kind: 'unknown' | 'dct'): ComposedImage => {
		const bytes = new Uint8Array(64);
		const parts = [...composed.parts, { kind, name: kind, start, end: start + 64, bytes }];
		return { ...composed, parts };
	};

	test.each([0x0800_4000, 0x0801_ffc0, 0x0801_0000])(
		'an image for a Photon that touches keys and settings at %s is refused, unless it is their new content',
		(start) => {
			const base = given('photon', '2.3.1');
			for (const tool of toolsFor(platformByName('photon')!).filter((t) => t !== 'dfu-util')) {
				const made = exportFor(tool, { ...base, composed: withPart(base.composed!, start, 'unknown') });
				expect(made.ok).toBe(false);
				expect(made.problems[0]).toMatchObject({ code: 'EXPORT_TOUCHES_SETTINGS', found: start });
				const dct = exportFor(tool, { ...base, composed: withPart(base.composed!, start, 'dct') });
				expect(dct.ok).toBe(true);
				expect(dct.problems.map((p) => p.code)).toContain('EXPORT_REPLACES_SETTINGS');
			}
		},
	);

	test('an image for a P2 with anything in front of the bootloader is refused, whatever it is', () => {
		const base = given('p2', '5.9.0');
		for (const kind of ['unknown', 'dct'] as const) {
			const made = exportFor('openocd', { ...base, composed: withPart(base.composed!, 0x0800_0000, kind) });
			expect(made.ok).toBe(false);
			expect(made.problems[0]!.message).toMatch(/never write at address 0/);
		}
	});

	test('settings of a unit over SWD, beyond the DCT, over the update flag, or with a name that is no file name', () => {
		const bytes = new Uint8Array(16);
		const codes = (tool: 'openocd' | 'dfu-util', dct: ExportOptions['dct']) => {
			const made = exportFor(tool, given('boron', '4.0.1', { dct: dct! }));
			expect(made.ok).toBe(false);
			return made.problems.map((p) => p.code);
		};
		expect(codes('openocd', [{ name: 'key', offset: 34, bytes }])).toEqual(['EXPORT_SETTINGS_NEED_DFU']);
		expect(codes('dfu-util', [{ name: 'key', offset: 16380, bytes }])).toEqual(['EXPORT_FIELD_OUTSIDE']);
		expect(codes('dfu-util', [{ name: 'key', offset: 1750, bytes }])).toEqual(['EXPORT_FIELD_OUTSIDE']);
		expect(codes('dfu-util', [{ name: 'flags', offset: 0, bytes }])).toEqual(['EXPORT_FIELD_OUTSIDE']);
		expect(codes('dfu-util', [{ name: '../key', offset: 34, bytes }])).toEqual(['EXPORT_FIELD_NAME']);
		expect(codes('dfu-util', [{ name: 'update-flag', offset: 34, bytes }])).toEqual(['EXPORT_FIELD_NAME']);
	});

	test('a bootloader that does not fit into the slot for updates', () => {
		const options = given('photon', '2.3.1');
		const release: ReleaseSet = {
			...options.release,
			modules: standInRelease('photon', '2.3.1', { sizes: { bootloader: 300_000 } }).modules,
		};
		const made = exportFor('dfu-util', { ...options, release });
		expect(made.ok).toBe(false);
		expect(made.problems.map((p) => p.code)).toEqual(['EXPORT_SLOT_TOO_SMALL']);
	});
});

test('a chip is erased as a whole only where nothing is lost by it and the image brings the registers back', () => {
	const whole = given('boron', '4.0.1');
	const composed = whole.composed!;
	const parts = composed.parts.filter((p) => p.kind !== 'uicr');
	const without = composeImage({
		platform: platformByName('boron')!,
		release: whole.release,
		application: whole.application!,
		mbr: standInMbr(),
		allowUnknownMbr: true,
		uicr: false,
	});
	if (!without.ok) throw new Error();
	expect(without.value.parts.length).toBe(parts.length);
	const all = (image: ComposedImage) =>
		(['openocd', 'jlink', 'nrfjprog'] as const)
			.flatMap((tool) => [...exported(tool, { ...whole, composed: image }).values()])
			.filter((f) => /^program\./.test(f.path))
			.map(text)
			.join('\n');
	expect(all(composed)).toMatch(/nrf5 mass_erase/);
	expect(all(composed)).toMatch(/^erase$/m);
	expect(all(composed)).toMatch(/--chiperase/);
	expect(all(without.value)).not.toMatch(/mass_erase|^erase$|--chiperase/m);
	expect(all(without.value)).toMatch(/--sectorerase/);
	for (const tool of ['openocd', 'jlink', 'stm32cubeprogrammer'] as const) {
		const scripts = [...exported(tool, given('photon', '2.3.1')).values()].filter((f) => /^program\./.test(f.path)).map(text);
		expect(scripts.join('\n')).not.toMatch(/mass_erase|^\s*erase$|chiperase|-e all/im);
	}
});

describe('every folder', () => {
	const folders = ['boron', 'photon', 'electron', 'tracker', 'p2', 'esomx'].flatMap((name) => {
		const platform = platformByName(name)!;
		const version = releasesFor(platform)[0]!.version;
		return toolsFor(platform).map((tool) => [name, version, tool] as const);
	});

	test.each(folders)(
		'%s %s for %s: texts are ASCII, Windows has CRLF, and the manifest lists every other file',
		(name, version, tool) => {
			const files = exported(tool, given(name, version));
			for (const path of ['README.txt', 'program.sh', 'program.cmd']) {
				expect(text(files.get(path)), path).toMatch(/^[\t\r\n\x20-\x7e]*$/);
			}
			const windows = text(files.get('program.cmd'));
			expect(windows.split('\r\n').join('')).not.toMatch(/[\r\n]/);
			expect(text(files.get('program.sh'))).not.toContain('\r');
			expect(files.get('program.sh')!.executable).toBe(true);
			const manifest = manifestOf(files);
			expect(manifest).toMatchObject({ format: 'linac-export/1', tool, platform: name, version });
			expect(manifest.files.map((f) => f.path).sort()).toEqual([...files.keys()].filter((p) => p !== 'manifest.json').sort());
		},
	);

	test.each(folders)('%s %s for %s: every step of both scripts is followed by a way out', (name, version, tool) => {
		const files = exported(tool, given(name, version));
		const shell = text(files.get('program.sh'));
		const steps = [...shell.matchAll(/^step (\d+) /gm)].map((m) => Number(m[1]));
		expect(steps).toEqual(steps.map((_, i) => i + 1));
		const windows = text(files.get('program.cmd')).split('\r\n');
		expect(windows.filter((l) => l.startsWith('set "STEP='))).toHaveLength(steps.length);
		// Whatever is called is looked at in the next line.
		const main = windows.slice(0, windows.indexOf(':failed'));
		for (const [i, line] of main.entries())
			if (/^(call :|where |dir )/.test(line)) expect(main[i + 1]).toBe('if errorlevel 1 goto failed');
		for (const label of windows.flatMap((l) => [...l.matchAll(/(?:call|goto) :?([a-z_0-9]+)/g)].map((m) => m[1]!)))
			expect(windows, label).toContain(`:${label}`);
		for (const line of shell.split('\n'))
			if (
				/^(dfu|leave|wait_dfu|in_place|openocd_run|jlink_run|nrfjprog_run|cube_run)\b.*[^{]$/.test(line) &&
				!line.includes('() {')
			)
				expect(line).toContain('|| fail ');
	});

	test('has the same bytes each time', () => {
		const once = exported('dfu-util', given('boron', '4.0.1'));
		const again = exported('dfu-util', given('boron', '4.0.1'));
		expect([...again.entries()]).toEqual([...once.entries()]);
		const turned = given('boron', '4.0.1');
		turned.release = { ...turned.release, modules: [...turned.release.modules].reverse() };
		expect([...exported('dfu-util', turned).entries()]).toEqual([...once.entries()]);
	});

	test('over SWD names the right pins, and the hex is the image', () => {
		const options = given('photon', '2.3.1');
		const files = exported('openocd', options);
		expect(text(files.get('README.txt'))).toMatch(/SWDIO: D7.*SWCLK: D6/s);
		expect(text(files.get('README.txt'))).not.toMatch(/\bD5\b/);
		const hex = parseIntelHex(files.get('photon-2.3.1.hex')!.bytes);
		expect(hex.ok && hex.value.image.segments).toEqual(options.composed!.image.segments);
	});
});
