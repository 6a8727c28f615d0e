/**
 * Broadcom's pair of DCT sectors (WICED SDK 3.7.0, as Particle builds it) of Photon and P1: header of 388 bytes, sections of the SDK
 * (manufacturing, security, Wi-Fi), the settings, network section, version block of 16 bytes at the very end with a sequence number and a
 * checksum. A sector of SDK 3.3.0 (Device OS before 0.7.0, and the factory image) is the same without the version block.
 * device-os v3.3.1: hal/src/photon/wiced/platform/include/platform_dct.h, hal/src/photon/lib/FreeRTOS/STM32F2xx.a. docs/formats/dct.md.
 */
import { crc32, putU16le, putU32le, u16le, u32le } from '@linac/core';
import type { CurrentDct, DctSectorFormat, DctSectorWrite } from './sector-format.js';

const SIZE = 0x4000;
const HEADER = 388;
/** Sections before the settings: manufacturing 0x184, security 0x220, Wi-Fi 0x1A30. */
const DATA = 0x1d7c;
/** The network section (36 bytes) behind the settings. */
const NETWORK = SIZE - 52;
const VERSION = SIZE - 16;

const WRITE_INCOMPLETE = 8;
const IS_CURRENT = 9;
const APP_VALID = 10;
const MAGIC_AT = 12;
/** `BRCM` */
const MAGIC = 0x4d435242;

const VERSION_MAGIC = 0xdc0200cd;
const SDK = 0x370;
const SDK_AT = VERSION + 6;
const CHECKSUM = VERSION + 8;
const INITIAL_WRITE = VERSION + 12;
const SEQUENCE = VERSION + 13;

/** `boot_detail.load_details.destination.id`: `INTERNAL`. */
const BOOT_DESTINATION = 52;
const INTERNAL = 1;
/** Table of eight places of applications: none is used here, but the SDK fills it. */
const APPS = 96;
const APP_ENTRY = 36;
/** `EXTERNAL_FIXED_LOCATION` */
const EXTERNAL_FIXED = 2;
const APP_STEP = 0x22;
/** The checksum goes by pieces of this many bytes. */
const PIECE = 32;

export const wicedLayout: DctSectorFormat = {
	dataOffset: DATA,
	capacity: NETWORK - DATA,

	build(data, from) {
		const sector = from ? from.slice() : blank();
		sector.fill(0xff, DATA, NETWORK).set(data.subarray(0, NETWORK - DATA), DATA);
		const sequence = from && u32le(from, VERSION) === VERSION_MAGIC ? (from[SEQUENCE]! + 1) & 0xff : 1;
		sector[WRITE_INCOMPLETE] = 0;
		sector[IS_CURRENT] = 1;
		sector[APP_VALID] = 1;
		sector.fill(0, VERSION);
		putU32le(sector, VERSION, VERSION_MAGIC);
		putU16le(sector, SDK_AT, SDK);
		sector[SEQUENCE] = sequence;
		putU32le(sector, CHECKSUM, checksum(sector));
		return sector;
	},

	// wiced_dct_get_current_address(), as the compiled code has it.
	current(first, second) {
		const a = judge(first);
		const b = judge(second);
		if (!a.known) return b.known ? describe(1, b) : undefined;
		if (!b.known || a.sdk > b.sdk) return describe(0, a);
		if (a.sdk < b.sdk) return describe(1, b);
		if (b.initial === 1) return describe(1, b);
		if (a.initial === 1 || a.sequence > b.sequence) return describe(0, a);
		if (a.sequence < b.sequence) return describe(1, b);
		return a.sequence === BROKEN && first[IS_CURRENT] === 0 ? describe(1, b) : describe(0, a);
	},

	writes(sector, hadOld) {
		const begin = sector.slice(0, HEADER);
		begin[WRITE_INCOMPLETE] = 1;
		const zero = new Uint8Array(1);
		const steps: DctSectorWrite[] = [
			{ sector: 'new', offset: HEADER, bytes: sector.subarray(HEADER, VERSION) },
			{ sector: 'new', offset: 0, bytes: begin },
			{ sector: 'new', offset: VERSION, bytes: sector.subarray(VERSION) },
			{ sector: 'new', offset: WRITE_INCOMPLETE, bytes: zero },
		];
		if (hadOld) {
			steps.push({ sector: 'old', offset: IS_CURRENT, bytes: zero });
			steps.push({ sector: 'old', offset: INITIAL_WRITE, bytes: zero });
		}
		return steps;
	},
};

/** What the SDK makes of two sectors without a table: a header with its defaults, and 0xFF for every section. */
function blank(): Uint8Array<ArrayBuffer> {
	const sector = new Uint8Array(SIZE).fill(0xff);
	sector.fill(0, 0, HEADER);
	putU32le(sector, MAGIC_AT, MAGIC);
	sector[BOOT_DESTINATION] = INTERNAL;
	for (let app = 0; app < 8; app++) {
		sector[APPS + app * APP_ENTRY] = EXTERNAL_FIXED;
		putU32le(sector, APPS + app * APP_ENTRY + 4, app * APP_STEP);
	}
	return sector;
}

/**
 * XOR of the CRC-32 of the header, of each 32 bytes behind it and of the version block. The SDK asks for one running CRC; the function that
 * Device OS gives it starts anew for each piece and combines the results so. `write_incomplete`, checksum and `initial_write` count as 0.
 */
function checksum(sector: Uint8Array): number {
	const header = sector.slice(0, HEADER);
	header[WRITE_INCOMPLETE] = 0;
	let sum = ~0 ^ ~crc32(header);
	for (let at = HEADER; at < VERSION; at += PIECE) sum ^= ~crc32(sector.subarray(at, Math.min(at + PIECE, VERSION)));
	const version = sector.slice(VERSION);
	putU32le(version, CHECKSUM - VERSION, 0);
	version[INITIAL_WRITE - VERSION] = 0;
	return (sum ^ ~crc32(version)) >>> 0;
}

/** The sequence number of a table whose checksum is wrong. */
const BROKEN = -1;

type Judged = { known: false } | { known: true; sdk: number; initial: number; sequence: number; checked: boolean };

/** wiced_dct_validate_and_determine_version(): a wrong checksum does not make a table unusable, only older than any other. */
function judge(sector: Uint8Array): Judged {
	if (u32le(sector, 4) > u32le(sector, 0) || u32le(sector, MAGIC_AT) !== MAGIC || sector[WRITE_INCOMPLETE] !== 0) {
		return { known: false };
	}
	const sdk = u16le(sector, SDK_AT);
	if (u32le(sector, VERSION) !== VERSION_MAGIC || sdk < 1 || sdk > SDK) {
		return { known: true, sdk: 0x330, initial: 0, sequence: 0, checked: false };
	}
	const sequence = sector[SEQUENCE]!;
	if (sector[INITIAL_WRITE] === 1 && u32le(sector, CHECKSUM) === 0) {
		return { known: true, sdk: SDK, initial: 1, sequence, checked: false };
	}
	const right = checksum(sector) === u32le(sector, CHECKSUM);
	return { known: true, sdk: SDK, initial: 0, sequence: right ? sequence : BROKEN, checked: true };
}

function describe(sector: 0 | 1, judged: Judged & { known: true }): CurrentDct {
	const right = judged.sequence !== BROKEN;
	return {
		sector,
		checksum: judged.checked ? (right ? 'right' : 'wrong') : 'unchecked',
		generation: Math.max(judged.sequence, 0),
	};
}
