/** What browsers do with filters and permissions of USB devices: https://wicg.github.io/webusb/ 4.1, and Chromium's `usb_chooser_context.cc`. */

type Identity = Pick<USBDevice, 'vendorId' | 'productId'> & { serialNumber?: string | null };

/** Whether a filter stands for a device. Only what linac's filters hold is compared: ids and serial number. */
export function matchesFilter(device: Identity, filter: USBDeviceFilter): boolean {
	if (filter.vendorId !== undefined && filter.vendorId !== device.vendorId) return false;
	if (filter.productId !== undefined && filter.productId !== device.productId) return false;
	return filter.serialNumber === undefined || filter.serialNumber === (device.serialNumber ?? undefined);
}

/**
 * What a permission is kept under: Chromium remembers ids and serial number. `undefined`: a device that tells no serial number is only permitted until it
 * leaves the bus.
 */
export function permissionKey({ vendorId, productId, serialNumber }: Partial<Identity>): string | undefined {
	return serialNumber ? `${vendorId}:${productId}:${serialNumber.toLowerCase()}` : undefined;
}
