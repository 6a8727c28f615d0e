/**
 * Which paths a mirror may name: only such that mean the same file, inside the mirror, on every system. And where its files stand: under the
 * names that Particle publishes modules with. Not for names on the command line.
 */
import { type Problem, problem } from '@linac/core';

export const MANIFEST_NAME = 'linac-mirror.json';
export const SIGNATURE_NAME = 'linac-mirror.json.sig';

const LONGEST_PATH = 200;
/** Names that Windows gives to devices, with any ending. */
const devices = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** `modules/boron/4.0.1/boron-bootloader@4.0.1.bin`. `slot` is that of linac's catalogue, which goes by the header. */
export function modulePath(platform: string, version: string, slot: string): string {
	return `modules/${platform}/${version}/${platform}-${slot}@${version}.bin`;
}

export function furtherPath(kind: string, mcu: string): string {
	return `further/${mcu}-${kind}.bin`;
}

/** Undefined when the path is plain and stays inside; else `MIRROR_PATH_UNSAFE` with the reason. `field` says where it stands in the manifest. */
export function unsafePath(path: string, field: string): Problem | undefined {
	const why = reason(path);
	if (why === undefined) return undefined;
	return problem(
		'MIRROR_PATH_UNSAFE',
		`The path ${JSON.stringify(path.slice(0, LONGEST_PATH))} ${why}. A mirror names plain files inside itself; do not use this one.`,
		{ field, found: path.slice(0, LONGEST_PATH) },
	);
}

function reason(path: string): string | undefined {
	if (path === '') return 'is empty';
	if (path.length > LONGEST_PATH) return `has more than ${LONGEST_PATH} characters`;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	if (/[\u0000-\u001f\u007f]/.test(path)) return 'has control characters';
	if (path.includes('\\')) return 'has a backslash';
	if (/^[A-Za-z]:/.test(path)) return 'begins with a drive letter';
	if (path.startsWith('/')) return 'is absolute';
	const parts = path.split('/');
	if (parts.includes('..') || parts.includes('.')) return 'leads out of its folder ("." or "..")';
	if (parts.includes('')) return 'has an empty part';
	if (!parts.every((part) => /^[A-Za-z0-9][A-Za-z0-9@+._-]*$/.test(part)))
		return 'has characters other than letters, digits and @ + . _ -';
	if (parts.some((part) => part.endsWith('.'))) return 'has a part that ends in a dot, which Windows leaves out';
	if (parts.some((part) => devices.test(part))) return 'has the name of a device of Windows';
	const top = path.toLowerCase();
	if (top === MANIFEST_NAME || top === SIGNATURE_NAME) return 'is that of the mirror itself';
	return undefined;
}
