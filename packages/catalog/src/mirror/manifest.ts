/**
 * The manifest of a mirror, `linac-mirror.json`: which releases are in the folder, which files make up each, and every file's size and SHA-256.
 * There is one way to write a given content (keys and lists sorted, tabs, LF, no time stamps, ASCII), and nothing else is read: any change of a byte
 * shows. Format: docs/releases.md. Reading the files themselves is `mirror-source.ts`; signatures are `mirror-signature.ts`.
 */
import { bad, equalBytes, good, type Problem, problem, type Verdict } from '@linac/core';
import { isRecord } from '../sources/download.js';
import { isVersion } from '../versions.js';
import { MANIFEST_NAME, unsafePath } from './mirror-paths.js';

export interface MirrorFile {
	/** Inside the mirror, with `/`. */
	path: string;
	/** Hex. */
	sha256: string;
	/** Bytes. */
	size: number;
}

export interface MirrorModule {
	/** Path of one of the files. */
	file: string;
	slot: string;
	/** As in its header. */
	version: number;
}

export interface MirrorRelease {
	/** The default application (Tinker), where the source of the release had one. */
	application?: MirrorModule;
	moduleVersion: number;
	modules: MirrorModule[];
	platform: string;
	version: string;
}

/** A file that is needed and is no module. `mbr`: the 4096 bytes of Nordic's MBR for that MCU. */
export interface MirrorFurther {
	file: string;
	kind: string;
	mcu: string;
}

export interface MirrorManifest {
	files: MirrorFile[];
	format: typeof MIRROR_FORMAT;
	further: MirrorFurther[];
	releases: MirrorRelease[];
}

export const MIRROR_FORMAT = 'linac-mirror/1';
/** Bytes. Ten times what every release for every platform needs. */
export const LARGEST_MANIFEST = 16 * 1024 * 1024;
/** Bytes. The flash of no platform holds more. */
const LARGEST_MODULE = 64 * 1024 * 1024;
const MOST_PROBLEMS = 10;

/** What two manifests or parts of them say, as one: later parts replace what earlier ones say of the same release. Files that nothing needs are left out. */
export function mirrorManifest(parts: readonly Pick<MirrorManifest, 'files' | 'further' | 'releases'>[]): MirrorManifest {
	const releases = new Map<string, MirrorRelease>();
	const further = new Map<string, MirrorFurther>();
	const files = new Map<string, MirrorFile>();
	for (const part of parts) {
		for (const r of part.releases) releases.set(`${r.platform} ${r.version}`, r);
		for (const f of part.further) further.set(`${f.kind} ${f.mcu}`, f);
		for (const f of part.files) files.set(f.path, f);
	}
	const needed = new Set([...releases.values()].flatMap(filesOf).concat([...further.values()].map((f) => f.file)));
	return sorted({
		files: [...files.values()].filter((f) => needed.has(f.path)),
		format: MIRROR_FORMAT,
		further: [...further.values()],
		releases: [...releases.values()],
	});
}

/** Paths of everything that a release consists of, its application included. */
export function filesOf(release: MirrorRelease): string[] {
	return [...release.modules, ...(release.application ? [release.application] : [])].map((m) => m.file);
}

/** The one way to write it. */
export function serializeManifest(manifest: MirrorManifest): Uint8Array {
	return new TextEncoder().encode(`${JSON.stringify(sorted(manifest), null, '\t')}\n`);
}

/** Keys and lists in their order. */
function sorted(manifest: MirrorManifest): MirrorManifest {
	const module = ({ file, slot, version }: MirrorModule) => ({ file, slot, version });
	return {
		files: manifest.files.map(({ path, sha256, size }) => ({ path, sha256, size })).sort(by((f) => f.path)),
		format: MIRROR_FORMAT,
		further: manifest.further.map(({ file, kind, mcu }) => ({ file, kind, mcu })).sort(by((f) => `${f.kind} ${f.mcu}`)),
		releases: manifest.releases
			.map((r) => ({
				...(r.application ? { application: module(r.application) } : {}),
				moduleVersion: r.moduleVersion,
				modules: r.modules.map(module).sort(by((m) => m.slot)),
				platform: r.platform,
				version: r.version,
			}))
			.sort(by((r) => `${r.platform} ${r.version}`)),
	};
}

/** By code units: the same in every locale. */
function by<T>(key: (value: T) => string): (a: T, b: T) => number {
	return (a, b) => {
		const [left, right] = [key(a), key(b)];
		return left < right ? -1 : left > right ? 1 : 0;
	};
}

/**
 * Reads a manifest that may be damaged or hostile. Problems: `MIRROR_MANIFEST_DAMAGED` (no JSON, too large, not the one way to write it),
 * `MIRROR_FORMAT_UNKNOWN`, `MIRROR_FIELD_INVALID`, `MIRROR_PATH_UNSAFE`, `MIRROR_INCONSISTENT` (doubled, not listed, not needed). Never throws.
 */
export function parseManifest(bytes: Uint8Array, file = MANIFEST_NAME): Verdict<MirrorManifest> {
	const damaged = (why: string) =>
		bad(problem('MIRROR_MANIFEST_DAMAGED', `${file} ${why}. Copy the mirror again, as it is.`, { file }));
	if (bytes.length > LARGEST_MANIFEST) return damaged(`has ${bytes.length} bytes; a manifest has ${LARGEST_MANIFEST} at most`);
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
	} catch {
		return damaged('is not JSON: it was cut short or changed');
	}
	if (!isRecord(value) || typeof value.format !== 'string' || !value.format.startsWith('linac-mirror/'))
		return damaged('is not the manifest of a mirror');
	if (value.format !== MIRROR_FORMAT) {
		return bad(
			problem(
				'MIRROR_FORMAT_UNKNOWN',
				`${file} has the format ${value.format.slice(0, 40)}; this linac reads ${MIRROR_FORMAT}. Use a newer linac.`,
				{ file, field: 'format', expected: MIRROR_FORMAT, found: value.format.slice(0, 40) },
			),
		);
	}
	const reader = new FieldReader(file);
	const manifest = reader.manifest(value);
	if (reader.problems.length === 0) inconsistent(manifest, reader);
	if (reader.problems.length > 0) return bad(...reader.problems.slice(0, MOST_PROBLEMS));
	if (!equalBytes(serializeManifest(manifest), bytes)) {
		const crlf = bytes.includes(0x0d) ? ' (its line ends are those of Windows)' : '';
		return damaged(`is not as linac wrote it${crlf}: it was changed, or copied as text`);
	}
	return good(manifest);
}

/** Takes the fields out of parsed JSON, and notes everything that is not as it has to be. What it returns counts only when nothing was noted. */
class FieldReader {
	readonly problems: Problem[] = [];
	readonly #file: string;

	constructor(file: string) {
		this.#file = file;
	}

	manifest(value: Record<string, unknown>): MirrorManifest {
		this.#keys(value, '', ['files', 'format', 'further', 'releases']);
		return {
			files: this.#list(value.files, 'files', (f, at) => {
				this.#keys(f, at, ['path', 'sha256', 'size']);
				return {
					path: this.#path(f.path, `${at}.path`),
					sha256: this.#text(f.sha256, `${at}.sha256`, /^[0-9a-f]{64}$/, '64 hex digits'),
					size: this.#number(f.size, `${at}.size`, 1, LARGEST_MODULE),
				};
			}),
			format: MIRROR_FORMAT,
			further: this.#list(value.further, 'further', (f, at) => {
				this.#keys(f, at, ['file', 'kind', 'mcu']);
				return {
					file: this.#path(f.file, `${at}.file`),
					kind: this.#name(f.kind, `${at}.kind`),
					mcu: this.#name(f.mcu, `${at}.mcu`),
				};
			}),
			releases: this.#list(value.releases, 'releases', (r, at) => this.#release(r, at)),
		};
	}

	#release(r: Record<string, unknown>, at: string): MirrorRelease {
		this.#keys(r, at, ['moduleVersion', 'modules', 'platform', 'version'], ['application']);
		const release: MirrorRelease = {
			moduleVersion: this.#number(r.moduleVersion, `${at}.moduleVersion`, 0, 0xffff),
			modules: this.#list(r.modules, `${at}.modules`, (m, place) => this.#module(m, place)),
			platform: this.#name(r.platform, `${at}.platform`),
			version: this.#text(r.version, `${at}.version`, /^[0-9][0-9A-Za-z.+-]{0,39}$/, 'a version such as 4.0.1'),
		};
		if (typeof r.version === 'string' && !isVersion(r.version)) this.invalid(`${at}.version`, r.version, 'a version');
		if (r.application !== undefined) {
			if (isRecord(r.application)) release.application = this.#module(r.application, `${at}.application`);
			else this.invalid(`${at}.application`, r.application, 'an object');
		}
		return release;
	}

	#module(m: Record<string, unknown>, at: string): MirrorModule {
		this.#keys(m, at, ['file', 'slot', 'version']);
		return {
			file: this.#path(m.file, `${at}.file`),
			slot: this.#name(m.slot, `${at}.slot`),
			version: this.#number(m.version, `${at}.version`, 0, 0xffff),
		};
	}

	#keys(value: Record<string, unknown>, at: string, wanted: string[], more: string[] = []): void {
		for (const key of Object.keys(value)) {
			if (!wanted.includes(key) && !more.includes(key)) this.invalid(`${at}.${key.slice(0, 40)}`, '', 'no such field');
		}
	}

	#list<T>(value: unknown, at: string, each: (value: Record<string, unknown>, at: string) => T): T[] {
		if (!Array.isArray(value)) {
			this.invalid(at, value, 'a list');
			return [];
		}
		const out: T[] = [];
		for (const [i, entry] of value.entries()) {
			// A manifest in which everything is wrong need not be read to its end.
			if (this.problems.length >= MOST_PROBLEMS) break;
			if (isRecord(entry)) out.push(each(entry, `${at}[${i}]`));
			else this.invalid(`${at}[${i}]`, entry, 'an object');
		}
		return out;
	}

	#text(value: unknown, field: string, form: RegExp, expected: string): string {
		if (typeof value === 'string' && form.test(value)) return value;
		this.invalid(field, value, expected);
		return '';
	}

	#name(value: unknown, field: string): string {
		return this.#text(value, field, /^[a-z0-9][a-z0-9-]{0,39}$/, 'a name of small letters, digits and hyphens');
	}

	#path(value: unknown, field: string): string {
		if (typeof value !== 'string') this.invalid(field, value, 'a path');
		else {
			const unsafe = unsafePath(value, field);
			if (!unsafe) return value;
			this.problems.push({ ...unsafe, file: this.#file });
		}
		return '';
	}

	#number(value: unknown, field: string, least: number, most: number): number {
		if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
		this.invalid(field, value, `a whole number from ${least} to ${most}`);
		return least;
	}

	invalid(field: string, value: unknown, expected: string): void {
		const name = field.replace(/^\./, '');
		const found = (JSON.stringify(value) ?? 'nothing').slice(0, 60);
		this.problems.push(
			problem('MIRROR_FIELD_INVALID', `${this.#file}: ${name} is ${found}; expected ${expected}. The mirror cannot be used.`, {
				file: this.#file,
				field: name,
				expected,
				found,
			}),
		);
	}

	inconsistent(field: string, message: string): void {
		this.problems.push(
			problem('MIRROR_INCONSISTENT', `${this.#file}: ${message}. The mirror cannot be used.`, { file: this.#file, field }),
		);
	}
}

/** Every file listed once and needed, everything needed listed. Case does not tell files apart: on some systems it cannot. */
function inconsistent(manifest: MirrorManifest, reader: FieldReader): void {
	const unique = (values: string[], field: string) => {
		const seen = new Set<string>();
		for (const value of values) {
			if (seen.has(value.toLowerCase())) reader.inconsistent(field, `${value} stands twice in ${field}`);
			seen.add(value.toLowerCase());
		}
	};
	unique(
		manifest.files.map((f) => f.path),
		'files',
	);
	unique(
		manifest.further.map((f) => `${f.kind} ${f.mcu}`),
		'further',
	);
	unique(
		manifest.releases.map((r) => `${r.platform} ${r.version}`),
		'releases',
	);
	const listed = new Set(manifest.files.map((f) => f.path));
	const needed = new Set<string>();
	const need = (path: string, what: string) => {
		needed.add(path);
		if (!listed.has(path)) reader.inconsistent('files', `${what} needs ${path}, which is not among the files`);
	};
	for (const r of manifest.releases) {
		const name = `${r.platform} ${r.version}`;
		if (r.modules.length === 0) reader.inconsistent('releases', `${name} has no modules`);
		unique(
			r.modules.map((m) => m.slot),
			`the modules of ${name}`,
		);
		for (const path of filesOf(r)) need(path, name);
	}
	for (const f of manifest.further) need(f.file, f.kind);
	for (const path of listed) if (!needed.has(path)) reader.inconsistent('files', `nothing needs ${path}`);
}
