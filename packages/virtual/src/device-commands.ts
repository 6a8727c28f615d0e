/** What a person does to a virtual device, and what is to go wrong with it, as plain values: for a command line and a page alike. */
import { regionOf } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import type { VirtualDevice } from './device.js';
import type { FlashModel } from './flash-model.js';

export type DeviceCommand =
	| { do: 'plug' }
	| { do: 'unplug' }
	| { do: 'reset' }
	/** MODE and RESET until the LED blinks yellow: DFU mode. */
	| { do: 'dfu-buttons' }
	/** MODE and RESET until the LED blinks magenta: safe mode. */
	| { do: 'safe-buttons' }
	/** MODE for three seconds: listening mode. */
	| { do: 'hold-mode' }
	/** The application prints a line on the serial port. */
	| { do: 'say'; text: string }
	/** Faults: `at` counts from now, 1 or more. */
	| { do: 'unplug-at-transfer'; at: number }
	| { do: 'unplug-at-restart'; at: number }
	| { do: 'power-loss-at-write'; at: number }
	| { do: 'stall-at-transfer'; at: number }
	| { do: 'dfu-error-at-transfer'; at: number }
	/** Flash takes so many times as long, 1 or more. */
	| { do: 'slow-flash'; factor: number }
	/** One byte where the system stands does not take any more what is written to it. */
	| { do: 'wear-out' }
	/** One sector where the system stands is not erased any more. */
	| { do: 'stick-sector' }
	/** Takes back every fault. */
	| { do: 'mend' };

/** Bytes behind the beginning of the system's place: inside the smallest module that may stand there. */
const INSIDE = 0x800;

/** Carries it out. What a device without power cannot do is without effect, as on a board. */
export function carryOut(device: VirtualDevice, command: DeviceCommand): void {
	const { faults } = device;
	switch (command.do) {
		case 'plug':
			device.plug();
			return;
		case 'unplug':
			device.unplug();
			return;
		case 'reset':
			device.pressReset();
			return;
		case 'dfu-buttons':
			device.pressModeAndReset();
			return;
		case 'safe-buttons':
			device.pressModeForSafeMode();
			return;
		case 'hold-mode':
			device.holdMode();
			return;
		case 'say':
			device.say(`${command.text}\r\n`);
			return;
		case 'unplug-at-transfer':
			faults.unplugAtTransfer(command.at);
			return;
		case 'unplug-at-restart':
			faults.unplugAtRestart(command.at);
			return;
		case 'power-loss-at-write':
			faults.powerLossAtFlashWrite(command.at);
			return;
		case 'stall-at-transfer':
			faults.stallAtTransfer(command.at);
			return;
		case 'dfu-error-at-transfer':
			faults.dfuErrorAtTransfer(command.at);
			return;
		case 'slow-flash':
			faults.slowFlash(command.factor);
			return;
		case 'wear-out': {
			const { flash, address } = inSystem(device);
			flash.wearOut(address, 0xff);
			return;
		}
		case 'stick-sector': {
			const { flash, address } = inSystem(device);
			flash.stopErasing(address);
			return;
		}
		case 'mend':
			faults.clear();
			inSystem(device).flash.mend();
	}
}

/** A byte that every system of this device uses, however small it is. */
function inSystem(device: VirtualDevice): { flash: FlashModel; address: number } {
	const { platform } = device;
	const system = device.installedModules().find((m) => m.function === ModuleFunction.system);
	const slot = platform.modules.find(
		(s) => s.region !== undefined && (s.function === ModuleFunction.system || s.function === ModuleFunction.monolithic),
	);
	const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, system?.version);
	const flash = device.flash(region?.storage ?? 'internal');
	return { flash, address: (region?.start ?? flash.base) + INSIDE };
}
