/**
 * Particle's own pair of DCT sectors (DCD, version 2) of the Electron: header of 8 bytes, settings, footer of 32 bytes with a counter and
 * a CRC-32 over everything behind the header. device-os v3.3.1: services/inc/dcd.h, hal/src/electron/dct_hal.cpp. docs/formats/dct.md.
 */
import { crc32, putU16le, putU32le, u32le } from '@linac/core';
import type { CurrentDct, DctSectorFormat, DctSectorWrite } from './sector-format.js';

const SIZE = 0x4000;
const HEADER = 8;
const FOOTER = 32;
const WATERMARK = 0x1e1c279a;
/** Written last. */
const VALID = 0xeda15e00;
/** Put over it when the other sector has become valid. The CRC does not cover it. */
const RETIRED = 0x69a00c00;

const COUNTER = SIZE - 16;
const VERSION_FLAGS = SIZE - 11;
const FOOTER_SIZE = SIZE - 10;
const FOOTER_WATERMARK = SIZE - 8;
const CRC = SIZE - 4;
/** `mysize = sizeof(this)`: the size of a pointer, though the size of the footer was meant. Nothing reads it. */
const POINTER = 4;

const seal = (sector: Uint8Array) => u32le(sector, 4);
const holdsTable = (sector: Uint8Array) => u32le(sector, 0) === WATERMARK && (seal(sector) === VALID || seal(sector) === RETIRED);
const counter = (sector: Uint8Array) => sector[COUNTER]! & 3;
const hasFooter = (sector: Uint8Array) => u32le(sector, FOOTER_WATERMARK) === WATERMARK;
const checksum = (sector: Uint8Array) => crc32(sector.subarray(HEADER, CRC));
const whole = (sector: Uint8Array) => hasFooter(sector) && checksum(sector) === u32le(sector, CRC);

export const dcdLayout: DctSectorFormat = {
	dataOffset: HEADER,
	capacity: SIZE - HEADER - FOOTER,

	build(data, from) {
		const sector = new Uint8Array(SIZE).fill(0xff);
		sector.set(data.subarray(0, this.capacity), HEADER);
		const count = from && hasFooter(from) ? (counter(from) + 1) & 3 : 0;
		sector[COUNTER] = 0xfc | count;
		sector[VERSION_FLAGS] = 0;
		putU16le(sector, FOOTER_SIZE, POINTER);
		putU32le(sector, FOOTER_WATERMARK, WATERMARK);
		putU32le(sector, CRC, checksum(sector));
		putU32le(sector, 0, WATERMARK);
		putU32le(sector, 4, VALID);
		return sector;
	},

	// DCD::currentSector() and evaluateSectors(), line by line.
	current(first, second) {
		const pair = [first, second] as const;
		const primary = holdsTable(first) ? 0 : holdsTable(second) ? 1 : undefined;
		if (primary === undefined) return undefined;
		const secondary = primary === 0 ? 1 : 0;
		const [a, b] = [pair[primary], pair[secondary]];
		let sector: 0 | 1 = primary;
		if (seal(b) === VALID) {
			const [aWhole, bWhole] = [whole(a), whole(b)];
			if (aWhole !== bWhole) sector = aWhole ? primary : secondary;
			else if (!aWhole) sector = 1;
			else if (((counter(a) + 1) & 3) === counter(b)) sector = secondary;
		} else if (seal(b) === RETIRED && !whole(a)) sector = secondary;
		return describe(sector, pair[sector]);
	},

	writes(sector, hadOld) {
		const steps: DctSectorWrite[] = [
			{ sector: 'new', offset: HEADER, bytes: sector.subarray(HEADER, CRC) },
			{ sector: 'new', offset: CRC, bytes: sector.subarray(CRC) },
			{ sector: 'new', offset: 0, bytes: sector.subarray(0, HEADER) },
		];
		if (hadOld) {
			const retired = new Uint8Array(4);
			putU32le(retired, 0, RETIRED);
			steps.push({ sector: 'old', offset: 4, bytes: retired });
		}
		return steps;
	},
};

function describe(sector: 0 | 1, bytes: Uint8Array): CurrentDct {
	const state = hasFooter(bytes) ? (whole(bytes) ? 'right' : 'wrong') : 'unchecked';
	return { sector, checksum: state, generation: counter(bytes) };
}
