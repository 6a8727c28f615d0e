/** `linac devices`: what is connected. */
import type { DeviceOptions } from '../context.js';
import { examples, type Registrar, withDevice, withOutput } from '../registration.js';

export function registerDevices({ add, runs }: Registrar): void {
	examples(
		withOutput(withDevice(add('devices', 'show what is connected, in which mode, and what is on it'))).option(
			'--brief',
			'do not ask the devices what is on them: faster, and disturbs nothing',
		),
		['linac devices', 'everything that is connected'],
		['linac devices --usbip localhost:3240', 'the virtual devices of "linac lab"'],
	).action(runs<DeviceOptions & { brief?: boolean }>(async () => (await import('../commands/devices.js')).devices));
}
