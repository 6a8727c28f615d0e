/**
 * Asset bundles: a zip with one application at its root and the files that it needs in `assets/`, as `particle bundle` makes it. Writing,
 * reading, and comparing what the application asks for with what is there. Whether a device has room for it is not asked here: that
 * takes facts of platforms (`@linac/image`). Format: docs/formats/asset-bundle.md.
 */
import { assert, bad, type Digests, good, type Problem, portableDigests, problem, toHex, type Verdict } from '@linac/core';
import { hiddenAssets } from './application-assets.js';
import { requiredAssets } from './asset-module.js';
import { contentKind } from './not-a-module.js';
import { parseModule } from './parse-module.js';
import type { ParsedModule, PlatformNames } from './types.js';
import { readZip, type ZipEntry } from './zip-reader.js';
import { writeZip, type ZipFile } from './zip-writer.js';

/** Folder of the assets in a bundle. */
export const BUNDLE_ASSETS = 'assets/';
/** Bytes in UTF-8: an asset is a file of that name in a LittleFS of the device (`LFS_NAME_MAX` of particle-iot/littlefs: lfs.h). */
export const LONGEST_ASSET_NAME = 255;
/** The asset that holds environment variables; tools give it another type (binary-version-reader 4.2.0: `ENV_ASSET_NAME`). */
export const ENV_ASSET_NAME = 'env';
/** The same variables as text: `env.json` since binary-version-reader 4.0, `env/env-vars.json` in 3.1. */
const ENV_TEXT = /^(env\.json|env\/[^/]+\.json)$/;

/** Files that lie in folders without anybody's doing (particle-cli 3.49.2: src/cmd/bundle.js). */
const BYSTANDERS: ReadonlySet<string> = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini', '__MACOSX']);

export interface BundleAsset {
	name: string;
	/** The file as it is: what the device gets is made from it when it is sent. */
	bytes: Uint8Array;
}

export interface AssetBundle {
	application: { name: string; module: ParsedModule };
	/** In the order in which they stand in the archive. */
	assets: BundleAsset[];
	/** Environment variables as text, where the bundle has them. */
	env?: { name: string; bytes: Uint8Array };
}

export interface BundleOptions {
	digests?: Digests;
	platforms?: PlatformNames;
}

/** Whether a file of an assets folder is no asset: hidden, or put there by an operating system. Folders are never looked into. */
export function isBystander(name: string): boolean {
	return name.startsWith('.') || BYSTANDERS.has(name);
}

/** Why an asset cannot have this name, as the end of a sentence ("it ..."). Undefined for a good name. */
export function whyNoAssetName(name: string): string | undefined {
	if (name === '') return 'it is empty';
	if (/\p{Surrogate}/u.test(name)) return 'it is not valid Unicode';
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	if (/[\u0000-\u001f\u007f]/.test(name)) return 'it has control characters in it';
	if (/[/\\]/.test(name)) return 'it has a slash in it, and devices keep assets in one folder';
	if (name === '.' || name === '..') return 'it is the name of a folder';
	if (name === ENV_ASSET_NAME) return 'it is reserved for environment variables';
	const length = new TextEncoder().encode(name).length;
	return length > LONGEST_ASSET_NAME ? `it has ${length} bytes, and devices take ${LONGEST_ASSET_NAME}` : undefined;
}

/** Assets in the order in which they are written: by their names, whatever the folder or the caller had. */
export function sortAssets<T extends { name: string }>(assets: readonly T[]): T[] {
	return [...assets].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The archive. `application.bytes` already ask for these assets (`withAssets`); the name gets `.bin` where it lacks it. */
export function writeBundle(
	application: { name: string; bytes: Uint8Array },
	assets: readonly BundleAsset[],
	digests?: Digests,
): Uint8Array<ArrayBuffer> {
	for (const { name } of assets) assert(whyNoAssetName(name) === undefined, `'${name}' is no name for an asset`);
	const entries: ZipFile[] = [
		{ name: applicationName(application.name), bytes: application.bytes },
		...sortAssets(assets).map((a) => ({ name: BUNDLE_ASSETS + a.name, bytes: a.bytes })),
	];
	return writeZip(entries, { method: 'deflate', ...(digests ? { digests } : {}) });
}

/** Readers know the application by `.bin`, in small letters. */
function applicationName(name: string): string {
	const base = name.replace(/^.*[\\/]/, '').replace(/\.bin$/i, '');
	return `${base === '' ? 'application' : base}.bin`;
}

/**
 * Opens a bundle. Bad when it is none, or a damaged archive; what is wrong inside (a damaged application, missing or surplus assets, names that
 * no device takes) stands among the problems of a good verdict. An entry that belongs to no bundle is a warning.
 */
export function readBundle(file: string, bytes: Uint8Array, options: BundleOptions = {}): Verdict<AssetBundle> {
	if (contentKind(bytes) !== 'zip') return notABundle(file, 'it is no zip archive');
	const listed = readZip(bytes, { file, ...(options.digests ? { digests: options.digests } : {}) });
	if (!listed.ok) return listed;
	const entries = listed.value.filter((e) => !e.isFolder);
	const roots = entries.filter(isApplication);
	if (roots.length !== 1) {
		const names = roots.map((e) => e.name).join(', ');
		const found = roots.length === 0 ? 'there is none' : `there are ${roots.length}: ${names}`;
		return notABundle(file, `a bundle has one application (.bin) outside of all folders, and ${found}`);
	}
	const problems: Problem[] = [];
	const assets: BundleAsset[] = [];
	let env: AssetBundle['env'];
	let application: AssetBundle['application'] | undefined;
	for (const entry of entries) {
		const data = entry.read();
		if (!data.ok) return data;
		const label = `${file}/${entry.name}`;
		if (isApplication(entry)) {
			const parsed = parseModule(data.value, { file: label, ...options });
			if (!parsed.ok) return parsed;
			application = { name: entry.name, module: parsed.value };
			problems.push(...parsed.value.problems);
		} else if (isAsset(entry)) assets.push({ name: entry.name.slice(BUNDLE_ASSETS.length), bytes: data.value });
		else if (isEnvText(entry.name)) env = { name: entry.name, bytes: data.value };
		else problems.push(strange(label));
	}
	assert(application, 'the application was among the entries');
	problems.push(...checkAssets(file, application.module, assets, options.digests));
	return good({ application, assets, ...(env ? { env } : {}) }, problems);
}

function isApplication(entry: ZipEntry): boolean {
	return !entry.name.includes('/') && entry.name.endsWith('.bin');
}

/** One level: what is deeper is no asset. */
function isAsset(entry: ZipEntry): boolean {
	return entry.name.startsWith(BUNDLE_ASSETS) && !entry.name.slice(BUNDLE_ASSETS.length).includes('/');
}

/** Whether an entry of this name holds environment variables as text. */
export function isEnvText(name: string): boolean {
	return ENV_TEXT.test(name);
}

/** Whether these entries are those of a bundle: one binary at the root and something in `assets/`. */
export function looksLikeBundle(entries: readonly ZipEntry[]): boolean {
	return entries.filter(isApplication).length === 1 && entries.some((e) => e.name.startsWith(BUNDLE_ASSETS));
}

function notABundle(file: string, why: string): Verdict<never> {
	return bad(
		problem('BUNDLE_INVALID', `${file} is no asset bundle: ${why}. "linac bundle app.bin" makes one from an application.`, {
			file,
		}),
	);
}

function strange(file: string): Problem {
	return problem('BUNDLE_ENTRY_UNKNOWN', `${file} is neither the application nor an asset. Devices never get it.`, {
		severity: 'warning',
		file,
	});
}

/** Everything that keeps the assets of a bundle from being those of its application, in both directions. */
function checkAssets(file: string, application: ParsedModule, assets: readonly BundleAsset[], digests?: Digests): Problem[] {
	const wanted = requiredAssets(application);
	const problems = compareAssets(file, wanted, assets, digests).problems;
	const names = new Set<string>();
	for (const { name } of assets) {
		const label = `${file}/${BUNDLE_ASSETS}${name}`;
		const why = name === ENV_ASSET_NAME ? undefined : whyNoAssetName(name);
		if (why !== undefined) {
			problems.push(
				problem('ASSET_NAME_INVALID', `${label} cannot be an asset's name: ${why}. Rename the file.`, { file: label }),
			);
		}
		if (names.has(name)) problems.push(problem('ASSET_NAME_TWICE', `${label} stands twice in the bundle.`, { file: label }));
		names.add(name);
		if (wanted.some((w) => w.name === name)) continue;
		problems.push(
			problem(
				'ASSET_NOT_NEEDED',
				`${label} is not asked for by the application, so no device would keep it. Make the bundle again.`,
				{ file: label },
			),
		);
	}
	const hidden = hiddenAssets(application);
	if (hidden.length > 0) {
		problems.push(
			problem(
				'ASSET_DEPENDENCIES_HIDDEN',
				`${file}: the application's list of assets (${hidden.join(', ')}) stands where no device looks: it was bundled a second time by a ` +
					'tool that does not replace the first list. Make the bundle again from the file that the compiler made.',
				{ file },
			),
		);
	}
	return problems;
}

/** What an application asks for, against what is there: which are right, and a problem for every one that is missing or another one. */
export function compareAssets(
	file: string,
	wanted: readonly { name: string; hash: Uint8Array }[],
	assets: readonly BundleAsset[],
	digests: Digests = portableDigests,
): { right: ReadonlySet<string>; problems: Problem[] } {
	const right = new Set<string>();
	const problems: Problem[] = [];
	for (const { name, hash } of wanted) {
		const given = assets.find((a) => a.name === name);
		if (!given) {
			problems.push(
				problem('ASSET_MISSING', `${file}: the application needs the asset "${name}", which is not in the bundle.`, {
					file,
					field: name,
				}),
			);
			continue;
		}
		const expected = toHex(hash);
		const found = toHex(digests.sha256(given.bytes));
		if (found === expected) right.add(name);
		else {
			const label = `${file}/${BUNDLE_ASSETS}${name}`;
			problems.push(
				problem(
					'ASSET_HASH_MISMATCH',
					`${label} is not the asset that the application was built with: its SHA-256 differs. Make the bundle again.`,
					{ file: label, expected, found },
				),
			);
		}
	}
	return { right, problems };
}
