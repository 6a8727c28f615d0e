/**
 * Asset modules: a file that an application needs, wrapped so that the device takes it (function 9, header dropped, compressed,
 * HASH and NAME in the suffix), and the list of assets that an application asks for.
 * Format: docs/formats/module.md; what a device checks: device-os v6.2.0: system/src/asset_manager.cpp.
 */
import { assert, type Digests, portableDigests } from '@linac/core';
import { compressModule } from './compressed-module.js';
import { createModule } from './create-module.js';
import { nameExtension } from './extensions.js';
import { parseModule } from './parse-module.js';
import { type ModuleExtension, ModuleFlag, ModuleFunction, type ParsedModule } from './types.js';

export interface AssetReference {
	name: string;
	/** 0 = SHA-256, the only one that exists. */
	hashType: number;
	/** Hash of the raw bytes of the asset. */
	hash: Uint8Array;
}

/** Wraps raw asset bytes as the compressed module that is sent to a device. `name` must not be empty. */
export function createAssetModule(name: string, data: Uint8Array, digests: Digests = portableDigests): Uint8Array<ArrayBuffer> {
	assert(name.length > 0, 'an asset needs a name');
	const plain = createModule(
		{
			platformId: 0,
			function: ModuleFunction.asset,
			index: 0,
			version: 0,
			start: 0,
			flags: ModuleFlag.dropModuleInfo,
			body: data,
			suffix: 'extensions',
			suffixExtensions: [
				{ type: 'hash', hashType: 0, hash: digests.sha256(data) },
				nameExtension(name),
				{ type: 'product-data', reserved: 0xffff, productId: 0xffff, productVersion: 0xffff },
			],
			sha: 'standard',
		},
		digests,
	);
	const parsed = parseModule(plain, { digests });
	assert(parsed.ok, 'a module that was just made parses');
	return compressModule(parsed.value, digests);
}

/** Name and hash that an asset module carries; `undefined` when it lacks one of them. */
export function assetOf(module: ParsedModule): AssetReference | undefined {
	if (module.prefix.function !== ModuleFunction.asset) return undefined;
	let name: string | undefined;
	let hash: Extract<ModuleExtension, { type: 'hash' }> | undefined;
	for (const e of module.suffix.extensions) {
		if (e.type === 'name') name ??= e.name;
		if (e.type === 'hash') hash ??= e;
	}
	return name === undefined || !hash ? undefined : { name, hashType: hash.hashType, hash: hash.hash };
}

/** The assets that an application needs, from its prefix and suffix extensions. */
export function requiredAssets(module: ParsedModule): AssetReference[] {
	const out: AssetReference[] = [];
	for (const e of [...module.prefixExtensions, ...module.suffix.extensions]) {
		if (e.type === 'asset-dependency') out.push({ name: e.name, hashType: e.hashType, hash: e.hash });
	}
	return out;
}

/** Security mode that a bootloader brings with it: 1 protects the device. `undefined`: it says nothing, so none. */
export function securityMode(module: ParsedModule): number | undefined {
	for (const e of [...module.prefixExtensions, ...module.suffix.extensions]) if (e.type === 'security-mode') return e.mode;
	return undefined;
}
