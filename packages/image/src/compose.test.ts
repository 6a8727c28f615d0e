import { platformByName, regionOf, uicrRegisters } from '@linac/catalog';
import { u32le } from '@linac/core';
import { createModule, MemoryImage, ModuleFunction, parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { standInApplication, standInRelease } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { standInMbr } from '../../../tests/support/nordic-mbr.js';
import { realTinker } from '../../../tests/support/real-firmware.js';
import { applicationFor, realImage, realRelease, value } from '../../../tests/support/release-files.js';
import { type ComposeOptions, composeImage, findMbr, openApplicationFile, type Surroundings } from './index.js';

const boron = platformByName('boron')!;
const mbr = standInMbr();
const parsed = (bytes: Uint8Array) => value(parseModule(bytes, { digests: nodeDigests }));
const compose = (more: Partial<ComposeOptions> = {}) =>
	composeImage({
		platform: boron,
		release: realRelease('boron', '4.0.1'),
		application: applicationFor('boron', '4.0.1'),
		mbr,
		allowUnknownMbr: true,
		digests: nodeDigests,
		...more,
	});
const codes = (verdict: { problems: { code: string; severity: string }[] }) =>
	verdict.problems.filter((p) => p.severity === 'error').map((p) => p.code);

function around(platform: string, version: string): Surroundings {
	const release = realRelease(platform, version);
	return {
		platform: platformByName(platform)!,
		moduleVersion: release.moduleVersion,
		name: `Device OS ${version}`,
		modules: release.modules.map((m) => m.module.prefix),
	};
}

const open = (bytes: Uint8Array, surroundings: Surroundings) =>
	openApplicationFile({ name: 'firmware.bin', bytes }, surroundings, nodeDigests);

describe('what an image holds', () => {
	test('a Boron gets MBR, SoftDevice without its header, system part, application, guard, bootloader and registers', () => {
		const { parts } = realImage('boron', '4.0.1');
		expect(parts.map((p) => [p.name, p.kind, p.start])).toEqual([
			['mbr', 'mbr', 0],
			['softdevice', 'softdevice', 0x1000],
			['system-part1', 'module', 0x30000],
			['user-part2', 'module', 0xb4000],
			['guard', 'guard', 0xd4000],
			['bootloader', 'module', 0xf4000],
			['uicr', 'uicr', 0x10001000],
		]);
		const softDevice = parts.find((p) => p.kind === 'softdevice')!;
		expect(softDevice.bytes).toEqual(softDevice.module!.bytes.subarray(24, softDevice.module!.bodyEnd));
	});

	test('before 3.1.0 there is no guard, and no platform but nRF52840 has MBR or registers', () => {
		expect(realImage('boron', '2.2.0').parts.map((p) => p.name)).not.toContain('guard');
		expect(realImage('photon', '2.2.0').parts.map((p) => p.name)).toEqual([
			'bootloader',
			'system-part1',
			'system-part2',
			'user-part',
		]);
	});

	test('a P2 gets everything but the MBR that is encrypted for each chip', () => {
		const platform = platformByName('p2')!;
		const release = standInRelease(platform, '5.8.0');
		const { parts } = value(
			composeImage({ platform, release, application: standInApplication(platform, '5.8.0'), digests: nodeDigests }),
		);
		expect(parts.map((p) => p.name)).toEqual(['bootloader', 'prebootloader-part1', 'system-part1', 'user-part']);
		expect(parts.at(-1)!.end).toBe(regionOf(platform, 'user-part-1')!.end);
	});

	test('the registers say where the bootloader is and which pin resets; E SoM X has its own, by release', () => {
		const register = (platform: string, version: string, address: number) => {
			const facts = platformByName(platform)!;
			const release = standInRelease(facts, version);
			const composed = value(composeImage({ platform: facts, release, mbr, allowUnknownMbr: true, digests: nodeDigests }));
			return u32le(composed.image.read(address, 4)!, 0);
		};
		expect(register('boron', '4.0.1', 0x10001014)).toBe(0xf4000);
		expect(register('boron', '4.0.1', 0x10001200)).toBe(18);
		expect(register('boron', '4.0.1', 0x1000120c)).toBe(0xffffffff);
		expect(register('esomx', '4.0.1', 0x1000120c)).toBe(0xfffffffe);
		expect(register('esomx', '4.0.1', 0x10001018)).toBe(0x2f000);
		// From 6.2.0 on the page at 0x2F000 is inside the system part.
		expect(register('esomx', '6.2.0', 0x10001018)).toBe(0x27000);
		expect(uicrRegisters(platformByName('tracker')!, 4005).map((r) => r.address)).toEqual([0x10001014, 0x10001200, 0x10001204]);
	});

	test('NFC pins become ordinary ones in the lowest byte of their register, where the published file has it wrong', () => {
		const composed = value(compose({ nfcPins: 'gpio' }));
		expect([...composed.image.read(0x1000120c, 4)!]).toEqual([0xfe, 0xff, 0xff, 0xff]);
		expect(codes(compose({ nfcPins: 'gpio', uicr: false }))).toEqual(['NFC_PINS_IN_UICR']);
		const photon = composeImage({
			platform: platformByName('photon')!,
			release: realRelease('photon', '2.2.0'),
			nfcPins: 'gpio',
		});
		expect(codes(photon)).toEqual(['NFC_PINS_NOT_THERE']);
	});

	test('an Electron of 1.5.2 gets the bootloader that its first system part carries inside', () => {
		const { parts } = realImage('electron', '1.5.2');
		const bootloader = parts.find((p) => p.name === 'bootloader')!;
		expect([bootloader.start, bootloader.version, bootloader.module!.crc.ok]).toEqual([0x08000000, 400, true]);
		expect(bootloader.origin).toContain('inside');
	});

	test('the guard gives way to an application that fills its place, byte by byte', () => {
		// The guard is 0xD4000 to 0xD4400.
		for (const [size, guard] of [
			[0x10000, [[0xd4000, 0xd4400]]],
			[0x20000 + 0x100, [[0xd4100, 0xd4400]]],
			[0x30000, []],
		] as const) {
			const body = new Uint8Array(size - 68);
			const bytes = createModule({ platformId: 13, function: 5, index: 2, version: 6, start: 0xb4000, body, dependencies: [] });
			const application = value(open(bytes, around('boron', '4.0.1')));
			expect(application.module.bytes.length).toBe(size);
			const { parts } = value(compose({ application }));
			expect(parts.filter((p) => p.kind === 'guard').map((p) => [p.start, p.end])).toEqual(guard);
		}
	});

	test('without an application that is said, and it is no error', () => {
		const verdict = compose({ application: undefined });
		expect(verdict.ok && verdict.value.notes.map((n) => n.code)).toContain('IMAGE_WITHOUT_APPLICATION');
	});

	test('no two parts overlap, whatever the size of the application', () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 256 * 1024 - 68 }), (size) => {
				const body = new Uint8Array(size);
				const bytes = createModule({ platformId: 13, function: 5, index: 2, version: 6, start: 0xb4000, body, dependencies: [] });
				const { parts, image } = value(compose({ application: value(open(bytes, around('boron', '4.0.1'))) }));
				for (let i = 1; i < parts.length; i++) expect(parts[i]!.start).toBeGreaterThanOrEqual(parts[i - 1]!.end);
				expect(image.size).toBe(parts.reduce((sum, p) => sum + p.bytes.length, 0));
			}),
			{ numRuns: 25 },
		);
	});
});

describe('what is refused', () => {
	test('an image for an nRF52840 board without MBR, with words on where to get one', () => {
		const verdict = compose({ mbr: undefined });
		expect(codes(verdict)).toEqual(['MBR_NEEDED']);
		expect(verdict.problems[0]!.message).toMatch(/device-restore\/4.0.1\/boron.hex/);
	});

	test('an MBR that is not known, unless it is allowed; and bytes that are none, always', () => {
		expect(codes(compose({ allowUnknownMbr: false }))).toEqual(['MBR_UNKNOWN']);
		expect(codes(compose({ mbr: new Uint8Array(4096) }))).toEqual(['MBR_DAMAGED']);
		expect(codes(compose({ mbr: mbr.subarray(1) }))).toEqual(['MBR_SIZE']);
	});

	test('a release without one of its modules, each named', () => {
		const release = realRelease('boron', '4.0.1');
		for (const slot of ['bootloader', 'system-part1', 'softdevice']) {
			const verdict = compose({ release: { ...release, modules: release.modules.filter((m) => m.slot !== slot) } });
			expect(codes(verdict)).toContain('IMAGE_MODULE_MISSING');
			expect(verdict.problems.some((p) => p.message.includes(slot))).toBe(true);
		}
	});

	test('an application for another board, and it says for which it is', () => {
		const verdict = open(realTinker('argon'), around('boron', '4.0.1'));
		expect(codes(verdict)).toEqual(['APPLICATION_OTHER_PLATFORM']);
		expect(verdict.problems[0]!.message).toContain('Argon');
	});

	test('an application with one changed bit', () => {
		const bytes = Uint8Array.from(realTinker('boron'));
		bytes[1000]! ^= 1;
		expect(codes(open(bytes, around('boron', '4.0.1')))).toEqual(['CRC_MISMATCH']);
	});

	test('an application that needs a newer Device OS, and it says which', () => {
		const verdict = open(standInApplication('boron', '4.0.1').module.bytes, around('boron', '2.2.0'));
		expect(codes(verdict)).toContain('APPLICATION_NEEDS_NEWER');
		expect(verdict.problems.map((p) => p.message).join(' ')).toContain('Device OS 4.0.1');
	});

	test('an application for the 256 KB slot on a release that has none', () => {
		const bytes = createModule({
			platformId: 13,
			function: 5,
			index: 2,
			version: 6,
			start: 0xb4000,
			body: new Uint8Array(64),
			dependencies: [],
		});
		expect(codes(open(bytes, around('boron', '2.2.0')))).toEqual(['APPLICATION_SLOT_MISSING']);
	});

	test('an application that is larger than its slot, with both sizes', () => {
		const body = new Uint8Array(128 * 1024);
		const bytes = createModule({ platformId: 6, function: 5, index: 1, version: 6, start: 0x080a0000, body, dependencies: [] });
		const verdict = open(bytes, around('photon', '2.2.0'));
		expect(codes(verdict)).toEqual(['APPLICATION_TOO_LARGE']);
		expect(verdict.problems[0]).toMatchObject({ expected: 131072, found: bytes.length });
	});

	test('an application that was linked to another address', () => {
		const bytes = createModule({
			platformId: 13,
			function: 5,
			index: 1,
			version: 6,
			start: 0xd5000,
			body: new Uint8Array(64),
			dependencies: [],
		});
		expect(codes(open(bytes, around('boron', '4.0.1')))).toEqual(['APPLICATION_OUTSIDE_SLOT']);
	});

	test('a part of Device OS in place of an application, a web page, and nothing at all', () => {
		const surroundings = around('boron', '4.0.1');
		const system = realRelease('boron', '4.0.1').modules.find((m) => m.module.prefix.function === ModuleFunction.system)!;
		expect(codes(open(system.module.bytes, surroundings))).toEqual(['NOT_AN_APPLICATION']);
		expect(codes(open(new TextEncoder().encode('<!DOCTYPE html><html></html>'), surroundings))).toEqual(['HTML_PAGE']);
		expect(codes(open(new Uint8Array(0), surroundings))).toEqual(['FILE_EMPTY']);
	});

	test('settings in an image where they overlap something', () => {
		const platform = platformByName('photon')!;
		const release = realRelease('photon', '2.2.0');
		const at = (start: number) =>
			composeImage({ platform, release, dct: [{ start, bytes: new Uint8Array(0x4000) }], digests: nodeDigests });
		expect(at(0x08004000).ok).toBe(true);
		expect(codes(at(0x08003000))).toContain('IMAGE_OVERLAP');
	});

	test('20,000 damaged applications: none is taken that a device would not take', () => {
		const original = realTinker('boron');
		const surroundings = around('boron', '4.0.1');
		let state = 7;
		const next = (below: number) => {
			state = (Math.imul(state, 1103515245) + 12345) >>> 0;
			return (state >>> 8) % below;
		};
		let refused = 0;
		for (let i = 0; i < 20_000; i++) {
			const bytes = original.slice(0, next(10) === 0 ? next(original.length) : original.length);
			for (let n = 1 + next(3); n > 0 && bytes.length > 0; n--)
				bytes[next(next(2) === 0 ? Math.min(64, bytes.length) : bytes.length)] = next(256);
			const verdict = open(bytes, surroundings);
			if (!verdict.ok) refused++;
			else expect(parsed(bytes).sound).toBe(true);
		}
		// A mutation that changes nothing is the only one that may pass.
		expect(refused).toBeGreaterThan(19_900);
	});
});

describe('learning the MBR', () => {
	const image = (pieces: { start: number; bytes: Uint8Array }[]) => value(MemoryImage.from(pieces));

	test('it is found in a whole restore image and in a file that leaves out its blank end', () => {
		const whole = findMbr(realImage('boron', '4.0.1', { mbr }).image, boron, { file: 'a.hex', digests: nodeDigests });
		expect(whole.ok && whole.value.bytes).toEqual(mbr);
		const short = findMbr(image([{ start: 0, bytes: mbr.subarray(0, 2584) }]), boron, { file: 'a.hex', digests: nodeDigests });
		expect(short.ok && short.value.bytes).toEqual(mbr);
	});

	test('an image of another kind of board has none', () => {
		expect(codes(findMbr(realImage('photon', '2.2.0').image, boron, { file: 'photon.hex', digests: nodeDigests }))).toEqual([
			'MBR_NOT_THERE',
		]);
		expect(codes(findMbr(image([{ start: 0, bytes: new Uint8Array(4096).fill(0xff) }]), boron, { file: 'a.hex' }))).toEqual([
			'MBR_DAMAGED',
		]);
	});
});
