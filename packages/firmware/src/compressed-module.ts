/**
 * Compressed modules: an 8-byte header behind the prefix, then raw Deflate of the original module (with DROP_MODULE_INFO: of its
 * payload only), then a copy of its suffix. The device inflates while it applies an update; files may come this way over the air.
 * Format: docs/formats/module.md; device-os v6.2.0: dynalib/inc/module_info.h (`compressed_module_header`).
 */
import {
	assert,
	bad,
	concatBytes,
	type Digests,
	good,
	type Problem,
	problem,
	putU16le,
	putU32le,
	u16le,
	u32le,
	type Verdict,
} from '@linac/core';
import { deflateSync, Inflate } from 'fflate';
import { buildModule, rebuildModule } from './build-module.js';
import { type ParseOptions, parseModule } from './parse-module.js';
import { ModuleFlag, type ParsedModule } from './types.js';

const HEADER_SIZE = 8;
/** Raw Deflate is the only method that exists. */
const RAW_DEFLATE = 0;
/** Larger than the flash of every platform. */
export const LARGEST_MODULE = 8 * 1024 * 1024;
/** So much input is handed to the inflater at once: bounds what one step can produce (about 1030 times as much). */
const STEP = 1024;

export interface CompressionHeader {
	size: number;
	method: number;
	/** Base-two logarithm of the window; 0 stands for 15. */
	windowBits: number;
	originalSize: number;
}

/** The compression header of a compressed module. */
export function compressionHeader(module: ParsedModule): Verdict<CompressionHeader> {
	const room = module.bodyEnd - module.bodyStart;
	const at = module.bodyStart;
	const header =
		room < HEADER_SIZE
			? undefined
			: {
					size: u16le(module.bytes, at),
					method: module.bytes[at + 2]!,
					windowBits: module.bytes[at + 3]!,
					originalSize: u32le(module.bytes, at + 4),
				};
	if (
		!header ||
		header.size < HEADER_SIZE ||
		header.size > room ||
		header.method !== RAW_DEFLATE ||
		(header.windowBits !== 0 && (header.windowBits < 8 || header.windowBits > 15))
	) {
		return bad(
			problem(
				'COMPRESSION_HEADER_INVALID',
				'The module says that it is compressed, but its compression header is missing or of a kind that does not exist.',
				{
					offset: at,
					field: 'compression',
					found: header ? { ...header } : null,
				},
			),
		);
	}
	return good(header);
}

/**
 * Inflates what a compressed module holds: the whole original module, or only its payload with DROP_MODULE_INFO.
 * Memory follows what really comes out, never what the header promises, and stops at `limit` bytes (default 8 MB).
 */
export function inflateModule(module: ParsedModule, limit = LARGEST_MODULE): Verdict<Uint8Array> {
	assert(module.compressed, 'inflateModule needs a compressed module');
	const header = compressionHeader(module);
	if (!header.ok) return header;
	const { size, originalSize } = header.value;
	if (originalSize > limit) {
		return bad(
			problem(
				'INFLATED_TOO_LARGE',
				`The compressed module would have ${originalSize} bytes, more than the ${limit} that are possible.`,
				{
					offset: module.bodyStart + 4,
					field: 'compression.originalSize',
					expected: limit,
					found: originalSize,
				},
			),
		);
	}
	const data = inflateBounded(module.bytes.subarray(module.bodyStart + size, module.bodyEnd), originalSize);
	if (!data.ok) return data;
	if (data.value.length !== originalSize) {
		return bad(
			corrupt(`The compressed data give ${data.value.length} bytes instead of ${originalSize}.`, originalSize, data.value.length),
		);
	}
	return data;
}

/** Inflates raw Deflate data and gives up as soon as more than `limit` bytes come out. */
export function inflateBounded(data: Uint8Array, limit: number): Verdict<Uint8Array> {
	const parts: Uint8Array[] = [];
	let length = 0;
	let finished = false;
	const inflate = new Inflate((part, final) => {
		length += part.length;
		if (length <= limit) parts.push(part);
		finished ||= final;
	});
	try {
		for (let at = 0; at === 0 || at < data.length; at += STEP) {
			inflate.push(data.subarray(at, at + STEP), at + STEP >= data.length);
			if (length > limit)
				return bad(corrupt(`The compressed data give more than the ${limit} bytes that they should.`, limit, length));
		}
	} catch (error) {
		return bad(corrupt(`The compressed data cannot be inflated (${error instanceof Error ? error.message : String(error)}).`));
	}
	if (!finished) return bad(corrupt('The compressed data end too early.'));
	return good(concatBytes(parts));
}

function corrupt(message: string, expected?: number, found?: number): Problem {
	return problem('COMPRESSED_DATA_CORRUPT', `${message} The file is damaged; fetch or build it again.`, {
		...(expected === undefined ? {} : { expected }),
		...(found === undefined ? {} : { found }),
	});
}

/**
 * The module as it was before it was compressed. With DROP_MODULE_INFO prefix and suffix are made again around the payload, so
 * that a hash by the payload rule has become one by the standard rule: nobody kept the original.
 */
export function decompressModule(module: ParsedModule, options: ParseOptions = {}): Verdict<ParsedModule> {
	const inflated = inflateModule(module);
	if (!inflated.ok) return inflated;
	if (!(module.prefix.flags & ModuleFlag.dropModuleInfo)) return parseModule(inflated.value, options);
	const flags = module.prefix.flags & ~ModuleFlag.compressed;
	const bytes = rebuildModule(module, { body: inflated.value, prefix: { ...module.prefix, flags } }, options.digests);
	return parseModule(bytes, options);
}

/** Compresses a module. Its prefix moves to the front; suffix and product fields are kept; hash and CRC are new. */
export function compressModule(module: ParsedModule, digests?: Digests): Uint8Array<ArrayBuffer> {
	assert(!module.compressed, 'the module is compressed already');
	const dropped = (module.prefix.flags & ModuleFlag.dropModuleInfo) !== 0;
	const original = dropped ? module.bytes.subarray(module.bodyStart, module.bodyEnd) : module.bytes;
	const header = new Uint8Array(HEADER_SIZE);
	putU16le(header, 0, HEADER_SIZE);
	header[2] = RAW_DEFLATE;
	putU32le(header, 4, original.length);
	return buildModule(
		{
			prefix: { ...module.prefix, flags: module.prefix.flags | ModuleFlag.compressed },
			prefixExtensions: module.prefixExtensions,
			body: concatBytes([header, deflateSync(original, { level: 9 })]),
			suffixExtensions: module.suffix.extensions,
			suffixPadding: module.suffix.padding,
			product: module.suffix.rawProduct,
			reserved: module.suffix.reserved,
		},
		digests,
	);
}
