/** Which field of the form a problem belongs beside. What is wrong, and why, is said by the packages; here it only finds its place. */
import type { Problem } from '@linac/core';
import { isUnitField, type UnitFieldName } from '@linac/image';

/** A field of the hex generator's forms; `image`: the whole of it, with no field to blame. */
export type ImageField =
	| 'release'
	| 'application'
	| 'base'
	| 'mbr'
	| 'registers'
	| 'nfcPins'
	| 'layout'
	| 'units'
	| 'keys'
	| 'tool'
	| 'assets'
	| 'image'
	| UnitFieldName;

export interface FieldProblem extends Problem {
	at: ImageField;
}

/** Problems of something that was given in one field. */
export function placed(problems: readonly Problem[], at: ImageField): FieldProblem[] {
	return problems.map((p) => ({ ...p, at }));
}

/** Problems of the whole: each finds its field by what the package says that it concerns. */
export function placedByField(problems: readonly Problem[]): FieldProblem[] {
	return problems.map((p) => ({ ...p, at: fieldOf(p) }));
}

function fieldOf({ code, field }: Problem): ImageField {
	if (field !== undefined && isUnitField(field)) return field;
	if (field === 'mbr' || code.startsWith('MBR_')) return 'mbr';
	if (field === 'nfcPins' || field === 'layout') return field;
	if (code.startsWith('APPLICATION_') || code === 'NOT_AN_APPLICATION' || code === 'ASSETS_NOT_IN_IMAGE') return 'application';
	if (code.startsWith('IMAGE_MODULE_') || code === 'ADDRESS_OUTSIDE') return 'release';
	if (code === 'EXPORT_NOT_FOR_PLATFORM') return 'tool';
	return 'image';
}
