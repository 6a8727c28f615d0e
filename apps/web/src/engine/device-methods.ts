/** What the page does with devices: which there are, what is on one, what it may be brought to. Writing is `restore-methods.ts`. */
import { asPlatform } from '@linac/catalog';
import { portableDigests } from '@linac/core';
import { type DeviceSnapshot, goalFilesOf } from '@linac/planner';
import { takeSnapshot } from '@linac/programmer';
import { UDEV_RULE_PATH, udevRule, usbIdsByVendor } from '@linac/usb';
import type { CallContext } from '../link/messages.js';
import { busyDevices, withDevice } from './device-locks.js';
import { type DeviceRef, keyOf } from './device-ref.js';
import { type DeviceState, stateOf } from './device-state.js';
import { type ReleaseChoice, releaseChoices } from './release-choices.js';
import { problemsOf } from './restore-goal.js';
import {
	allFilters,
	hostFor,
	presentDevice,
	presentDevices,
	tellDevicesChanged,
	virtualDevices,
	watchDevices,
} from './usb-host.js';
import { world } from './world.js';

export interface DeviceShown extends DeviceRef {
	key: string;
	deviceId?: string;
	platform: string;
	displayName: string;
	mode: 'normal' | 'dfu';
	/** Somebody works on it: a job of this tab or of another one. */
	busy: boolean;
}

/** A virtual device in the list that a browser would show. */
export interface PermissibleDevice {
	/** For `devices.permit`. */
	index: number;
	displayName: string;
	deviceId?: string;
	mode: 'normal' | 'dfu';
}

/** How often it is looked whether another tab works on a device, ms. */
const BUSY_EVERY_MS = 2_000;
/** Devices in a list that was shown for permission, for the answer. */
let shown: USBDevice[] = [];
const lastLook = new Map<string, DeviceSnapshot>();

async function devicesShown(): Promise<DeviceShown[]> {
	const busy = await busyDevices();
	return (await presentDevices()).map(({ virtual, name, found }) => ({
		virtual,
		name,
		key: keyOf({ virtual, name }),
		...(found.deviceId === undefined ? {} : { deviceId: found.deviceId }),
		platform: found.platform.name,
		displayName: asPlatform(found.platform.name).displayName,
		mode: found.mode,
		busy: busy.has(name),
	}));
}

export const deviceMethods = {
	/** What the browser's list of devices is to show: for the page, which alone may ask. */
	'devices.filters': async (): Promise<USBDeviceFilter[]> => allFilters(),

	/** The udev rule that gives users of Linux the right to open these devices, and the file that it belongs into. */
	'devices.udevRule': async (): Promise<{ path: string; text: string }> => ({
		path: UDEV_RULE_PATH,
		text: udevRule(usbIdsByVendor(world.platforms)),
	}),

	/** The person has permitted a device: browsers do not tell a worker. */
	async 'devices.changed'(): Promise<void> {
		tellDevicesChanged();
	},

	/** Tells every device that may be used, now and whenever that changes, until it is cancelled. */
	async 'devices.watch'(_: undefined, { emit, signal }: CallContext<DeviceShown[]>): Promise<void> {
		let last = '';
		let changed = () => {};
		const stop = watchDevices(() => changed());
		try {
			while (!signal.aborted) {
				const change = new Promise<void>((resolve) => {
					changed = resolve;
				});
				const devices = await devicesShown();
				const text = JSON.stringify(devices);
				if (text !== last) emit(devices);
				last = text;
				const nap = new AbortController();
				const end = () => nap.abort();
				signal.addEventListener('abort', end, { once: true });
				await Promise.race([change, world.clock.sleep(BUSY_EVERY_MS, nap.signal).catch(() => {})]);
				signal.removeEventListener('abort', end);
				nap.abort();
			}
		} finally {
			stop();
		}
	},

	/** Virtual devices that a browser would list for these filters. */
	async 'devices.permissible'({ filters }: { filters: USBDeviceFilter[] }): Promise<PermissibleDevice[]> {
		shown = await virtualDevices.permissible(filters);
		return shown.flatMap((device, index) => {
			const platform = world.platforms.find((p) => [p.usb.productId, p.usb.dfuProductId].includes(device.productId));
			if (!platform) return [];
			const deviceId = device.serialNumber?.toLowerCase();
			return [
				{
					index,
					displayName: platform.displayName,
					...(deviceId ? { deviceId } : {}),
					mode: device.productId === platform.usb.dfuProductId ? ('dfu' as const) : ('normal' as const),
				},
			];
		});
	},

	/** Permits a virtual device of the list that `devices.permissible` gave. */
	async 'devices.permit'({ index }: { index: number }): Promise<void> {
		const device = shown[index];
		if (device) virtualDevices.permit(device);
	},

	/** Whether virtual devices need the permissions that a browser wants for real ones. Without a value: tells it. */
	async 'devices.permissions'({ ask }: { ask?: boolean }): Promise<boolean> {
		if (ask !== undefined) virtualDevices.asks = ask;
		return virtualDevices.asks;
	},

	/** What is on a device, as far as it can be told without changing its mode. Throws `DEVICE_BUSY`, `DEVICE_NOT_FOUND`, and errors of USB. */
	async 'devices.look'(ref: DeviceRef, { signal }: CallContext): Promise<DeviceState> {
		return withDevice(ref, async () => {
			const present = await presentDevice(ref);
			const { platforms, releases, digests } = world;
			const snapshot = await takeSnapshot(present.found, { ...hostFor(present), platforms, releases, digests, signal });
			lastLook.set(keyOf(ref), snapshot);
			return stateOf(snapshot, asPlatform(snapshot.platform));
		});
	},

	/** Releases for a device, newest first. */
	async 'devices.releases'(ref: DeviceRef, { signal }: CallContext): Promise<ReleaseChoice[]> {
		const known = lastLook.get(keyOf(ref));
		const platform = known?.platform ?? (await presentDevice(ref)).found.platform.name;
		const unknown: DeviceSnapshot = { platform, mode: 'normal', depth: 'reported', via: 'usb' };
		return releaseChoices(known ?? unknown, asPlatform(platform), signal);
	},

	/** What a file would be as an application: the modules in it, and what is wrong with it. */
	async 'devices.file'({ name, bytes }: { name: string; bytes: Uint8Array }) {
		const files = goalFilesOf(name, bytes, { digests: portableDigests });
		const modules = files.flatMap(({ name: file, module }) => (module ? [{ file, slot: module.slot }] : []));
		return { modules, problems: problemsOf(files, name) };
	},
};
