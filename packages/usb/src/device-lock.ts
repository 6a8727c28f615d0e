/**
 * One owner per device: DFU and control requests of two owners in one process are never interleaved. Whoever opens a device takes
 * its lock and gives it back when it closes it or when the device has left. Not a lock between processes: the operating system's
 * claim of the interface is that.
 */
import { assert, type Clock, throwIfCancelled } from '@linac/core';
import type { DiscoveredDevice } from './discovery.js';
import { usbError } from './usb-errors.js';

/** How long to wait for another owner to close before it is an error, ms. */
const WAIT_MS = 5_000;

const locks = new WeakMap<object, Map<unknown, Promise<void>>>();
const nowhere = {};

/**
 * Takes the lock of a device: by its id, or by its place where it has none. Resolves with the function that gives it back.
 * Throws `USB_BUSY` when another owner keeps it for more than 5 s.
 */
export async function lockDevice(found: DiscoveredDevice, clock: Clock, signal?: AbortSignal): Promise<() => void> {
	const owner = found.host ?? nowhere;
	const held = locks.get(owner) ?? new Map<unknown, Promise<void>>();
	locks.set(owner, held);
	// In a browser a device may have neither id nor place: then only the object tells it from others.
	const key = found.deviceId ?? found.location ?? found.handle.device;
	const until = clock.now() + WAIT_MS;
	for (let other = held.get(key); other; other = held.get(key)) {
		throwIfCancelled(signal);
		if (clock.now() >= until)
			throw usbError('USB_BUSY', `by another job of this program (${found.deviceId ?? found.location ?? found.platform.name})`);
		const nap = new AbortController();
		await Promise.race([other, clock.sleep(until - clock.now(), nap.signal)]);
		nap.abort();
	}
	let release = () => {};
	held.set(
		key,
		new Promise<void>((resolve) => {
			release = resolve;
		}),
	);
	let done = false;
	return () => {
		if (done) return;
		done = true;
		assert(held.has(key), 'the lock of a device was given back twice');
		held.delete(key);
		release();
	};
}
