/**
 * Which of the devices on the bus are Particle devices, in which mode they are, and waiting for one of them to come back.
 * Which USB ids are whose is told by the caller's table (the catalogue's platforms): nothing is known here by name.
 */
import { type Clock, LinacError, throwIfCancelled } from '@linac/core';
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

export interface WaitOptions {
	deviceId?: string;
	location?: string;
	mode?: 'normal' | 'dfu';
	timeoutMs: number;
	clock: Clock;
	signal?: AbortSignal;
	/** The attachment that must have left first: a device that is about to restart is still listed for a moment. */
	gone?: USBDevice;
}

/** Time between looks when nothing has been notified, ms. */
const LOOK_EVERY_MS = 100;

/**
 * Waits until a device is there: the one with this device id, or, where its firmware does not tell the id (old Gen 2), the one at
 * this place. Without either, any. Throws `DEVICE_NOT_BACK` (retry `operator`) after `timeoutMs`, `CANCELLED` on the signal.
 */
export async function waitForDevice(
	host: UsbHost,
	platforms: readonly UsbPlatformIds[],
	options: WaitOptions,
): Promise<DiscoveredDevice> {
	const { clock, signal } = options;
	const until = clock.now() + options.timeoutMs;
	let seen: DiscoveredDevice[] = [];
	let changed = () => {};
	const stop = host.watch(() => changed());
	try {
		for (;;) {
			throwIfCancelled(signal);
			const change = new Promise<void>((resolve) => {
				changed = resolve;
			});
			seen = await listDevices(host, platforms, signal);
			const match = seen.find((device) => matches(device, options));
			if (match) return match;
			const left = until - clock.now();
			if (left <= 0) break;
			const nap = new AbortController();
			const forward = () => nap.abort(signal?.reason);
			signal?.addEventListener('abort', forward, { once: true });
			try {
				await Promise.race([change, clock.sleep(Math.min(LOOK_EVERY_MS, left), nap.signal)]);
			} finally {
				signal?.removeEventListener('abort', forward);
				nap.abort();
			}
		}
	} finally {
		stop();
	}
	const who = options.deviceId ?? options.location ?? 'a device';
	const mode = options.mode === undefined ? '' : options.mode === 'dfu' ? ' in DFU mode' : ' in normal mode';
	throw new LinacError(
		'DEVICE_NOT_BACK',
		`Waited ${Math.round(options.timeoutMs / 1000)} s for ${who}${mode}: it did not appear.`,
		{
			retry: 'operator',
			hint: 'Check the cable, press RESET on the device, then run the same command again: it continues where it was.',
			details: {
				...(options.deviceId === undefined ? {} : { deviceId: options.deviceId }),
				...(options.location === undefined ? {} : { location: options.location }),
				...(options.mode === undefined ? {} : { mode: options.mode }),
				present: seen.map((d) => `${d.deviceId ?? 'without id'} ${d.mode}${d.location === undefined ? '' : ` at ${d.location}`}`),
			},
		},
	);
}

function matches(device: DiscoveredDevice, wanted: WaitOptions): boolean {
	if (wanted.gone && device.handle.device === wanted.gone) return false;
	if (wanted.mode !== undefined && device.mode !== wanted.mode) return false;
	if (wanted.deviceId !== undefined && device.deviceId !== undefined) return device.deviceId === wanted.deviceId.toLowerCase();
	// Either side does not tell an id: the place decides.
	if (wanted.location !== undefined) return device.location === wanted.location;
	return wanted.deviceId === undefined;
}
