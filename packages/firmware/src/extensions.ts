/**
 * The type-length-value extensions of a prefix or a suffix: reading and writing. `length` counts its own four bytes.
 * Format: docs/formats/module.md; device-os v6.2.0: dynalib/inc/module_info.h (`module_info_extension_type_t`).
 */
import { concatBytes, type Problem, problem, putU16le, putU32le, u16le, u32le } from '@linac/core';
import type { ModuleExtension } from './types.js';

export const ExtensionType = {
	end: 0x0000,
	productData: 0x0001,
	dynamicLocation: 0x0002,
	dependency: 0x0003,
	hash: 0x0010,
	name: 0x0011,
	assetDependency: 0x0012,
	securityMode: 0x0013,
	/** Not in Device OS 6.2.0; modules for environment variables made by newer tools carry it. */
	assetType: 0x0014,
	invalid: 0xffff,
} as const;

const HEADER = 4;
/** More than any real module has, so that a hostile one cannot make us allocate an object for every four bytes. */
const MOST_EXTENSIONS = 1024;

const text = new TextDecoder();
const textBytes = new TextEncoder();

export interface ReadExtensions {
	extensions: ModuleExtension[];
	/** Offset behind the last extension that was read. */
	next: number;
	/** Whether an END extension closed the list. */
	ended: boolean;
	problem: Problem | undefined;
}

/** Reads extensions in `[from, to)` until END, an invalid type, or fewer than four bytes. Data are views, not copies. */
export function readExtensions(bytes: Uint8Array, from: number, to: number): ReadExtensions {
	const extensions: ModuleExtension[] = [];
	let wrong: Problem | undefined;
	let at = from;
	while (at + HEADER <= to) {
		const id = u16le(bytes, at);
		if (id === ExtensionType.invalid) break;
		const length = u16le(bytes, at + 2);
		if (length < HEADER || at + length > to) {
			wrong ??= problem(
				'EXTENSION_INVALID',
				`The extension at offset ${at} declares a length of ${length} bytes; between 4 and ${to - at} are possible there. The file is damaged.`,
				{ offset: at, field: 'extension.length', expected: to - at, found: length },
			);
			break;
		}
		if (extensions.length >= MOST_EXTENSIONS) {
			wrong ??= problem('EXTENSION_INVALID', `There are more than ${MOST_EXTENSIONS} extensions; no module has that many.`, {
				offset: at,
				field: 'extension',
			});
			break;
		}
		const data = bytes.subarray(at + HEADER, at + length);
		const extension = decode(id, data);
		if (extension.type === 'unknown' && isKnown(id)) {
			wrong ??= problem(
				'EXTENSION_INVALID',
				`The extension of type 0x${id.toString(16)} at offset ${at} has ${data.length} bytes of data, which does not fit its type.`,
				{ offset: at, field: 'extension', found: data.length },
			);
		}
		extensions.push(extension);
		at += length;
		if (id === ExtensionType.end) return { extensions, next: at, ended: true, problem: wrong };
	}
	return { extensions, next: at, ended: false, problem: wrong };
}

function isKnown(id: number): boolean {
	return (id >= 1 && id <= 3) || (id >= 0x10 && id <= 0x14);
}

function decode(id: number, data: Uint8Array): ModuleExtension {
	switch (id) {
		case ExtensionType.end:
			return { type: 'end', padding: data };
		case ExtensionType.productData:
			if (data.length !== 6) break;
			return { type: 'product-data', reserved: u16le(data, 0), productId: u16le(data, 2), productVersion: u16le(data, 4) };
		case ExtensionType.dynamicLocation:
			if (data.length !== 12) break;
			return { type: 'dynamic-location', moduleStart: u32le(data, 0), dynalibLoad: u32le(data, 4), dynalibStart: u32le(data, 8) };
		case ExtensionType.dependency:
			if (data.length !== 8) break;
			return { type: 'dependency', function: data[0]!, index: data[1]!, version: u16le(data, 2), targetId: u32le(data, 4) };
		case ExtensionType.hash:
			if (data.length < 2 || data.length !== 2 + data[1]!) break;
			return { type: 'hash', hashType: data[0]!, hash: data.subarray(2) };
		case ExtensionType.name:
			return { type: 'name', name: text.decode(data), raw: data };
		case ExtensionType.assetDependency: {
			if (data.length < 2 || data.length < 2 + data[1]!) break;
			const rawName = data.subarray(2 + data[1]!);
			return {
				type: 'asset-dependency',
				hashType: data[0]!,
				hash: data.subarray(2, 2 + data[1]!),
				name: text.decode(rawName),
				rawName,
			};
		}
		case ExtensionType.securityMode:
			if (data.length < 1) break;
			return { type: 'security-mode', mode: data[0]!, data: data.subarray(1) };
		case ExtensionType.assetType:
			if (data.length !== 2) break;
			return { type: 'asset-type', assetType: data[0]!, reserved: data[1]! };
	}
	return { type: 'unknown', id, data };
}

/** The bytes of extensions, one after the other. `name` fields are for people: the raw bytes are what is written. */
export function writeExtensions(extensions: readonly ModuleExtension[]): Uint8Array<ArrayBuffer> {
	return concatBytes(extensions.map(encode));
}

function encode(extension: ModuleExtension): Uint8Array {
	switch (extension.type) {
		case 'end':
			return withHeader(ExtensionType.end, extension.padding);
		case 'product-data': {
			const data = new Uint8Array(6);
			putU16le(data, 0, extension.reserved);
			putU16le(data, 2, extension.productId);
			putU16le(data, 4, extension.productVersion);
			return withHeader(ExtensionType.productData, data);
		}
		case 'dynamic-location': {
			const data = new Uint8Array(12);
			putU32le(data, 0, extension.moduleStart);
			putU32le(data, 4, extension.dynalibLoad);
			putU32le(data, 8, extension.dynalibStart);
			return withHeader(ExtensionType.dynamicLocation, data);
		}
		case 'dependency': {
			const data = new Uint8Array(8);
			data[0] = extension.function;
			data[1] = extension.index;
			putU16le(data, 2, extension.version);
			putU32le(data, 4, extension.targetId);
			return withHeader(ExtensionType.dependency, data);
		}
		case 'hash':
			return withHeader(ExtensionType.hash, Uint8Array.of(extension.hashType, extension.hash.length), extension.hash);
		case 'name':
			return withHeader(ExtensionType.name, extension.raw);
		case 'asset-dependency':
			return withHeader(
				ExtensionType.assetDependency,
				Uint8Array.of(extension.hashType, extension.hash.length),
				extension.hash,
				extension.rawName,
			);
		case 'security-mode':
			return withHeader(ExtensionType.securityMode, Uint8Array.of(extension.mode), extension.data);
		case 'asset-type':
			return withHeader(ExtensionType.assetType, Uint8Array.of(extension.assetType, extension.reserved));
		case 'unknown':
			return withHeader(extension.id, extension.data);
	}
}

function withHeader(id: number, ...data: Uint8Array[]): Uint8Array {
	const out = concatBytes([new Uint8Array(HEADER), ...data]);
	putU16le(out, 0, id);
	putU16le(out, 2, out.length);
	return out;
}

/** A `name` extension from text. */
export function nameExtension(name: string): ModuleExtension {
	return { type: 'name', name, raw: textBytes.encode(name) };
}

/** An `asset-dependency` extension: the application needs the asset of this name with this SHA-256 of its raw bytes. */
export function assetDependencyExtension(name: string, sha256: Uint8Array): ModuleExtension {
	return { type: 'asset-dependency', hashType: 0, hash: sha256, name, rawName: textBytes.encode(name) };
}
