/**
 * One image a unit: everything that all units have in common is made once, and the two sectors of settings are put in for each. The same bytes as
 * `makeHex` gives for the fields of a row. The list itself, and what is wrong with it: ../units.
 */
import { assert, type Digests, good, portableDigests, type Verdict } from '@linac/core';
import { hexRecords, joinHexRecords } from '@linac/firmware';
import { composeImage } from '../compose.js';
import type { ComposedImage } from '../types.js';
import { type CheckedUnit, unitImages } from '../units/check-units.js';
import { composeChoices, type ImageChoices } from './make-hex.js';
import { proveHex } from './prove-hex.js';

export interface UnitHex {
	/** Name of the unit. */
	name: string;
	/** Name of its file. */
	file: string;
	bytes: Uint8Array<ArrayBuffer>;
}

export interface UnitHexes {
	/** What all of them have in common. */
	composed: ComposedImage;
	/** The files of these units, one after the other. May be called several times. */
	of(units: readonly CheckedUnit[]): Generator<UnitHex, void, undefined>;
}

/**
 * Images for units that `checkUnits` found right. The first image is proved whole: the others differ in two sectors only, which it has proved
 * to lie where nothing else does. Bad with what `composeImage` refuses.
 */
export function makeUnitHexes(choices: Omit<ImageChoices, 'fields'>): Verdict<UnitHexes> {
	const digests: Digests = choices.digests ?? portableDigests;
	const composed = composeChoices(choices);
	if (!composed.ok) return composed;
	const { image, moduleVersion } = composed.value;
	const records = image.segments.map((s) => ({ start: s.start, bytes: hexRecords(s) }));
	let proved = false;
	function* of(units: readonly CheckedUnit[]): Generator<UnitHex, void, undefined> {
		for (const { name, pieces } of unitImages(choices.platform, moduleVersion, units)) {
			const bytes = inOrder(records, pieces);
			if (!proved) {
				const whole = composeImage({ ...choices, dct: pieces });
				assert(whole.ok, 'an image takes the settings of a unit that were found right');
				proveHex(name, bytes, whole.value.image, { digests });
				proved = true;
			}
			yield { name, file: `${name}.hex`, bytes };
		}
	}
	return good({ composed: composed.value, of }, composed.problems);
}

/** By address, as the default layout is. */
function inOrder(
	records: readonly { start: number; bytes: Uint8Array }[],
	pieces: readonly { start: number; bytes: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
	const all = [...records, ...pieces.map((p) => ({ start: p.start, bytes: hexRecords(p) }))];
	return joinHexRecords(all.sort((a, b) => a.start - b.start).map((r) => r.bytes));
}
