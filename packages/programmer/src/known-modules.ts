/**
 * Modules whose bytes are at hand (the release's and the user's), by what can be seen of them on a device: the SHA-256 of the bytes
 * that stand in flash, and the SHA-256 of the suffix, which is what Device OS >= 5.6.0 tells (`FirmwareModule.hash`;
 * device-os v5.9.0: system/src/system_info_encoding.cpp). Not for judging files.
 */
import type { Platform } from '@linac/catalog';
import { type Digests, toHex } from '@linac/core';
import { CRC_SIZE, contentBytes, type ParsedModule, skipBytes } from '@linac/firmware';

export interface KnownModule {
	function: number;
	index: number;
	version: number;
	platformId: number;
	/** First address of the content in flash. */
	start: number;
	/** What stands in flash after a write over DFU: with a dropped header, the file without its first 24 bytes. */
	length: number;
	contentSha256: string;
	/** With a dropped header only: the payload without suffix and CRC, which is all that some other tools write. */
	payload?: { length: number; sha256: string };
	/** The hash stored in the module's suffix, hex. */
	suffixSha256: string;
}

const cache = new WeakMap<ParsedModule, KnownModule>();

export function knownModule(module: ParsedModule, digests: Digests): KnownModule {
	const before = cache.get(module);
	if (before) return before;
	const content = contentBytes(module);
	const dropped = skipBytes(module) > 0;
	const payload = content.subarray(0, content.length - module.suffix.size - CRC_SIZE);
	const known: KnownModule = {
		function: module.prefix.function,
		index: module.prefix.index,
		version: module.prefix.version,
		platformId: module.prefix.platformId,
		start: module.prefix.start,
		length: content.length,
		contentSha256: toHex(digests.sha256(content)),
		suffixSha256: toHex(module.suffix.sha256),
		...(dropped ? { payload: { length: payload.length, sha256: toHex(digests.sha256(payload)) } } : {}),
	};
	cache.set(module, known);
	return known;
}

/** Alternate setting and address under which DFU reads what stands in a module's place in internal flash; `undefined` on a platform without such a setting. */
export function placeOverDfu(platform: Platform, known: KnownModule): { alternate: number; address: number } | undefined {
	const alternate = platform.alternates.find((a) => a.storage === 'internal');
	return alternate && { alternate: alternate.number, address: known.start + alternate.addressOffset };
}

/**
 * The module at hand that a device has, by what it tells: the hash in the suffix covers all bytes before it, and together with the device's own CRC check
 * that is the content. `undefined` where it tells no hash, or has found the module damaged.
 */
export function knownByHash(
	known: readonly KnownModule[],
	told: { function: number; hash: string | undefined; valid: boolean },
): KnownModule | undefined {
	if (told.hash === undefined || !told.valid) return undefined;
	return known.find((k) => k.suffixSha256 === told.hash && k.function === told.function);
}
