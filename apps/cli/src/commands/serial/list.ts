/** `linac serial list`: the serial ports of Particle devices. Opens none of them. */
import { serialDevices } from '@linac/programmer';
import { connect } from '../../connect.js';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import type { SerialOptions } from '../../serial-port.js';
import { usbIds } from '../../usb-ids.js';

export async function list(context: Context, options: SerialOptions & { all?: boolean }): Promise<ExitCode> {
	const { output } = context;
	const connection = await connect(context, options);
	try {
		const found = await serialDevices(connection.serial, usbIds(), options.all);
		output.document(
			found.map(({ port, device }) => ({
				port: port.path,
				platform: device?.platform.name ?? null,
				deviceId: port.deviceId ?? null,
				location: port.location ?? null,
				vendorId: port.vendorId ?? null,
				productId: port.productId ?? null,
			})),
		);
		if (found.length === 0) {
			output.print(`No serial port of a Particle device was found ${connection.where}.`);
			output.paragraph('A device in DFU mode has none. On Linux and in containers the ports are /dev/ttyACM0 and so on.');
		} else {
			output.table(
				[{ title: 'Port' }, { title: 'Device' }, { title: 'Device id' }, { title: 'USB port' }],
				found.map(({ port, device }) => [
					port.path,
					device ? connection.displayName(device) : '',
					port.deviceId ?? (device ? 'not told' : ''),
					port.location ?? '',
				]),
			);
		}
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}
