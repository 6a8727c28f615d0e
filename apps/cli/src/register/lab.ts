/** `linac lab`: virtual devices for every other command. */
import type { LabOptions } from '../commands/lab.js';
import { collect, examples, type Registrar, withOutput, withSources } from '../registration.js';

export function registerLab({ add, runs }: Registrar): void {
	examples(
		withSources(
			withOutput(
				add(
					'lab',
					'serve virtual devices over USB/IP, for every other command',
					'Starts virtual devices and serves them until Ctrl-C. Other commands use them with --usbip. They keep their state between ' +
						'commands, and with --state between runs of the lab. While it runs, type "help" for the cable and the buttons.',
				),
			)
				.optionsGroup('Which devices:')
				.requiredOption(
					'--device <platform@version>',
					'a virtual device with this Device OS on it (may be given several times)',
					collect,
				)
				.option('--state <folder>', 'keep the state of the devices here between runs')
				.option('--mode <mode>', 'mode that new devices start in: normal or dfu', 'normal')
				.optionsGroup('How:')
				.option('--listen <host:port>', 'where to serve; port 0 takes any free one', '127.0.0.1:3240')
				.option('--timing <which>', 'datasheet: flash is as slow as in the datasheet; none: at once', 'datasheet')
				.option('--speed <factor>', 'run time this many times faster', '1'),
		),
		['linac lab --device boron@2.2.0 --device photon@1.5.2', 'two virtual devices'],
		['linac lab --device argon@4.0.1 --state ~/lab --speed 10', 'ten times faster, and kept for next time'],
	).action(runs<LabOptions>(async () => (await import('../commands/lab.js')).lab));
}
