/**
 * The devices that this browser lets the page use: `navigator.usb` as it stands in a worker, where it lists and opens devices but cannot ask for
 * permissions; the page does that. Browsers tell no place of a device, only what it says of itself. Not for virtual devices (usb-host.ts).
 */
import type { UsbHandle, UsbHost, WantedDevice } from '@linac/usb';
import { matchesFilter, permissionKey } from './usb-filters.js';

/** Asks the person; resolves with whether the permission was given. */
export type AskForPermission = (filters: USBDeviceFilter[], wanted: WantedDevice, signal: AbortSignal) => Promise<boolean>;

/**
 * `vendors`: whose devices are listed. One `USBDevice` stands for one attachment, as everywhere in linac: the browser gives the same object as long as a
 * device stays.
 */
export function browserUsbHost(usb: USB, vendors: ReadonlySet<number>, ask: AskForPermission): UsbHost {
	/** Devices that were seen in this session are permitted, also in the mode in which they are not now. */
	const seen = new Set<string>();
	const devices = async (): Promise<UsbHandle[]> => {
		const listed = (await usb.getDevices()).filter((device) => vendors.has(device.vendorId));
		for (const device of listed) {
			const key = permissionKey(device);
			if (key !== undefined) seen.add(key);
		}
		return listed.map((device) => ({ device }));
	};
	return {
		name: 'WebUSB',
		devices,
		watch(onChange) {
			usb.addEventListener('connect', onChange);
			usb.addEventListener('disconnect', onChange);
			return () => {
				usb.removeEventListener('connect', onChange);
				usb.removeEventListener('disconnect', onChange);
			};
		},
		permitted: (filters) => filters.every((f) => seen.has(permissionKey(f) ?? '')),
		async request(filters, wanted, signal) {
			const before = new Set((await devices()).map((h) => h.device));
			if (!(await ask(filters, wanted, signal))) return { given: false };
			const now = await devices();
			const chosen = now.filter((h) => filters.some((f) => matchesFilter(h.device, { ...f, serialNumber: undefined })));
			const handle =
				chosen.find((h) => !before.has(h.device)) ?? chosen.find((h) => filters.some((f) => matchesFilter(h.device, f)));
			return { given: true, ...(handle ? { handle } : {}) };
		},
	};
}
