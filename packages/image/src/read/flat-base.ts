/** Where a file of plain bytes stands, by what is at its beginning: a module says its address, and an MBR has only one. */
import { mbrFacts, type Platform, platforms } from '@linac/catalog';
import type { Digests } from '@linac/core';
import { findPrefix, MemoryImage, ModuleFlag, readPrefix } from '@linac/firmware';
import { findMbr } from '../mbr.js';

export function knownBase(bytes: Uint8Array, options: { platform?: Platform; digests: Digests }): number | undefined {
	const chip = options.platform ?? platforms.find((p) => mbrFacts(p) !== undefined);
	const facts = chip && mbrFacts(chip);
	if (facts) {
		const image = MemoryImage.from([{ start: facts.start, bytes: bytes.subarray(0, facts.size) }]);
		// Only a known one: the beginning of anything else may look like one.
		if (image.ok) {
			const found = findMbr(image.value, chip, { file: 'the file', digests: options.digests });
			if (found.ok && found.value.name !== undefined) return facts.start;
		}
	}
	const found = findPrefix(bytes, options.digests);
	if (!found || found.size > bytes.length) return undefined;
	const prefix = readPrefix(bytes, found.offset);
	// The address of a module whose header is not written is that of what follows the header.
	return prefix.flags & ModuleFlag.dropModuleInfo ? undefined : prefix.start;
}
