/**
 * Writes into an application which assets it needs, and takes that out again: one ASSET_DEPENDENCY extension an asset. Not for the assets
 * themselves (asset-module.ts), nor for the archive that holds both (asset-bundle.ts).
 *
 * Two forms, which the caller knows from the platform's facts:
 * - `suffix` (nRF52840): in front of the other suffix extensions, closed by END where raw product fields follow. The module grows to the
 *   right: its end address moves.
 * - `prefix` (RTL872x): behind the 24 bytes of the prefix, closed by END with as much filler as the alignment of the start address asks
 *   for. The module keeps its end address and grows to the left, so the code stays where it was linked; DYNAMIC_LOCATION follows.
 *
 * Format: docs/formats/asset-bundle.md; device-os v6.2.0: system/src/asset_manager.cpp (`requiredAssetsForModule`).
 */
import { bad, type Digests, good, problem, type Verdict } from '@linac/core';
import { rebuildModule } from './build-module.js';
import { assetDependencyExtension, readExtensions, writeExtensions } from './extensions.js';
import { SUFFIX_BASE_SIZE } from './prefix.js';
import { type ModuleExtension, ModuleFlag, type ParsedModule } from './types.js';

export type DependencyForm = 'prefix' | 'suffix';

export interface NeededAsset {
	name: string;
	/** Of the raw bytes of the asset; 32 bytes. */
	sha256: Uint8Array;
}

export interface AssetsOptions {
	form: DependencyForm;
	digests?: Digests;
	/** Name of the application for messages. */
	file?: string;
}

/** The start address that `prefix` form leaves is a multiple of this, as binary-version-reader has it. Linked applications start at whole pages. */
const START_ALIGNMENT = 8;
/** No store has room for more (a file takes a block at least), and no parser has to read more. */
const MOST_ASSETS = 1000;
const LARGEST_SUFFIX = 0xffff;
const EMPTY_END: ModuleExtension = { type: 'end', padding: new Uint8Array(0) };

/**
 * The application with exactly these asset dependencies, in this order; those that it had are replaced. With none, the same as
 * `withoutAssets`. Hash and CRC are new. Refused (`APPLICATION_UNSUITABLE`) when the module is compressed, combined, encrypted or
 * damaged, or has no place for the extensions.
 */
export function withAssets(
	module: ParsedModule,
	assets: readonly NeededAsset[],
	options: AssetsOptions,
): Verdict<Uint8Array<ArrayBuffer>> {
	const reason = whyUnsuitable(module, assets.length, options.form);
	if (reason !== undefined) return refuse(reason, options.file);
	const added = assets.map((a) => assetDependencyExtension(a.name, a.sha256));
	const extensions = {
		prefix: withoutDependencies(module.prefixExtensions),
		suffix: withoutDependencies(module.suffix.extensions),
	};
	if (added.length > 0) {
		if (options.form === 'prefix') extensions.prefix = closed([...extensions.prefix.filter((e) => e.type !== 'end'), ...added]);
		else extensions.suffix = closed([...added, ...extensions.suffix]);
	}
	if (SUFFIX_BASE_SIZE + 4 + writeExtensions(extensions.suffix).length > LARGEST_SUFFIX)
		return refuse(`${assets.length} assets do not fit into its suffix`, options.file);
	return assemble(module, extensions.prefix, extensions.suffix, options);
}

/**
 * The application without asset dependencies: the exact inverse of `withAssets` for every sound application that had none. A list of
 * extensions of which only the END is left goes as well. Refused as `withAssets` is.
 */
export function withoutAssets(module: ParsedModule, options: Omit<AssetsOptions, 'form'> = {}): Verdict<Uint8Array<ArrayBuffer>> {
	const form = module.prefix.flags & ModuleFlag.prefixExtensions ? 'prefix' : 'suffix';
	const all = [...module.prefixExtensions, ...module.suffix.extensions];
	if (all.every((e) => e.type !== 'asset-dependency')) return good(module.bytes.slice());
	return withAssets(module, [], { form, ...options });
}

/**
 * Asset dependencies that stand behind the END of the prefix extensions, where no device looks: binary-version-reader (seen with 3.1.3 and
 * 4.2.0) leaves them there when it bundles an RTL872x application that is in a bundle already. Their names; empty for a good module.
 */
export function hiddenAssets(module: ParsedModule): string[] {
	if ((module.prefix.flags & ModuleFlag.prefixExtensions) === 0) return [];
	const behind = readExtensions(module.bytes, module.bodyStart, module.bodyEnd);
	if (!behind.ended || behind.problem) return [];
	const names: string[] = [];
	for (const e of behind.extensions) {
		if (e.type === 'end') break;
		// A body that only looks like extensions does not have the length of a SHA-256 in the right place.
		if (e.type !== 'asset-dependency' || e.hashType !== 0 || e.hash.length !== 32) return [];
		names.push(e.name);
	}
	return names;
}

function assemble(
	module: ParsedModule,
	prefixExtensions: readonly ModuleExtension[],
	suffixExtensions: readonly ModuleExtension[],
	options: AssetsOptions,
): Verdict<Uint8Array<ArrayBuffer>> {
	let prefix = prefixExtensions;
	let start = module.prefix.start;
	let suffix = suffixExtensions;
	const changed = [...module.prefixExtensions, ...prefix].some((e) => e.type === 'asset-dependency');
	if (changed) {
		const list = prefix.slice(0, -1);
		start += writeExtensions(module.prefixExtensions).length;
		if (prefix.length > 0) {
			start -= writeExtensions([...list, EMPTY_END]).length;
			if (start < START_ALIGNMENT) return refuse(`${list.length} extensions do not fit in front of it`, options.file);
			const padding = new Uint8Array(start % START_ALIGNMENT);
			prefix = [...list, { type: 'end', padding }];
			start -= padding.length;
		}
		suffix = suffix.map((e) => (e.type === 'dynamic-location' ? { ...e, moduleStart: start } : e));
	}
	const flags =
		prefix.length > 0 ? module.prefix.flags | ModuleFlag.prefixExtensions : module.prefix.flags & ~ModuleFlag.prefixExtensions;
	const changes = {
		prefix: { ...module.prefix, start, flags },
		prefixExtensions: prefix,
		suffixExtensions: suffix,
	};
	return good(rebuildModule(module, changes, options.digests));
}

/** An END in the list stays where something else needs it; alone it has nothing to close. */
function withoutDependencies(extensions: readonly ModuleExtension[]): ModuleExtension[] {
	const had = extensions.some((e) => e.type === 'asset-dependency');
	const rest = extensions.filter((e) => e.type !== 'asset-dependency');
	const only = rest.length === 1 ? rest[0] : undefined;
	return had && only?.type === 'end' ? [] : rest;
}

/** Raw product fields and code must not be taken for extensions: something has to end the list in front of them. */
function closed(extensions: ModuleExtension[]): ModuleExtension[] {
	const last = extensions.at(-1)?.type;
	return last === 'end' || last === 'product-data' ? extensions : [...extensions, EMPTY_END];
}

function whyUnsuitable(module: ParsedModule, count: number, form: DependencyForm): string | undefined {
	if (module.compressed || module.combined || module.encrypted)
		return 'it is compressed, combined or encrypted, and has to be plain';
	if (!module.sound) return 'it is damaged';
	if (form === 'prefix' && count > 0 && module.prefixOffset > 0) return 'it has a vector table, and so no room behind its header';
	return count > MOST_ASSETS ? `it would need ${count} assets, and ${MOST_ASSETS} are possible` : undefined;
}

function refuse(reason: string, file: string | undefined): Verdict<never> {
	return bad(
		problem(
			'APPLICATION_UNSUITABLE',
			`${file ?? 'The application'} cannot be given a list of assets: ${reason}. Give the .bin file that the compiler made.`,
			file === undefined ? {} : { file },
		),
	);
}
