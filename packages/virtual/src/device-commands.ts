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
			return device.plug();
		case 'unplug':
			return device.unplug();
		case 'reset':
			return device.pressReset();
		case 'dfu-buttons':
			return device.pressModeAndReset();
		case 'safe-buttons':
			return device.pressModeForSafeMode();
		case 'hold-mode':
			return device.holdMode();
		case 'say':
			return device.say(`${command.text}\r\n`);
		case 'unplug-at-transfer':
			return faults.unplugAtTransfer(command.at);
		case 'unplug-at-restart':
			return faults.unplugAtRestart(command.at);
		case 'power-loss-at-write':
			return faults.powerLossAtFlashWrite(command.at);
		case 'stall-at-transfer':
			return faults.stallAtTransfer(command.at);
		case 'dfu-error-at-transfer':
			return faults.dfuErrorAtTransfer(command.at);
		case 'slow-flash':
			return faults.slowFlash(command.factor);
		case 'wear-out': {
			const { flash, address } = inSystem(device);
			return flash.wearOut(address, 0xff);
		}
		case 'stick-sector': {
			const { flash, address } = inSystem(device);
			return flash.stopErasing(address);
		}
		case 'mend':
			faults.clear();
			return inSystem(device).flash.mend();
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
