/**
 * The two ways in which an STM32F2 keeps its device configuration table (DCT) in a pair of flash sectors, behind one interface. Which
 * device has which, and at which addresses, are facts of `@linac/catalog`; what the settings mean is not known here.
 * Formats: docs/formats/dct.md.
 */
import { assert } from '@linac/core';
import { dcdLayout } from './dcd.js';
import { DCT_SECTOR_SIZE, type DctSectorFormat } from './sector-format.js';
import { wicedLayout } from './wiced.js';

/** `wiced`: Broadcom's, Photon and P1. `dcd`: Particle's, Electron. */
export type DctLayout = 'wiced' | 'dcd';

const formats: Record<DctLayout, DctSectorFormat> = { wiced: wicedLayout, dcd: dcdLayout };

export function dctSectorFormat(layout: DctLayout): DctSectorFormat {
	return formats[layout];
}

/** The settings of a sector: a view, from offset 0 of the table on. */
export function dctSettings(layout: DctLayout, sector: Uint8Array): Uint8Array {
	assert(sector.length === DCT_SECTOR_SIZE, `a DCT sector has ${DCT_SECTOR_SIZE} bytes, not ${sector.length}`);
	const { dataOffset, capacity } = formats[layout];
	return sector.subarray(dataOffset, dataOffset + capacity);
}
