/** Words of the identify page: names of the numbers, and what helps when a board does not answer. */
import type { IdentityField, IdentityNote } from '@linac/programmer';

export const labels: Record<Exclude<IdentityField, 'location' | 'deviceSecret'>, string> = {
	platform: 'Board',
	deviceId: 'Device id',
	mode: 'Mode',
	osVersion: 'Device OS',
	serialNumber: 'Serial number',
	imei: 'Modem (IMEI)',
	iccid: 'SIM (ICCID)',
	ncpVersion: 'Network processor',
	ncpModuleVersion: 'Its module',
};
export const fields = Object.keys(labels) as (keyof typeof labels)[];

const modes: Record<string, string> = { normal: 'runs', dfu: 'DFU mode', safe: 'safe mode', listening: 'listening mode' };
export const modeWords = (mode: string): string => modes[mode] ?? mode;

const LISTEN = 'Hold MODE (SETUP on Photon and P1) for three seconds, until the LED blinks dark blue. Then identify it again.';

const hints: Record<string, string> = {
	NOT_LISTENING: LISTEN,
	IN_DFU_MODE: 'Press RESET to start it, and identify it again.',
	NO_SERIAL_PORT: 'Choose its serial port above, and bring it into listening mode.',
	SERIAL_CLOSED: 'It was unplugged or has restarted. Plug it in, and identify it again.',
	SERIAL_BUSY: 'This page, or another tab, is using the port: end the monitor, or close the other tab.',
	SERIAL_PERMISSION: 'Choose the port again, so that the browser permits it.',
	SERIAL_OPEN:
		'Another program or another tab may have the port open, a serial monitor for one: close it. On Linux the user may also lack the right: ' +
		'"sudo usermod -aG dialout $USER" gives it (the group is uucp on some systems); log out and in again afterwards.',
	SERIAL_REPLY:
		'Something else answered, an application that prints, for one. Press RESET, bring it into listening mode, and identify it again.',
};

/** The same error with what helps here. */
export function whatHelps(error: unknown): { code?: string; message: string; hint?: string } {
	const { code, message, hint } = error as { code?: string; message: string; hint?: string };
	const here = code === undefined ? undefined : (hints[code] ?? hint);
	return { message, ...(code === undefined ? {} : { code }), ...(here === undefined ? {} : { hint: here }) };
}

export function noteWords({ code, message }: IdentityNote): string {
	return hints[code] === undefined ? message : `${message} ${hints[code]}`;
}
