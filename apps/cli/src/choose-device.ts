/**
 * Which device a command is about. One connected: that one. Several and none named: refused, with the list; never "the first".
 * A device is named by its id (or the beginning of it), by its USB port, or by its kind when there is only one of that kind.
 */
import type { DiscoveredDevice } from '@linac/usb';
import { ExitCode } from './exit-codes.js';
import { CommandFailure } from './failure.js';

/** One line about a device, for lists. */
export function describeDevice(device: DiscoveredDevice, displayName: string): string {
	const parts = [displayName];
	if (device.deviceId !== undefined) parts.push(device.deviceId);
	if (device.location !== undefined) parts.push(`at USB port ${device.location}`);
	if (device.mode === 'dfu') parts.push('in DFU mode');
	return parts.join(' ');
}

function matches(device: DiscoveredDevice, name: string, isKind: (device: DiscoveredDevice, name: string) => boolean): boolean {
	const wanted = name.toLowerCase();
	if (device.location?.toLowerCase() === wanted) return true;
	// Six digits are enough to mean an id: fewer would match by accident.
	if (/^[0-9a-f]{6,24}$/.test(wanted) && device.deviceId?.startsWith(wanted)) return true;
	return isKind(device, wanted);
}

export interface ChooseOptions {
	/** What the user wrote behind --device. */
	name?: string;
	/** Where was looked, for the error: `on USB`, `at localhost:3240`. */
	where: string;
	displayName(device: DiscoveredDevice): string;
	/** Whether the name is that of the device's platform. */
	isKind(device: DiscoveredDevice, name: string): boolean;
}

/** Throws `DEVICE_NOT_FOUND` or `DEVICE_AMBIGUOUS`, both with exit code 5. */
export function chooseDevice(devices: readonly DiscoveredDevice[], options: ChooseOptions): DiscoveredDevice {
	const list = (some: readonly DiscoveredDevice[]) =>
		some.map((d) => `\n  ${describeDevice(d, options.displayName(d))}`).join('');
	const details = {
		devices: devices.map((d) => ({
			platform: d.platform.name,
			deviceId: d.deviceId ?? null,
			location: d.location ?? null,
			mode: d.mode,
		})),
	};
	if (devices.length === 0) {
		throw new CommandFailure(ExitCode.device, 'DEVICE_NOT_FOUND', `No Particle device was found ${options.where}.`, {
			retry: 'operator',
			hint:
				'Check that the device has power and that the cable carries data (some only charge). If the computer still does not see it, ' +
				'put it in DFU mode: hold MODE (SETUP on older devices), tap RESET, and let go when the LED blinks yellow. "linac doctor" says more.',
			details,
		});
	}
	const { name } = options;
	if (name === undefined) {
		if (devices.length === 1) return devices[0]!;
		throw new CommandFailure(
			ExitCode.device,
			'DEVICE_AMBIGUOUS',
			`Several devices are connected, and none was named:${list(devices)}`,
			{
				retry: 'operator',
				hint: 'Name one with --device, by its id (the first 6 digits or more) or its USB port.',
				details,
			},
		);
	}
	const fitting = devices.filter((d) => matches(d, name, options.isKind));
	if (fitting.length === 1) return fitting[0]!;
	if (fitting.length === 0) {
		throw new CommandFailure(
			ExitCode.device,
			'DEVICE_NOT_FOUND',
			`No device "${name}" was found ${options.where}. Connected:${list(devices)}`,
			{
				retry: 'operator',
				hint: 'Name a device by its 24-digit id (or at least 6 digits of its beginning) or by its USB port, as in the list.',
				details,
			},
		);
	}
	throw new CommandFailure(ExitCode.device, 'DEVICE_AMBIGUOUS', `"${name}" could be any of these devices:${list(fitting)}`, {
		retry: 'operator',
		hint: 'Give more digits of the device id, or the USB port.',
		details,
	});
}
