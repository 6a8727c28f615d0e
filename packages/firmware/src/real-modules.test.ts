import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import { type Digests, toHex } from '@linac/core';
import { expect, test } from 'vitest';
import { particleCliVersions, type RealFile, realFiles } from '../../../tests/support/real-firmware.js';
import { buildModule, contentBytes, inspectInput, type ParsedModule, parseModule, takeApart, toInspectJson } from './index.js';

const digests: Digests = {
	crc32: (bytes, seed) => crc32(bytes, seed),
	sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
};

interface OracleModule {
	crc: { ok: boolean; storedCrc: string };
	prefixInfo: Record<string, number | string>;
	suffixInfo: { productId: number; productVersion: number; fwUniqueId: string; reserved: number; suffixSize: number };
}
const oracle = createRequire(import.meta.url)('binary-version-reader') as {
	HalModuleParser: new () => { parseBuffer(info: { fileBuffer: Buffer }): Promise<OracleModule> };
};

/** What the tarballs hold that is no module: how many of each, by name. */
const notModules: Record<string, string> = {
	'ota-flag-a5.bin': 'FILE_TOO_SHORT',
	'cc3000-patch-programmer.bin': 'NO_MODULE_HEADER',
	'cc3000-patch-programmer_1_14.bin': 'NO_MODULE_HEADER',
	'deep_update_2014_06.bin': 'NO_MODULE_HEADER',
};
/** .bin files, and modules among them, of each package. */
const counts: Record<string, [number, number]> = {
	'2.3.0': [47, 43],
	'2.8.0': [48, 44],
	'2.16.0': [54, 50],
	'3.6.0': [46, 46],
	'3.51.0': [15, 15],
};

function real(version: (typeof particleCliVersions)[number]): { file: RealFile; module: ParsedModule }[] {
	const out: { file: RealFile; module: ParsedModule }[] = [];
	for (const file of realFiles(version)) {
		if (notModules[file.name]) continue;
		const verdict = parseModule(file.bytes, { file: file.name, digests });
		if (!verdict.ok) throw new Error(`${file.name}: ${verdict.problems[0]?.message}`);
		out.push({ file, module: verdict.value });
	}
	return out;
}

for (const version of particleCliVersions) {
	test(`every module of particle-cli ${version} is sound, and every other .bin is refused with its own reason`, () => {
		const files = realFiles(version);
		const modules = real(version);
		expect([files.length, modules.length]).toEqual(counts[version]);
		for (const { file, module } of modules) {
			expect({ name: file.name, problems: module.problems, crc: module.crc.ok, sha: module.sha.ok, sound: module.sound }).toEqual(
				{
					name: file.name,
					problems: [],
					crc: true,
					sha: true,
					sound: true,
				},
			);
			const made = module.prefix.function === 7 || module.prefix.function === 8;
			// The SoftDevice of the A SoM was re-encoded and hashed by the usual rule; all others by the payload alone.
			if (!made) expect(module.sha.rule, file.name).toBe('standard');
		}
		for (const file of files.filter((f) => notModules[f.name])) {
			const verdict = parseModule(file.bytes, { file: file.name });
			expect(verdict.ok, file.name).toBe(false);
			expect(verdict.problems[0], file.name).toMatchObject({ code: notModules[file.name], file: file.name });
		}
	});

	test(`every field of every module of particle-cli ${version} is what binary-version-reader reads`, async () => {
		const parser = new oracle.HalModuleParser();
		for (const { file, module } of real(version)) {
			const theirs = await parser.parseBuffer({ fileBuffer: Buffer.from(file.bytes) });
			const p = theirs.prefixInfo;
			const s = theirs.suffixInfo;
			const dependency = (n: '' | '2') => ({
				function: p[`dep${n}ModuleFunction`],
				index: p[`dep${n}ModuleIndex`],
				version: p[`dep${n}ModuleVersion`],
			});
			expect({ name: file.name, ...module.prefix, prefixOffset: module.prefixOffset }).toEqual({
				name: file.name,
				start: Number.parseInt(String(p.moduleStartAddy), 16),
				end: Number.parseInt(String(p.moduleEndAddy), 16),
				reserved: p.reserved,
				flags: p.moduleFlags,
				version: p.moduleVersion,
				platformId: p.platformID,
				function: p.moduleFunction,
				index: p.moduleIndex,
				dependencies: [dependency(''), dependency('2')],
				prefixOffset: p.prefixOffset,
			});
			const json = toInspectJson(module, file.name);
			expect([json.crcOk, module.crc.stored, json.dependencies]).toEqual([
				theirs.crc.ok,
				Number.parseInt(theirs.crc.storedCrc, 16),
				[dependency(''), dependency('2')].filter((d) => d.function !== 0),
			]);
			const absent = (value: number) => (value === -1 || value === 0xffff ? null : value);
			expect([
				json.productId,
				json.productVersion,
				module.suffix.size,
				module.suffix.reserved,
				toHex(module.suffix.sha256),
			]).toEqual([absent(s.productId), absent(s.productVersion), s.suffixSize, s.reserved, s.fwUniqueId]);
		}
	});

	test(`every module of particle-cli ${version}, taken apart and put together again, is the same bytes`, () => {
		for (const { file, module } of real(version)) {
			const again = buildModule(takeApart(module), digests);
			expect(Buffer.compare(again, file.bytes), file.name).toBe(0);
		}
	});
}

test('a SoftDevice reaches the flash without its 24-byte header, every other module as the whole file', () => {
	for (const { file, module } of real('3.6.0')) {
		const expected = file.name.includes('softdevice') ? file.bytes.subarray(24) : file.bytes;
		expect(Buffer.compare(contentBytes(module), expected), file.name).toBe(0);
	}
});

test('the SHA-256 of a SoftDevice fits the payload rule and is reported as right', () => {
	const rules = new Set(
		real('3.6.0')
			.filter(({ module }) => module.prefix.function === 8)
			.map(({ module }) => module.sha.rule),
	);
	expect([...rules]).toEqual(['payload']);
});

test('inspecting any real .bin gives a module or a refusal, never an exception', () => {
	for (const version of particleCliVersions) {
		for (const file of realFiles(version)) {
			const verdict = inspectInput(file.name, file.bytes, { digests });
			expect(verdict.ok, file.name).toBe(!notModules[file.name]);
			if (verdict.ok) expect([verdict.value.kind, verdict.value.modules.length], file.name).toEqual(['module', 1]);
		}
	}
});
