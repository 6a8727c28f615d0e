/**
 * Every field of a module's header and end, with the place where it stands: for people who want to see all of it. Decides nothing; whether the
 * values are right is said by `parseModule`. Format: docs/formats/module.md.
 */
import { address, toHex } from '@linac/core';
import { compressionHeader } from './compressed-module.js';
import { dependencyLabel, flagWords, functionName } from './describe-module.js';
import { writeExtensions } from './extensions.js';
import { CRC_SIZE, PREFIX_SIZE, SUFFIX_BASE_SIZE } from './prefix.js';
import type { ModuleDependency, ModuleExtension, ParsedModule, PlatformNames } from './types.js';

/** The parts of a module, in the order in which they stand in it. */
export type ModulePart = 'vector-table' | 'prefix' | 'prefix-extensions' | 'body' | 'suffix-extensions' | 'suffix' | 'crc';

export interface ModuleField {
	part: ModulePart;
	/** Offset in the bytes of the module, and how many bytes it takes. */
	offset: number;
	size: number;
	/** As in the format's page and in `Problem.field`: `prefix.start`, `suffix.sha256`, `crc`. */
	name: string;
	/** The value as it is written by people of the field: addresses and hashes in hex, numbers in decimal. */
	value: string;
	/** What the value says. Absent where it says it itself. */
	meaning?: string;
}

export interface ModuleFieldsOptions {
	platforms?: PlatformNames;
}

const hex = (value: number, digits: number) => `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;
/** Longer values are shown by their beginning: a certificate or filler has no reader. */
const LONGEST_VALUE = 64;

/** By offset. Between them nothing is left out: vector table and body are fields too, told by their size. */
export function moduleFields(module: ParsedModule, options: ModuleFieldsOptions = {}): ModuleField[] {
	const { bytes, prefixOffset, bodyStart, bodyEnd } = module;
	const fields: ModuleField[] = [];
	if (prefixOffset > 0) {
		const meaning = 'vector table or image header, in front of the module header';
		fields.push({
			part: 'vector-table',
			offset: 0,
			size: prefixOffset,
			name: 'vectorTable',
			value: `${prefixOffset} bytes`,
			meaning,
		});
	}
	fields.push(...prefixFields(module, options));
	fields.push(...extensionFields(module.prefixExtensions, 'prefix-extensions', prefixOffset + PREFIX_SIZE));
	const body = bodyEnd - bodyStart;
	fields.push({ part: 'body', offset: bodyStart, size: body, name: 'body', value: `${body} bytes`, ...bodyMeaning(module) });
	fields.push(...suffixFields(module));
	const end = bytes.length - CRC_SIZE;
	const { crc } = module;
	fields.push({
		part: 'crc',
		offset: end,
		size: CRC_SIZE,
		name: 'crc',
		value: hex(crc.stored, 8),
		meaning: crc.ok ? 'right' : `wrong: the content gives ${hex(crc.computed, 8)}`,
	});
	return fields;
}

function bodyMeaning(module: ParsedModule): { meaning?: string } {
	if (!module.compressed) return {};
	const header = compressionHeader(module);
	if (!header.ok) return { meaning: 'compressed, with a damaged compression header' };
	return { meaning: `compressed (raw Deflate), ${header.value.originalSize} bytes when inflated` };
}

function prefixFields({ prefix, prefixOffset }: ParsedModule, { platforms }: ModuleFieldsOptions): ModuleField[] {
	const field = (offset: number, size: number, name: string, value: string, meaning?: string): ModuleField => ({
		part: 'prefix',
		offset: prefixOffset + offset,
		size,
		name: `prefix.${name}`,
		value,
		...(meaning === undefined || meaning === '' ? {} : { meaning }),
	});
	const flags = flagWords(prefix.flags).join(', ');
	const platform = platforms?.get(prefix.platformId) ?? (prefix.platformId === 0 ? 'any' : 'not known here');
	const [first, second] = prefix.dependencies;
	return [
		field(0, 4, 'start', address(prefix.start), 'first address'),
		field(4, 4, 'end', address(prefix.end), 'first address behind it, where its CRC stands'),
		field(
			8,
			1,
			'reserved',
			String(prefix.reserved),
			prefix.reserved === 0 ? undefined : 'reserved, or the MCU of a network processor',
		),
		field(9, 1, 'flags', hex(prefix.flags, 2), flags === '' ? 'none' : flags),
		field(10, 2, 'version', String(prefix.version)),
		field(12, 2, 'platformId', String(prefix.platformId), platforms === undefined ? undefined : platform),
		field(14, 1, 'function', String(prefix.function), functionName(prefix.function)),
		field(15, 1, 'index', String(prefix.index)),
		field(16, 4, 'dependency', dependencyText(first), dependencyMeaning(first)),
		field(20, 4, 'dependency2', dependencyText(second), dependencyMeaning(second)),
	];
}

function dependencyText(d: ModuleDependency): string {
	return `${d.function}, ${d.index}, ${d.version}`;
}

function dependencyMeaning(d: ModuleDependency): string {
	return d.function === 0 ? 'none' : dependencyLabel(d);
}

function extensionFields(extensions: readonly ModuleExtension[], part: ModulePart, from: number): ModuleField[] {
	let at = from;
	return extensions.map((extension): ModuleField => {
		const size = writeExtensions([extension]).length;
		const offset = at;
		at += size;
		const name = `${part === 'suffix-extensions' ? 'suffix' : 'prefix'}.extension.${extension.type}`;
		return { part, offset, size, name, ...extensionText(extension) };
	});
}

function extensionText(e: ModuleExtension): { value: string; meaning?: string } {
	switch (e.type) {
		case 'end':
			return {
				value: e.padding.length === 0 ? 'empty' : `${e.padding.length} bytes of filler`,
				meaning: 'end of the extensions',
			};
		case 'product-data':
			return { value: `${e.productId}, ${e.productVersion}`, meaning: productMeaning(e.productId, e.productVersion) };
		case 'dynamic-location':
			return {
				value: [e.moduleStart, e.dynalibLoad, e.dynalibStart].map(address).join(', '),
				meaning: 'start of the module, load address and start of its table of functions',
			};
		case 'dependency':
			return { value: `${e.function}, ${e.index}, ${e.version}, ${hex(e.targetId, 8)}`, meaning: dependencyLabel(e) };
		case 'hash':
			return { value: toHex(e.hash), meaning: hashMeaning(e.hashType) };
		case 'name':
			return { value: e.name };
		case 'asset-dependency':
			return { value: toHex(e.hash), meaning: `needs the asset "${e.name}" with this ${hashMeaning(e.hashType)}` };
		case 'security-mode':
			return { value: String(e.mode), meaning: e.mode === 1 ? 'protects the device' : 'security mode' };
		case 'asset-type':
			return { value: String(e.assetType), meaning: 'type of asset' };
		case 'unknown':
			return { value: shortHex(e.data), meaning: `extension of type ${hex(e.id, 4)}, which is not known here` };
	}
}

function hashMeaning(type: number): string {
	return type === 0 ? 'SHA-256' : `hash of type ${type}`;
}

function productMeaning(id: number | undefined, version: number | undefined): string {
	const none = (value: number | undefined) => value === undefined || value === 0xffff;
	if (none(id) && none(version)) return 'belongs to no product';
	return `product ${none(id) ? 'none' : id}, version ${none(version) ? 'none' : version}`;
}

function suffixFields({ bytes, bodyEnd, suffix, sha }: ParsedModule): ModuleField[] {
	const base = bytes.length - CRC_SIZE - SUFFIX_BASE_SIZE;
	const fields = extensionFields(suffix.extensions, 'suffix-extensions', bodyEnd);
	const add = (offset: number, size: number, name: string, value: string, meaning?: string) =>
		fields.push({ part: 'suffix', offset, size, name: `suffix.${name}`, value, ...(meaning === undefined ? {} : { meaning }) });
	const raw = suffix.rawProduct;
	const behind = base - (raw ? 4 : 0);
	if (suffix.padding.length > 0)
		add(behind - suffix.padding.length, suffix.padding.length, 'padding', shortHex(suffix.padding), 'filler');
	if (raw) add(behind, 4, 'product', `${raw.id}, ${raw.version}`, productMeaning(raw.id, raw.version));
	add(base, 2, 'reserved', String(suffix.reserved));
	const rule = sha.rule === 'payload' ? 'right, over the payload, as for this kind of module' : 'right';
	add(base + 2, 32, 'sha256', toHex(suffix.sha256), sha.ok ? rule : 'fits by no rule (devices do not check it)');
	add(base + 34, 2, 'size', String(suffix.size), 'bytes of the suffix');
	return fields;
}

function shortHex(data: Uint8Array): string {
	const text = toHex(data.subarray(0, LONGEST_VALUE));
	return data.length > LONGEST_VALUE ? `${text}... (${data.length} bytes)` : text;
}
