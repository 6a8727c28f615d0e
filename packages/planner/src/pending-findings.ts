/** What the device configuration table (DCT) asks for at the next start, said in plain words. Read in DFU mode only. */
import type { Platform } from '@linac/catalog';
import { slotName } from './model.js';
import type { DeviceSnapshot, Finding, PendingUpdate } from './types.js';

export function pendingFindings(device: DeviceSnapshot, platform: Platform): Finding[] {
	const findings = (device.pending ?? []).map((order) => pendingFinding(order, platform));
	if (device.factoryReset) {
		findings.push({
			code: 'FACTORY_RESET_PENDING',
			severity: 'warning',
			message:
				'A factory reset is asked for: at its next start the bootloader puts the factory application, where there is one, over the one that is there.',
			hint: 'Let it start once. Then run `linac restore`: it looks at what is there.',
			field: 'factory-reset-flag',
		});
	}
	return findings;
}

function pendingFinding(order: PendingUpdate, platform: Platform): Finding {
	const what = order.module
		? `${slotName(platform, order.module)} ${order.module.version}`
		: 'what stands there, which is no module';
	const hint = 'Let it start once, or run `linac restore`: it takes the order back and brings what is needed by itself.';
	if (order.way === 'ota-slot') {
		return {
			code: 'UPDATE_PENDING',
			severity: 'warning',
			message: `The update flag is set: at its next start Device OS installs ${what}, from the slot for updates.`,
			hint,
			field: 'ota-flag',
		};
	}
	const to = order.destination === undefined ? '' : ` to 0x${order.destination.toString(16)}`;
	return {
		code: 'MODULE_COPY_PENDING',
		severity: 'warning',
		message: `The bootloader has been told to copy ${what}${to} at its next start (module slot ${order.slot}).`,
		hint,
		field: `module-slot-${order.slot}`,
	};
}
