/**
 * Real and virtual devices side by side: the two hosts that they are found by, what each is called for the page, and the world that a job on one of them
 * runs in. Nothing above this asks whether a device is virtual.
 */
import { platformByName, platforms } from '@linac/catalog';
import { type Clock, type Disposer, LinacError, systemClock } from '@linac/core';
import { usbIdsOf } from '@linac/programmer';
import { type DiscoveredDevice, deviceIdOf, listDevices, type UsbHost, type WantedDevice } from '@linac/usb';
import { askPage } from '../link/engine-link.js';
import { browserUsbHost } from './browser-usb-host.js';
import { type DeviceRef, namelessName } from './device-ref.js';
import { virtualBench } from './virtual-bench.js';
import { VirtualPermissions } from './virtual-permissions.js';

const usbPlatforms = platforms.map(usbIdsOf);
const vendors = new Set(usbPlatforms.map((p) => p.vendorId));

function asker(virtual: boolean) {
	return async (filters: USBDeviceFilter[], wanted: WantedDevice, signal: AbortSignal): Promise<boolean> => {
		const { deviceId } = wanted;
		const question = {
			kind: 'usb-permission' as const,
			filters,
			why: whyAsked(wanted),
			...(deviceId === undefined ? {} : { deviceId }),
			...(virtual ? { virtual: true as const } : {}),
		};
		return (await askPage(question, signal)) === true;
	};
}

/** Why the browser wants another permission, for the person who is asked. */
export function whyAsked({ platform, deviceId, mode }: WantedDevice): string {
	const name = platform === undefined ? 'board' : (platformByName(platform)?.displayName ?? platform);
	const device = `${name}${deviceId === undefined ? '' : ` ${deviceId}`}`;
	if (mode === 'dfu') {
		return (
			`The ${device} has restarted in DFU mode (its LED blinks yellow). To the browser that is another device, for which it wants your permission. ` +
			'Choose it in the list; next time it is remembered.'
		);
	}
	if (mode === 'normal') {
		return (
			`The ${device} runs again. To the browser that is another device than the same board in DFU mode, so it wants your permission for it too. ` +
			'Choose it in the list; next time it is remembered.'
		);
	}
	return (
		`The ${device} is not seen. If it is plugged in, it is in a mode for which the browser wants your permission: choose it in the list. ` +
		'If it is not, plug it in.'
	);
}

export const virtualDevices = new VirtualPermissions(virtualBench.host, asker(true));

/** Browsers without WebUSB have virtual devices only. */
const realDevices: UsbHost | undefined =
	typeof navigator === 'object' && 'usb' in navigator ? browserUsbHost(navigator.usb, vendors, asker(false)) : undefined;

export interface PresentDevice extends DeviceRef {
	found: DiscoveredDevice;
}

const numbers = new WeakMap<USBDevice, string>();
let lastNumber = 0;

function nameOf({ deviceId, handle }: DiscoveredDevice): string {
	if (deviceId !== undefined) return deviceId;
	const name = numbers.get(handle.device) ?? namelessName(++lastNumber);
	numbers.set(handle.device, name);
	return name;
}

/** Every device that may be used now, real ones first. */
export async function presentDevices(): Promise<PresentDevice[]> {
	const lists = await Promise.all(
		hosts().map(async ({ host, virtual }) => {
			const found = await listDevices(host, usbPlatforms);
			return found.map((one) => ({ virtual, name: nameOf(one), found: one }));
		}),
	);
	return lists.flat();
}

function hosts(): { host: UsbHost; virtual: boolean }[] {
	return [...(realDevices ? [{ host: realDevices, virtual: false }] : []), { host: virtualDevices, virtual: true }];
}

const watchers = new Set<() => void>();

/** Told when a device comes or goes, and by `tellDevicesChanged`. */
export function watchDevices(onChange: () => void): Disposer {
	const stops = hosts().map(({ host }) => host.watch(onChange));
	watchers.add(onChange);
	return () => {
		watchers.delete(onChange);
		for (const stop of stops) stop();
	};
}

/** For what no host tells: a permission that was given, a job of this tab that has let its device go. */
export function tellDevicesChanged(): void {
	for (const told of [...watchers]) told();
}

/** Throws `DEVICE_NOT_FOUND`. */
export async function presentDevice(ref: DeviceRef): Promise<PresentDevice> {
	const present = (await presentDevices()).find((d) => d.virtual === ref.virtual && d.name === ref.name);
	if (present) return present;
	throw new LinacError('DEVICE_NOT_FOUND', `The device ${ref.name} is not connected.`, {
		retry: 'operator',
		hint: 'Plug it in, and choose it in the list of the browser if it does not appear by itself.',
	});
}

/** Host and clock for a job on this device: virtual devices live on the clock of their bench. */
export function hostFor({ found, virtual }: PresentDevice): { host: UsbHost; clock: Clock } {
	const host = found.host!;
	return {
		host: found.deviceId === undefined ? onlyThis(host, found) : host,
		clock: virtual ? virtualBench.clock : systemClock,
	};
}

/**
 * Browsers tell no place, and this device tells no id: nothing says which it is once it has restarted. So the job sees this device alone, and devices
 * of its kind without an id that come while the job runs.
 */
function onlyThis(host: UsbHost, { handle, platform }: DiscoveredDevice): UsbHost {
	const others = new WeakSet<USBDevice>();
	let first = true;
	return {
		name: host.name,
		async devices() {
			const all = await host.devices();
			if (first) for (const { device } of all) if (device !== handle.device) others.add(device);
			first = false;
			const ids = new Set([platform.productId, platform.dfuProductId]);
			return all.filter(({ device }) => !others.has(device) && ids.has(device.productId) && !deviceIdOf(device.serialNumber));
		},
		watch: (onChange) => host.watch(onChange),
		...(host.request ? { request: (...about: Parameters<NonNullable<UsbHost['request']>>) => host.request!(...about) } : {}),
		...(host.permitted ? { permitted: (filters: USBDeviceFilter[]) => host.permitted!(filters) } : {}),
	};
}

/** What the browser's own list is to show: every kind of device in both modes. */
export function allFilters(): USBDeviceFilter[] {
	const ids = usbPlatforms.flatMap(({ vendorId, productId, dfuProductId }) => [
		{ vendorId, productId },
		{ vendorId, productId: dfuProductId },
	]);
	return ids.filter((a, i) => ids.findIndex((b) => b.vendorId === a.vendorId && b.productId === a.productId) === i);
}
