/**
 * The module list that a listening device prints on `s`: the "m" array of the cloud's describe message
 * (device-os v2.3.1: system/src/system_info.cpp module_info_to_json; dynalib/inc/module_info.h for letters and flags). Untrusted input.
 */
import { bad, good, problem, type Verdict } from '@linac/core';

export interface SerialModule {
	/** Number of the module format's function: 2 bootloader, 3 monolithic, 4 system part, 5 user part, 7 NCP, 8 radio stack; 0 unknown. */
	function: number;
	index: number;
	version: number;
	/** Where it lies: `main` runs, `factory` and `backup` are copies, `scratch` is the update slot. */
	store: 'main' | 'factory' | 'backup' | 'scratch' | 'other';
	/** Room at its place, bytes. */
	room: number;
	/** MODULE_VALIDATION_* that were looked at, and that passed: 2 integrity, 4 dependencies, 8 address range, 16 platform. */
	checkedFlags: number;
	passedFlags: number;
	dependencies: { function: number; index: number; version: number }[];
	/** SHA-256 that an application carries, hex, lower case. */
	hash?: string;
}

/** MODULE_VALIDATION_*: integrity 2, dependencies 4, address range 8, platform 16. */
const SOUND = 2 | 8 | 16;
const NEEDS = 4;

/** Nothing that the device has looked at is wrong with its bytes, its place or its platform. */
export function isSound({ checkedFlags, passedFlags }: SerialModule): boolean {
	return (checkedFlags & ~passedFlags & SOUND) === 0;
}

/** Everything that it depends on is on the device, as far as the device has looked. */
export function hasItsNeeds({ checkedFlags, passedFlags }: SerialModule): boolean {
	return (checkedFlags & ~passedFlags & NEEDS) === 0;
}

export interface SerialModuleInfo {
	platformId: number;
	imei?: string;
	iccid?: string;
	modules: SerialModule[];
}

const functions: Record<string, number> = { r: 1, b: 2, m: 3, s: 4, u: 5, c: 7, a: 8 };
const stores: Record<string, SerialModule['store']> = { m: 'main', f: 'factory', b: 'backup', t: 'scratch' };
/** More than any device has: bounds of what is believed. */
const MOST_MODULES = 64;

/** The text of the first whole JSON object in what a device printed; `undefined` while there is none. Braces in strings do not count. */
export function findJsonObject(text: string): string | undefined {
	const start = text.indexOf('{"');
	if (start < 0) return undefined;
	let depth = 0;
	let inString = false;
	for (let at = start; at < text.length; at++) {
		const c = text[at];
		if (inString) {
			if (c === '\\') at++;
			else if (c === '"') inString = false;
		} else if (c === '"') inString = true;
		else if (c === '{') depth++;
		else if (c === '}' && --depth === 0) return text.slice(start, at + 1);
	}
	return undefined;
}

type Fields = Record<string, unknown>;

/** Reads the reply to `s`. What is no module is refused with `SERIAL_REPLY`; fields that are not known are passed over. */
export function parseModuleInfo(text: string): Verdict<SerialModuleInfo> {
	const json = findJsonObject(text);
	let value: unknown;
	try {
		value = json === undefined ? undefined : JSON.parse(json);
	} catch {
		value = undefined;
	}
	const info = asFields(value);
	const list = info?.m;
	const platformId = count(info?.p, 0xffff);
	if (!info || platformId === undefined || !Array.isArray(list) || list.length > MOST_MODULES)
		return wrong('no list of modules: a JSON object with "p" and "m" was expected');
	const modules: SerialModule[] = [];
	for (const [i, entry] of list.entries()) {
		const module = moduleOf(asFields(entry));
		if (!module) return wrong(`entry ${i} of "m" is no module`, `m[${i}]`);
		modules.push(module);
	}
	return good({
		platformId,
		modules,
		...(isWord(info.imei) ? { imei: info.imei } : {}),
		...(isWord(info.iccid) ? { iccid: info.iccid } : {}),
	});
}

function moduleOf(entry: Fields | undefined): SerialModule | undefined {
	if (!entry) return undefined;
	const index = count(entry.n, 255);
	const version = count(entry.v, 0xffff);
	if (index === undefined || version === undefined || typeof entry.f !== 'string') return undefined;
	const dependencies: SerialModule['dependencies'] = [];
	for (const value of Array.isArray(entry.d) ? entry.d.slice(0, MOST_MODULES) : []) {
		const d = asFields(value);
		const needed = { function: functions[String(d?.f)] ?? 0, index: count(d?.n, 255) ?? 0, version: count(d?.v, 0xffff) ?? 0 };
		if (needed.function !== 0) dependencies.push(needed);
	}
	return {
		function: functions[entry.f] ?? 0,
		index,
		version,
		store: stores[String(entry.l)] ?? 'other',
		room: count(entry.s, 0xffffffff) ?? 0,
		checkedFlags: count(entry.vc, 0xffff) ?? 0,
		passedFlags: count(entry.vv, 0xffff) ?? 0,
		dependencies,
		...(typeof entry.u === 'string' && /^[0-9a-f]{64}$/i.test(entry.u) ? { hash: entry.u.toLowerCase() } : {}),
	};
}

function asFields(value: unknown): Fields | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** Numbers come as numbers and, the index, as a string. */
function count(value: unknown, most: number): number | undefined {
	const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
	return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= most ? number : undefined;
}

function isWord(value: unknown): value is string {
	return typeof value === 'string' && /^[0-9A-Za-z]{1,32}$/.test(value);
}

function wrong(what: string, field?: string): Verdict<SerialModuleInfo> {
	return bad(problem('SERIAL_REPLY', `The device's module list cannot be read: ${what}.`, field === undefined ? {} : { field }));
}
