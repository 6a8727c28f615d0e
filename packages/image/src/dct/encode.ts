/**
 * From the fields of a unit to bytes at offsets of its DCT, each checked for what the device makes of it. The same on every platform: where
 * the bytes then go (a sector of the image, DFU's alternate setting 1) is the caller's business.
 */
import {
	asPlatform,
	type DctCloudFields,
	type DctFields,
	type DctKeyField,
	dctFieldsOf,
	inRange,
	type Platform,
} from '@linac/catalog';
import { assert, bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { devicePrivateKey } from '../keys/private-key.js';
import { serverPublicKey } from '../keys/public-key.js';
import { type UnitFieldName, type UnitFields, unitFieldNames } from './fields.js';
import { serverAddressRecord } from './server-address.js';

/** Bytes for one field. `offset` counts from the start of the DCT, which is the address in DFU's alternate setting 1. */
export interface DctWrite {
	name: UnitFieldName;
	offset: number;
	/** All of the field's place: behind a value that is shorter, 0xFF, so that nothing of a former one is left. */
	bytes: Uint8Array;
}

/**
 * What is to be written into the DCT for these fields, by offset. Works for every platform that has a DCT.
 * @param moduleVersion number of the system part, for warnings about fields that it does not look at
 * @returns refused with `DCT_FIELD_NOT_THERE`, `DCT_FIELD_VALUE` or one of the `KEY_` codes, all problems at once; warnings
 *   `DCT_PORT_NOT_USED`, `DCT_FIELD_WITHOUT_EFFECT`
 */
export function dctWrites(platform: Platform | string, fields: UnitFields, moduleVersion?: number): Verdict<DctWrite[]> {
	const p = asPlatform(platform);
	return encodeAll(p, dctFieldsOf(p), fields, moduleVersion);
}

function encodeAll(p: Platform, has: DctFields, fields: UnitFields, moduleVersion: number | undefined): Verdict<DctWrite[]> {
	const problems: Problem[] = [];
	const writes: DctWrite[] = [];
	for (const name of unitFieldNames) {
		if (fields[name] === undefined) continue;
		const verdict = encode(name, fields, has, p, moduleVersion);
		for (const found of verdict.problems) problems.push({ field: name, ...found });
		if (verdict.ok) writes.push({ name, ...verdict.value });
	}
	if (problems.some((found) => found.severity === 'error')) return bad(...problems);
	writes.sort((a, b) => a.offset - b.offset);
	return good(writes, problems);
}

/** Keys and address of the server: the fields whose place depends on how a device talks to the cloud. */
export type CloudFields = Pick<UnitFields, 'device-private-key' | 'server-public-key' | 'server-address'>;

/**
 * The same for a device whose transport is known (`cloudPlaceOf`): an Electron that was set to TCP, a Core. Offsets count from the start of
 * the storage that `cloudPlaceOf` names.
 */
export function cloudWrites(platform: Platform | string, cloud: DctCloudFields, fields: CloudFields): Verdict<DctWrite[]> {
	return encodeAll(asPlatform(platform), { cloud }, fields, undefined);
}

type Placed = Verdict<{ offset: number; bytes: Uint8Array }>;

function encode(name: UnitFieldName, fields: UnitFields, has: DctFields, p: Platform, moduleVersion: number | undefined): Placed {
	const { cloud, claimCode, antenna, setupDone } = has;
	switch (name) {
		case 'device-private-key': {
			const place = cloud?.devicePrivateKey;
			if (!place || place.key === 'rsa-2048') return notThere(name, p);
			const input = fields[name]!;
			return placeKey(place, devicePrivateKey(input.bytes, place.key, input.file));
		}
		case 'server-public-key': {
			const place = cloud?.serverPublicKey;
			if (!place || place.key === 'rsa-1024') return notThere(name, p);
			const input = fields[name]!;
			return placeKey(place, serverPublicKey(input.bytes, place.key, input.file));
		}
		case 'server-address': {
			if (!cloud) return notThere(name, p);
			const record = serverAddressRecord(fields[name]!, cloud.serverAddress);
			return record.ok ? good({ offset: cloud.serverAddress.offset, bytes: record.value }, record.problems) : record;
		}
		case 'claim-code': {
			if (!claimCode) return notThere(name, p);
			const code = fields[name]!;
			// The code itself is not repeated: it gives the device to an account.
			if (code.length !== claimCode.size) {
				const message = `The claim code has ${code.length} characters; a claim code has exactly ${claimCode.size}.`;
				return bad(problem('DCT_FIELD_VALUE', message, { expected: claimCode.size, found: code.length }));
			}
			const odd = [...code].findIndex((c) => c < '!' || c > '~');
			if (odd >= 0) {
				const message = `Character ${odd + 1} of the claim code is no printable ASCII character.`;
				return bad(problem('DCT_FIELD_VALUE', message));
			}
			return good({ offset: claimCode.offset, bytes: new TextEncoder().encode(code) });
		}
		case 'antenna': {
			if (!antenna) return notThere(name, p, ': it has one antenna only, or an application chooses it');
			const value = antenna.values[fields[name]!];
			if (value !== undefined && Object.hasOwn(antenna.values, fields[name]!)) {
				return good({ offset: antenna.offset, bytes: Uint8Array.of(value) });
			}
			const choices = Object.keys(antenna.values);
			const message = `antenna '${fields[name]}' is none of ${choices.join(', ')} (${antenna.radio} of ${p.displayName}).`;
			return bad(problem('DCT_FIELD_VALUE', message, { expected: choices, found: fields[name]! }));
		}
		case 'setup-done': {
			if (!setupDone) return notThere(name, p, ': it does not wait to be set up in this way, so there is nothing to set');
			const text = fields[name]!;
			if (text !== 'yes' && text !== 'no') {
				const message = `setup-done '${text}' is neither yes nor no.`;
				return bad(problem('DCT_FIELD_VALUE', message, { expected: ['yes', 'no'], found: text }));
			}
			const problems: Problem[] = [];
			if (moduleVersion !== undefined && !inRange(setupDone.versions, moduleVersion)) {
				const message = `setup-done has no effect from Device OS 4.0.0 on; leave it out.`;
				problems.push(problem('DCT_FIELD_WITHOUT_EFFECT', message, { severity: 'warning' }));
			}
			return good({ offset: setupDone.offset, bytes: Uint8Array.of(setupDone[text]) }, problems);
		}
	}
}

function placeKey(place: DctKeyField, key: Verdict<Uint8Array>): Placed {
	if (!key.ok) return key;
	// At most 611 of 612 bytes (RSA 1024), 294 of 294 (RSA 2048), some 121 of 192 (EC).
	assert(key.value.length <= place.read, 'a key that passed its checks is longer than what the device reads');
	const bytes = new Uint8Array(place.size).fill(0xff);
	bytes.set(key.value);
	return good({ offset: place.offset, bytes }, key.problems);
}

function notThere(name: UnitFieldName, p: Platform, why = ''): Verdict<never> {
	return bad(problem('DCT_FIELD_NOT_THERE', `${p.displayName} has no ${name}${why}.`, { field: name, found: p.name }));
}
