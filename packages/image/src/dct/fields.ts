/**
 * The settings of a DCT that one unit has and the next has not, under the names that people use for them (options, CSV columns): what each
 * takes, and what is wrong with a value. Places, sizes and values are facts (data/dct.json); from text and files to bytes stands in
 * encode.ts.
 */
import { asPlatform, type DctFields, dctFieldsOf, type KeyKind, type Platform } from '@linac/catalog';

/** A key as it is given: the file's bytes, and its name for messages. */
export interface KeyInput {
	file: string;
	bytes: Uint8Array;
}

/** What is set on one unit. A field that is missing stays as on a new device. */
export interface UnitFields {
	/** `yes` or `no`. nRF52840 only. */
	'setup-done'?: string;
	/** PEM or DER. */
	'device-private-key'?: KeyInput;
	/** PEM or DER. */
	'server-public-key'?: KeyInput;
	/** `host`, `host:port`, `1.2.3.4` or `1.2.3.4:port`. */
	'server-address'?: string;
	/** 63 characters. */
	'claim-code'?: string;
	/** `internal`, `external`, on some platforms `auto`. */
	antenna?: string;
}

export type UnitFieldName = keyof UnitFields;

/** In the order in which they are shown. */
export const unitFieldNames = [
	'device-private-key',
	'server-public-key',
	'server-address',
	'claim-code',
	'antenna',
	'setup-done',
] as const satisfies readonly UnitFieldName[];

/** The fields whose value is the content of a file. */
export const keyFieldNames = ['device-private-key', 'server-public-key'] as const satisfies readonly UnitFieldName[];
export type KeyFieldName = (typeof keyFieldNames)[number];

export function isKeyField(name: UnitFieldName): name is KeyFieldName {
	return (keyFieldNames as readonly string[]).includes(name);
}

export function isUnitField(name: string): name is UnitFieldName {
	return (unitFieldNames as readonly string[]).includes(name);
}

/** A field, for somebody who has to fill it in. */
export interface UnitFieldHelp {
	name: UnitFieldName;
	takes: 'file' | 'text';
	/** What it is, in a sentence. */
	help: string;
	/** What may be given, for this platform; undefined: this platform has no such field. */
	range?: string;
	/** All values that may be given, where they are few. */
	values?: string[];
}

export const keyKinds: Record<KeyKind, string> = {
	'rsa-1024': 'RSA, 1024 bits',
	'rsa-2048': 'RSA, 2048 bits',
	'ec-p256': 'EC, curve P-256',
};

/** All fields, with what each may hold on a platform. */
export function describeUnitFields(platform: Platform | string): UnitFieldHelp[] {
	const has = dctFieldsOf(asPlatform(platform));
	return unitFieldNames.map((name) => {
		const range = ranges[name](has);
		const values = name === 'antenna' ? Object.keys(has.antenna?.values ?? {}) : name === 'setup-done' ? ['yes', 'no'] : [];
		return {
			name,
			takes: isKeyField(name) ? 'file' : 'text',
			help: helps[name],
			...(range === undefined ? {} : { range, ...(values.length > 0 ? { values } : {}) }),
		};
	});
}

const helps: Record<UnitFieldName, string> = {
	'device-private-key': 'The private key by which the cloud knows the device. Without one the device makes its own.',
	'server-public-key': 'The public key of the server. Without one the device uses the one of Particle that is built in.',
	'server-address': 'Name or IPv4 address of the server, and its port. Without one the device goes to Particle.',
	'claim-code': 'The code by which the device becomes part of an account when it first connects.',
	antenna: 'Which antenna the radio uses. Without a choice it is the default of the board.',
	'setup-done': 'Whether the device starts without waiting to be set up.',
};

const ranges: Record<UnitFieldName, (has: DctFields) => string | undefined> = {
	'device-private-key': ({ cloud }) => cloud && `PEM or DER file: ${keyKinds[cloud.devicePrivateKey.key]}`,
	'server-public-key': ({ cloud }) => cloud && `PEM or DER file: ${keyKinds[cloud.serverPublicKey.key]}`,
	'server-address': ({ cloud }) =>
		cloud &&
		`host or host:port, at most ${cloud.serverAddress.nameLength} characters of host; port ${cloud.serverAddress.port} if none is given`,
	'claim-code': ({ claimCode }) => claimCode && `${claimCode.size} characters`,
	antenna: ({ antenna }) => antenna && `${Object.keys(antenna.values).join(', ')} (${antenna.radio})`,
	'setup-done': ({ setupDone }) => setupDone && 'yes or no; Device OS 4.0.0 and later do not look at it',
};
