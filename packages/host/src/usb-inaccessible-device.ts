/**
 * A device that is on the bus but cannot be looked into: no permission, or in use. It is listed with its ids and place, so that
 * nobody wonders where it is, and opening it says why it cannot be used.
 */
export interface DeviceIds {
	vendorId: number;
	productId: number;
	/** bcdDevice. */
	deviceVersion: number;
	deviceClass: number;
	deviceSubclass: number;
	deviceProtocol: number;
}

/** A `USBDevice` of which every call rejects with `reason`. */
export function inaccessibleDevice(ids: DeviceIds, reason: () => unknown): USBDevice {
	const refuse = () => Promise.reject(reason());
	return {
		vendorId: ids.vendorId,
		productId: ids.productId,
		deviceVersionMajor: ids.deviceVersion >> 8,
		deviceVersionMinor: (ids.deviceVersion >> 4) & 0xf,
		deviceVersionSubminor: ids.deviceVersion & 0xf,
		deviceClass: ids.deviceClass,
		deviceSubclass: ids.deviceSubclass,
		deviceProtocol: ids.deviceProtocol,
		usbVersionMajor: 2,
		usbVersionMinor: 0,
		usbVersionSubminor: 0,
		manufacturerName: null,
		productName: null,
		serialNumber: null,
		configuration: null,
		configurations: [],
		opened: false,
		open: refuse,
		close: () => Promise.resolve(),
		forget: () => Promise.resolve(),
		selectConfiguration: refuse,
		claimInterface: refuse,
		releaseInterface: refuse,
		selectAlternateInterface: refuse,
		controlTransferIn: refuse,
		controlTransferOut: refuse,
		clearHalt: refuse,
		transferIn: refuse,
		transferOut: refuse,
		isochronousTransferIn: refuse,
		isochronousTransferOut: refuse,
		reset: refuse,
	};
}
