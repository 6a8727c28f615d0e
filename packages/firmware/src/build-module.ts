/**
 * Puts modules together: the exact inverse of parsing (`takeApart`, then `buildModule`, gives the same bytes, damaged modules
 * included), new signatures after an edit, and modules from scratch in create-module.ts. Format: docs/formats/module.md.
 */
import { assert, concatBytes, type Digests, portableDigests, putU16le, putU32be } from '@linac/core';
import { writeExtensions } from './extensions.js';
import { CRC_SIZE, PREFIX_SIZE, SUFFIX_BASE_SIZE, writePrefix } from './prefix.js';
import type { ModuleExtension, ModulePrefix, ParsedModule } from './types.js';

/** A module as plain parts. The end address follows from the length; hashes and CRC are computed unless they are given. */
export interface ModuleSpec {
	/** What stands in front of the prefix: the vector table of modules that own one, the image header of an RTL872x bootloader. */
	leading?: Uint8Array;
	prefix: Omit<ModulePrefix, 'end'>;
	/** With at least one, the prefix flag 0x10 must be set and the last must be `end`. */
	prefixExtensions?: readonly ModuleExtension[];
	body: Uint8Array;
	suffixExtensions?: readonly ModuleExtension[];
	/** Bytes between the suffix extensions and the product fields; almost never any. */
	suffixPadding?: Uint8Array;
	/** Product fields without an extension around them (suffix of 40 bytes); absent: a suffix of 36 bytes, or one with extensions only. */
	product?: { id: number; version: number };
	reserved?: number;
	/** How the SHA-256 is made; default `standard`. Bytes: written as they are. */
	sha?: 'standard' | 'payload' | Uint8Array;
	/** Only to rebuild a damaged module: the stored CRC. */
	crc?: number;
	/** Only to rebuild a damaged module: the stored size of the suffix. */
	suffixSize?: number;
	/** What follows the module in the file. */
	trailing?: Uint8Array;
}

/** The bytes of a module. Numbers are cut to the width of their fields. */
export function buildModule(spec: ModuleSpec, digests: Digests = portableDigests): Uint8Array<ArrayBuffer> {
	const leading = spec.leading ?? new Uint8Array(0);
	const prefixExtensions = writeExtensions(spec.prefixExtensions ?? []);
	const suffixExtensions = writeExtensions(spec.suffixExtensions ?? []);
	const product = new Uint8Array(spec.product ? 4 : 0);
	if (spec.product) {
		putU16le(product, 0, spec.product.id);
		putU16le(product, 2, spec.product.version);
	}
	const out = concatBytes([
		leading,
		new Uint8Array(PREFIX_SIZE),
		prefixExtensions,
		spec.body,
		suffixExtensions,
		spec.suffixPadding ?? new Uint8Array(0),
		product,
		new Uint8Array(SUFFIX_BASE_SIZE + CRC_SIZE),
		spec.trailing ?? new Uint8Array(0),
	]);
	const module = out.subarray(0, out.length - (spec.trailing?.length ?? 0));
	const base = module.length - CRC_SIZE - SUFFIX_BASE_SIZE;
	writePrefix(module, leading.length, { ...spec.prefix, end: (spec.prefix.start + module.length - CRC_SIZE) >>> 0 });
	putU16le(module, base, spec.reserved ?? 0);
	const suffixSize = SUFFIX_BASE_SIZE + suffixExtensions.length + (spec.suffixPadding?.length ?? 0) + product.length;
	putU16le(module, base + 34, spec.suffixSize ?? suffixSize);
	const sha = spec.sha ?? 'standard';
	if (typeof sha === 'string') signModule(module, sha, digests);
	else {
		module.set(sha, base + 2);
		putU32be(module, module.length - CRC_SIZE, digests.crc32(module.subarray(0, module.length - CRC_SIZE)));
	}
	if (spec.crc !== undefined) putU32be(module, module.length - CRC_SIZE, spec.crc);
	return out;
}

/** Writes the SHA-256 by the given rule and then the CRC-32 into a module that has just been edited, in place. */
export function signModule(
	module: Uint8Array,
	rule: 'standard' | 'payload' = 'standard',
	digests: Digests = portableDigests,
): void {
	const hashAt = module.length - 38;
	const hashed = rule === 'payload' ? module.subarray(PREFIX_SIZE, hashAt - 2) : module.subarray(0, hashAt);
	module.set(digests.sha256(hashed), hashAt);
	putU32be(module, module.length - CRC_SIZE, digests.crc32(module.subarray(0, module.length - CRC_SIZE)));
}

/** The parts of a parsed module. Parts are views of its bytes. `trailing` comes along, so the whole file is rebuilt. */
export function takeApart(module: ParsedModule): ModuleSpec {
	const { bytes, suffix } = module;
	const extensions = writeExtensions(suffix.extensions).length;
	const computedSize = SUFFIX_BASE_SIZE + extensions + suffix.padding.length + (suffix.rawProduct ? 4 : 0);
	return {
		leading: bytes.subarray(0, module.prefixOffset),
		prefix: module.prefix,
		prefixExtensions: module.prefixExtensions,
		body: bytes.subarray(module.bodyStart, module.bodyEnd),
		suffixExtensions: suffix.extensions,
		suffixPadding: suffix.padding,
		product: suffix.rawProduct,
		reserved: suffix.reserved,
		sha: module.sha.rule === 'none' ? suffix.sha256 : module.sha.rule,
		...(module.crc.ok ? {} : { crc: module.crc.stored }),
		...(computedSize === suffix.size ? {} : { suffixSize: suffix.size }),
		trailing: module.trailing,
	};
}

/** The same module with other parts, its end address, hash and CRC made new. The rule of its hash stays. */
export function rebuildModule(
	module: ParsedModule,
	changes: Partial<ModuleSpec>,
	digests: Digests = portableDigests,
): Uint8Array<ArrayBuffer> {
	const { crc: _crc, suffixSize: _size, ...parts } = takeApart(module);
	const sha = module.sha.rule === 'payload' ? 'payload' : 'standard';
	return buildModule({ ...parts, sha, trailing: new Uint8Array(0), ...changes }, digests);
}

/**
 * Writes the second module header of an nRF52840 system part of 6.2.0 and later into its body: vectors, prefix and a CRC of its
 * own at the address where older bootloaders look for the system part. It has no suffix. `length` is how many bytes behind that
 * prefix the CRC of the second header still covers. Hash and CRC of the whole module are made new.
 * Source: device-os v6.2.0: modules/shared/nRF52840/linker_system_part1_common.ld, build/module.mk, dynalib/inc/module_info.inc.
 */
export function embedLegacyModule(
	module: ParsedModule,
	legacy: { start: number; prefixOffset: number; length: number },
	digests: Digests = portableDigests,
): Uint8Array<ArrayBuffer> {
	const out = module.bytes.slice();
	const at = legacy.start - module.prefix.start;
	const size = legacy.prefixOffset + PREFIX_SIZE + legacy.length;
	assert(
		at >= module.bodyStart && at + size + CRC_SIZE <= module.bodyEnd,
		'the second header lies inside the body of the module',
	);
	// Old bootloaders start what the first two vectors say: they are those of the module.
	out.set(module.bytes.subarray(0, Math.min(8, legacy.prefixOffset)), at);
	writePrefix(out, at + legacy.prefixOffset, { ...module.prefix, start: legacy.start, end: legacy.start + size });
	putU32be(out, at + size, digests.crc32(out.subarray(at, at + size)));
	signModule(out, module.sha.rule === 'payload' ? 'payload' : 'standard', digests);
	return out;
}
