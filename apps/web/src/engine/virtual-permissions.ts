/**
 * Virtual devices behind the permissions of a browser: what a page must be permitted to see with real devices, it must be permitted to see with these
 * too, so that the whole way can be tried. As in Chromium a permission is for ids and serial number, and a device without a serial number loses it when it
 * leaves the bus. Plugging a new device in counts as the first permission, which a real one needs by a click.
 */
import type { Disposer } from '@linac/core';
import type { PermissionAnswer, UsbHandle, UsbHost } from '@linac/usb';
import type { AskForPermission } from './browser-usb-host.js';
import { matchesFilter, permissionKey } from './usb-filters.js';

export class VirtualPermissions implements UsbHost {
	readonly name = 'virtual';
	readonly #host: UsbHost;
	readonly #ask: AskForPermission;
	readonly #permitted = new Set<string>();
	readonly #permittedDevices = new WeakSet<USBDevice>();
	/** Places at which a device has been seen: the next one there is a device that restarts, not a new one. */
	readonly #known = new Set<string>();
	readonly #watchers = new Set<() => void>();
	/** Without it every virtual device is permitted. */
	#asks = true;

	constructor(host: UsbHost, ask: AskForPermission) {
		this.#host = host;
		this.#ask = ask;
	}

	get asks(): boolean {
		return this.#asks;
	}

	set asks(value: boolean) {
		this.#asks = value;
		this.#changed();
	}

	async devices(): Promise<UsbHandle[]> {
		const all = await this.#host.devices();
		for (const handle of all) this.#meet(handle);
		// Browsers tell no place.
		return all.filter((h) => this.#isPermitted(h.device)).map(({ device }) => ({ device }));
	}

	watch(onChange: () => void): Disposer {
		this.#watchers.add(onChange);
		const stop = this.#host.watch(onChange);
		return () => {
			this.#watchers.delete(onChange);
			stop();
		};
	}

	permitted(filters: USBDeviceFilter[]): boolean {
		return !this.#asks || filters.every((f) => this.#permitted.has(permissionKey(f) ?? ''));
	}

	async request(...[filters, wanted, signal]: Parameters<AskForPermission>): Promise<PermissionAnswer> {
		if (!(await this.#ask(filters, wanted, signal))) return { given: false };
		const handle = (await this.devices()).find((h) => filters.some((f) => matchesFilter(h.device, f)));
		return { given: true, ...(handle ? { handle } : {}) };
	}

	/** The devices that a browser would list for these filters: those that are there now, permitted or not. */
	async permissible(filters: readonly USBDeviceFilter[]): Promise<USBDevice[]> {
		const all = await this.#host.devices();
		for (const handle of all) this.#meet(handle);
		return all.map((h) => h.device).filter((device) => filters.some((f) => matchesFilter(device, f)));
	}

	permit(device: USBDevice): void {
		const key = permissionKey(device);
		if (key === undefined) this.#permittedDevices.add(device);
		else this.#permitted.add(key);
		this.#changed();
	}

	#meet({ device, location = '' }: UsbHandle): void {
		if (this.#known.has(location)) return;
		this.#known.add(location);
		const key = permissionKey(device);
		if (key === undefined) this.#permittedDevices.add(device);
		else this.#permitted.add(key);
	}

	#isPermitted(device: USBDevice): boolean {
		if (!this.#asks || this.#permittedDevices.has(device)) return true;
		const key = permissionKey(device);
		return key !== undefined && this.#permitted.has(key);
	}

	#changed(): void {
		for (const watcher of [...this.#watchers]) watcher();
	}
}
