/**
 * Who a device is, from every side it can be asked: USB descriptors, control requests, and its serial port for what its Device OS has no control
 * request for. Says where each value came from. Reads only; the mode of a device is never changed for it.
 */
import type { Platform } from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import { ControlDevice, type DiscoveredDevice } from '@linac/usb';
import { usbIdsOf } from '../environment.js';
import { overSerial, type SerialDevice, type SerialWay, serialDevices } from './serial-devices.js';

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

/**
 * `IN_DFU_MODE`, `NO_SERIAL_PORT`, `NOT_LISTENING`, or the code of what went wrong at its serial port. The message is a whole sentence; what to do about
 * it depends on where one stands.
 */
export interface IdentityNote {
	code: string;
	message: string;
}

export interface IdentityWorld extends SerialWay {
	platforms: readonly Platform[];
}

/** The columns of a table of units, in this order for ever; new ones are added behind. `deviceSecret` comes last, and only where it was asked for. */
export const identityColumns: readonly IdentityField[] = [
	'deviceId',
	'platform',
	'mode',
	'osVersion',
	'serialNumber',
	'imei',
	'iccid',
	'ncpVersion',
	'ncpModuleVersion',
	'location',
];

export interface Identity {
	device: DiscoveredDevice;
	values: Partial<Record<IdentityField, string>>;
	via: Partial<Record<IdentityField, Via>>;
	/** What could not be found out. */
	notes: IdentityNote[];
	/** It could not be asked at all: only what the bus tells is known. */
	error?: LinacError;
}

export interface IdentityOptions {
	/** Ask for the device secret, too. */
	secret?: boolean | undefined;
}

/** Devices that one can ask: those on USB, and those of which only a serial port is to be seen (no right to open them by USB). */
export async function identifiable(world: IdentityWorld, onUsb: readonly DiscoveredDevice[]): Promise<DiscoveredDevice[]> {
	const known = (port: SerialDevice) =>
		onUsb.some(
			(d) =>
				(d.deviceId !== undefined && d.deviceId === port.port.deviceId) ||
				(d.location !== undefined && d.location === port.port.location),
		);
	const ports = await serialDevices(world.serial, world.platforms.map(usbIdsOf)).catch(() => []);
	return [...onUsb, ...ports.flatMap((port) => (port.device && !known(port) ? [port.device] : []))];
}

export async function identityOf(
	world: IdentityWorld,
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
		identity.notes.push({ code: 'IN_DFU_MODE', message: 'The device is in DFU mode, where it tells only its device id.' });
		return identity;
	}
	const asked = await byControl(world, device, set);
	if (wantsSerial(world, identity, options)) await bySerial(world, identity, options, set);
	set('mode', 'normal', 'usb');
	if (asked && identity.values.osVersion === undefined) identity.error = asked;
	return identity;
}

type Set = (field: IdentityField, value: string | undefined, via: Via) => void;

async function byControl(world: IdentityWorld, device: DiscoveredDevice, set: Set): Promise<LinacError | undefined> {
	// Known by its serial port alone.
	if (device.host === undefined) return undefined;
	try {
		const control = await ControlDevice.open(device, { clock: world.clock, ...(world.signal ? { signal: world.signal } : {}) });
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
function wantsSerial({ platforms }: IdentityWorld, { device, values }: Identity, options: IdentityOptions): boolean {
	const cellular = platforms.find((p) => p.name === device.platform.name)?.components.cellular === true;
	return (
		options.secret === true ||
		values.osVersion === undefined ||
		values.deviceId === undefined ||
		(cellular && (values.iccid === undefined || values.imei === undefined))
	);
}

async function bySerial(world: IdentityWorld, identity: Identity, options: IdentityOptions, set: Set): Promise<void> {
	const { device, notes } = identity;
	const port = await portOf(world, device);
	if (!port) {
		notes.push({ code: 'NO_SERIAL_PORT', message: 'Its serial port, which would tell the rest, is not to be seen.' });
		return;
	}
	try {
		await overSerial(world, port.port, async (listening) => {
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
		const message =
			known.code === 'NOT_LISTENING'
				? 'It is not in listening mode, where it would tell the rest.'
				: `Its serial port could not be asked: ${known.message}`;
		notes.push({ code: known.code, message });
	}
}

async function portOf(world: IdentityWorld, device: DiscoveredDevice): Promise<SerialDevice | undefined> {
	const ports = await serialDevices(world.serial, world.platforms.map(usbIdsOf)).catch((error: unknown) => {
		if (error instanceof LinacError) return [];
		throw error;
	});
	return (
		ports.find((p) => p.device && device.deviceId !== undefined && p.port.deviceId === device.deviceId) ??
		ports.find((p) => p.device && device.location !== undefined && p.port.location === device.location)
	);
}
