/**
 * One owner per device across tabs of this browser: the Web Locks of the site. Whoever works on a device holds its lock; another tab is told so in
 * a sentence instead of disturbing. Within a tab `@linac/usb` has its own lock. Not for other programs: the operating system's claim is that.
 */
import { LinacError } from '@linac/core';
import { type DeviceRef, isNameless } from './device-ref.js';
import { tellDevicesChanged } from './usb-host.js';

/** Throws `DEVICE_BUSY` when another tab, or another job of this one, works on the device. */
export async function withDevice<T>(ref: DeviceRef, act: () => Promise<T>): Promise<T> {
	// Absent only where the page was not loaded securely; WebUSB is absent there too.
	// Names of devices without an id are of one tab only.
	if (!('locks' in navigator) || isNameless(ref)) return act();
	const { name } = ref;
	const run = navigator.locks.request(lockName(name), { ifAvailable: true }, (lock) => {
		if (lock) return act();
		throw new LinacError('DEVICE_BUSY', `Another tab of this browser, or another job, is working on the device ${name}.`, {
			retry: 'operator',
			hint: 'Look for the other tab and let its job end, or close it. What is on the device stays as it is, and a job can be continued.',
		});
	}) as Promise<T>;
	return run.finally(tellDevicesChanged);
}

/** Names of the devices that somebody works on now. */
export async function busyDevices(): Promise<Set<string>> {
	if (!('locks' in navigator)) return new Set();
	const { held = [] } = await navigator.locks.query();
	return new Set(held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])));
}

const PREFIX = 'linac-device-';
const lockName = (name: string) => `${PREFIX}${name}`;
