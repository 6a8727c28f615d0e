/** The bootloader's side of compressed modules: header, raw deflate, copy of the suffix (module_info.h compressed_module_header). */
import { u16le, u32le } from '@linac/core';
import { inflateBounded } from '@linac/firmware';
import { PREFIX_SIZE } from './flash-modules.js';

/** The uncompressed module, or `undefined` when the data is not what its header says. */
export function inflateStaged(module: Uint8Array): Uint8Array | undefined {
	if (module.length < PREFIX_SIZE + 8 + 6) return undefined;
	const headerSize = u16le(module, PREFIX_SIZE);
	const size = u32le(module, PREFIX_SIZE + 4);
	if (headerSize < 8 || module[PREFIX_SIZE + 2] !== 0) return undefined;
	const suffix = u16le(module, module.length - 6);
	const end = module.length - 4 - suffix;
	const start = PREFIX_SIZE + headerSize;
	if (start >= end) return undefined;
	const inflated = inflateBounded(module.subarray(start, end), size);
	return inflated.ok && inflated.value.length === size ? inflated.value : undefined;
}
