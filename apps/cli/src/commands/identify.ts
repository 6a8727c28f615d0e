/** `linac identify`: the numbers of a device or of all that are connected, as text, JSON, or CSV for a line of units. */
import { platforms } from '@linac/catalog';
import { asLinacError, csvLine } from '@linac/core';
import {
	type Identity,
	type IdentityField,
	type IdentityNote,
	type IdentityWorld,
	identifiable,
	identityColumns,
	identityFields,
	identityOf,
} from '@linac/programmer';
import { type DiscoveredDevice, listDevices } from '@linac/usb';
import { chooseDevice } from '../choose-device.js';
import { type Connection, connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode, exitCodeFor } from '../exit-codes.js';
import { usage } from '../failure.js';
import { usbIds } from '../usb-ids.js';

export interface IdentifyOptions extends DeviceOptions {
	all?: boolean;
	csv?: boolean;
	/** `--no-header` of commander. */
	header?: boolean;
	secret?: boolean;
}

const labels: Record<IdentityField, string> = {
	platform: 'Device',
	deviceId: 'Device id',
	location: 'USB port',
	mode: 'Mode',
	osVersion: 'Device OS',
	serialNumber: 'Serial number',
	ncpVersion: 'Network processor',
	ncpModuleVersion: 'Its module',
	iccid: 'SIM (ICCID)',
	imei: 'Modem (IMEI)',
	deviceSecret: 'Device secret',
};
const modeNames: Record<string, string> = { dfu: 'DFU', safe: 'safe mode' };
const ways = { usb: '', control: 'by control request', serial: 'over serial' };

export async function identify(context: Context, options: IdentifyOptions): Promise<ExitCode> {
	const { output } = context;
	if (options.csv && output.json) throw usage('--csv and --json contradict each other.', 'Leave one of them out.');
	if (options.header === false && !options.csv) throw usage('--no-header makes sense only with --csv.');
	if (options.all && options.device !== undefined) throw usage('--all and --device contradict each other.');
	const connection = await connect(context, options);
	try {
		const chosen = await choose(context, connection, options);
		const identities: Identity[] = [];
		for (const device of chosen) identities.push(await identityOf(worldOf(context, connection), device, options));
		const fields: IdentityField[] = [...identityFields, ...(options.secret ? (['deviceSecret'] as const) : [])];
		const documents = identities.map((identity) => toJson(identity, fields));
		output.document(options.all ? documents : documents[0]);
		if (options.csv) printCsv(context, identities, options);
		else
			identities.forEach((identity, i) => {
				if (i > 0) output.print();
				show(context, connection, identity, fields);
			});
		for (const identity of identities) tellNotes(context, connection, identity);
		const failed = identities.find((i) => i.error)?.error;
		return failed === undefined ? ExitCode.ok : exitCodeFor(failed.code, failed.retry, ExitCode.device);
	} finally {
		await connection.close();
	}
}

async function choose(context: Context, connection: Connection, options: IdentifyOptions): Promise<DiscoveredDevice[]> {
	let onUsb: DiscoveredDevice[] = [];
	let failure: unknown;
	try {
		onUsb = await listDevices(connection.host, usbIds(), context.signal);
	} catch (error) {
		// Without USB there may still be serial ports.
		if (asLinacError(error).code === 'CANCELLED') throw error;
		failure = error;
	}
	const found = await identifiable(worldOf(context, connection), onUsb);
	if (found.length === 0 && failure !== undefined) throw failure;
	if (options.all && found.length > 0) return found;
	return [chooseDevice(found, connection.choose(options.device))];
}

function toJson({ values, via, error }: Identity, fields: readonly IdentityField[]) {
	return {
		...Object.fromEntries(fields.map((field) => [field, values[field] ?? null])),
		via,
		...(error === undefined ? {} : { error: error.toJSON() }),
	};
}

function printCsv(context: Context, identities: readonly Identity[], options: IdentifyOptions): void {
	const columns = [...identityColumns, ...(options.secret ? (['deviceSecret'] as const) : [])];
	if (options.header !== false) context.output.print(csvLine(columns));
	for (const { values } of identities) context.output.print(csvLine(columns.map((column) => values[column] ?? '')));
}

function show(context: Context, connection: Connection, identity: Identity, fields: readonly IdentityField[]): void {
	const { output } = context;
	const shown = { ...identity.values, platform: connection.displayName(identity.device) };
	const known = fields.filter((field) => shown[field] !== undefined);
	const width = Math.max(...known.map((field) => labels[field].length));
	const texts = known.map((field) => (field === 'mode' ? (modeNames[shown.mode ?? ''] ?? shown.mode) : shown[field]) ?? '');
	const valueWidth = Math.max(...texts.map((text) => text.length));
	known.forEach((field, i) => {
		const way = ways[identity.via[field] ?? 'usb'];
		const line = `${labels[field].padEnd(width)}  ${texts[i]!.padEnd(valueWidth)}  ${way === '' ? '' : output.colors.dim(`(${way})`)}`;
		output.print(line.trimEnd());
	});
}

/** On stderr, so that a CSV file stays one. */
function tellNotes(context: Context, connection: Connection, { device, notes, error }: Identity): void {
	const who = `${connection.displayName(device)} ${device.deviceId ?? ''}`.trim();
	if (error) {
		context.output.note(`${who} could not be asked: ${error.message}`);
		if (error.hint !== undefined) context.output.note(`Hint:  ${error.hint}`);
	}
	for (const note of notes) context.output.note(`${who}: ${note.message}${whatHelps(note)}`);
}

function whatHelps({ code }: IdentityNote): string {
	if (code === 'IN_DFU_MODE') return ' "linac usb reset" starts it.';
	if (code === 'NOT_LISTENING') return ' Bring it there by "linac usb start-listening", or hold MODE for three seconds.';
	return '';
}

function worldOf(context: Context, { serial, environment }: Connection): IdentityWorld {
	return { serial, clock: environment.clock, platforms, signal: context.signal };
}
