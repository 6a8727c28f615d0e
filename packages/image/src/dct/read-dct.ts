/**
 * What the device reads from the two DCT sectors of a restore image or of a flash dump: which sector counts, whether its checksum is right,
 * and which of the fields of one unit are set. Secrets are reported as there or not there, never as they are.
 */
import { asPlatform, dctFieldsOf, dctStoreOf, type Platform } from '@linac/catalog';
import { address, bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { type CurrentDct, type DctLayout, dctSectorFormat, dctSettings } from '@linac/firmware';
import { type UnitFieldName, unitFieldNames } from './fields.js';
import { serverAddressText } from './server-address.js';

export interface DctFieldState {
	name: UnitFieldName;
	/** False: as on a new device. */
	set: boolean;
	/** What is set, where it is not a secret. */
	value?: string;
}

export interface DctContents {
	layout: DctLayout;
	/** Address of the sector that the device reads. */
	start: number;
	checksum: CurrentDct['checksum'];
	/** Number by which the newer of two tables is told. */
	generation: number;
	/** All settings, secrets too, from offset 0 on: a view. */
	settings: Uint8Array;
	/** The fields that this platform has. */
	fields: DctFieldState[];
}

/**
 * @param bytes both sectors, the first one first
 * @returns refused with `DCT_NOT_IN_INTERNAL_FLASH`, `DCT_SIZE` or `DCT_NO_TABLE`; warning `DCT_CHECKSUM`
 */
export function readDct(platform: Platform | string, bytes: Uint8Array): Verdict<DctContents> {
	const p = asPlatform(platform);
	const store = dctStoreOf(p);
	if (!store) {
		return bad(problem('DCT_NOT_IN_INTERNAL_FLASH', `${p.displayName} keeps no DCT in its internal flash.`, { found: p.name }));
	}
	const size = 2 * store.sectorSize;
	if (bytes.length !== size) {
		const message = `The DCT of ${p.displayName} is two sectors of ${store.sectorSize} bytes, ${size} in all; these are ${bytes.length}.`;
		return bad(problem('DCT_SIZE', message, { expected: size, found: bytes.length }));
	}
	const sectors = [bytes.subarray(0, store.sectorSize), bytes.subarray(store.sectorSize)] as const;
	const current = dctSectorFormat(store.layout).current(...sectors);
	if (!current) {
		const message = `Neither sector of the DCT holds a table: ${p.displayName} would start with a new one.`;
		return bad(problem('DCT_NO_TABLE', message));
	}
	const start = store.sectors[current.sector];
	const problems: Problem[] = [];
	if (current.checksum === 'wrong') {
		const message = `The checksum of the DCT at ${address(start)} is wrong. The device reads it all the same, as the other sector is no better.`;
		problems.push(problem('DCT_CHECKSUM', message, { severity: 'warning' }));
	}
	const settings = dctSettings(store.layout, sectors[current.sector]);
	const { checksum, generation } = current;
	return good({ layout: store.layout, start, checksum, generation, settings, fields: fieldStates(p, settings) }, problems);
}

/** The fields of one unit in a table, on any platform. `settings`: the DCT from offset 0 on. */
export function fieldStates(platform: Platform | string, settings: Uint8Array): DctFieldState[] {
	const { cloud, claimCode, antenna, setupDone } = dctFieldsOf(platform);
	const states: Partial<Record<UnitFieldName, Omit<DctFieldState, 'name'>>> = {};
	if (cloud) {
		states['device-private-key'] = { set: settings[cloud.devicePrivateKey.offset] !== 0xff };
		states['server-public-key'] = { set: settings[cloud.serverPublicKey.offset] !== 0xff };
		const { offset, size } = cloud.serverAddress;
		const value = serverAddressText(settings.subarray(offset, offset + size), cloud.serverAddress);
		states['server-address'] = value === undefined ? { set: false } : { set: true, value };
	}
	if (claimCode) {
		const first = settings[claimCode.offset];
		states['claim-code'] = { set: first !== 0xff && first !== 0 };
	}
	if (antenna) {
		const value = Object.entries(antenna.values).find(([, code]) => code === settings[antenna.offset])?.[0];
		states.antenna = value === undefined ? { set: false } : { set: true, value };
	}
	if (setupDone) {
		const yes = settings[setupDone.offset] === setupDone.yes;
		states['setup-done'] = yes ? { set: true, value: 'yes' } : { set: false };
	}
	return unitFieldNames.flatMap((name) => (states[name] ? [{ name, ...states[name] }] : []));
}
