/**
 * The seams of USB. `UsbHost`/`UsbHandle` is what the rest of linac works with: WebUSB's `USBDevice` and where it is plugged.
 * `UsbWire` is one level below: setup packets and data stages as they stand on the bus. Virtual devices and the USB/IP client
 * implement `UsbWire`; `WebUsbDevice` (web-usb-device.ts) makes a WebUSB `USBDevice` of any of them.
 */
import type { Disposer } from '@linac/core';

/** A device somebody could open, with its physical place. */
export interface UsbHandle {
	device: USBDevice;
	/** Bus and port path, e.g. `1-2.3`: stays the same while a device restarts in another mode. */
	location?: string;
}

export interface UsbHost {
	readonly name: string;
	devices(): Promise<UsbHandle[]>;
	/** Calls back whenever a device may have come or gone. Hosts without notification poll. */
	watch(onChange: () => void): Disposer;
	/**
	 * Browsers show only devices that the person has permitted: this asks for one more. `signal`: the question is not open any more, because the
	 * device was seen meanwhile; nobody waits for the answer then.
	 */
	request?(filters: USBDeviceFilter[], wanted: WantedDevice, signal: AbortSignal): Promise<PermissionAnswer>;
	/** Whether devices of each of these filters are known to be permitted: then a device that is not seen is not there, and nobody is asked. */
	permitted?(filters: USBDeviceFilter[]): boolean;
	close?(): Promise<void>;
}

export interface PermissionAnswer {
	given: boolean;
	/** The device that was permitted, where it can be told. */
	handle?: UsbHandle;
}

/** What is waited for, as far as it is known, so that whoever asks for a permission can say what for. */
export interface WantedDevice {
	/** Name of the platform. */
	platform?: string;
	deviceId?: string;
	/** The mode in which it is expected to come. */
	mode?: 'normal' | 'dfu';
}

export interface UsbTransferResult {
	status: 'ok' | 'stall';
	/** IN data; empty for OUT. */
	data: Uint8Array;
	/** OUT bytes taken. */
	written: number;
}

/**
 * A device on the bus, at the level of packets. Every method rejects with `LinacError` `USB_DISCONNECTED` once it has gone.
 * `setup` is the 8-byte setup packet of USB 2.0 chapter 9, little-endian.
 */
export interface UsbWire {
	readonly location: string;
	readonly speed: 'low' | 'full' | 'high';
	/** 18-byte device descriptor and whole configuration descriptor, as enumerated. */
	readonly deviceDescriptor: Uint8Array;
	readonly configurationDescriptor: Uint8Array;
	control(setup: Uint8Array, dataOut: Uint8Array, signal?: AbortSignal): Promise<UsbTransferResult>;
	bulk(endpoint: number, data: Uint8Array | number, signal?: AbortSignal): Promise<UsbTransferResult>;
	/** Called once, when the device leaves the bus (unplugged or restarting). */
	onDetach(fn: () => void): Disposer;
	/** Gives up the attachment; the device itself stays as it is. */
	close(): Promise<void>;
}

/** A bus that wires come and go on: the plug point of virtual devices and of a USB/IP connection. */
export interface UsbBus {
	wires(): Promise<UsbWire[]>;
	watch(onChange: () => void): Disposer;
}
