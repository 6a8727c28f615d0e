/**
 * The list of the images that were made for a set of units, with the SHA-256 of each: to check files against after they have travelled. No
 * field of a unit is in it, and no time: the same images give the same bytes. Format `linac-units/1`: docs/unit-data.md.
 */
import { assert, type Json } from '@linac/core';

export interface UnitFile {
	/** Name of the unit. */
	unit: string;
	/** Name of its file, relative to the manifest. */
	file: string;
	/** Bytes. */
	size: number;
	/** Of the whole file, hex. */
	sha256: string;
}

/** What is the same for all units. */
export interface UnitsAbout {
	platform: string;
	/** Device OS version. */
	version: string;
}

/** The manifest as text, one line a unit, ending with a line feed. Units in the order given. */
export function unitsManifest(about: UnitsAbout, files: Iterable<UnitFile>): string {
	const lines: string[] = [];
	for (const { unit, file, size, sha256 } of files) {
		assert(/^[0-9a-f]{64}$/.test(sha256), `'${sha256}' is no SHA-256`);
		lines.push(`\t\t${JSON.stringify({ unit, file, size, sha256 })}`);
	}
	const head: { [key: string]: Json } = { format: 'linac-units/1', platform: about.platform, version: about.version };
	const text = Object.entries(head).map(([key, value]) => `\t${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
	return `{\n${text.join('')}\t"files": [\n${lines.join(',\n')}\n\t]\n}\n`;
}
