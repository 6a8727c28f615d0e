import { portableDigests, seededRandom, toBase64, toHex } from '@linac/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBackup, readBackup } from './backup-file.js';
import type { BackupContents } from './contents.js';

const random = seededRandom(4);
const contents: BackupContents = {
	platform: 'boron',
	deviceId: 'e00fce68e7387b1e60726e2d',
	osVersion: '2.2.0',
	device: {
		platform: 'boron',
		mode: 'normal',
		depth: 'reported',
		via: 'usb',
		modules: [{ function: 4, index: 1, version: 2202, valid: true }],
	},
	parts: [
		{ kind: 'dct', storage: 'dct', address: 0, bytes: random.bytes(8391) },
		{
			kind: 'application',
			storage: 'internal',
			address: 0xd4000,
			bytes: random.bytes(600),
			module: { function: 5, index: 1, version: 6, whole: true },
		},
	],
	missing: [{ kind: 'dct-sectors', code: 'DCT_NO_TABLE', message: 'No table.' }],
	notes: ['A note.'],
	dctAccess: true,
};
const made = '2026-01-02T03:04:05.678Z';
const { text } = encodeBackup(contents, made, portableDigests);
const bytesOf = (t: string) => new TextEncoder().encode(t);
const read = (t: string) => readBackup(bytesOf(t), 'b.json', portableDigests);

/** The same with another value somewhere, and the digest of the whole made right again: only the checks of the fields stand in the way. */
function forged(change: (root: Record<string, unknown>) => void): string {
	const root = JSON.parse(text) as Record<string, unknown>;
	change(root);
	delete root.sha256;
	const sha256 = toHex(portableDigests.sha256(bytesOf(JSON.stringify(root))));
	return JSON.stringify({ ...root, sha256 });
}

test('what was written is read back, however the JSON is laid out', () => {
	const { dctAccess: _, ...kept } = contents;
	for (const form of [text, JSON.stringify(JSON.parse(text))])
		expect(read(form)).toMatchObject({ ok: true, value: { ...kept, made } });
});

test('every changed character is noticed, or changes nothing', () => {
	const whole = read(text);
	fc.assert(
		fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
			const other = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
			const back = read(other);
			if (back.ok) expect(back).toEqual(whole);
			else for (const p of back.problems) expect(p.message).toContain('b.json');
		}),
		{ numRuns: 400 },
	);
});

test('every cut is noticed', () => {
	fc.assert(
		fc.property(fc.nat(text.length - 3), (at) => {
			expect(read(text.slice(0, at)).ok).toBe(false);
		}),
		{ numRuns: 100 },
	);
});

test('any JSON instead of a field is refused with the name of the field, or means the same', () => {
	const paths = [
		['made'],
		['platform'],
		['deviceId'],
		['osVersion'],
		['device'],
		['device', 'mode'],
		['device', 'platform'],
		['device', 'modules'],
		['missing'],
		['notes'],
		['parts'],
		['parts', 0, 'kind'],
		['parts', 0, 'storage'],
		['parts', 0, 'address'],
		['parts', 0, 'size'],
		['parts', 0, 'sha256'],
		['parts', 0, 'base64'],
		['parts', 1, 'module'],
		['parts', 1, 'module', 'whole'],
	] as (string | number)[][];
	fc.assert(
		fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
			const other = forged((root) => {
				let at = root as Record<string | number, unknown>;
				for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
				at[path.at(-1)!] = value;
			});
			const back = read(other);
			if (back.ok) return;
			const name = path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
			// Two fields that contradict each other: either may be the wrong one, so the error stands at one and names the other.
			const named = back.problems.some((p) => {
				const field = p.field ?? '';
				return field.startsWith(name) || name.startsWith(field) || p.message.includes(name);
			});
			expect(named, JSON.stringify(back.problems)).toBe(true);
			for (const p of back.problems) expect(['BACKUP_FIELD', 'BACKUP_DAMAGED']).toContain(p.code);
		}),
		{ numRuns: 500, examples: [[['parts', 0, 'base64'], '']] },
	);
});

test.each([
	[
		'bytes of a part',
		(root: Record<string, unknown>): void => {
			parts(root)[0]!.base64 = toBase64(new Uint8Array(8391));
		},
		'BACKUP_DAMAGED',
		'parts[0].sha256',
	],
	[
		'a size that is not that of the bytes',
		(root: Record<string, unknown>): void => {
			parts(root)[0]!.size = 1;
		},
		'BACKUP_FIELD',
		'parts[0].size',
	],
	[
		'another platform in the device',
		(root: Record<string, unknown>): void => {
			root.platform = 'argon';
		},
		'BACKUP_FIELD',
		'device.platform',
	],
	[
		'a kind that there is not',
		(root: Record<string, unknown>): void => {
			parts(root)[1]!.kind = 'bootloader';
		},
		'BACKUP_FIELD',
		'parts[1].kind',
	],
	['too many parts', (root: Record<string, unknown>) => (root.parts = Array(17).fill(parts(root)[1])), 'BACKUP_FIELD', 'parts'],
] as const)('%s is refused by name', (_what, change, code, field) => {
	const back = read(forged(change));
	expect(back.ok).toBe(false);
	expect(back.problems.map((p) => [p.code, p.field])).toContainEqual([code, field]);
});

function parts(root: Record<string, unknown>): Record<string, unknown>[] {
	return root.parts as Record<string, unknown>[];
}
