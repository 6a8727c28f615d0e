/** `linac assets`: what a device keeps of the assets of its application. */
import type { DeviceOptions } from '../context.js';
import { examples, type Registrar, withDevice, withOutput } from '../registration.js';

export function registerAssets({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withDevice(
				add(
					'assets',
					'show which assets a device has stored, which its application asks for, and which are missing',
					'Asks a running device (Device OS 5.6.0 or newer) and writes nothing. Exit code 7 when the application asks for an asset that is not ' +
						'stored: then the device waits in safe mode. "linac flash bundle.zip" stores what is missing.',
				),
			),
		),
		['linac assets', 'the only device that is connected'],
		['linac assets --device e00fce68 --json', 'a certain one, for a script'],
	).action(runs<DeviceOptions>(async () => (await import('../commands/assets.js')).assets));
}
