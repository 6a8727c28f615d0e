/**
 * The list of units to make: a CSV file with one row a unit. The header row names the columns: `unit`, and the fields of one unit
 * (dct/fields.ts) in any order. Cells of key fields are paths of files, which the caller reads: nothing here touches a disk.
 *
 * In steps: `parseUnits` (the file alone), `unitsNeed` (which files to read), `checkUnits` (check-units.ts: every value of every row, before
 * anything is written).
 */
import { bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { isKeyField, isUnitField, type KeyInput, type UnitFieldName, type UnitFields, unitFieldNames } from '../dct/fields.js';
import { atCell, type CsvCell, parseCsv } from './csv.js';

export interface UnitRow {
	/** The unit's name, also that of its file. */
	name: string;
	/** Line of the file, from 1. */
	line: number;
	/** The cells that are not empty. */
	cells: Partial<Record<UnitFieldName, CsvCell>>;
}

export interface Units {
	/** Name of the CSV file, for messages. */
	file: string;
	/** The fields that have a column, in the order of the file. */
	columns: UnitFieldName[];
	rows: UnitRow[];
}

const UNIT = 'unit';
/** Safe in every file system and on every command line. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Windows reads these as devices, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * @param from name of the file, for messages
 * @returns refused with `CSV_ENCODING`, `CSV_SYNTAX`, `UNITS_HEADER`, `UNITS_ROW`, `UNIT_NAME` or `UNITS_EMPTY`, all problems at once
 */
export function parseUnits(csv: Uint8Array, from: { file: string }): Verdict<Units> {
	const { file } = from;
	const parsed = parseCsv(csv, file);
	if (!parsed.ok) return parsed;
	const [header, ...body] = parsed.value;
	if (!header) {
		return bad(
			problem('UNITS_EMPTY', `${file} is empty. Its first row should name the columns: ${UNIT}, ${unitFieldNames.join(', ')}.`, {
				file,
			}),
		);
	}
	const columns = readHeader(header, file);
	if (!columns.ok) return columns;
	const problems: Problem[] = [];
	const rows: UnitRow[] = [];
	const seen = new Map<string, number>();
	for (const row of body) {
		const line = row[0]!.line;
		if (row.length !== header.length) {
			const message = `${file}, line ${line}: ${row.length} cells where the header row has ${header.length}.`;
			problems.push(problem('UNITS_ROW', message, { file, expected: header.length, found: row.length }));
			continue;
		}
		const cells: UnitRow['cells'] = {};
		let name: CsvCell | undefined;
		columns.value.forEach((field, i) => {
			const cell = { ...row[i]!, text: row[i]!.text.trim() };
			if (field === UNIT) name = cell;
			else if (cell.text !== '') cells[field] = cell;
		});
		const why = badName(name!.text, seen);
		if (why) problems.push(atCell(problem('UNIT_NAME', `unit '${name!.text}' ${why}`, { field: UNIT }), file, name!));
		seen.set(name!.text.toLowerCase(), line);
		rows.push({ name: name!.text, line, cells });
	}
	if (problems.length > 0) return bad(...problems);
	if (rows.length === 0) return bad(problem('UNITS_EMPTY', `${file} has a header row and no units below it.`, { file }));
	return good({ file, columns: columns.value.filter((c) => c !== UNIT), rows });
}

function readHeader(header: CsvCell[], file: string): Verdict<(UnitFieldName | typeof UNIT)[]> {
	const known = [UNIT, ...unitFieldNames].join(', ');
	const columns: (UnitFieldName | typeof UNIT)[] = [];
	const problems: Problem[] = [];
	const wrong = (cell: CsvCell, why: string) => problems.push(atCell(problem('UNITS_HEADER', why), file, cell));
	for (const cell of header) {
		const name = cell.text.trim().toLowerCase();
		if (name !== UNIT && !isUnitField(name)) wrong(cell, `no field is named '${cell.text.trim()}'. There are: ${known}.`);
		else if (columns.includes(name)) wrong(cell, `the column ${name} is there twice.`);
		else columns.push(name);
	}
	if (problems.length === 0 && !columns.includes(UNIT)) {
		wrong(header[0]!, `no column is named unit; it gives each unit its name and its file. There are: ${known}.`);
	}
	return problems.length > 0 ? bad(...problems) : good(columns);
}

function badName(name: string, seen: ReadonlyMap<string, number>): string | undefined {
	const before = seen.get(name.toLowerCase());
	if (name === '') return 'has no name. Each unit needs one: its file is named after it.';
	if (!NAME.test(name)) {
		return 'cannot be the name of a file everywhere: use at most 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.';
	}
	if (name.endsWith('.')) return 'ends with a dot, which Windows drops from file names.';
	if (RESERVED.test(name)) return 'is a name that Windows keeps for a device.';
	if (before !== undefined)
		return `is in line ${before} already (upper and lower case count as the same: their files would be one on Windows and macOS).`;
	return undefined;
}

/** The paths that stand in the cells of key fields, each once, in the order of the file. As written: relative to what, is the caller's word. */
export function unitsNeed(units: Units): string[] {
	const paths = new Set<string>();
	for (const row of units.rows) {
		for (const [field, cell] of Object.entries(row.cells)) if (isKeyField(field as UnitFieldName)) paths.add(cell.text);
	}
	return [...paths];
}

/**
 * The fields of one row, with the contents of its files.
 * @param files by path as in `unitsNeed`; one that is missing could not be read
 * @returns refused with `UNIT_FILE_MISSING`
 */
export function unitFields(units: Units, row: UnitRow, files: ReadonlyMap<string, Uint8Array>): Verdict<UnitFields> {
	const fields: Record<string, string | KeyInput> = {};
	const problems: Problem[] = [];
	for (const [name, cell] of Object.entries(row.cells) as [UnitFieldName, CsvCell][]) {
		if (!isKeyField(name)) {
			fields[name] = cell.text;
			continue;
		}
		const bytes = files.get(cell.text);
		if (bytes) fields[name] = { file: cell.text, bytes };
		else
			problems.push(
				atCell(problem('UNIT_FILE_MISSING', `${name} '${cell.text}' could not be read.`, { field: name }), units.file, cell),
			);
	}
	return problems.length > 0 ? bad(...problems) : good(fields as UnitFields);
}
