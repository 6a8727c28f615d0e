/** `linac identify`: the numbers of devices. */
import type { IdentifyOptions } from '../commands/identify.js';
import { examples, type Registrar, withDevice, withOutput } from '../registration.js';

export function registerIdentify({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withDevice(
				add(
					'identify',
					'show device id, serial number, IMEI, ICCID and versions of a device, or of all of them',
					'Asks by control request, and over the serial port for what this Device OS has no control request for: for that the device ' +
						'must be in listening mode. Says where each value came from. In DFU mode a device tells only its device id.',
				),
			).option('--all', 'every device that is connected'),
		)
			.option('--csv', 'print a header and a line for each device, for a spreadsheet or a database')
			.option('--no-header', 'with --csv: no header, to append a unit to a file')
			.option('--secret', 'show the device secret, too, which is never shown otherwise (listening mode)'),
		['linac identify', 'the only device that is connected'],
		['linac identify --device e00fce68 --json', 'a certain one, for a script'],
		['linac identify --all --csv > units.csv', 'all that are connected, as a file'],
		['linac identify --csv --no-header >> units.csv', 'one more unit of a line'],
	).action(runs<IdentifyOptions>(async () => (await import('../commands/identify.js')).identify));
}
