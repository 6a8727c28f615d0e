/** `linac usb ...`: brings a device into another mode and says so only when it has been seen there. */
import { releaseByVersion, rulesOf } from '@linac/catalog';
import { LinacError } from '@linac/core';
import { ControlDevice, DfuDevice, type DiscoveredDevice, listDevices, waitForDevice } from '@linac/usb';
import { chooseDevice } from '../choose-device.js';
import { type Connection, connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { usbIds } from '../usb-ids.js';

interface Done {
	/** Mode that the device is in now. */
	mode: 'normal' | 'listening' | 'safe' | 'dfu';
	changed: boolean;
	message: string;
}

/** Until a device that restarts is back on the bus, where the system it is connected to says nothing else; milliseconds of its own clock. */
const backMs = 15_000;

export async function usbCommand(
	context: Context,
	verb: string,
	options: DeviceOptions & { reset?: boolean },
): Promise<ExitCode> {
	const { output, signal } = context;
	const connection = await connect(context, options);
	try {
		const device = chooseDevice(await listDevices(connection.host, usbIds(), signal), connection.choose(options.device));
		const done =
			device.mode === 'dfu'
				? await inDfu(connection, device, verb, context)
				: await running(connection, device, verb, options, context);
		output.document({
			command: `usb ${verb}`,
			platform: device.platform.name,
			deviceId: device.deviceId ?? null,
			location: device.location ?? null,
			...done,
		});
		output.print(`${connection.displayName(device)} ${device.deviceId ?? ''}: ${done.message}`);
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}

async function inDfu(connection: Connection, device: DiscoveredDevice, verb: string, context: Context): Promise<Done> {
	if (verb === 'dfu') return { mode: 'dfu', changed: false, message: 'it is in DFU mode already.' };
	if (verb !== 'reset') {
		throw new LinacError('WRONG_MODE', `The device is in DFU mode, where "${verb}" does nothing.`, {
			retry: 'operator',
			hint: 'Start it with "linac usb reset", then run the command again.',
		});
	}
	const { clock } = connection.environment;
	const dfu = await DfuDevice.open(device, { clock, signal: context.signal });
	try {
		await dfu.leave();
	} finally {
		await dfu.close();
	}
	await back(connection, device, undefined, context);
	return { mode: 'normal', changed: true, message: 'it has restarted.' };
}

async function running(
	connection: Connection,
	device: DiscoveredDevice,
	verb: string,
	options: { reset?: boolean },
	context: Context,
): Promise<Done> {
	const { clock } = connection.environment;
	if (verb === 'setup-done' && platformNamed(device.platform.name).dct.setupDone === undefined) {
		// Not an error: a script for several kinds of devices may say it to all of them.
		return { mode: 'normal', changed: false, message: 'this kind of device has no such mark, and needs none.' };
	}
	const control = await ControlDevice.open(device, { clock, signal: context.signal });
	try {
		switch (verb) {
			case 'start-listening':
				await control.startListening();
				return { mode: 'listening', changed: true, message: 'it is in listening mode (blinking dark blue).' };
			case 'stop-listening':
				await control.stopListening();
				return { mode: 'normal', changed: true, message: 'it has left listening mode.' };
			case 'setup-done':
				return await setupDone(control, device, !options.reset);
			case 'dfu':
				await control.enterDfu();
				await back(connection, device, 'dfu', context);
				return { mode: 'dfu', changed: true, message: 'it is in DFU mode (blinking yellow).' };
			case 'safe-mode':
				await control.enterSafeMode();
				await back(connection, device, 'normal', context);
				return { mode: 'safe', changed: true, message: 'it has restarted in safe mode (breathing magenta).' };
			default:
				await control.reset();
				await back(connection, device, undefined, context);
				return { mode: 'normal', changed: true, message: 'it has restarted.' };
		}
	} finally {
		await control.close().catch(() => {});
	}
}

/**
 * Sets or removes the mark, and has the device leave listening mode or go there, as people know it from `particle usb setup-done`. From Device OS
 * 4.0.0 on there is no mark any more (rule `setup-done`).
 */
async function setupDone(control: ControlDevice, device: DiscoveredDevice, wanted: boolean): Promise<Done> {
	const platform = platformNamed(device.platform.name);
	const version = await control.osVersion();
	const number = releaseByVersion(version)?.moduleVersion;
	const before = rulesOf('setup-done', platform)[0]?.systemBefore;
	const without = number !== undefined && before !== undefined && number >= before;
	const listens = (await control.mode()) === 'listening';
	const said: string[] = [];
	let changed = false;
	if (without) said.push(`Device OS ${version} has no such mark, and needs none (only those before 4.0.0 do).`);
	else {
		changed = (await control.setupDone()) !== wanted;
		if (changed) await control.setSetupDone(wanted);
		// An old Device OS may not tell it at all: then its word for having taken it has to do.
		if ((await control.setupDone()) === !wanted) {
			throw new LinacError('SETUP_NOT_MARKED', 'The device accepted the mark, but does not report it.', {
				retry: 'step',
				hint: '"linac flash --local" writes it in DFU mode instead, together with the files.',
			});
		}
		if (wanted) said.push(changed ? 'it is marked as set up.' : 'it was marked as set up already.');
		else said.push(changed ? 'the mark that it is set up is removed.' : 'it had no mark that it is set up.');
	}
	if (wanted && listens) {
		await control.stopListening();
		said.push('It has left listening mode.');
		return { mode: 'normal', changed: true, message: said.join(' ') };
	}
	if (!wanted && !listens && !without) {
		await control.startListening();
		said.push('It is in listening mode (blinking dark blue).');
		return { mode: 'listening', changed: true, message: said.join(' ') };
	}
	return { mode: listens ? 'listening' : 'normal', changed, message: said.join(' ') };
}

async function back(
	connection: Connection,
	device: DiscoveredDevice,
	mode: 'normal' | 'dfu' | undefined,
	context: Context,
): Promise<void> {
	await waitForDevice(connection.host, usbIds(), {
		deviceId: device.deviceId,
		location: device.location,
		mode,
		timeoutMs: connection.environment.limits?.modeChangeMs ?? backMs,
		clock: connection.environment.clock,
		signal: context.signal,
		gone: device.handle.device,
	});
}
