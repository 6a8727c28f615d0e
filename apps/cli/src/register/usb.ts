/** `linac usb`: one command for each mode that a device can be restarted in. */
import type { DeviceOptions } from '../context.js';
import { examples, type Registrar, withDevice, withOutput } from '../registration.js';

export function registerUsb({ add, runs }: Registrar): void {
	const usb = add('usb', 'restart a device in another mode');
	const modes: [name: string, summary: string][] = [
		['start-listening', 'enter listening mode (blinking dark blue): ready to be set up'],
		['stop-listening', 'leave listening mode'],
		['dfu', 'enter DFU mode (blinking yellow): ready to be programmed'],
		['safe-mode', 'restart without running the application (breathing magenta)'],
		['reset', 'restart'],
		['setup-done', 'mark the device as set up, so that it does not wait in listening mode (Gen 3 before Device OS 4.0.0)'],
	];
	for (const [name, summary] of modes) {
		const command = usb.command(name).summary(summary).description(summary);
		if (name === 'setup-done') command.option('--reset', 'remove the mark');
		examples(
			withOutput(withDevice(command)),
			[`linac usb ${name}`, 'the only device that is connected'],
			[`linac usb ${name} --device 1-2.3`, 'the device at a certain USB port'],
		).action(
			runs<DeviceOptions & { reset?: boolean }>(async () => {
				const { usbCommand } = await import('../commands/usb.js');
				return (ctx, options) => usbCommand(ctx, name, options);
			}),
		);
	}
}
