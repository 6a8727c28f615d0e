/**
 * All rows of a list of units checked before one image is written, and then one image after the other. What is checked is kept as bytes for
 * the DCT (about 2 KB a unit); the sectors themselves are made when their turn comes.
 */
import { asPlatform, dctStoreOf, type Platform } from '@linac/catalog';
import { assert, bad, crc32, equalBytes, good, type Problem, problem, type Verdict } from '@linac/core';
import { buildDct, type DctPiece, dctPieces } from '../dct/build-dct.js';
import { type DctWrite, dctWrites } from '../dct/encode.js';
import { type UnitFieldName, type UnitFields, unitFieldNames } from '../dct/fields.js';
import { atCell } from './csv.js';
import { type UnitRow, type Units, unitFields } from './parse-units.js';

/** A unit whose row has been found right. */
export interface CheckedUnit {
	name: string;
	/** Line of the CSV file. */
	line: number;
	/** What goes into its DCT, by offset. Holds the secrets. */
	writes: DctWrite[];
}

export interface CheckOptions {
	/** Fields for every unit whose row leaves them empty. */
	defaults?: UnitFields;
	/** Let two units have the same private key or claim code: warnings instead of errors. */
	allowRepeats?: boolean;
	/**
	 * `image` (the default): refuse where an image cannot hold the DCT (nRF52840, RTL872x). `dfu`: the writes are for alternate setting 1.
	 */
	into?: 'image' | 'dfu';
}

/** What no two units should share. */
const unique = {
	'device-private-key': { code: 'UNIT_KEY_REPEATED', what: 'private key' },
	'claim-code': { code: 'UNIT_CLAIM_CODE_REPEATED', what: 'claim code' },
} as const;

/**
 * Checks every value of every row.
 * @param moduleVersion number of the system part of the image
 * @param files contents of the files that `unitsNeed` names, by path
 * @returns refused with all problems of all rows: what `unitFields` and `dctWrites` refuse, `DCT_NOT_IN_INTERNAL_FLASH`,
 *   `UNIT_KEY_REPEATED`, `UNIT_CLAIM_CODE_REPEATED`
 */
export function checkUnits(
	platform: Platform | string,
	moduleVersion: number,
	units: Units,
	files: ReadonlyMap<string, Uint8Array>,
	options: CheckOptions = {},
): Verdict<CheckedUnit[]> {
	const p = asPlatform(platform);
	const defaults = options.defaults ?? {};
	if ((options.into ?? 'image') === 'image' && !dctStoreOf(p, moduleVersion)) {
		return bad(...impossible(p, moduleVersion, units, defaults));
	}
	const problems: Problem[] = [];
	const checked: CheckedUnit[] = [];
	const repeats = new Repeats(units, options.allowRepeats === true);
	for (const row of units.rows) {
		const own = unitFields(units, row, files);
		problems.push(...own.problems);
		if (!own.ok) continue;
		const verdict = dctWrites(p, { ...defaults, ...own.value }, moduleVersion);
		for (const found of verdict.problems) problems.push(pointed(found, units, row));
		if (!verdict.ok) continue;
		problems.push(...repeats.of(row, verdict.value));
		checked.push({ name: row.name, line: row.line, writes: verdict.value });
	}
	return problems.some((found) => found.severity === 'error') ? bad(...problems) : good(checked, problems);
}

/**
 * What differs between the images of the units: the two DCT sectors of each, in the order of the file. Everything else of an image is the same
 * for all, so the caller makes it once.
 */
export function* unitImages(
	platform: Platform | string,
	moduleVersion: number,
	units: Iterable<CheckedUnit>,
): Generator<{ name: string; line: number; pieces: DctPiece[] }, void, undefined> {
	const store = dctStoreOf(platform, moduleVersion);
	assert(store, 'units for an image were checked for a platform whose image holds no DCT');
	for (const { name, line, writes } of units) yield { name, line, pieces: dctPieces(store, writes) };
}

/** The refusal of an image without a DCT, once for each field that any unit sets. */
function impossible(p: Platform, moduleVersion: number, units: Units, defaults: UnitFields): Problem[] {
	const set = (name: UnitFieldName) => defaults[name] !== undefined || units.rows.some((row) => row.cells[name]);
	// Their values do not matter: what is refused is the field.
	const fields = Object.fromEntries(unitFieldNames.filter(set).map((name) => [name, ''])) as UnitFields;
	const verdict = buildDct(p, moduleVersion, fields);
	assert(!verdict.ok, 'a platform without a DCT in internal flash built one');
	return verdict.problems.map((found) => ({ ...found, file: units.file }));
}

/** A problem of a field, at its cell; one of a default, at the row. */
function pointed(found: Problem, units: Units, row: UnitRow): Problem {
	const cell = row.cells[found.field as UnitFieldName];
	if (cell) return atCell(found, units.file, cell);
	return { ...found, message: `${units.file}, line ${row.line}: ${found.message}` };
}

/** Finds values that two units share. They are compared as bytes and never shown. */
class Repeats {
	readonly #seen = { 'device-private-key': new Map(), 'claim-code': new Map() } as {
		[name in keyof typeof unique]: Map<number, { row: UnitRow; bytes: Uint8Array }[]>;
	};
	readonly #units: Units;
	readonly #allowed: boolean;

	constructor(units: Units, allowed: boolean) {
		this.#units = units;
		this.#allowed = allowed;
	}

	of(row: UnitRow, writes: readonly DctWrite[]): Problem[] {
		const problems: Problem[] = [];
		for (const { name, bytes } of writes) {
			if (name !== 'device-private-key' && name !== 'claim-code') continue;
			const sum = crc32(bytes);
			const same = this.#seen[name].get(sum) ?? [];
			const first = same.find((other) => equalBytes(other.bytes, bytes));
			if (!first) this.#seen[name].set(sum, [...same, { row, bytes }]);
			else problems.push(this.#repeated(name, row, first.row));
		}
		return problems;
	}

	#repeated(name: keyof typeof unique, row: UnitRow, first: UnitRow): Problem {
		const { code, what } = unique[name];
		const advice = this.#allowed ? '' : ' Give each unit its own, or allow it explicitly.';
		const message = `unit ${row.name} has the same ${what} as unit ${first.name} in line ${first.line}.${advice}`;
		const severity = this.#allowed ? 'warning' : 'error';
		return pointed(problem(code, message, { severity, field: name }), this.#units, row);
	}
}
