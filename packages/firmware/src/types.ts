/**
 * The nouns of the Particle module format (Device OS `dynalib/inc/module_info.h`; docs/formats/module.md).
 * Parsing, checking and building stand in their own files beside this one.
 */
import type { Problem } from '@linac/core';

/** The format's numbers for `module_function_t`. */
export const ModuleFunction = {
	none: 0,
	resource: 1,
	bootloader: 2,
	monolithic: 3,
	system: 4,
	user: 5,
	settings: 6,
	ncp: 7,
	radioStack: 8,
	asset: 9,
} as const;
export type ModuleFunction = (typeof ModuleFunction)[keyof typeof ModuleFunction];

/** Names for people: `bootloader`, `system-part`, `user-part`, `radio-stack`, `ncp`, `asset`, ... */
export const moduleFunctionNames: Record<number, string> = {
	0: 'none',
	1: 'resource',
	2: 'bootloader',
	3: 'monolithic',
	4: 'system-part',
	5: 'user-part',
	6: 'settings',
	7: 'ncp',
	8: 'radio-stack',
	9: 'asset',
};

/** Bits of the prefix's flags byte. */
export const ModuleFlag = {
	dropModuleInfo: 1,
	compressed: 2,
	combined: 4,
	encrypted: 8,
	prefixExtensions: 0x10,
} as const;

/** The module with this function and index must be there with at least this version. */
export interface ModuleDependency {
	function: number;
	index: number;
	version: number;
}

export interface ModulePrefix {
	/** First address of the module (with `dropModuleInfo`: of the payload behind the prefix). */
	start: number;
	/** First address behind the module, where its CRC stands. */
	end: number;
	/** The byte at +8: reserved, or the target MCU of an NCP module (33 = ESP32). */
	reserved: number;
	flags: number;
	version: number;
	platformId: number;
	function: number;
	index: number;
	/** Always two, as in the format; `{0,0,0}` means none. */
	dependencies: [ModuleDependency, ModuleDependency];
}

/** One type-length-value extension of a prefix or a suffix. `data` is what follows the 4-byte type and length. */
export type ModuleExtension =
	| { type: 'end'; padding: Uint8Array }
	| { type: 'product-data'; reserved: number; productId: number; productVersion: number }
	| { type: 'dynamic-location'; moduleStart: number; dynalibLoad: number; dynalibStart: number }
	| { type: 'dependency'; function: number; index: number; version: number; targetId: number }
	| { type: 'hash'; hashType: number; hash: Uint8Array }
	| { type: 'name'; name: string; raw: Uint8Array }
	| { type: 'asset-dependency'; hashType: number; hash: Uint8Array; name: string; rawName: Uint8Array }
	| { type: 'security-mode'; mode: number; data: Uint8Array }
	| { type: 'asset-type'; assetType: number; reserved: number }
	| { type: 'unknown'; id: number; data: Uint8Array };

export interface ModuleSuffix {
	/** Bytes of the suffix without the CRC. */
	size: number;
	extensions: ModuleExtension[];
	/** `undefined`: none (the field is absent, or holds 0xFFFF). */
	productId: number | undefined;
	productVersion: number | undefined;
	/** The product fields as they stand between extensions and `reserved`; `undefined` when an extension holds them, or nothing. */
	rawProduct: { id: number; version: number } | undefined;
	/** Bytes between the extensions and the raw product fields. Empty in almost every module. */
	padding: Uint8Array;
	reserved: number;
	/** The stored SHA-256. */
	sha256: Uint8Array;
}

export type ShaRule = 'standard' | 'payload' | 'none';

/** A module taken apart and judged. `bytes` is the whole file of the module, CRC included: nothing is lost. */
export interface ParsedModule {
	bytes: Uint8Array;
	/** Where the 24-byte prefix stands in `bytes`. What is in front of it is the vector table. */
	prefixOffset: number;
	/** Offset in `bytes` of what follows the prefix and its extensions. */
	bodyStart: number;
	/** Offset in `bytes` of the suffix. */
	bodyEnd: number;
	/** What followed the module in the same file (padding of an image, or another module); not part of `bytes`. */
	trailing: Uint8Array;
	prefix: ModulePrefix;
	prefixExtensions: ModuleExtension[];
	suffix: ModuleSuffix;
	/** The declared dependencies of prefix and extensions, without the empty ones. */
	dependencies: ModuleDependency[];
	crc: { stored: number; computed: number; ok: boolean };
	/** Computed when first looked at: `bytes` must not be changed before that. `rule` is the rule by which the stored hash is right; `none` when it fits neither. */
	sha: { stored: Uint8Array; ok: boolean; rule: ShaRule };
	/** Whether the device would accept it: the CRC is right and every field is within its range. */
	sound: boolean;
	compressed: boolean;
	combined: boolean;
	encrypted: boolean;
	/** Everything that was noticed, worst first. Without an `error` in it the module is `sound`. */
	problems: Problem[];
}

/** Names of platforms by their number. This package knows no platform: whoever has the table passes it in. */
export interface PlatformNames {
	get(platformId: number): string | undefined;
}
