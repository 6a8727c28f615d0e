/**
 * Waiting for a device to come back: it has restarted in another mode, or was unplugged. It counts as the same by its device id. Not for making it
 * restart.
 */
import { type Clock, LinacError, throwIfCancelled } from '@linac/core';
import { type DiscoveredDevice, listDevices, type UsbPlatformIds } from './discovery.js';
import { PermissionQuestion } from './permission-question.js';
import type { UsbHost } from './wire.js';

export interface WaitOptions {
	deviceId?: string;
	location?: string;
	mode?: 'normal' | 'dfu';
	/** Name of its platform: whoever has to permit the device is shown devices of this kind only. */
	platform?: string;
	/** The mode in which it will come most probably; default: `mode`. For the sentence that asks for a permission. */
	expected?: 'normal' | 'dfu';
	/** Milliseconds. The time in which a person is asked for a permission does not count. */
	timeoutMs: number;
	clock: Clock;
	signal?: AbortSignal;
	/** The attachment that must have left first: a device that is about to restart is still listed for a moment. */
	gone?: USBDevice;
}

/** Time between looks when nothing has been notified, ms. */
const LOOK_EVERY_MS = 100;
/** The same while a person is asked: that takes long, and hosts that can ask notify too. */
const LOOK_WHILE_ASKING_MS = 1_000;

/**
 * Waits until a device is there: the one with this device id, or, where its firmware does not tell the id (old Gen 2), the one at
 * this place. Without either, any. A host that shows permitted devices only is asked once to have the device permitted (permission-question.ts).
 * Throws `DEVICE_NOT_BACK` (retry `operator`) after `timeoutMs`, `USB_PERMISSION_NEEDED` (retry `operator`) when the permission was declined,
 * `CANCELLED` on the signal.
 */
export async function waitForDevice(
	host: UsbHost,
	platforms: readonly UsbPlatformIds[],
	options: WaitOptions,
): Promise<DiscoveredDevice> {
	const { clock, signal } = options;
	const question = new PermissionQuestion(host, platforms, options);
	const began = clock.now();
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
			const match = seen.find((device) => matches(device, options) || question.allowed(device));
			if (match) return match;
			question.look(seen.some((device) => isIt(device, options)));
			const left = began + question.openMs + options.timeoutMs - clock.now();
			if (left <= 0) break;
			const pause = question.isOpen ? LOOK_WHILE_ASKING_MS : LOOK_EVERY_MS;
			const nap = new AbortController();
			const forward = () => nap.abort(signal?.reason);
			signal?.addEventListener('abort', forward, { once: true });
			try {
				await Promise.race([change, question.answered, clock.sleep(Math.min(pause, left), nap.signal)]);
			} finally {
				signal?.removeEventListener('abort', forward);
				nap.abort();
			}
		}
	} finally {
		stop();
		question.withdraw();
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

/** The device is on the bus, though not as it is wanted: it has not left yet, or is in the other mode. */
function isIt(device: DiscoveredDevice, { gone, deviceId }: WaitOptions): boolean {
	return device.handle.device === gone || (deviceId !== undefined && device.deviceId === deviceId.toLowerCase());
}

function matches(device: DiscoveredDevice, wanted: WaitOptions): boolean {
	if (wanted.gone && device.handle.device === wanted.gone) return false;
	if (wanted.mode !== undefined && device.mode !== wanted.mode) return false;
	if (wanted.deviceId !== undefined && device.deviceId !== undefined) return device.deviceId === wanted.deviceId.toLowerCase();
	// Either side does not tell an id: the place decides.
	if (wanted.location !== undefined) return device.location === wanted.location;
	return wanted.deviceId === undefined;
}
