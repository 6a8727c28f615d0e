/** `linac serial ...`: devices over their serial port. */
import type { Command } from 'commander';
import type { SerialFlashOptions } from '../commands/serial/flash.js';
import type { MonitorOptions } from '../commands/serial/monitor.js';
import { collect, examples, fileKinds, type Registrar, withDevice, withOutput, withWriting } from '../registration.js';
import type { SerialOptions } from '../serial-port.js';

const listening =
	'The device must be in listening mode (blinking dark blue): hold MODE (SETUP on Photon and P1) for three seconds, or run ' +
	'"linac usb start-listening".';

export function registerSerial({ add, runs }: Registrar): void {
	const serial = add('serial', 'talk to a device over its serial port (listening mode)');
	examples(
		serial,
		['linac serial list', 'which ports there are'],
		['linac serial identify', 'who the device is, asked over its port'],
		['linac serial monitor', 'what it prints, until Ctrl-C'],
	);
	const command = (name: string, summary: string, description = summary) =>
		withOutput(withPort(add(name, summary, description, serial)));

	examples(
		command('list', 'show the serial ports of Particle devices').option('--all', 'every serial port, whatever is behind it'),
		['linac serial list', 'ports, device ids and USB ports'],
	).action(runs<SerialOptions & { all?: boolean }>(async () => (await import('../commands/serial/list.js')).list));

	examples(
		command(
			'identify',
			'show device id, serial number, IMEI, ICCID and Device OS version',
			`Asks over the serial port. ${listening}`,
		).option('--secret', 'show the device secret, too, which is never shown or logged otherwise'),
		['linac serial identify', 'the only device that is connected'],
		['linac serial identify --port /dev/ttyACM0 --json', 'the device at a certain port, for a script'],
	).action(runs<SerialOptions & { secret?: boolean }>(async () => (await import('../commands/serial/ask.js')).identify));

	examples(
		command('inspect', 'show the modules on a device, with its own checks of them', `Asks over the serial port. ${listening}`),
		['linac serial inspect', 'the only device that is connected'],
	).action(runs<SerialOptions>(async () => (await import('../commands/serial/ask.js')).inspect));

	examples(command('mac', 'show the MAC address of a device with Wi-Fi', `Asks over the serial port. ${listening}`), [
		'linac serial mac',
		'the only device that is connected',
	]).action(runs<SerialOptions>(async () => (await import('../commands/serial/ask.js')).mac));

	examples(
		command(
			'monitor',
			'print what a device says, until Ctrl-C',
			'Prints what comes from the serial port. Writes nothing to the device.',
		).option('--no-reconnect', 'end when the device leaves, instead of waiting for it'),
		['linac serial monitor', 'the only device that is connected'],
		['linac serial monitor --json', 'one JSON object a line, each with its time'],
	).action(runs<MonitorOptions>(async () => (await import('../commands/serial/monitor.js')).monitor));

	examples(
		withWriting(
			command(
				'flash <files...>',
				'program files over the serial port (Device OS below 6)',
				`Sends modules one after the other by YMODEM, in the order in which the device takes them. After each the device restarts by itself; before the next one it ` +
					`is brought back into listening mode and looked at. ${fileKinds} Use "linac flash" where you can: it is faster, and reads everything back.`,
			),
		).option('--allow <what>', 'allow something that can lose something: "downgrade" (may be given several times)', collect),
		['linac serial flash firmware.bin', 'an application'],
		['linac serial flash photon-2.3.1/ --allow downgrade', 'Device OS from a folder, to an older version'],
		['linac serial flash modules.zip --dry-run', 'the order in which they would be sent'],
	).action(runs<SerialFlashOptions>(async () => (await import('../commands/serial/flash.js')).flash));
}

function withPort(command: Command): Command {
	return withDevice(command).option('--port <path>', 'the serial port to use, e.g. /dev/ttyACM0 or COM5');
}
