/**
 * The bus that virtual devices are plugged into, at the seam of `UsbWire`: devices come and go, and a restart is a detach and a new wire.
 */
import { type Disposer, LinacError } from '@linac/core';
import { busHost, type UsbBus, type UsbHost, type UsbTransferResult, type UsbWire } from '@linac/usb';

/** What a bus needs of a device. */
export interface BusMember {
	readonly deviceId: string;
	/** The wire while it is attached. */
	wire(): UsbWire | undefined;
	onChange(fn: () => void): Disposer;
}

export class VirtualBus implements UsbBus {
	readonly #members = new Map<BusMember, Disposer>();
	readonly #watchers = new Set<() => void>();

	constructor(...members: BusMember[]) {
		for (const member of members) this.add(member);
	}

	/** Puts a device on this bus as well. It comes and goes by `plug()` and `unplug()` of the device. */
	add(member: BusMember): void {
		if (this.#members.has(member)) return;
		this.#members.set(
			member,
			member.onChange(() => this.#changed()),
		);
		this.#changed();
	}

	remove(member: BusMember): void {
		this.#members.get(member)?.();
		this.#members.delete(member);
		this.#changed();
	}

	async wires(): Promise<UsbWire[]> {
		return [...this.#members.keys()].flatMap((m) => m.wire() ?? []);
	}

	watch(onChange: () => void): Disposer {
		this.#watchers.add(onChange);
		return () => this.#watchers.delete(onChange);
	}

	#changed(): void {
		for (const watcher of [...this.#watchers]) watcher();
	}
}

export function disconnected(location: string): LinacError {
	return new LinacError('USB_DISCONNECTED', `The device at ${location} has left the bus.`, {
		retry: 'reconnect',
		details: { location },
		hint: 'It was unplugged or is restarting.',
	});
}

/** One attachment of a device. */
export class VirtualWire implements UsbWire {
	readonly location: string;
	readonly speed = 'full';
	readonly deviceDescriptor: Uint8Array;
	readonly configurationDescriptor: Uint8Array;
	readonly #control: (setup: Uint8Array, dataOut: Uint8Array, signal?: AbortSignal) => Promise<UsbTransferResult>;
	readonly #bulk: (endpoint: number, data: Uint8Array | number, signal?: AbortSignal) => Promise<UsbTransferResult>;
	readonly #listeners = new Set<() => void>();
	#attached = true;

	constructor(
		location: string,
		descriptors: { device: Uint8Array; configuration: Uint8Array },
		control: VirtualWire['control'],
		bulk: VirtualWire['bulk'],
	) {
		this.location = location;
		this.deviceDescriptor = descriptors.device;
		this.configurationDescriptor = descriptors.configuration;
		this.#control = control;
		this.#bulk = bulk;
	}

	get attached(): boolean {
		return this.#attached;
	}

	async control(setup: Uint8Array, dataOut: Uint8Array, signal?: AbortSignal): Promise<UsbTransferResult> {
		if (!this.#attached) throw disconnected(this.location);
		return this.#control(setup, dataOut, signal);
	}

	async bulk(endpoint: number, data: Uint8Array | number, signal?: AbortSignal): Promise<UsbTransferResult> {
		if (!this.#attached) throw disconnected(this.location);
		return this.#bulk(endpoint, data, signal);
	}

	onDetach(fn: () => void): Disposer {
		this.#listeners.add(fn);
		return () => this.#listeners.delete(fn);
	}

	/** Called by the device when it leaves. */
	detach(): void {
		if (!this.#attached) return;
		this.#attached = false;
		for (const fn of [...this.#listeners]) fn();
		this.#listeners.clear();
	}

	async close(): Promise<void> {}
}

/** An in-process `UsbHost` over a bus, through linac's own WebUSB device. */
export function virtualUsbHost(bus: UsbBus): UsbHost {
	return busHost(bus, 'virtual');
}
