/**
 * Reads modules back from the flash of a device in DFU mode, by what their own headers say: so a device in DFU is never unknown.
 * Which module must stand where, and whether it is the right one, is decided by the caller.
 */
import { declaredSize, type ModulePrefix, PREFIX_SIZE, plausiblePrefix, readPrefix } from '@linac/firmware';
import type { DfuDevice, DfuProgress } from './dfu.js';

export interface ModulePlace extends DfuProgress {
	/** Alternate setting, and the DFU address (with the offset that the storage has there) at which the module begins. */
	alternate: number;
	address: number;
	/** Places of the 24-byte prefix behind `address`, in order of preference; e.g. 0, 0x200 (nRF52840) or 0x184 (STM32F2). */
	prefixOffset: number | readonly number[];
	/** Bytes from `address` that the module may have at most. */
	limit: number;
}

export interface FoundPrefixAt {
	prefix: ModulePrefix;
	prefixOffset: number;
	/** Bytes of the whole module, CRC included. */
	size: number;
}

/** The header of the module that begins here; `undefined` when there is none (erased, or something else). Reads as few bytes as it needs. */
export async function readPrefixAt(dfu: DfuDevice, place: ModulePlace): Promise<FoundPrefixAt | undefined> {
	const offsets = typeof place.prefixOffset === 'number' ? [place.prefixOffset] : place.prefixOffset;
	const fitting = offsets.filter((offset) => offset + PREFIX_SIZE <= place.limit);
	if (fitting.length === 0) return undefined;
	const length = Math.max(...fitting) + PREFIX_SIZE;
	const head = await dfu.read(place.alternate, place.address, length, { signal: place.signal });
	for (const prefixOffset of fitting) {
		const size = plausiblePrefix(head, prefixOffset);
		if (size === 0 || size > place.limit) continue;
		const prefix = readPrefix(head, prefixOffset);
		return { prefix, prefixOffset, size: declaredSize(prefix) };
	}
	return undefined;
}

/**
 * The whole module that begins here, as many bytes as its header says; `undefined` when there is none. Whether it is sound is for
 * `parseModule` of @linac/firmware to say: a module cut off in the middle of writing is found here, and is not sound.
 */
export async function readModuleAt(dfu: DfuDevice, place: ModulePlace): Promise<Uint8Array | undefined> {
	const found = await readPrefixAt(dfu, place);
	if (!found) return undefined;
	return dfu.read(place.alternate, place.address, found.size, { onProgress: place.onProgress, signal: place.signal });
}
