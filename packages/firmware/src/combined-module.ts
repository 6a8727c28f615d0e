/**
 * Combined files: several modules one behind the other, all but the last with the COMBINED flag, applied by the device in one
 * update. Also walks files that simply hold several modules (padded images). Format: docs/formats/module.md.
 */
import { assert, concatBytes, type Digests, type Verdict } from '@linac/core';
import { rebuildModule } from './build-module.js';
import { type ParseOptions, parseModule } from './parse-module.js';
import { plausiblePrefix, prefixOffsets } from './prefix.js';
import { ModuleFlag, type ParsedModule } from './types.js';

/** No file holds more: the bound keeps a hostile file from making us parse forever. */
const MOST_MODULES = 64;

export interface PlacedModule {
	/** Offset of the module in the file. */
	offset: number;
	module: ParsedModule;
}

export interface SplitFile {
	modules: PlacedModule[];
	/** What follows the last module; empty when nothing does. */
	rest: Uint8Array;
	/** Whether the last module says that another follows, and none does. */
	unfinished: boolean;
}

/** All modules of a file, in their order. The verdict is bad when it does not begin with one. */
export function splitModules(bytes: Uint8Array, options: ParseOptions = {}): Verdict<SplitFile> {
	const modules: PlacedModule[] = [];
	let offset = 0;
	for (;;) {
		const here = bytes.subarray(offset);
		const parsed = parseModule(here, options);
		if (!parsed.ok) {
			if (modules.length === 0) return parsed;
			break;
		}
		modules.push({ offset, module: parsed.value });
		offset += parsed.value.bytes.length;
		const rest = bytes.subarray(offset);
		if (rest.length === 0 || modules.length >= MOST_MODULES || !startsLikeModule(rest)) break;
	}
	const rest = bytes.subarray(offset);
	const unfinished = modules.at(-1)!.module.combined;
	return { ok: true, value: { modules, rest, unfinished }, problems: modules.flatMap((m) => m.module.problems) };
}

/** Only the usual places count behind a module: what follows is mostly filler. */
function startsLikeModule(bytes: Uint8Array): boolean {
	return prefixOffsets.some((offset) => {
		const size = plausiblePrefix(bytes, offset);
		return size > 0 && size <= bytes.length;
	});
}

/** Joins modules into a combined file: every one but the last gets the flag and a new hash and CRC. At least one. */
export function joinModules(modules: readonly ParsedModule[], digests?: Digests): Uint8Array<ArrayBuffer> {
	assert(modules.length > 0, 'nothing to join');
	return concatBytes(
		modules.map((module, i) => {
			const last = i === modules.length - 1;
			const flags = last ? module.prefix.flags & ~ModuleFlag.combined : module.prefix.flags | ModuleFlag.combined;
			return flags === module.prefix.flags
				? module.bytes
				: rebuildModule(module, { prefix: { ...module.prefix, flags } }, digests);
		}),
	);
}
