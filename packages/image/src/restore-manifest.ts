/**
 * The JSON beside a published restore zip (device-restore/VERSION/PLATFORM.json): the header and suffix of each module, as
 * binary-version-reader writes them. `JSON.stringify` with two spaces and no line end at the end of the file. Two forms were published; which
 * one a release has: data/images.json. Compared with published files and with the generators in tests/peers.
 */
import { asPlatform, type ClassicEra, classicEra, classicFacts, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { type Digests, type Json, portableDigests, toHex, u16le } from '@linac/core';
import {
	type ModuleExtension,
	ModuleFlag,
	ModuleFunction,
	type ParsedModule,
	PREFIX_SIZE,
	writeExtensions,
} from '@linac/firmware';

import { chipModules } from './chip-modules.js';

/** A module under the name that it has in published zips and manifests. */
export interface PublishedModule {
	/** `softdevice`, `system-part1` (of Electron: in the order of published file names), `bootloader`, `tinker`, `tracker-edge`, `ncp`. */
	name: string;
	source: SourcedModule;
}

/** The modules of a release in the order and under the names of the published files; what no published file had comes last. */
export function publishedModules(
	release: ReleaseSet,
	application: SourcedModule | undefined,
	digests: Digests = portableDigests,
): PublishedModule[] {
	const platform = asPlatform(release.platform);
	const modules = chipModules(platform, release, digests);
	const era = classicEra(platform, release.version);
	const out: PublishedModule[] = [];
	const parts = (era?.order ?? []).filter((n) => n.startsWith('system-part'));
	for (const slot of era?.order ?? []) {
		const source = slot === 'application' ? application : modules.find((m) => m.slot === slot);
		if (!source) continue;
		const part = parts.indexOf(slot);
		const name =
			slot === 'application'
				? (classicFacts().applicationNames[platform.name] ?? 'tinker')
				: part < 0
					? slot
					: `system-part${part + 1}`;
		out.push({ name, source });
	}
	const rest = modules.filter((m) => !out.some((o) => o.source === m));
	for (const source of rest.filter((m) => m.module.prefix.function !== ModuleFunction.user))
		out.push({ name: source.slot, source });
	if (application && !out.some((o) => o.source === application)) out.push({ name: 'tinker', source: application });
	return out;
}

/** The text of the manifest. */
export function restoreManifest(modules: readonly PublishedModule[], form: ClassicEra['manifest']): string {
	const entries = modules.map(({ name, source }) => [
		name,
		{ prefixInfo: prefixInfo(source.module, form), suffixInfo: suffixInfo(source.module, form) },
	]);
	return JSON.stringify(Object.fromEntries(entries), null, 2);
}

function prefixInfo({ prefix, prefixOffset, prefixExtensions, bodyStart }: ParsedModule, form: ClassicEra['manifest']): Json {
	const [first, second] = prefix.dependencies;
	const extended = form === 'extended';
	return {
		moduleStartAddy: prefix.start.toString(16),
		moduleEndAddy: prefix.end.toString(16),
		reserved: prefix.reserved,
		moduleFlags: prefix.flags,
		moduleVersion: prefix.version,
		platformID: prefix.platformId,
		moduleFunction: prefix.function,
		moduleIndex: prefix.index,
		depModuleFunction: first.function,
		depModuleIndex: first.index,
		depModuleVersion: first.version,
		dep2ModuleFunction: second.function,
		dep2ModuleIndex: second.index,
		dep2ModuleVersion: second.version,
		...(extended ? { prefixSize: prefix.flags & ModuleFlag.prefixExtensions ? bodyStart - prefixOffset : PREFIX_SIZE } : {}),
		...(extended && prefixExtensions.length > 0 ? { extensions: extensions(prefixExtensions, PREFIX_SIZE) } : {}),
		prefixOffset,
	};
}

function suffixInfo(module: ParsedModule, form: ClassicEra['manifest']): Json {
	const { bytes, suffix, bodyEnd, crc } = module;
	// Theirs are the raw fields, 0xFFFF included, and -1 where the suffix has none.
	const product = (at: number) => (suffix.size >= 40 ? u16le(bytes, bytes.length - at) : -1);
	return {
		productId: product(44),
		productVersion: product(42),
		fwUniqueId: toHex(suffix.sha256),
		reserved: suffix.reserved,
		suffixSize: suffix.size,
		crcBlock: crc.stored.toString(16).padStart(8, '0'),
		...(form === 'extended' && suffix.extensions.length > 0 ? { extensions: extensions(suffix.extensions, bodyEnd) } : {}),
	};
}

function extensions(list: readonly ModuleExtension[], from: number): Json[] {
	let offset = from;
	return list.map((extension) => {
		const data = writeExtensions([extension]);
		const entry: Json = {
			type: u16le(data, 0),
			length: data.length,
			offset,
			data: { type: 'Buffer', data: [...data] },
			...fields(extension),
		};
		offset += data.length;
		return entry;
	});
}

function fields(extension: ModuleExtension): { [key: string]: Json } {
	switch (extension.type) {
		case 'product-data':
			return { productId: extension.productId, productVersion: extension.productVersion };
		case 'dynamic-location':
			return {
				moduleStartAddress: extension.moduleStart.toString(16),
				dynalibLoadAddress: extension.dynalibLoad.toString(16),
				dynalibStartAddress: extension.dynalibStart.toString(16),
			};
		case 'dependency':
			return {
				moduleFunction: extension.function,
				moduleIndex: extension.index,
				moduleVersion: extension.version,
				targetId: extension.targetId,
			};
		case 'hash':
			return { hashType: extension.hashType, hashLength: extension.hash.length, hash: toHex(extension.hash) };
		case 'name':
			return { name: extension.name };
		case 'asset-dependency':
			return {
				hashType: extension.hashType,
				hashLength: extension.hash.length,
				hash: toHex(extension.hash),
				name: extension.name,
			};
		case 'security-mode':
			return {
				securityMode: extension.mode,
				...(extension.data.length > 0 ? { certificate: { type: 'Buffer', data: [...extension.data] } } : {}),
			};
		case 'asset-type':
			return { assetType: extension.assetType };
		default:
			return {};
	}
}
