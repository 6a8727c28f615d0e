/** The numbers that a virtual device tells about itself. All are derived from its id: the same device always has the same ones. */
import type { Platform } from '@linac/catalog';

export function serialNumberOf(platform: Platform, deviceId: string): string {
	return `P${platform.id.toString().padStart(3, '0')}LINAC${deviceId.slice(-6).toUpperCase()}`;
}

export function imeiOf(deviceId: string): string {
	return digits(deviceId, 15);
}

export function iccidOf(deviceId: string): string {
	return `8901${digits(deviceId, 15)}`;
}

/** 15 characters, as HAL_DEVICE_SECRET_SIZE says. Invented: it proves nothing to anybody. */
export function deviceSecretOf(deviceId: string): string {
	return `LINACSECRET${deviceId.slice(-4).toUpperCase()}`;
}

/** Locally administered (bit 1 of the first byte), so that it is nobody's. */
export function macOf(deviceId: string): string {
	return ['02', ...(deviceId.slice(-10).match(/../g) ?? [])].join(':');
}

function digits(deviceId: string, count: number): string {
	return BigInt(`0x${deviceId}`).toString().padStart(count, '0').slice(-count);
}
