/**
 * Finds a module that another one carries inside: Electron systems before 2.0.0 were published without a bootloader file, because their
 * first system part brings the bootloader along and copies it into place (device-os v1.5.2: hal/src/stm32f2xx/bootloader.cpp). A chip
 * that is programmed with a debugger needs it all the same. Not for the second header of 6.2.0: that is no module of its own.
 */
import type { Digests } from '@linac/core';
import { parseModuleAt } from './parse-module.js';
import { declaredSize, PREFIX_SIZE, prefixOffsets, readPrefix } from './prefix.js';
import type { ParsedModule } from './types.js';

export interface EmbeddedWanted {
	function: number;
	index: number;
	platformId: number;
	/** Its start address. */
	start: number;
}

/** The first whole and sound module of that kind inside the body of another. Only one whose CRC is right counts. */
export function findEmbeddedModule(module: ParsedModule, wanted: EmbeddedWanted, digests?: Digests): ParsedModule | undefined {
	const { bytes, bodyStart, bodyEnd } = module;
	for (let at = bodyStart + (-bodyStart & 3); at + PREFIX_SIZE <= bodyEnd; at += 4) {
		// Almost every place is ruled out by its first word.
		if ((bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0 !== wanted.start) continue;
		const prefix = readPrefix(bytes, at);
		if (prefix.function !== wanted.function || prefix.index !== wanted.index || prefix.platformId !== wanted.platformId) continue;
		const size = declaredSize(prefix);
		for (const offset of prefixOffsets) {
			const from = at - offset;
			if (from < bodyStart || size <= offset || from + size > bodyEnd) continue;
			const parsed = parseModuleAt(bytes.subarray(from, from + size), offset, size, digests ? { digests } : {});
			if (parsed.ok && parsed.value.sound) return parsed.value;
		}
	}
	return undefined;
}
