/**
 * Takes a Particle module apart and judges it. `ok: true` means "this is a module, taken apart"; `value.sound` and the problems
 * say whether it is right. `ok: false` means that it is no whole module (a web page, text, cut short, no header at all).
 * Whether a device wants the module is not asked here: that is the planner's. Format: docs/formats/module.md.
 */
import { bad, type Digests, equalBytes, type Problem, portableDigests, problem, u16le, u32be, type Verdict } from '@linac/core';
import { type ReadExtensions, readExtensions } from './extensions.js';
import { whyNotAModule } from './not-a-module.js';
import { CRC_SIZE, findPrefix, PREFIX_SIZE, readPrefix, SUFFIX_BASE_SIZE } from './prefix.js';
import {
	type ModuleDependency,
	type ModuleExtension,
	ModuleFlag,
	ModuleFunction,
	type ModulePrefix,
	type ModuleSuffix,
	type ParsedModule,
	type PlatformNames,
	type ShaRule,
} from './types.js';

export interface ParseOptions {
	/** Name of the file, for messages only. It is never a reason for anything. */
	file?: string;
	/** Faster digests of the host. */
	digests?: Digests;
	/** When given, a platform number that is not in it is reported. */
	platforms?: PlatformNames;
}

/** Product fields of a module that belongs to no product. */
const NO_PRODUCT = 0xffff;
const EMPTY = new Uint8Array(0);

/** Parses one module. What follows it in the same file is handed back as `trailing`. Never throws, keeps views of `bytes`. */
export function parseModule(bytes: Uint8Array, options: ParseOptions = {}): Verdict<ParsedModule> {
	const digests = options.digests ?? portableDigests;
	const found = findPrefix(bytes, digests);
	if (!found || found.size > bytes.length) return bad(whyNotAModule(bytes, options.file, found));
	return judge(bytes, found.offset, found.size, digests, options);
}

/** Parses the module whose prefix stands at `prefixOffset`, where the caller knows that (a header read from flash). */
export function parseModuleAt(
	bytes: Uint8Array,
	prefixOffset: number,
	size: number,
	options: ParseOptions = {},
): Verdict<ParsedModule> {
	if (size > bytes.length || prefixOffset < 0 || size < prefixOffset + PREFIX_SIZE + SUFFIX_BASE_SIZE + CRC_SIZE) {
		return bad(whyNotAModule(bytes, options.file, { offset: prefixOffset, size }));
	}
	return judge(bytes, prefixOffset, size, options.digests ?? portableDigests, options);
}

function judge(
	file: Uint8Array,
	prefixOffset: number,
	size: number,
	digests: Digests,
	options: ParseOptions,
): Verdict<ParsedModule> {
	const bytes = size === file.length ? file : file.subarray(0, size);
	const trailing = size === file.length ? EMPTY : file.subarray(size);
	const prefix = readPrefix(bytes, prefixOffset);
	const problems: Problem[] = [];

	const suffixSize = u16le(bytes, size - CRC_SIZE - 2);
	const prefixEnd = prefixOffset + PREFIX_SIZE;
	const suffixFits = suffixSize >= SUFFIX_BASE_SIZE && size - CRC_SIZE - suffixSize >= prefixEnd;
	if (!suffixFits) {
		problems.push(
			problem(
				'SUFFIX_SIZE_INVALID',
				`The suffix declares a size of ${suffixSize} bytes; between ${SUFFIX_BASE_SIZE} and ${size - CRC_SIZE - prefixEnd} are possible. The module is damaged or from before suffixes existed.`,
				{ offset: size - CRC_SIZE - 2, field: 'suffix.size', expected: SUFFIX_BASE_SIZE, found: suffixSize },
			),
		);
	}
	const bodyEnd = size - CRC_SIZE - (suffixFits ? suffixSize : SUFFIX_BASE_SIZE);
	const suffix = readSuffix(bytes, suffixSize, bodyEnd, problems);

	let prefixExtensions: ModuleExtension[] = [];
	let bodyStart = prefixEnd;
	if (prefix.flags & ModuleFlag.prefixExtensions) {
		const read = readExtensions(bytes, prefixEnd, bodyEnd);
		if (read.ended) {
			prefixExtensions = read.extensions;
			bodyStart = read.next;
			if (read.problem) problems.push(read.problem);
		} else problems.push(unendedPrefix(read, prefixEnd));
	}
	checkFlags(prefix, prefixOffset, problems);

	const stored = u32be(bytes, size - CRC_SIZE);
	const computed = digests.crc32(bytes.subarray(0, size - CRC_SIZE));
	const crc = { stored, computed, ok: stored === computed };
	if (!crc.ok) {
		problems.unshift(
			problem(
				'CRC_MISMATCH',
				`The CRC-32 is ${hex32(stored)} by the file and ${hex32(computed)} by its content. The file is damaged; fetch or build it again.`,
				{ offset: size - CRC_SIZE, field: 'crc', expected: hex32(computed), found: hex32(stored) },
			),
		);
	}
	if (options.platforms && prefix.function !== ModuleFunction.asset && options.platforms.get(prefix.platformId) === undefined) {
		problems.push(
			problem(
				'PLATFORM_UNKNOWN',
				`Platform ${prefix.platformId} is not known here. No device that this tool programs takes this module.`,
				{
					severity: 'warning',
					offset: prefixOffset + 12,
					field: 'prefix.platformId',
					found: prefix.platformId,
				},
			),
		);
	}
	if (trailing.length > 0) problems.push(aboutTrailing(trailing, size));

	const value = withHash(
		{
			bytes,
			prefixOffset,
			bodyStart,
			bodyEnd,
			trailing,
			prefix,
			prefixExtensions,
			suffix,
			dependencies: allDependencies(prefix, prefixExtensions, suffix.extensions),
			crc,
			sound: problems.every((p) => p.severity !== 'error'),
			compressed: (prefix.flags & ModuleFlag.compressed) !== 0,
			combined: (prefix.flags & ModuleFlag.combined) !== 0,
			encrypted: (prefix.flags & ModuleFlag.encrypted) !== 0,
		},
		problems,
		digests,
		options.file,
	);
	return {
		ok: true,
		value,
		get problems() {
			return value.problems;
		},
	};
}

type Parts = Omit<ParsedModule, 'sha' | 'problems'>;

/**
 * The SHA-256 is computed when somebody first looks at it, or at the problems, which name a mismatch. It costs several times as
 * much as all the rest, no device asks for it, and a virtual device or a planner that parses a module to look at its header
 * should not pay for it. It never changes afterwards.
 */
function withHash(parts: Parts, found: readonly Problem[], digests: Digests, file: string | undefined): ParsedModule {
	let sha: ParsedModule['sha'] | undefined;
	let problems: Problem[] | undefined;
	const readSha = () => {
		sha ??= checkSha(parts.bytes, parts.prefix, parts.suffix.sha256, digests);
		return sha;
	};
	const readProblems = () => {
		problems ??= allProblems(found, readSha().ok, parts.bytes.length, file);
		return problems;
	};
	// Own, enumerable accessors, so that a copy by spreading holds plain values.
	return Object.defineProperties(parts, {
		sha: { get: readSha, enumerable: true },
		problems: { get: readProblems, enumerable: true },
	}) as ParsedModule;
}

function allProblems(found: readonly Problem[], shaOk: boolean, size: number, file: string | undefined): Problem[] {
	const all = [...found];
	if (!shaOk) {
		all.push(
			problem(
				'SHA_MISMATCH',
				'The SHA-256 in the suffix fits the content by neither rule. Devices check only the CRC, so they take it all the same.',
				{ severity: 'warning', offset: size - 38, field: 'suffix.sha256' },
			),
		);
	}
	if (file !== undefined) for (const p of all) p.file = file;
	return all.sort((a, b) => rank(a) - rank(b));
}

/** `bodyEnd` is where the suffix begins; the base of the suffix stands at the end of the module whatever its size says. */
function readSuffix(bytes: Uint8Array, size: number, bodyEnd: number, problems: Problem[]): ModuleSuffix {
	const base = bytes.length - CRC_SIZE - SUFFIX_BASE_SIZE;
	let extensions: ModuleExtension[] = [];
	let at = bodyEnd;
	// Up to 40 bytes the suffix has room for the raw product fields only.
	if (base - bodyEnd > 4) {
		const read = readExtensions(bytes, bodyEnd, base);
		extensions = read.extensions;
		at = read.next;
		if (read.problem) problems.push(read.problem);
	}
	const product = extensions.find((e) => e.type === 'product-data');
	let rawProduct: ModuleSuffix['rawProduct'];
	let padding = bytes.subarray(at, base);
	if (!product && base - at >= 4) {
		rawProduct = { id: u16le(bytes, base - 4), version: u16le(bytes, base - 2) };
		padding = bytes.subarray(at, base - 4);
	}
	const id = product?.type === 'product-data' ? product.productId : rawProduct?.id;
	const version = product?.type === 'product-data' ? product.productVersion : rawProduct?.version;
	return {
		size,
		extensions,
		productId: id === NO_PRODUCT ? undefined : id,
		productVersion: version === NO_PRODUCT ? undefined : version,
		rawProduct,
		padding,
		reserved: u16le(bytes, base),
		sha256: bytes.subarray(base + 2, base + 34),
	};
}

function unendedPrefix(read: ReadExtensions, offset: number): Problem {
	return (
		read.problem ??
		problem(
			'EXTENSION_INVALID',
			'The prefix has extensions by its flags, but no END extension closes them. The file is damaged.',
			{
				offset,
				field: 'prefix.extensions',
			},
		)
	);
}

/** A vector table cannot stand in front of what is to be dropped or inflated (device-os v6.2.0: hal/src/nRF52840/ota_flash_hal.cpp). */
function checkFlags(prefix: ModulePrefix, prefixOffset: number, problems: Problem[]): void {
	const { dropModuleInfo, compressed } = ModuleFlag;
	if (prefixOffset > 0 && prefix.flags & (dropModuleInfo | compressed)) {
		problems.push(
			problem(
				'FLAGS_INVALID',
				'The module has a vector table and says that its header is to be dropped or its data inflated. Devices refuse that.',
				{
					offset: prefixOffset + 9,
					field: 'prefix.flags',
					found: prefix.flags,
				},
			),
		);
	}
}

/**
 * The usual rule hashes everything in front of the hash. SoftDevice and NCP modules made by device-os `build/create_module.py`
 * hash their payload only. Which of the two is tried first depends on the function, so that almost every module is hashed once.
 */
function checkSha(bytes: Uint8Array, prefix: ModulePrefix, stored: Uint8Array, digests: Digests): ParsedModule['sha'] {
	const hashEnd = bytes.length - 38;
	const standard = () => equalBytes(digests.sha256(bytes.subarray(0, hashEnd)), stored);
	const payload = () => equalBytes(digests.sha256(bytes.subarray(PREFIX_SIZE, hashEnd - 2)), stored);
	const payloadFirst = prefix.function === ModuleFunction.radioStack || prefix.function === ModuleFunction.ncp;
	const order: [ShaRule, () => boolean][] = payloadFirst
		? [
				['payload', payload],
				['standard', standard],
			]
		: [
				['standard', standard],
				['payload', payload],
			];
	for (const [rule, fits] of order) if (fits()) return { stored, ok: true, rule };
	return { stored, ok: false, rule: 'none' };
}

function aboutTrailing(trailing: Uint8Array, offset: number): Problem {
	const filler = trailing[0]!;
	const blank = (filler === 0xff || filler === 0) && trailing.every((b) => b === filler);
	if (blank) {
		return problem('TRAILING_PADDING', `${trailing.length} filler bytes follow the module. They are not part of it.`, {
			severity: 'info',
			offset,
		});
	}
	return problem('TRAILING_BYTES', `${trailing.length} bytes follow the module in the same file. They are not part of it.`, {
		severity: 'warning',
		offset,
		found: trailing.length,
	});
}

function allDependencies(prefix: ModulePrefix, ...lists: ModuleExtension[][]): ModuleDependency[] {
	const out: ModuleDependency[] = prefix.dependencies.filter((d) => d.function !== 0);
	for (const list of lists)
		for (const e of list) if (e.type === 'dependency') out.push({ function: e.function, index: e.index, version: e.version });
	return out;
}

function rank(p: Problem): number {
	return p.severity === 'error' ? 0 : p.severity === 'warning' ? 1 : 2;
}

function hex32(value: number): string {
	return value.toString(16).padStart(8, '0');
}
