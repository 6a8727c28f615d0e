/**
 * The settings of one unit as options: the same names as the columns of a list of units, for commands that make one image or one folder. What
 * each takes, and what is wrong with it, is `@linac/image`'s to say.
 */
import { problem } from '@linac/core';
import { isKeyField, type UnitFieldName, type UnitFields, unitFieldNames } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused } from '../../failure.js';
import { readInputs } from '../../inputs.js';

export interface UnitOptions {
	devicePrivateKey?: string;
	serverPublicKey?: string;
	serverAddress?: string;
	claimCode?: string;
	antenna?: string;
	setupDone?: string;
}

const optionOf: Record<UnitFieldName, keyof UnitOptions> = {
	'device-private-key': 'devicePrivateKey',
	'server-public-key': 'serverPublicKey',
	'server-address': 'serverAddress',
	'claim-code': 'claimCode',
	antenna: 'antenna',
	'setup-done': 'setupDone',
};

/** The fields that were given, key files read; undefined when none was. Throws when a file cannot be read. */
export async function unitFieldsOf(context: Context, options: UnitOptions): Promise<UnitFields | undefined> {
	const fields: Partial<Record<UnitFieldName, unknown>> = {};
	for (const name of unitFieldNames) {
		const text = options[optionOf[name]];
		if (text === undefined) continue;
		fields[name] = isKeyField(name) ? { file: text, bytes: await readKey(context, text) } : text;
	}
	return Object.keys(fields).length === 0 ? undefined : (fields as UnitFields);
}

async function readKey(context: Context, path: string): Promise<Uint8Array> {
	const [input] = await readInputs([path], context.cwd);
	if (input?.bytes !== undefined) return input.bytes;
	const problems = input?.problems ?? [problem('FILE_NOT_FOUND', `There is no file ${path}.`, { file: path })];
	throw refused(ExitCode.inputRefused, problems);
}
