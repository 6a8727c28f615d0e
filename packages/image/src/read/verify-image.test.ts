import { platformByName } from '@linac/catalog';
import { putU32le } from '@linac/core';
import { createModule, MemoryImage, ModuleFunction } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { standInApplication, standInRelease } from '@linac/virtual';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realMbr } from '../../../../tests/support/nordic-mbr.js';
import { realTinker } from '../../../../tests/support/real-firmware.js';
import { realImage, value } from '../../../../tests/support/release-files.js';
import { composeImage, type ImagePart, type ImageVerdict, readImage, verifyImage } from '../index.js';

const digests = nodeDigests;
/** Where the real MBR is not at hand its stand-in has to be allowed. */
const allow = realMbr() ? [] : (['unknown-mbr'] as const);

function verify(parts: Iterable<{ start: number; bytes: Uint8Array }>, platform?: string): ImageVerdict {
	const asked = platform === undefined ? {} : { platform: platformByName(platform)! };
	return verifyImage(readImage(value(MemoryImage.from(parts)), { digests, ...asked }), { allow });
}

const without = (parts: readonly ImagePart[], ...names: string[]) => parts.filter((p) => !names.includes(p.name));
const with1 = (parts: readonly ImagePart[], name: string, change: (copy: Uint8Array) => void) =>
	parts.map((p) => {
		if (p.name !== name) return p;
		const bytes = p.bytes.slice();
		change(bytes);
		return { ...p, bytes };
	});

function p2Parts(): ImagePart[] {
	const platform = platformByName('p2')!;
	const release = standInRelease(platform, '5.8.0');
	return value(composeImage({ platform, release, application: standInApplication(platform, '5.8.0'), digests })).parts;
}

const whole: [name: string, parts: ImagePart[], boots: ImageVerdict['boots']][] = [
	['boron 4.0.1', realImage('boron', '4.0.1').parts, 'normal'],
	['boron 2.2.0', realImage('boron', '2.2.0').parts, 'listening'],
	['esomx 4.0.1', realImage('esomx', '4.0.1').parts, 'normal'],
	['photon 2.3.1', realImage('photon', '2.3.1').parts, 'normal'],
	['electron 1.5.2', realImage('electron', '1.5.2').parts, 'normal'],
	['p2 5.8.0', p2Parts(), 'normal'],
];
const boron = whole[0]![1];

describe('a whole image', () => {
	test.each(whole)('%s starts a blank board', (_, parts, boots) => {
		expect(verify(parts)).toMatchObject({ ok: true, boots, missing: [] });
	});

	test('before 4.0.0 a Gen 3 board waits to be set up, and the command for that is named', () => {
		expect(verify(whole[1]![1]).reasons.join(' ')).toContain('linac usb setup-done');
	});

	test('a P2 brings the MBR of its chip along, which is said', () => {
		expect(verify(whole[5]![1]).problems.map((p) => p.code)).toContain('MODULE_COMES_WITH_CHIP');
	});

	test('bytes at the ends and between the parts change nothing', () => {
		const flat = new Uint8Array(0x100000).fill(0xff);
		for (const p of boron) if (p.end <= flat.length) flat.set(p.bytes, p.start);
		const uicr = boron.find((p) => p.kind === 'uicr')!;
		expect(verify([{ start: 0, bytes: flat }, uicr])).toMatchObject({ ok: true, boots: 'normal' });
	});
});

describe('something is missing', () => {
	const cases = whole.flatMap(([name, parts]) =>
		parts.filter((p) => p.kind !== 'guard').map((p): [string, string, ImagePart[]] => [name, p.name, parts]),
	);

	test.each(cases)('%s without %s does not start a blank board into its application, and that is named', (_, name, parts) => {
		const application = name.startsWith('user-part');
		const platform = parts.find((p) => p.module)!.module!.prefix.platformId;
		const verdict = verify(
			without(parts, name),
			[...['boron', 'esomx', 'photon', 'electron', 'p2']].find((n) => platformByName(n)!.id === platform),
		);
		expect(verdict.ok).toBe(false);
		expect(verdict.missing).toEqual([application ? 'application' : name]);
		expect(['normal', 'listening']).not.toContain(verdict.boots);
		if (application) expect(verdict.boots).toBe('safe');
		expect(verdict.reasons.length).toBeGreaterThan(0);
	});

	test('an Electron before 2.0.0 has its bootloader inside of a system part, and a blank one needs it nevertheless', () => {
		const verdict = verify(without(whole[4]![1], 'bootloader'));
		expect(verdict).toMatchObject({ ok: false, boots: 'dead', missing: ['bootloader'] });
		expect(verdict.reasons[0]).toContain('system part');
	});

	test('what stops a chip first is told first', () => {
		const verdict = verify(without(boron, 'mbr', 'uicr', 'user-part2'));
		expect(verdict.missing).toEqual(['mbr', 'uicr', 'application']);
		expect(verdict.reasons[0]).toContain('MBR');
	});

	test('the registers are there and say nothing, or something else', () => {
		const blank = verify(with1(boron, 'uicr', (b) => b.fill(0xff)));
		expect(blank).toMatchObject({ ok: false, boots: 'dead', missing: ['uicr'] });
		const wrong = verify(with1(boron, 'uicr', (b) => putU32le(b, 0x14, 0xf8000)));
		expect(wrong).toMatchObject({ ok: false, boots: 'dead', missing: [] });
		expect(wrong.reasons[0]).toContain('0x000F8000');
	});

	test('a reset pin that is not set is a warning: the board starts', () => {
		const verdict = verify(
			with1(boron, 'uicr', (b) => {
				b.fill(0xff, 0x200, 0x208);
			}),
		);
		expect(verdict).toMatchObject({ ok: true, boots: 'normal' });
		expect(verdict.problems.filter((p) => p.code === 'UICR_REGISTER_MISSING').map((p) => p.field)).toEqual([
			'PSELRESET[0]',
			'PSELRESET[1]',
		]);
	});

	test('no file is an image for a board that it does not name', () => {
		const verdict = verify([{ start: 0x2000, bytes: new Uint8Array(100) }]);
		expect(verdict).toMatchObject({ ok: false, boots: 'dead' });
		expect(verdict.reasons).toHaveLength(1);
	});
});

describe('something is wrong', () => {
	test('an MBR or SoftDevice that is not known leaves it open, unless it is allowed', () => {
		const mbr = with1(boron, 'mbr', (b) => {
			b[100]! ^= 1;
		});
		const reading = readImage(value(MemoryImage.from(mbr)), { digests });
		expect(verifyImage(reading).ok).toBe(false);
		expect(verifyImage(reading, { allow: ['unknown-mbr'] })).toMatchObject({ ok: true, boots: 'normal' });
		const unknown = verify(
			with1(boron, 'softdevice', (b) => {
				b[0x200c] = 203;
			}),
		);
		expect(unknown.ok).toBe(false);
		expect(unknown.reasons.join(' ')).toContain('firmware id 203');
	});

	test('an application that asks for a newer system part leaves the board in safe mode', () => {
		const application = createModule({
			platformId: 13,
			function: ModuleFunction.user,
			index: 2,
			version: 6,
			start: 0xb4000,
			dependencies: [{ function: ModuleFunction.system, index: 1, version: 5000 }],
			body: new Uint8Array(1000),
		});
		const verdict = verify([...without(boron, 'user-part2'), { start: 0xb4000, bytes: application }]);
		expect(verdict).toMatchObject({ ok: false, boots: 'safe' });
		expect(verdict.reasons.join(' ')).toContain('5000');
	});

	test('an old application in the former slot wins over the new one, which is said', () => {
		const verdict = verify([...without(boron, 'guard'), { start: 0xd4000, bytes: realTinker('boron') }]);
		expect(verdict.problems.map((p) => p.code)).toContain('FORMER_APPLICATION_WINS');
	});

	test('a Photon with a damaged second system part hangs: its bootloader looks at the header of the first alone', () => {
		const verdict = verify(
			with1(whole[3]![1], 'system-part2', (b) => {
				b[5000]! ^= 1;
			}),
		);
		expect(verdict).toMatchObject({ ok: false, boots: 'dead' });
	});

	test.each(whole)(
		'%s: any changed byte of a header, a checksum, a vector or a needed register, and it is not called good',
		(_, parts) => {
			const places: [part: number, offset: number][] = [];
			parts.forEach((p, i) => {
				if (p.kind === 'module') {
					for (let b = 0; b < 24; b++) places.push([i, p.module!.prefixOffset + b]);
					for (let b = 1; b <= 44; b++) places.push([i, p.bytes.length - b]);
				}
				// The first byte of the registers is not needed; what names the bootloader is.
				if (p.kind === 'uicr') for (let b = 0x14; b < 0x18; b++) places.push([i, b]);
				if (p.kind === 'softdevice') for (let b = 0x2000; b < 0x2010; b++) places.push([i, b]);
				if (p.kind === 'mbr' && realMbr()) for (let b = 0; b < 16; b++) places.push([i, b]);
			});
			fc.assert(
				fc.property(fc.constantFrom(...places), fc.integer({ min: 1, max: 255 }), ([i, offset], flip) => {
					const damaged = with1(parts, parts[i]!.name, (b) => {
						b[offset]! ^= flip;
					});
					expect(verify(damaged).ok).toBe(false);
				}),
				{ numRuns: 120, ...(places.length > 0 ? { examples: [[places[0]!, 1]] } : {}) },
			);
		},
	);

	test.each(whole)('%s: any changed byte of what is checked by a sum or a hash, and it is not called good', (_, parts) => {
		const checked = parts.filter((p) => p.kind === 'module' || p.kind === 'softdevice' || (p.kind === 'mbr' && realMbr()));
		fc.assert(
			fc.property(fc.constantFrom(...checked), fc.nat(), fc.integer({ min: 1, max: 255 }), (p, at, flip) => {
				const damaged = with1(parts, p.name, (b) => {
					b[at % b.length]! ^= flip;
				});
				expect(verify(damaged).ok).toBe(false);
			}),
			{ numRuns: 60 },
		);
	});
});
