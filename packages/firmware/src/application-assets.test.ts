import { concatBytes, equalBytes, portableDigests } from '@linac/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realModule, realTinker } from '../../../tests/support/real-firmware.js';
import {
	compressModule,
	createModule,
	type DependencyForm,
	hiddenAssets,
	type ModuleExtension,
	ModuleFlag,
	type ParsedModule,
	parseModule,
	rebuildModule,
	requiredAssets,
	withAssets,
	withoutAssets,
} from './index.js';

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes);
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

function ok<T>(verdict: { ok: true; value: T } | { ok: false; problems: { message: string }[] }): T {
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const asset = (name: string, content = name) => ({ name, sha256: portableDigests.sha256(bytes(content)) });
const cats = [asset('cat.txt', 'meow'), asset('Katze-ä.txt', 'miau')];

const real: [platform: string, form: DependencyForm][] = [
	['boron', 'suffix'],
	['tracker', 'suffix'],
	['p2', 'prefix'],
	['trackerm', 'prefix'],
	['msom', 'prefix'],
];

describe.each(real)('a real %s application', (platform, form) => {
	const original = realTinker(platform, '3.51.0');
	const before = parsed(original);

	test('asks for the assets that it was given, and is sound', () => {
		const after = parsed(ok(withAssets(before, cats, { form })));
		expect(after.problems).toEqual([]);
		expect(requiredAssets(after)).toEqual(cats.map((a) => ({ name: a.name, hashType: 0, hash: a.sha256 })));
		expect(after.prefix.version).toBe(before.prefix.version);
		expect(after.suffix.productId).toBe(before.suffix.productId);
		expect(after.dependencies).toEqual(before.dependencies);
	});

	test('without them again is the file that it was, byte for byte', () => {
		const once = ok(withAssets(before, cats, { form }));
		expect(equalBytes(ok(withoutAssets(parsed(once))), original)).toBe(true);
		expect(equalBytes(ok(withAssets(parsed(once), [], { form })), original)).toBe(true);
		expect(equalBytes(ok(withoutAssets(before)), original)).toBe(true);
	});

	test('with other assets in place of the first is the same as with those alone', () => {
		const direct = ok(withAssets(before, [asset('dog.bin')], { form }));
		const replaced = ok(withAssets(parsed(ok(withAssets(before, cats, { form }))), [asset('dog.bin')], { form }));
		expect(equalBytes(replaced, direct)).toBe(true);
	});

	test('keeps its code where it was linked', () => {
		const after = parsed(ok(withAssets(before, cats, { form })));
		const code = (m: ParsedModule) => m.bytes.subarray(m.bodyStart, m.bodyEnd);
		expect(equalBytes(code(after), code(before))).toBe(true);
		expect(after.prefix.start + after.bodyStart).toBe(before.prefix.start + before.bodyStart);
	});
});

test('in the form of nRF52840 the module grows to the right, in that of RTL872x to the left, and knows its new start', () => {
	const boron = parsed(realTinker('boron'));
	const right = parsed(ok(withAssets(boron, cats, { form: 'suffix' })));
	expect(right.prefix.start).toBe(boron.prefix.start);
	expect(right.prefix.end).toBe(boron.prefix.end + right.bytes.length - boron.bytes.length);
	expect(right.suffix.extensions.map((e) => e.type)).toEqual(['asset-dependency', 'asset-dependency', 'end']);
	expect(right.suffix.rawProduct).toEqual(boron.suffix.rawProduct);

	const p2 = parsed(realTinker('p2', '3.51.0'));
	const left = parsed(ok(withAssets(p2, cats, { form: 'prefix' })));
	expect(left.prefix.end).toBe(0x085ffffc);
	expect(left.prefix.start).toBe(p2.prefix.start - (left.bytes.length - p2.bytes.length));
	expect(left.prefix.start % 8).toBe(0);
	expect(left.prefix.flags & ModuleFlag.prefixExtensions).not.toBe(0);
	expect(left.suffix.extensions).toMatchObject([
		{ type: 'dynamic-location', moduleStart: left.prefix.start },
		{ type: 'product-data' },
	]);
});

const name = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
const assets = fc
	.uniqueArray(name, { maxLength: 12 })
	.map((names) => names.map((n): { name: string; sha256: Uint8Array } => asset(n, `content of ${n}`)));
const security: ModuleExtension = { type: 'security-mode', mode: 0, data: Uint8Array.of(1, 2, 3) };

test('whatever assets any application is given, taking them out again gives the same bytes', () => {
	fc.assert(
		fc.property(
			assets,
			fc.uint8Array({ minLength: 8, maxLength: 5000 }),
			fc.boolean(),
			fc.constantFrom<DependencyForm>('prefix', 'suffix'),
			(list, body, others, form) => {
				const end: ModuleExtension = { type: 'end', padding: new Uint8Array(0) };
				const common = { platformId: 32, function: 5, index: 1, version: 6, body };
				const made =
					form === 'prefix'
						? createModule({ ...common, end: 0x085ffffc, align: 4096, suffix: 'dynamic' })
						: createModule({ ...common, start: 0xb4000, ...(others ? { suffixExtensions: [security, end] } : {}) });
				const original = parsed(made);
				const after = parsed(ok(withAssets(original, list, { form })));
				expect(after.problems).toEqual([]);
				expect(requiredAssets(after).map((a) => a.name)).toEqual(list.map((a) => a.name));
				if (form === 'prefix') expect([after.prefix.end, after.prefix.start % 8]).toEqual([0x085ffffc, 0]);
				expect(equalBytes(ok(withoutAssets(after)), made)).toBe(true);
			},
		),
		{ numRuns: 200 },
	);
});

test('other extensions of the header stay when assets come and go', () => {
	const p2 = parsed(realTinker('p2', '3.51.0'));
	const end: ModuleExtension = { type: 'end', padding: new Uint8Array(1) };
	const flags = p2.prefix.flags | ModuleFlag.prefixExtensions;
	// 7 + 4 + 5 bytes: a multiple of 8, so that the start address of the original stays aligned.
	const start = p2.prefix.start - 16;
	const suffixExtensions = p2.suffix.extensions.map((e) => (e.type === 'dynamic-location' ? { ...e, moduleStart: start } : e));
	const original = rebuildModule(p2, {
		prefix: { ...p2.prefix, start, flags },
		prefixExtensions: [{ ...security, data: Uint8Array.of(1, 2, 3, 4, 5, 6) } as ModuleExtension, end],
		suffixExtensions,
	});
	const once = parsed(ok(withAssets(parsed(original), cats, { form: 'prefix' })));
	expect(once.prefixExtensions.map((e) => e.type)).toEqual(['security-mode', 'asset-dependency', 'asset-dependency', 'end']);
	expect(equalBytes(ok(withoutAssets(once)), original)).toBe(true);
});

test.each([
	['compressed', () => compressModule(parsed(realTinker('boron'))), 'suffix' as const, 'compressed, combined or encrypted'],
	['damaged', () => Uint8Array.from(realTinker('boron'), (b, i) => (i === 5000 ? b ^ 1 : b)), 'suffix' as const, 'damaged'],
	['with a vector table', () => realModule('boron-bootloader@4.0.1.bin'), 'prefix' as const, 'vector table'],
])('a %s module is refused with the reason', (_kind, make, form, reason) => {
	const verdict = withAssets(parsed(make()), cats, { form, file: 'app.bin' });
	expect(verdict.ok).toBe(false);
	expect(verdict.problems[0]).toMatchObject({ code: 'APPLICATION_UNSUITABLE', file: 'app.bin' });
	expect(verdict.problems[0]?.message).toContain(reason);
});

test('more assets than a suffix can list are refused, never written wrongly', () => {
	const boron = parsed(realTinker('boron'));
	const long = (n: number) => Array.from({ length: n }, (_, i) => asset(`${i}-${'x'.repeat(200)}`));
	expect(withAssets(boron, long(300), { form: 'suffix' }).problems).toMatchObject([{ code: 'APPLICATION_UNSUITABLE' }]);
	expect(withAssets(boron, long(1001), { form: 'suffix' }).problems).toMatchObject([{ code: 'APPLICATION_UNSUITABLE' }]);
	expect(parsed(ok(withAssets(boron, long(200), { form: 'suffix' }))).problems).toEqual([]);
});

test('a list of assets behind the END of the header is noticed, and code that looks like one is not', () => {
	const p2 = parsed(realTinker('p2', '3.51.0'));
	const once = parsed(ok(withAssets(p2, cats, { form: 'prefix' })));
	expect(hiddenAssets(p2)).toEqual([]);
	expect(hiddenAssets(once)).toEqual([]);
	// END first, then the dependencies: what a tool leaves that adds without replacing.
	const { prefixExtensions } = once;
	const twice = parsed(rebuildModule(once, { prefixExtensions: [prefixExtensions.at(-1)!, ...prefixExtensions] }));
	expect(requiredAssets(twice)).toEqual([]);
	expect(hiddenAssets(twice)).toEqual(cats.map((a) => a.name));
	const noise = parsed(rebuildModule(once, { body: concatBytes([Uint8Array.of(0x12, 0, 40, 0, 7, 7), new Uint8Array(100)]) }));
	expect(hiddenAssets(noise)).toEqual([]);
});
