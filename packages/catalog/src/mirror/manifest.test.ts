import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MirrorManifest, mirrorManifest, parseManifest, serializeManifest } from './manifest.js';
import { modulePath, unsafePath } from './mirror-paths.js';

const sha = (digit: string) => digit.repeat(64);

function small(): MirrorManifest {
	const release = (platform: string, version: string) => {
		const file = modulePath(platform, version, 'bootloader');
		return {
			files: [{ path: file, sha256: sha('a'), size: 100 }],
			further: [],
			releases: [{ moduleVersion: 4005, modules: [{ file, slot: 'bootloader', version: 1101 }], platform, version }],
		};
	};
	return mirrorManifest([
		release('boron', '4.0.1'),
		release('argon', '4.0.1'),
		{
			files: [{ path: 'further/nrf52840-mbr.bin', sha256: sha('b'), size: 4096 }],
			further: [{ file: 'further/nrf52840-mbr.bin', kind: 'mbr', mcu: 'nrf52840' }],
			releases: [],
		},
	]);
}
const bytesOf = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, '\t')}\n`);
/** A manifest that was changed by hand, and written in the right form again. */
function changed(change: (manifest: ReturnType<typeof open>) => void): Uint8Array {
	const value = open();
	change(value);
	return bytesOf(value);
}
// biome-ignore lint/suspicious/noExplicitAny: hostile input has any type.
const open = () => structuredClone(small()) as any;
const codes = (bytes: Uint8Array) => [...new Set(parseManifest(bytes).problems.map((p) => p.code))];

test('what is written is read again, and has the same bytes in whichever order its parts came', () => {
	const bytes = serializeManifest(small());
	expect(parseManifest(bytes)).toEqual({ ok: true, value: small(), problems: [] });
	const shuffled = structuredClone(small());
	for (const list of [shuffled.files, shuffled.releases]) list.reverse();
	expect(serializeManifest(shuffled)).toEqual(bytes);
	expect(serializeManifest(mirrorManifest([shuffled, small()]))).toEqual(bytes);
});

test.each([
	['../secret.bin', 'leads out'],
	['modules/../../secret.bin', 'leads out'],
	['modules/./a.bin', 'leads out'],
	['/etc/passwd', 'absolute'],
	['C:/Windows/a.bin', 'drive letter'],
	['c:a.bin', 'drive letter'],
	['modules\\a.bin', 'backslash'],
	['\\\\server\\share', 'backslash'],
	['modules//a.bin', 'empty part'],
	['modules/', 'empty part'],
	['', 'empty'],
	['modules/a\n.bin', 'control characters'],
	['modules/a\0.bin', 'control characters'],
	['modules/a\u007f', 'control characters'],
	['modules/ä.bin', 'characters other than'],
	['modules/a b.bin', 'characters other than'],
	['modules/.hidden', 'characters other than'],
	['~/a.bin', 'characters other than'],
	['modules/a:stream', 'characters other than'],
	['modules/a.', 'ends in a dot'],
	['modules/CON.bin', 'device'],
	['aux/a.bin', 'device'],
	['linac-mirror.json', 'mirror itself'],
	['LINAC-MIRROR.json.sig', 'mirror itself'],
	['a'.repeat(201), '200 characters'],
])('the path %j is refused because it %s', (path, why) => {
	expect(unsafePath(path, 'x')?.message).toContain(why);
	const bytes = changed((m) => {
		m.releases[0].modules[0].file = path;
		m.files[1].path = path;
	});
	expect(codes(bytes)).toEqual(['MIRROR_PATH_UNSAFE']);
	expect(parseManifest(bytes).problems[0]?.field).toBe('files[1].path');
});

test.each<[string, (m: ReturnType<typeof open>) => void, string]>([
	['a huge size', (m) => (m.files[0].size = 2 ** 40), 'files[0].size'],
	['a size that is no whole number', (m) => (m.files[0].size = 1.5), 'files[0].size'],
	['a negative size', (m) => (m.files[0].size = -1), 'files[0].size'],
	['a size as text', (m) => (m.files[0].size = '100'), 'files[0].size'],
	['a hash in capitals', (m) => (m.files[0].sha256 = sha('A')), 'files[0].sha256'],
	['a short hash', (m) => (m.files[0].sha256 = 'ab'), 'files[0].sha256'],
	['files that are no list', (m) => (m.files = { length: 1e9 }), 'files'],
	['a file that is no object', (m) => (m.files[0] = null), 'files[0]'],
	['no releases', (m) => delete m.releases, 'releases'],
	['a platform with a slash', (m) => (m.releases[0].platform = 'a/b'), 'releases[0].platform'],
	['a version that is none', (m) => (m.releases[0].version = '4.x'), 'releases[0].version'],
	['a module number beyond 16 bits', (m) => (m.releases[0].modules[0].version = 70000), 'releases[0].modules[0].version'],
	['a field that nobody knows', (m) => (m.releases[0].note = 'x'), 'releases[0].note'],
	['an application that is a list', (m) => (m.releases[0].application = []), 'releases[0].application'],
	['a kind that is a number', (m) => (m.further[0].kind = 7), 'further[0].kind'],
])('%s is refused, and the problem names the field', (_, change, field) => {
	const verdict = parseManifest(changed(change), 'x/linac-mirror.json');
	expect(verdict.problems[0]).toMatchObject({ code: 'MIRROR_FIELD_INVALID', field, file: 'x/linac-mirror.json' });
	expect(verdict.problems[0]?.message).toContain('x/linac-mirror.json');
});

test.each<[string, (m: ReturnType<typeof open>) => void]>([
	['a path that stands twice', (m) => m.files.push(m.files[0])],
	['a path that stands twice, once in capitals', (m) => m.files.push({ ...m.files[0], path: m.files[0].path.toUpperCase() })],
	['a release that stands twice', (m) => m.releases.push(m.releases[0])],
	['a slot that stands twice', (m) => m.releases[0].modules.push(m.releases[0].modules[0])],
	['a release without modules', (m) => (m.releases[0].modules = [])],
	['a module that is not among the files', (m) => (m.releases[0].modules[0].file = 'modules/x.bin')],
	['a file that nothing needs', (m) => (m.further = [])],
])('%s is inconsistent', (_, change) => {
	expect(codes(changed(change))).toContain('MIRROR_INCONSISTENT');
});

test('a manifest of a later format asks for a newer linac, and other JSON is no manifest', () => {
	expect(codes(changed((m) => (m.format = 'linac-mirror/2')))).toEqual(['MIRROR_FORMAT_UNKNOWN']);
	for (const text of ['', '{', '[]', 'null', '{}', '{"format":1}', '<!DOCTYPE html>', '['.repeat(100_000), '\ufeff{}'])
		expect(codes(new TextEncoder().encode(text))).toEqual(['MIRROR_MANIFEST_DAMAGED']);
	expect(codes(Uint8Array.of(0xff, 0xfe))).toEqual(['MIRROR_MANIFEST_DAMAGED']);
});

test('the same content written in another way is refused: keys doubled, other order, line ends of Windows', () => {
	const text = new TextDecoder().decode(serializeManifest(small()));
	for (const other of [
		text.trimEnd(),
		text.replaceAll('\n', '\r\n'),
		text.replace('"format"', '"format": "x",\n\t"format"'),
		text.replace('boron', '\\u0062oron'),
		JSON.stringify(small()),
	]) {
		expect(codes(new TextEncoder().encode(other))).toEqual(['MIRROR_MANIFEST_DAMAGED']);
	}
	expect(parseManifest(new TextEncoder().encode(text.replaceAll('\n', '\r\n'))).problems[0]?.message).toContain('Windows');
});

test('no JSON value, however strange, makes reading throw or is taken for a manifest', () => {
	fc.assert(
		fc.property(fc.json(), fc.constantFrom('files', 'further', 'releases'), (json, field) => {
			expect(parseManifest(new TextEncoder().encode(json)).ok).toBe(false);
			const value = JSON.parse(json) as unknown;
			const verdict = parseManifest(changed((m) => (m[field] = value)));
			expect(verdict.ok).toBe(false);
		}),
		{ numRuns: 500 },
	);
});
