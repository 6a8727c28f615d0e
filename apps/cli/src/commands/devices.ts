/** `linac devices`: what is connected, in which mode, with what on it. Reads only; a device that cannot be asked is listed all the same. */
import { asLinacError, type LinacError } from '@linac/core';
import type { DeviceSnapshot } from '@linac/planner';
import { takeSnapshot } from '@linac/programmer';
import { type DiscoveredDevice, listDevices } from '@linac/usb';
import { chooseDevice } from '../choose-device.js';
import { type Connection, connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { deviceColumns } from '../device-columns.js';
import { ExitCode, exitCodeFor } from '../exit-codes.js';
import { platformNamed, slotName } from '../facts.js';
import { usbIds } from '../usb-ids.js';

interface Seen {
	device: DiscoveredDevice;
	snapshot?: DeviceSnapshot;
	error?: LinacError;
}

export async function devices(context: Context, options: DeviceOptions & { brief?: boolean }): Promise<ExitCode> {
	const connection = await connect(context, options);
	try {
		let found = await listDevices(connection.host, usbIds(), context.signal);
		if (options.device !== undefined) found = [chooseDevice(found, connection.choose(options.device))];
		const seen: Seen[] = options.brief
			? found.map((device) => ({ device }))
			: await Promise.all(found.map((device) => look(connection, device)));
		context.output.document(seen.map((one) => toJson(connection, one)));
		show(context, connection, seen);
		const failed = seen.find((s) => s.error)?.error;
		return failed === undefined ? ExitCode.ok : exitCodeFor(failed.code, failed.retry, ExitCode.device);
	} finally {
		await connection.close();
	}
}

async function look(connection: Connection, device: DiscoveredDevice): Promise<Seen> {
	try {
		return { device, snapshot: await takeSnapshot(device, connection.environment) };
	} catch (error) {
		const known = asLinacError(error);
		if (known.code === 'CANCELLED') throw known;
		return { device, error: known };
	}
}

function toJson(connection: Connection, { device, snapshot, error }: Seen) {
	return {
		platform: device.platform.name,
		platformId: device.platform.id,
		displayName: connection.displayName(device),
		deviceId: device.deviceId ?? snapshot?.deviceId ?? null,
		location: device.location ?? null,
		mode: snapshot?.mode ?? device.mode,
		osVersion: snapshot?.osVersion ?? null,
		modules: snapshot?.modules ?? null,
		...(snapshot?.setupDone === undefined ? {} : { setupDone: snapshot.setupDone }),
		...(snapshot?.protection === undefined ? {} : { protection: snapshot.protection }),
		...(error === undefined ? {} : { error: error.toJSON() }),
	};
}

const modeNames: Record<string, string> = { normal: 'normal', listening: 'listening', safe: 'safe mode', dfu: 'DFU' };

function show(context: Context, connection: Connection, seen: readonly Seen[]): void {
	const { output } = context;
	if (seen.length === 0) {
		output.print(`No Particle device was found ${connection.where}.`);
		output.paragraph(
			'Check that the device has power and that the cable carries data (some only charge). If the computer still does not see it, ' +
				'put it in DFU mode: hold MODE (SETUP on older devices), tap RESET, and let go when the LED blinks yellow. ' +
				'"linac doctor --watch" says what the computer sees while you plug it in.',
		);
		return;
	}
	output.table(
		deviceColumns,
		seen.map(({ device, snapshot, error }) => [
			connection.displayName(device),
			device.deviceId ?? snapshot?.deviceId ?? 'not told',
			device.location ?? '',
			modeNames[snapshot?.mode ?? device.mode] ?? '',
			snapshot?.osVersion ?? '',
			error ? output.colors.red(`not readable: ${error.code}`) : modules(snapshot),
		]),
	);
	for (const { device, error } of seen) {
		if (!error) continue;
		output.note('');
		output.note(`${connection.displayName(device)} ${device.deviceId ?? ''} could not be asked: ${error.message}`);
		if (error.hint !== undefined) output.note(`Hint:  ${error.hint}`);
	}
}

function modules(snapshot: DeviceSnapshot | undefined): string {
	if (snapshot === undefined) return '';
	if (snapshot.modules === undefined) return 'not told by this Device OS; put the device in DFU mode to have it read';
	return snapshot.modules
		.map((m) => `${slotName(platformNamed(snapshot.platform), m)} ${m.version}${m.valid ? '' : ' (damaged)'}`)
		.join(', ');
}
