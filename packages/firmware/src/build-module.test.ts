import { concatBytes, equalBytes, portableDigests, u32be, u32le } from '@linac/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import {
	assetDependencyExtension,
	buildModule,
	createModule,
	embedLegacyModule,
	type ModuleExtension,
	ModuleFlag,
	type NewModule,
	nameExtension,
	type ParsedModule,
	parseModule,
	rebuildModule,
	requiredAssets,
	securityMode,
	takeApart,
} from './index.js';

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

const bytesOf = (max: number) => fc.uint8Array({ maxLength: max });
const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const extension: fc.Arbitrary<ModuleExtension> = fc.oneof(
	fc.record({ type: fc.constant('product-data' as const), reserved: u16, productId: u16, productVersion: u16 }),
	fc.record({ type: fc.constant('dynamic-location' as const), moduleStart: u32, dynalibLoad: u32, dynalibStart: u32 }),
	fc.record({ type: fc.constant('dependency' as const), function: u8, index: u8, version: u16, targetId: u32 }),
	fc.record({ type: fc.constant('hash' as const), hashType: u8, hash: bytesOf(40) }),
	fc.string({ maxLength: 30 }).map(nameExtension),
	fc.tuple(fc.string({ maxLength: 30 }), bytesOf(40)).map(([name, hash]) => assetDependencyExtension(name, hash)),
	fc.record({ type: fc.constant('security-mode' as const), mode: u8, data: bytesOf(300) }),
	fc.record({ type: fc.constant('asset-type' as const), assetType: u8, reserved: u8 }),
	fc.record({ type: fc.constant('unknown' as const), id: fc.integer({ min: 0x20, max: 0xfffe }), data: bytesOf(50) }),
);
const dependency = fc.oneof(
	fc.record({ function: fc.integer({ min: 1, max: 9 }), index: u8, version: u16 }),
	fc.constant({ function: 0, index: 0, version: 0 }),
);

test('any module with any extensions, taken apart and put together again, is the same bytes and sound', () => {
	fc.assert(
		fc.property(
			fc.record({
				leading: fc.constantFrom(0, 0x200, 0x184, 0x20, 0x10c, 0xc0),
				start: fc.integer({ min: 0, max: 0x0fffffff }),
				reserved: u8,
				flags: fc.constantFrom(0, ModuleFlag.combined, ModuleFlag.encrypted),
				version: u16,
				platformId: u8,
				function: fc.integer({ min: 1, max: 9 }),
				index: u8,
				dependencies: fc.tuple(dependency, dependency),
				prefixExtensions: fc.array(extension, { maxLength: 3 }),
				body: bytesOf(200),
				suffixExtensions: fc.array(extension, { maxLength: 3 }),
				product: fc.option(fc.record({ id: u16, version: u16 }), { nil: undefined }),
				moduleReserved: u16,
				payloadRule: fc.boolean(),
				trailing: bytesOf(5),
			}),
			(given) => {
				const end: ModuleExtension = { type: 'end', padding: new Uint8Array(3) };
				const ownsProduct = given.suffixExtensions.some((e) => e.type === 'product-data');
				const built = buildModule({
					// Filler that no prefix can be mistaken for.
					leading: new Uint8Array(given.leading).fill(0xee),
					prefix: { ...given, flags: given.flags | (given.prefixExtensions.length > 0 ? ModuleFlag.prefixExtensions : 0) },
					prefixExtensions: given.prefixExtensions.length > 0 ? [...given.prefixExtensions, end] : [],
					body: given.body,
					suffixExtensions: given.suffixExtensions.length > 0 ? [...given.suffixExtensions, end] : [],
					product: ownsProduct ? undefined : given.product,
					reserved: given.moduleReserved,
					sha: given.payloadRule ? 'payload' : 'standard',
					trailing: given.trailing,
				});
				const module = parsed(built);
				expect(module.sound).toBe(true);
				expect(module.sha.rule).toBe(given.payloadRule ? 'payload' : 'standard');
				expect(module.prefixOffset).toBe(given.leading);
				expect(module.prefixExtensions.slice(0, -1)).toEqual(given.prefixExtensions);
				if (given.suffixExtensions.length > 0) expect(module.suffix.extensions.slice(0, -1)).toEqual(given.suffixExtensions);
				expect(equalBytes(buildModule(takeApart(module)), built)).toBe(true);
			},
		),
		{ numRuns: 500 },
	);
});

test('a damaged module, taken apart and put together again, is the same damaged bytes', () => {
	const original = realTinker('p2', '3.51.0');
	fc.assert(
		fc.property(fc.array(fc.tuple(fc.nat(original.length - 1), u8), { minLength: 1, maxLength: 4 }), (changes) => {
			const bytes = original.slice();
			for (const [at, value] of changes) bytes[at] = value;
			const verdict = parseModule(bytes);
			if (verdict.ok) expect(equalBytes(buildModule(takeApart(verdict.value)), bytes)).toBe(true);
		}),
		{ numRuns: 300 },
	);
	// Damage where the structure is: all of the suffix and the prefix.
	for (const at of [...Array(24).keys(), ...Array.from({ length: 66 }, (_, i) => original.length - 66 + i)]) {
		for (const value of [0, 1, 0x12, 0x7f, 0xff]) {
			const bytes = original.slice();
			bytes[at] = value;
			const verdict = parseModule(bytes);
			if (verdict.ok) expect(equalBytes(buildModule(takeApart(verdict.value)), bytes), `${at}`).toBe(true);
		}
	}
});

const common = { platformId: 32, index: 1, version: 6 };

test('a right-aligned user part ends where it is told to, begins at a page, and knows its own address', () => {
	const body = Uint8Array.from({ length: 10_000 }, (_, i) => i);
	const module = parsed(
		createModule({
			...common,
			function: 5,
			end: 0x085ffffc,
			align: 4096,
			body,
			suffix: 'dynamic',
			dependencies: [{ function: 4, index: 1, version: 5002 }],
		}),
	);
	expect(module.sound).toBe(true);
	expect(module.prefix).toMatchObject({ start: 0x085fd000, end: 0x085ffffc });
	expect([module.bytes.length, module.suffix.size]).toEqual([0x3000, 62]);
	expect(module.suffix.extensions).toMatchObject([
		{ type: 'dynamic-location', moduleStart: 0x085fd000 },
		{ type: 'product-data', reserved: 0xffff, productId: 0xffff },
	]);
	expect(module.suffix.productId).toBeUndefined();
	expect(module.dependencies).toEqual([{ function: 4, index: 1, version: 5002 }]);
	// The same shape as a real one.
	const real = parsed(realTinker('p2', '3.51.0'));
	expect(module.suffix.extensions.map((e) => e.type)).toEqual(real.suffix.extensions.map((e) => e.type));
	expect(real.prefix.end).toBe(0x085ffffc);
});

test.each<[string, NewModule, Partial<ParsedModule['prefix']>, number]>([
	[
		'an RTL872x bootloader with its prefix behind the image header',
		{ ...common, function: 2, index: 0, start: 0x08004000, prefixOffset: 0x20, body: new Uint8Array(99), suffix: 'dynamic' },
		{ start: 0x08004000 },
		0x20,
	],
	[
		'an nRF52840 system part of the 6.2.0 layout',
		{ platformId: 13, function: 4, index: 1, version: 6200, start: 0x28000, prefixOffset: 0x200, body: new Uint8Array(9000) },
		{ start: 0x28000 },
		0x200,
	],
	[
		'an STM32F2 system part',
		{ platformId: 6, function: 4, index: 2, version: 2302, start: 0x08060000, prefixOffset: 0x184, body: new Uint8Array(500) },
		{ start: 0x08060000 },
		0x184,
	],
])('%s can be made from scratch', (_name, options, prefix, offset) => {
	const module = parsed(createModule(options));
	expect(module.sound).toBe(true);
	expect(module.prefixOffset).toBe(offset);
	expect(module.prefix).toMatchObject({ ...prefix, platformId: options.platformId, version: options.version });
	expect(module.prefix.end - module.prefix.start + 4).toBe(module.bytes.length);
});

test('a SoftDevice made from the payload of a real one is that real one, byte for byte', () => {
	const real = realModule('boron-softdevice@2.2.0.bin');
	const { prefix, bodyStart, bodyEnd } = parsed(real);
	const made = createModule({ ...prefix, end: undefined, body: real.subarray(bodyStart, bodyEnd), suffix: 'base' });
	expect(equalBytes(made, real)).toBe(true);
});

test('a module that was edited gets a new hash and CRC by the rule it had', () => {
	for (const name of ['boron-softdevice@2.2.0.bin', 'boron-bootloader@2.2.0.bin']) {
		const original = parsed(realModule(name));
		const edited = parsed(rebuildModule(original, { prefix: { ...original.prefix, platformId: 23 } }));
		expect(edited.sound && edited.sha.ok).toBe(true);
		expect(edited.sha.rule).toBe(original.sha.rule);
		expect(edited.prefix.platformId).toBe(23);
	}
});

test('a bootloader that protects the device is recognised', () => {
	const original = parsed(realModule('boron-bootloader@4.0.1.bin'));
	expect(securityMode(original)).toBeUndefined();
	const protectedOne = rebuildModule(original, {
		suffixExtensions: [
			{ type: 'security-mode', mode: 1, data: new Uint8Array(300).fill(0x30) },
			{ type: 'end', padding: new Uint8Array(0) },
		],
	});
	expect(securityMode(parsed(protectedOne))).toBe(1);
	expect(parsed(protectedOne)).toMatchObject({ sound: true, suffix: { size: 349 } });
});

test('an application names the assets that it needs', () => {
	const original = parsed(realTinker('boron'));
	const hash = portableDigests.sha256(Uint8Array.of(1, 2, 3));
	const module = parsed(
		rebuildModule(original, {
			suffixExtensions: [assetDependencyExtension('cat.txt', hash), { type: 'end', padding: new Uint8Array(0) }],
		}),
	);
	expect(requiredAssets(module)).toEqual([{ name: 'cat.txt', hashType: 0, hash }]);
	expect([module.suffix.productId, module.sound]).toEqual([original.suffix.productId, true]);
});

test('a system part at 0x28000 can carry the second header that older bootloaders look for at 0x30000', () => {
	const plain = createModule({
		platformId: 13,
		function: 4,
		index: 1,
		version: 6200,
		start: 0x28000,
		prefixOffset: 0x200,
		body: new Uint8Array(0x10000).fill(0x11),
		dependencies: [{ function: 2, index: 0, version: 3100 }],
	});
	const module = parsed(embedLegacyModule(parsed(plain), { start: 0x30000, prefixOffset: 0x200, length: 0x100 }));
	expect(module.sound && module.sha.ok).toBe(true);
	const at = 0x30000 - 0x28000;
	const size = 0x200 + 24 + 0x100;
	expect(u32le(module.bytes, at + 0x200)).toBe(0x30000);
	expect(u32le(module.bytes, at + 0x204)).toBe(0x30000 + size);
	expect(u32be(module.bytes, at + size)).toBe(portableDigests.crc32(module.bytes.subarray(at, at + size)));
});

test('bytes that follow a module come back when the file is put together', () => {
	const file = concatBytes([realTinker('photon'), Uint8Array.of(9, 8, 7)]);
	expect(equalBytes(buildModule(takeApart(parsed(file))), file)).toBe(true);
});
