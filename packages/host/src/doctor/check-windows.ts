/**
 * Windows: which driver is bound to each part of a device, from what the device tree says. Pure. From which Device OS on Windows binds
 * WinUSB by itself (Microsoft OS descriptors): device-os v6.2.0 CHANGELOG.md, 0.6.1-rc.1 (DFU, Gen 2), 0.9.0 #1653 (DFU, Gen 3), 1.1.0-rc.1
 * #1736 (control interface, Gen 3). A Core has no such descriptors (device-os v1.4.4: nothing below platform/MCU/STM32F1xx).
 */
import type { UsbIds } from '@linac/usb';
import type { HostFinding, WindowsObservations, WindowsUsbNode } from './observations.js';

/** Drivers of the system for the parts of a device that linac does not open itself. */
const ofSystem = new Set(['usbccgp', 'usbser', 'hidusb', 'usbhub', 'usbhub3']);
const zadig =
	'Zadig (https://zadig.akeo.ie) binds WinUSB to it: choose the device, choose WinUSB, "Replace Driver". Once for this computer and this kind of device.';

export function checkWindows(seen: WindowsObservations, ids: readonly UsbIds[]): HostFinding[] {
	if (seen.nodes === undefined) {
		return [
			{
				code: 'WINDOWS_NOT_ASKED',
				severity: 'info',
				message: `Windows could not be asked which drivers the devices have${seen.nodesError === undefined ? '' : `: ${seen.nodesError}`}. The Device Manager shows it.`,
			},
		];
	}
	const ours = seen.nodes.flatMap((node) => {
		const parts = partsOf(node.instanceId);
		const known = parts && ids.some((i) => i.vendorId === parts.vendorId && i.productIds.includes(parts.productId));
		// 45: remembered from earlier, not connected now.
		return known && node.problemCode !== 45 ? [{ node, ...parts }] : [];
	});
	if (ours.length === 0) return [{ code: 'USB', severity: 'ok', message: 'Windows lists no Particle device that is connected.' }];
	const findings = ours.flatMap((part) => checkNode(part));
	return findings.length > 0
		? findings
		: [{ code: 'USB', severity: 'ok', message: 'Windows has drivers for all parts of the Particle devices that are connected.' }];
}

interface Part {
	node: WindowsUsbNode;
	vendorId: number;
	productId: number;
	/** Number of the interface; `undefined`: the device as a whole. */
	interfaceNumber: number | undefined;
}

function partsOf(instanceId: string): Omit<Part, 'node'> | undefined {
	const found = /^USB\\VID_([0-9A-F]{4})&PID_([0-9A-F]{4})(?:&MI_([0-9A-F]{2}))?/i.exec(instanceId);
	if (!found) return undefined;
	const [, vendor, product, number] = found;
	return {
		vendorId: Number.parseInt(vendor!, 16),
		productId: Number.parseInt(product!, 16),
		interfaceNumber: number === undefined ? undefined : Number.parseInt(number, 16),
	};
}

/** DFU product ids are those of the running device with a `d` in front, the Core's are 607d and 607f. */
const isDfu = ({ productId }: Part) => productId >> 12 === 0xd || productId === 0x607f;

function checkNode(part: Part): HostFinding[] {
	const { node, interfaceNumber } = part;
	const what = `${node.name}${interfaceNumber === undefined ? '' : ` (interface ${interfaceNumber})`}`;
	const port = node.instanceId;
	if (node.problemCode === 28 || node.service === undefined) {
		return [
			{
				code: 'DRIVER_MISSING',
				severity: 'error',
				port,
				message: `${what} has no driver.`,
				hint: isDfu(part) ? dfuHint(part) : controlHint(),
			},
		];
	}
	if (node.problemCode !== 0) {
		return [
			{
				code: 'DRIVER_PROBLEM',
				severity: 'error',
				port,
				message: `Windows reports problem ${node.problemCode} with ${what} (driver ${node.service}).`,
				hint: 'Unplug the device. In the Device Manager choose View, "Show hidden devices", uninstall the entries of this device, and plug it in again.',
			},
		];
	}
	const service = node.service.toLowerCase();
	if (service === 'winusb') return [];
	if (isDfu(part)) {
		return [
			{
				code: 'DRIVER_NOT_WINUSB',
				severity: 'error',
				port,
				message: `${what} is in DFU mode and has the driver ${node.service}; linac needs WinUSB there.`,
				hint: dfuHint(part),
			},
		];
	}
	if (ofSystem.has(service)) return [];
	return [
		{
			code: 'DRIVER_NOT_WINUSB',
			severity: 'warning',
			port,
			message: `${what} has the driver ${node.service}. If it is the control interface, linac cannot use it.`,
			hint: controlHint(),
		},
	];
}

function dfuHint({ productId }: Part): string {
	if (productId === 0x607f) return `The firmware of a Core does not ask for a driver. ${zadig}`;
	return `Bootloaders from Device OS 0.6.1 on (Photon, P1, Electron) and 0.9.0 on (Gen 3) have Windows bind WinUSB by itself: unplug the device, uninstall its entries in the Device Manager (View, "Show hidden devices"), plug it in again. With an older bootloader: ${zadig}`;
}

function controlHint(): string {
	return (
		'From Device OS 1.1.0 on (Gen 3) Windows binds WinUSB to the control interface by itself. With an older one, put the device into DFU mode with its buttons and update it there. ' +
		'With a newer one, uninstall the entries of the device in the Device Manager (View, "Show hidden devices") and plug it in again.'
	);
}
