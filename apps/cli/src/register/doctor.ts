/** `linac doctor`: what is wrong with the computer, the cable and the board. */
import type { DoctorOptions } from '../commands/doctor.js';
import { examples, type Registrar, withDevice, withOutput } from '../registration.js';

export function registerDoctor({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withDevice(
				add(
					'doctor',
					'say what is wrong with this computer, the cable or the device, and which command helps',
					'Looks at the computer first (USB, permissions, drivers, other programs, folders), then at each device: can it be reached, what is ' +
						'on it, and what is wrong with it, in plain words, with the command that helps. Writes nothing to a device. Exit code 0 only when ' +
						'nothing is wrong.',
				),
			)
				.optionsGroup('How deep:')
				.option('--deep', 'restart the device into DFU mode, read everything back, and return it to its mode')
				.option('--watch', 'wait while you plug the device in, and say what the computer saw: for cables that may only charge')
				.option('--wait <seconds>', 'how long --watch waits', '60')
				.optionsGroup('Linux:')
				.option('--install-udev-rule', 'write the udev rule that lets users open devices (needs root; asks)')
				.option('--print-udev-rule', 'print that rule')
				.option('-y, --yes', 'do not ask before the rule is written'),
		),
		['linac doctor', 'everything that is connected, and the computer'],
		['linac doctor --deep --device 1-2.3', 'one device, read back completely'],
		['linac doctor --watch', 'is it the cable?'],
		['sudo linac doctor --install-udev-rule', 'give users the right to open devices (Linux)'],
	).action(runs<DoctorOptions>(async () => (await import('../commands/doctor.js')).doctor));
}
