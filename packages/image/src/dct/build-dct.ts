/**
 * The DCT of one unit as pieces of a restore image, where it lies in internal flash (STM32F2). The table is what Device OS itself would have
 * made of a blank one by writing these fields, so that everything else is as on a new device. Formats: docs/formats/dct.md.
 */
import { asPlatform, type DctStore, dctStoreOf, type Platform } from '@linac/catalog';
import { bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { dctSectorFormat } from '@linac/firmware';
import { type DctWrite, dctWrites } from './encode.js';
import { type UnitFieldName, type UnitFields, unitFieldNames } from './fields.js';

/** A whole flash sector. `start`: address of the chip. */
export interface DctPiece {
	start: number;
	bytes: Uint8Array;
}

/**
 * Both sectors of the DCT: the first holds the table, the second is blank. The second must be in the image too: what a board has there from
 * before may be newer by its own number, and would then be what the device reads.
 * @param moduleVersion number of the system part of the image
 * @returns refused with `DCT_NOT_IN_INTERNAL_FLASH` and with what `dctWrites` refuses
 */
export function buildDct(platform: Platform | string, moduleVersion: number, fields: UnitFields): Verdict<DctPiece[]> {
	const p = asPlatform(platform);
	const store = dctStoreOf(p, moduleVersion);
	if (!store) return bad(...notInInternalFlash(p, fields));
	const writes = dctWrites(p, fields, moduleVersion);
	return writes.ok ? good(dctPieces(store, writes.value), writes.problems) : writes;
}

/** The pieces for fields that have been checked and encoded. */
export function dctPieces(store: DctStore, writes: readonly DctWrite[]): DctPiece[] {
	const format = dctSectorFormat(store.layout);
	const settings = new Uint8Array(format.capacity).fill(0xff);
	for (const write of writes) settings.set(write.bytes, write.offset);
	return [
		{ start: store.sectors[0], bytes: format.build(settings) },
		{ start: store.sectors[1], bytes: new Uint8Array(store.sectorSize).fill(0xff) },
	];
}

/** Why an image cannot hold these fields, and the way that works: one problem for each field. */
function notInInternalFlash(p: Platform, fields: UnitFields): Problem[] {
	const given = unitFieldNames.filter((name) => fields[name] !== undefined);
	if (p.dct.size === 0) {
		return [
			problem(
				'DCT_FIELD_NOT_THERE',
				`${p.displayName} has no device configuration table, so no field can be set in an image for it.`,
			),
		];
	}
	const why = `The DCT of ${p.displayName} is a file in the file system of its flash, not a place of its own`;
	if (given.length === 0) {
		return [problem('DCT_NOT_IN_INTERNAL_FLASH', `${why}: an image cannot hold it.`, { found: p.name })];
	}
	return given.map((name) =>
		problem('DCT_NOT_IN_INTERNAL_FLASH', `${name} cannot be part of an image for ${p.displayName}. ${why}. ${instead(name)}`, {
			field: name,
			found: p.name,
		}),
	);
}

function instead(name: UnitFieldName): string {
	if (name === 'setup-done') {
		return 'Use linac usb setup-done on the running device; from Device OS 4.0.0 on it is not needed.';
	}
	return `Write it through DFU (alternate setting 1) instead: linac export --for dfu-util --${name} makes a script for it.`;
}
