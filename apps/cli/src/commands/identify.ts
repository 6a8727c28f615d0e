/** `linac identify`: the numbers of one device, as the device tells them. */
import { ControlDevice, listDevices } from '@linac/usb';
import { chooseDevice } from '../choose-device.js';
import { connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { usbIds } from '../usb-ids.js';

export async function identify(context: Context, options: DeviceOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const connection = await connect(context, options);
	try {
		const found = await listDevices(connection.host, usbIds(), signal);
		const device = chooseDevice(found, connection.choose(options.device));
		const about: [label: string, key: string, value: string | undefined][] = [
			['Device', 'platform', device.platform.name],
			['Device id', 'deviceId', device.deviceId],
			['USB port', 'location', device.location],
			['Mode', 'mode', device.mode],
		];
		if (device.mode === 'normal') {
			const control = await ControlDevice.open(device, { clock: connection.environment.clock, signal });
			try {
				const told = await control.identify();
				about[3]![2] = await control.mode();
				about[1]![2] ??= told.deviceId;
				about.push(
					['Device OS', 'osVersion', told.osVersion],
					['Serial number', 'serialNumber', told.serialNumber],
					['Network processor', 'ncpVersion', told.ncpVersion],
					['Its module', 'ncpModuleVersion', told.ncpModuleVersion?.toString()],
					['SIM (ICCID)', 'iccid', told.iccid],
					['Modem (IMEI)', 'imei', told.imei],
				);
			} finally {
				await control.close();
			}
		} else {
			output.note('The device is in DFU mode, where it tells only its device id. "linac usb reset" starts it.');
		}
		output.document(Object.fromEntries(about.map(([, key, value]) => [key, value ?? null])));
		about[0]![2] = connection.displayName(device);
		if (device.mode === 'dfu') about[3]![2] = 'DFU';
		const known = about.filter(([, , value]) => value !== undefined);
		const width = Math.max(...known.map(([label]) => label.length));
		for (const [label, , value] of known) output.print(`${label.padEnd(width)}  ${value}`);
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}
