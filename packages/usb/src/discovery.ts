/**
 * Which of the devices on the bus are Particle devices, in which mode they are.
 * Which USB ids are whose is told by the caller's table (the catalogue's platforms): nothing is known here by name.
 */
import { throwIfCancelled } from '@linac/core';
import type { UsbHandle, UsbHost } from './wire.js';

export interface UsbIdentity {
	platformId: number;
	mode: 'normal' | 'dfu';
}

export interface UsbPlatformIds {
	name: string;
	id: number;
	vendorId: number;
	productId: number;
	dfuProductId: number;
	/** Vendor requests to the device without data hang: they must carry a byte. */
	controlOutNeedsDataStage: boolean;
}

export interface DiscoveredDevice {
	handle: UsbHandle;
	platform: UsbPlatformIds;
	mode: 'normal' | 'dfu';
	/** The USB serial number: 24 hex digits, lower case. Old Gen 2 firmware has none. */
	deviceId?: string;
	location?: string;
	/** Where it was found: to look again whether it is still there. */
	host?: UsbHost;
}

/** Which platform and mode these USB ids stand for; `undefined` when it is no device of the table. */
export function identify(
	vendorId: number,
	productId: number,
	platforms: readonly UsbPlatformIds[],
): { platform: UsbPlatformIds; mode: 'normal' | 'dfu' } | undefined {
	for (const platform of platforms) {
		if (platform.vendorId !== vendorId) continue;
		if (platform.productId === productId) return { platform, mode: 'normal' };
		if (platform.dfuProductId === productId) return { platform, mode: 'dfu' };
	}
	return undefined;
}

/** The device id that a USB serial number is, or `undefined` when it is something else. */
export function deviceIdOf(serialNumber: string | null | undefined): string | undefined {
	const text = serialNumber?.trim().toLowerCase();
	return text && /^[0-9a-f]{24}$/.test(text) ? text : undefined;
}

/** The devices of the table that are connected now, in the order of their places. */
export async function listDevices(
	host: UsbHost,
	platforms: readonly UsbPlatformIds[],
	signal?: AbortSignal,
): Promise<DiscoveredDevice[]> {
	throwIfCancelled(signal);
	const found: DiscoveredDevice[] = [];
	for (const handle of await host.devices()) {
		const identity = identify(handle.device.vendorId, handle.device.productId, platforms);
		if (!identity) continue;
		const device: DiscoveredDevice = { handle, platform: identity.platform, mode: identity.mode, host };
		const deviceId = deviceIdOf(handle.device.serialNumber);
		if (deviceId !== undefined) device.deviceId = deviceId;
		if (handle.location !== undefined) device.location = handle.location;
		found.push(device);
	}
	throwIfCancelled(signal);
	return found.sort((a, b) => comparePlaces(a.location ?? '', b.location ?? ''));
}

function comparePlaces(a: string, b: string): number {
	return a.localeCompare(b, 'en', { numeric: true });
}
