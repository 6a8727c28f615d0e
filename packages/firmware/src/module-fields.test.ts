import { seededRandom } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { describe, expect, it } from 'vitest';
import { bundleFile } from '../../../tests/support/asset-bundles.js';
import { mutate } from '../../../tests/support/mutate.js';
import { realFiles, realModule } from '../../../tests/support/real-firmware.js';
import { diffModules, moduleFields, type ParsedModule, parseModule, readBundle } from './index.js';

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes, { digests: nodeDigests });
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

/** Fields that do not follow each other byte by byte, one sentence each. */
function gaps(module: ParsedModule): string[] {
	const out: string[] = [];
	let at = 0;
	for (const field of moduleFields(module)) {
		if (field.offset !== at) out.push(`${field.name} stands at ${field.offset}, and the field before it ends at ${at}`);
		at = field.offset + field.size;
	}
	if (at !== module.bytes.length) out.push(`the last field ends at ${at} of ${module.bytes.length}`);
	return out;
}

describe('the fields of a module', () => {
	it('cover every byte of every real module once, whatever its platform, extensions and vector table', () => {
		let seen = 0;
		// Every platform is in these two.
		for (const version of ['3.6.0', '3.51.0'] as const) {
			for (const { name, bytes } of realFiles(version)) {
				const verdict = parseModule(bytes, { digests: nodeDigests });
				if (!verdict.ok) continue;
				seen++;
				expect(gaps(verdict.value), name).toEqual([]);
			}
		}
		expect(seen).toBeGreaterThan(40);
	});

	it('cover every byte of an application with a list of assets, in its header (P2) or at its end (Boron)', () => {
		for (const platform of ['p2', 'boron']) {
			const bundle = readBundle('bundle.zip', bundleFile(platform), { digests: nodeDigests });
			if (!bundle.ok) throw new Error(bundle.problems[0]?.message);
			const { module } = bundle.value.application;
			expect(gaps(module), platform).toEqual([]);
			const needed = moduleFields(module).filter((f) => f.name.endsWith('asset-dependency'));
			expect(needed.map((f) => f.meaning)).toContain('needs the asset "cat.txt" with this SHA-256');
		}
	});

	it('cover what is left of damaged modules too, and none of them throws', () => {
		const system = realModule('boron-system-part1@2.2.0.bin');
		const bootloader = realModule('boron-bootloader@2.2.0.bin');
		let seen = 0;
		const random = seededRandom(11);
		for (let i = 0; i < 200; i++) {
			const verdict = parseModule(mutate(system, bootloader, random), { digests: nodeDigests });
			if (!verdict.ok) continue;
			seen++;
			const fields = moduleFields(verdict.value);
			expect(fields.every((f) => f.offset >= 0 && f.offset + f.size <= verdict.value.bytes.length)).toBe(true);
		}
		expect(seen).toBeGreaterThan(20);
	});

	it('say where each stands and what it means', () => {
		const fields = moduleFields(parsed(realModule('boron-system-part1@4.0.1.bin')), { platforms: new Map([[13, 'boron']]) });
		const field = (name: string) => fields.find((f) => f.name === name);
		expect(field('prefix.start')).toMatchObject({ offset: 0x200, size: 4, value: '0x00030000' });
		expect(field('prefix.version')).toMatchObject({ offset: 0x20a, value: '4005' });
		expect(field('prefix.platformId')).toMatchObject({ value: '13', meaning: 'boron' });
		expect(field('prefix.dependency')).toMatchObject({ value: '2, 0, 1101', meaning: 'bootloader 1101 or newer' });
		expect(field('crc')?.meaning).toBe('right');
	});

	it('say what the CRC should be when it is wrong', () => {
		const bytes = realModule('boron-bootloader@4.0.1.bin').slice();
		bytes[5000]! ^= 1;
		const module = parsed(bytes);
		const crc = moduleFields(module).find((f) => f.name === 'crc');
		expect(crc?.meaning).toBe(`wrong: the content gives 0x${module.crc.computed.toString(16).toUpperCase().padStart(8, '0')}`);
	});
});

describe('the difference between two modules', () => {
	it('is none for the same bytes', () => {
		const module = parsed(realModule('boron-bootloader@4.0.1.bin'));
		const diff = diffModules(module, module);
		expect(diff.identical).toBe(true);
		expect(diff.fields.filter((f) => !f.same)).toEqual([]);
	});

	it('counts the bytes of the body that were changed, and names the fields that no longer fit it', () => {
		const bytes = realModule('boron-bootloader@4.0.1.bin').slice();
		for (const at of [5000, 5001, 9000]) bytes[at]! ^= 0xff;
		const diff = diffModules(parsed(realModule('boron-bootloader@4.0.1.bin')), parsed(bytes));
		expect(diff.body).toMatchObject({ same: false, differing: 3 });
		// The CRC in the file is the same in both: it is wrong in one of them.
		expect(diff.fields.filter((f) => !f.same).map((f) => f.name)).toEqual(['body']);
	});

	it('between two releases names version, addresses and checks', () => {
		const [a, b] = ['2.2.0', '4.0.1'].map((v) => parsed(realModule(`boron-system-part1@${v}.bin`)));
		const names = diffModules(a!, b!)
			.fields.filter((f) => !f.same)
			.map((f) => f.name);
		expect(names).toEqual(expect.arrayContaining(['prefix.version', 'prefix.end', 'suffix.sha256', 'crc']));
		expect(names).not.toContain('prefix.platformId');
	});

	it('shows what only one of them has', () => {
		const bundle = readBundle('bundle.zip', bundleFile('boron'), { digests: nodeDigests });
		if (!bundle.ok) throw new Error(bundle.problems[0]?.message);
		const diff = diffModules(parsed(realModule('boron-bootloader@4.0.1.bin')), bundle.value.application.module);
		const only = diff.fields.filter((f) => f.a === undefined).map((f) => f.name);
		expect(only.filter((n) => n === 'suffix.extension.asset-dependency').length).toBe(3);
	});
});
