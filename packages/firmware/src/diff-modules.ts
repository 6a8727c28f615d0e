/** What differs between two modules: field by field, and how much of what is between header and end. Judges neither. */
import { equalBytes } from '@linac/core';
import { type ModuleField, type ModuleFieldsOptions, type ModulePart, moduleFields } from './module-fields.js';
import type { ParsedModule } from './types.js';

export interface FieldDifference {
	part: ModulePart;
	name: string;
	same: boolean;
	/** Absent where the module has no such field. */
	a?: ModuleField;
	b?: ModuleField;
}

export interface ModuleDiff {
	/** The same bytes, CRC included. */
	identical: boolean;
	/** Every field of either, in the order of A; what only B has stands behind its predecessor in B. */
	fields: FieldDifference[];
	/** What lies between header and suffix: the code. */
	body: { a: number; b: number; same: boolean /** Of bodies of one length: how many bytes differ. */; differing?: number };
}

/** Vector table and body are compared by their bytes, all else by value. */
export function diffModules(a: ParsedModule, b: ParsedModule, options: ModuleFieldsOptions = {}): ModuleDiff {
	const fieldsA = keyed(moduleFields(a, options));
	const fieldsB = keyed(moduleFields(b, options));
	const keys = [...fieldsA.keys()];
	let at = 0;
	for (const key of fieldsB.keys()) {
		const known = keys.indexOf(key);
		if (known < 0) keys.splice(at++, 0, key);
		else at = known + 1;
	}
	const bodyA = a.bytes.subarray(a.bodyStart, a.bodyEnd);
	const bodyB = b.bytes.subarray(b.bodyStart, b.bodyEnd);
	const sameBody = equalBytes(bodyA, bodyB);
	const fields = keys.map((key): FieldDifference => {
		const [fieldA, fieldB] = [fieldsA.get(key), fieldsB.get(key)];
		const { part, name } = (fieldA ?? fieldB)!;
		const bytesOf = (m: ParsedModule, f: ModuleField) => m.bytes.subarray(f.offset, f.offset + f.size);
		const same = fieldA !== undefined && fieldB !== undefined && equalBytes(bytesOf(a, fieldA), bytesOf(b, fieldB));
		return { part, name, same, ...(fieldA ? { a: fieldA } : {}), ...(fieldB ? { b: fieldB } : {}) };
	});
	const differing = bodyA.length === bodyB.length && !sameBody ? { differing: countDiffering(bodyA, bodyB) } : {};
	return {
		identical: equalBytes(a.bytes, b.bytes),
		fields,
		body: { a: bodyA.length, b: bodyB.length, same: sameBody, ...differing },
	};
}

/** Extensions of one type may come several times: the first is compared with the first. */
function keyed(fields: readonly ModuleField[]): Map<string, ModuleField> {
	const out = new Map<string, ModuleField>();
	for (const field of fields) {
		let key = field.name;
		for (let i = 2; out.has(key); i++) key = `${field.name} ${i}`;
		out.set(key, field);
	}
	return out;
}

function countDiffering(a: Uint8Array, b: Uint8Array): number {
	let count = 0;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
	return count;
}
