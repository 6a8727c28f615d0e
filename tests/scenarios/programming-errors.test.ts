import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** Codes of every `LinacError` that a package makes, read from its sources. */
function thrown(name: string): Set<string> {
	const folder = join(root, 'packages', name, 'src');
	const codes = new Set<string>();
	for (const file of readdirSync(folder)) {
		if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
		const text = readFileSync(join(folder, file), 'utf8');
		for (const [, code] of text.matchAll(/(?:LinacError(?:Class)?|usbError)\(\s*'([A-Z_]+)'/g)) codes.add(code!);
	}
	return codes;
}

test('every error that USB and jobs can end with is explained in docs/errors.md', () => {
	const documented = new Set(
		[...readFileSync(join(root, 'docs', 'errors.md'), 'utf8').matchAll(/^\| `([A-Z_]+)` \|/gm)].map((m) => m[1]),
	);
	const codes = [...thrown('programmer'), ...thrown('usb')];
	expect(codes.length).toBeGreaterThan(20);
	expect(codes.filter((code) => !documented.has(code))).toEqual([]);
});
