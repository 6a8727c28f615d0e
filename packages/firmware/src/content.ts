/**
 * What stands in flash after a module has been written, and where: mostly the whole file at its start address, but without the
 * 24 bytes of its prefix when DROP_MODULE_INFO is set (suffix and CRC are written all the same), and inflated when it is
 * compressed. Source: device-os v6.2.0: platform/MCU/nRF52840/src/flash_mal.c (`FLASH_CopyMemory`) drops `sizeof(module_info_t)`.
 */
import { type Digests, good, portableDigests, unwrap, type Verdict } from '@linac/core';
import { decompressModule } from './compressed-module.js';
import { PREFIX_SIZE } from './prefix.js';
import { ModuleFlag, type ParsedModule } from './types.js';

export interface FlashContent {
	/** Address of the first byte. */
	address: number;
	bytes: Uint8Array;
	/** How many bytes at the front of the (inflated) module do not reach the flash: 24 or 0. */
	skip: number;
}

/** Bytes at the front of the file that do not reach the flash. Exactly the 24 of the prefix, also when extensions follow it. */
export function skipBytes(module: ParsedModule): number {
	return module.prefix.flags & ModuleFlag.dropModuleInfo ? PREFIX_SIZE : 0;
}

/** What stands in flash after writing. Bad only for a compressed module that cannot be inflated. */
export function flashContent(module: ParsedModule): Verdict<FlashContent> {
	if (module.compressed) {
		const plain = decompressModule(module);
		return plain.ok ? flashContent(plain.value) : plain;
	}
	const skip = skipBytes(module);
	return good({ address: module.prefix.start, bytes: skip === 0 ? module.bytes : module.bytes.subarray(skip), skip });
}

/** The bytes that stand in flash. Throws what `flashContent` refuses. */
export function contentBytes(module: ParsedModule): Uint8Array {
	return unwrap(flashContent(module)).bytes;
}

/** SHA-256 of the bytes that stand in flash: the identity by which "already there" is decided. */
export function contentSha256(module: ParsedModule, digests: Digests = portableDigests): Uint8Array {
	return digests.sha256(contentBytes(module));
}
