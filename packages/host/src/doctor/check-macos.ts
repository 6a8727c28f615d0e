/** macOS: there is nothing to install; what is told is whether the system sees a device at all, and its serial ports. Pure. */
import type { UsbIds } from '@linac/usb';
import type { HostFinding, MacObservations } from './observations.js';

export function checkMacos(seen: MacObservations, ids: readonly UsbIds[]): HostFinding[] {
	if (seen.devices === undefined) {
		return [
			{
				code: 'MACOS_NOT_ASKED',
				severity: 'info',
				message: `macOS could not be asked which USB devices it sees${seen.devicesError === undefined ? '' : `: ${seen.devicesError}`}. "System Information", "USB" shows it.`,
			},
		];
	}
	const ours = seen.devices.filter((d) => ids.some((i) => i.vendorId === d.vendorId && i.productIds.includes(d.productId)));
	if (ours.length === 0) {
		return [
			{
				code: 'USB',
				severity: 'ok',
				message: 'macOS sees no Particle device.',
				hint: 'A MacBook asks before it lets a new accessory connect (System Settings, Privacy & Security, "Allow accessories to connect"): until then it only charges.',
			},
		];
	}
	const serial = seen.serialPorts.length === 0 ? '' : ` Serial ports: ${seen.serialPorts.join(', ')}.`;
	return [
		{
			code: 'USB',
			severity: 'ok',
			message: `macOS sees ${ours.map((d) => d.product ?? 'a Particle device').join(' and ')}.${serial}`,
		},
	];
}
