/**
 * Who a device is, from every side it can be asked: USB descriptors, control requests, and its serial port for what its Device OS has no control
 * request for. Says where each value came from. Reads only; the mode of a device is never changed for it.
 */
import { asLinacError, LinacError } from '@linac/core';
import { ControlDevice, type DiscoveredDevice } from '@linac/usb';
import type { Connection } from './connect.js';
import type { Context } from './context.js';
import { platformNamed } from './facts.js';
import { overSerial, type SerialDevice, serialDevices } from './serial-port.js';

/** Where a value came from: USB descriptors, a control request, or the serial port (listening mode). */
export type Via = 'usb' | 'control' | 'serial';

export const identityFields = [
	'platform',
	'deviceId',
	'location',
	'mode',
	'osVersion',
	'serialNumber',
	'ncpVersion',
	'ncpModuleVersion',
	'iccid',
	'imei',
] as const;
export type IdentityField = (typeof identityFields)[number] | 'deviceSecret';

export interface Identity {
	device: DiscoveredDevice;
	values: Partial<Record<IdentityField, string>>;
	via: Partial<Record<IdentityField, Via>>;
	/** What could not be found out, and what to do about it; whole sentences. */
	notes: string[];
	/** It could not be asked at all: only what the bus tells is known. */
	error?: LinacError;
}

export interface IdentityOptions {
	/** Ask for the device secret, too. */
	secret?: boolean | undefined;
}

/** Devices that one can ask: those on USB, and those of which only a serial port is to be seen (no right to open them by USB). */
export async function identifiable(connection: Connection, onUsb: readonly DiscoveredDevice[]): Promise<DiscoveredDevice[]> {
	const known = (port: SerialDevice) =>
		onUsb.some(
			(d) =>
				(d.deviceId !== undefined && d.deviceId === port.port.deviceId) ||
				(d.location !== undefined && d.location === port.port.location),
		);
	const ports = await serialDevices(connection).catch(() => []);
	return [...onUsb, ...ports.flatMap((port) => (port.device && !known(port) ? [port.device] : []))];
}

export async function identityOf(
	context: Context,
	connection: Connection,
	device: DiscoveredDevice,
	options: IdentityOptions = {},
): Promise<Identity> {
	const identity: Identity = { device, values: {}, via: {}, notes: [] };
	const set = (field: IdentityField, value: string | undefined, via: Via) => {
		if (value === undefined || value === '' || identity.values[field] !== undefined) return;
		identity.values[field] = value;
		identity.via[field] = via;
	};
	set('platform', device.platform.name, 'usb');
	set('deviceId', device.deviceId, 'usb');
	set('location', device.location, 'usb');
	if (device.mode === 'dfu') {
		set('mode', 'dfu', 'usb');
		identity.notes.push('The device is in DFU mode, where it tells only its device id. "linac usb reset" starts it.');
		return identity;
	}
	const asked = await byControl(context, connection, device, set);
	if (wantsSerial(identity, options)) await bySerial(context, connection, identity, options, set);
	set('mode', 'normal', 'usb');
	if (asked && identity.values.osVersion === undefined) identity.error = asked;
	return identity;
}

type Set = (field: IdentityField, value: string | undefined, via: Via) => void;

async function byControl(
	context: Context,
	connection: Connection,
	device: DiscoveredDevice,
	set: Set,
): Promise<LinacError | undefined> {
	// Known by its serial port alone.
	if (device.host === undefined) return undefined;
	try {
		const control = await ControlDevice.open(device, { clock: connection.environment.clock, signal: context.signal });
		try {
			const told = await control.identify();
			set('deviceId', told.deviceId, 'control');
			set('osVersion', told.osVersion, 'control');
			set('serialNumber', told.serialNumber, 'control');
			set('ncpVersion', told.ncpVersion, 'control');
			set('ncpModuleVersion', told.ncpModuleVersion?.toString(), 'control');
			set('iccid', told.iccid, 'control');
			set('imei', told.imei, 'control');
			set('mode', await control.mode(), 'control');
			return undefined;
		} finally {
			await control.close();
		}
	} catch (error) {
		const known = asLinacError(error);
		if (known.code === 'CANCELLED') throw known;
		return known;
	}
}

/** Whether something is missing that the serial port could tell. A device that says it is not listening would only be waited for. */
function wantsSerial({ device, values }: Identity, options: IdentityOptions): boolean {
	const { cellular } = platformNamed(device.platform.name).components;
	return (
		options.secret === true ||
		values.osVersion === undefined ||
		values.deviceId === undefined ||
		(cellular && (values.iccid === undefined || values.imei === undefined))
	);
}

async function bySerial(
	context: Context,
	connection: Connection,
	identity: Identity,
	options: IdentityOptions,
	set: Set,
): Promise<void> {
	const { device, notes } = identity;
	const needs =
		'Put the device into listening mode ("linac usb start-listening", or hold MODE for three seconds) to have the rest.';
	const port = await portOf(connection, device);
	if (!port) {
		notes.push('Its serial port, which would tell the rest, is not to be seen.');
		return;
	}
	try {
		await overSerial(context, connection, port.port, async (listening) => {
			const version = await listening.version();
			const told = await listening.identity();
			// Only a listening device answers. Device OS before 1.1.0 has no other way to say so.
			identity.values.mode = 'listening';
			identity.via.mode ??= 'serial';
			set('osVersion', version, 'serial');
			set('deviceId', told.deviceId, 'serial');
			set('serialNumber', told.serialNumber, 'serial');
			set('iccid', told.iccid, 'serial');
			set('imei', told.imei, 'serial');
			if (options.secret) set('deviceSecret', told.deviceSecret, 'serial');
		});
	} catch (error) {
		const known = asLinacError(error);
		if (known.code === 'CANCELLED') throw known;
		notes.push(known.code === 'NOT_LISTENING' ? needs : `Its serial port could not be asked: ${known.message}`);
	}
}

async function portOf(connection: Connection, device: DiscoveredDevice): Promise<SerialDevice | undefined> {
	const ports = await serialDevices(connection).catch((error: unknown) => {
		if (error instanceof LinacError) return [];
		throw error;
	});
	return (
		ports.find((p) => p.device && device.deviceId !== undefined && p.port.deviceId === device.deviceId) ??
		ports.find((p) => p.device && device.location !== undefined && p.port.location === device.location)
	);
}
