/** What the device configuration table (DCT) asks for at the next start, said in plain words. Read in DFU mode only. */
import type { Platform } from '@linac/catalog';
import { slotName } from './model.js';
import type { DeviceSnapshot, Finding } from './types.js';

export function pendingFindings(device: DeviceSnapshot, platform: Platform): Finding[] {
	const { pending } = device;
	if (!pending) return [];
	const findings: Finding[] = [];
	const add = (code: string, message: string, hint: string, field: string) =>
		findings.push({ code, severity: 'warning', message, hint, field });
	if (pending.otaFlag) {
		add(
			'UPDATE_PENDING',
			'The update flag is set: at its next start Device OS installs whatever stands in the place for updates.',
			'Let it start once, or run `linac restore`: it looks at what is there afterwards.',
			'ota-flag',
		);
	}
	if (pending.factoryReset) {
		add(
			'FACTORY_RESET_PENDING',
			'A factory reset is asked for: at its next start the bootloader puts the factory application over the one that is there.',
			'Let it start once, or run `linac restore`, which looks at what is there afterwards.',
			'factory-reset-flag',
		);
	}
	if (pending.dfuFlag) {
		add(
			'DFU_PENDING',
			'The flag that makes the bootloader wait in DFU mode is set.',
			'Leaving DFU mode clears it: press RESET, or run `linac usb reset`.',
			'dfu-flag',
		);
	}
	for (const job of pending.moduleSlots ?? []) {
		const what =
			job.function === undefined ? 'a module' : `the ${slotName(platform, { function: job.function, index: job.index ?? 0 })}`;
		add(
			'MODULE_COPY_PENDING',
			`The bootloader has been told to copy ${what} to 0x${job.destination.toString(16)} at its next start (module slot ${job.slot}).`,
			'Let it start once, or run `linac restore`, which looks at what is there afterwards.',
			`module-slot-${job.slot}`,
		);
	}
	return findings;
}
