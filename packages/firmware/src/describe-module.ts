/** Names and sentences about modules for people, and the JSON object of `linac inspect --json`. Decides nothing. */
import type { Json, Problem } from '@linac/core';
import {
	type ModuleDependency,
	ModuleFlag,
	ModuleFunction,
	moduleFunctionNames,
	type ParsedModule,
	type PlatformNames,
} from './types.js';

/** `system-part`, `user-part`, ... or `function-12` for a number that the format does not know. */
export function functionName(moduleFunction: number): string {
	return moduleFunctionNames[moduleFunction] ?? `function-${moduleFunction}`;
}

// These exist once on a device, so that their index 0 says nothing to a reader.
const SINGLE: ReadonlySet<number> = new Set([
	ModuleFunction.resource,
	ModuleFunction.bootloader,
	ModuleFunction.monolithic,
	ModuleFunction.settings,
	ModuleFunction.ncp,
	ModuleFunction.radioStack,
	ModuleFunction.asset,
]);

/** What a module is, without its version: `system-part1`, `bootloader`, `bootloader2`, `user-part1`, `radio-stack`. */
export function moduleLabel(module: { function: number; index: number }): string {
	const name = functionName(module.function);
	return SINGLE.has(module.function) && module.index === 0 ? name : `${name}${module.index}`;
}

/** A dependency in words: `system-part1 4005 or newer`. */
export function dependencyLabel(dependency: ModuleDependency): string {
	return `${moduleLabel(dependency)} ${dependency.version} or newer`;
}

const FLAG_WORDS: readonly (readonly [bit: number, words: string])[] = [
	[ModuleFlag.dropModuleInfo, 'its header is not written to flash'],
	[ModuleFlag.compressed, 'compressed'],
	[ModuleFlag.combined, 'another module follows it'],
	[ModuleFlag.encrypted, 'encrypted'],
	[ModuleFlag.prefixExtensions, 'has header extensions'],
];

/** What the bits of the flags byte say, a few words each. */
export function flagWords(flags: number): string[] {
	return FLAG_WORDS.filter(([bit]) => flags & bit).map(([, words]) => words);
}

/** One module as `linac inspect --json` prints it. The keys are a contract with scripts. */
export interface InspectJson {
	file: string;
	platformId: number;
	/** `null` when the platform is not known. */
	platform: string | null;
	/** The format's number. */
	function: number;
	functionName: string;
	index: number;
	version: number;
	start: number;
	end: number;
	flags: number;
	dependencies: { function: number; index: number; version: number }[];
	/** Bytes of the module, CRC included. */
	size: number;
	productId: number | null;
	productVersion: number | null;
	crcOk: boolean;
	/** By either rule. */
	shaOk: boolean;
	problems: {
		code: string;
		severity: Problem['severity'];
		message: string;
		offset?: number;
		field?: string;
		expected?: Json;
		found?: Json;
	}[];
}

/** `file` is the name that the caller shows: a path, or `archive.zip/entry.bin`. */
export function toInspectJson(
	module: ParsedModule,
	file: string,
	options: { platforms?: PlatformNames; problems?: readonly Problem[] } = {},
): InspectJson {
	const { prefix, suffix } = module;
	return {
		file,
		platformId: prefix.platformId,
		platform: options.platforms?.get(prefix.platformId) ?? null,
		function: prefix.function,
		functionName: functionName(prefix.function),
		index: prefix.index,
		version: prefix.version,
		start: prefix.start,
		end: prefix.end,
		flags: prefix.flags,
		dependencies: module.dependencies.map((d) => ({ function: d.function, index: d.index, version: d.version })),
		size: module.bytes.length,
		productId: suffix.productId ?? null,
		productVersion: suffix.productVersion ?? null,
		crcOk: module.crc.ok,
		shaOk: module.sha.ok,
		problems: (options.problems ?? module.problems).map(({ file: _file, ...rest }) => rest),
	};
}
