/**
 * A WebUSB `USBDevice` over any `UsbWire`: what a browser or node-usb gives for a real device, virtual devices and USB/IP give
 * through this. Errors are `DOMException`s with WebUSB's names, as in a browser, so that the code above is tested against the same
 * behaviour everywhere. Semantics: https://wicg.github.io/webusb/; names of transfer errors as Chromium gives them.
 */
import { LinacError } from '@linac/core';
import {
	type AlternateDescriptor,
	type ConfigurationDescriptor,
	type DeviceDescriptor,
	parseConfigurationDescriptor,
	parseDeviceDescriptor,
	parseStringDescriptor,
	setupPacket,
} from './descriptors.js';
import type { UsbTransferResult, UsbWire } from './wire.js';

const requestTypeBits: Record<USBRequestType, number> = { standard: 0, class: 0x20, vendor: 0x40 };
const recipientBits: Record<USBRecipient, number> = { device: 0, interface: 1, endpoint: 2, other: 3 };

const GET_DESCRIPTOR = 6;
const SET_CONFIGURATION = 9;
const SET_INTERFACE = 11;
const CLEAR_FEATURE = 1;
/** English (United States): the only language that Particle's devices have. */
const LANGUAGE = 0x0409;

/** What has to be done besides, when the device is opened and closed: USB/IP takes and gives back its attachment. */
export interface WireHooks {
	opened(): Promise<void>;
	closed(): Promise<void>;
}

export class WebUsbDevice implements USBDevice {
	readonly usbVersionMajor: number;
	readonly usbVersionMinor: number;
	readonly usbVersionSubminor: number;
	readonly deviceClass: number;
	readonly deviceSubclass: number;
	readonly deviceProtocol: number;
	readonly vendorId: number;
	readonly productId: number;
	readonly deviceVersionMajor: number;
	readonly deviceVersionMinor: number;
	readonly deviceVersionSubminor: number;
	readonly manufacturerName: string | null;
	readonly productName: string | null;
	readonly serialNumber: string | null;
	readonly configurations: USBConfiguration[];
	configuration: USBConfiguration | null;
	opened = false;
	/** The wire below, for whoever has to know which attachment this is. */
	readonly wire: UsbWire;
	readonly #hooks: WireHooks | undefined;
	#gone = false;
	/** Ends the transfers that are under way when the device is closed, as WebUSB says. */
	#session = new AbortController();
	readonly #interfaces = new Map<number, InterfaceState>();

	/**
	 * Makes a device of a wire: reads the string descriptors that WebUSB has as properties (names and serial number).
	 * Strings that cannot be read are left out. Throws `USB_BAD_DESCRIPTOR`, or `USB_DISCONNECTED` when it has gone meanwhile.
	 */
	static async from(wire: UsbWire, signal?: AbortSignal, hooks?: WireHooks): Promise<WebUsbDevice> {
		const device = parseDeviceDescriptor(wire.deviceDescriptor);
		const configuration = parseConfigurationDescriptor(wire.configurationDescriptor);
		const text = async (index: number): Promise<string | null> => {
			if (index === 0) return null;
			const setup = setupPacket(0x80, GET_DESCRIPTOR, (3 << 8) | index, LANGUAGE, 255);
			const result = await wire.control(setup, new Uint8Array(), signal);
			return result.status === 'ok' ? (parseStringDescriptor(result.data) ?? null) : null;
		};
		const names = {
			manufacturer: await text(device.manufacturerString),
			product: await text(device.productString),
			serial: await text(device.serialString),
		};
		return new WebUsbDevice(wire, device, configuration, names, hooks);
	}

	private constructor(
		wire: UsbWire,
		device: DeviceDescriptor,
		configuration: ConfigurationDescriptor,
		names: { manufacturer: string | null; product: string | null; serial: string | null },
		hooks: WireHooks | undefined,
	) {
		this.#hooks = hooks;
		this.wire = wire;
		this.usbVersionMajor = device.usbVersion.major;
		this.usbVersionMinor = device.usbVersion.minor;
		this.usbVersionSubminor = device.usbVersion.subminor;
		this.deviceClass = device.deviceClass;
		this.deviceSubclass = device.deviceSubclass;
		this.deviceProtocol = device.deviceProtocol;
		this.vendorId = device.vendorId;
		this.productId = device.productId;
		this.deviceVersionMajor = device.deviceVersion.major;
		this.deviceVersionMinor = device.deviceVersion.minor;
		this.deviceVersionSubminor = device.deviceVersion.subminor;
		this.manufacturerName = names.manufacturer;
		this.productName = names.product;
		this.serialNumber = names.serial;
		for (const alternate of configuration.alternates) {
			const known = this.#interfaces.get(alternate.interfaceNumber);
			if (known) known.alternates.push(alternate);
			else this.#interfaces.set(alternate.interfaceNumber, new InterfaceState(alternate));
		}
		this.configurations = [
			{
				configurationValue: configuration.value,
				configurationName: null,
				interfaces: [...this.#interfaces.values()].map((state) => state.face),
			},
		];
		// The bus has configured the device when it was enumerated, as an operating system does.
		this.configuration = this.configurations[0]!;
		wire.onDetach(() => {
			this.#gone = true;
			this.opened = false;
		});
	}

	async open(): Promise<void> {
		if (this.#gone) throw notFound('The device was disconnected.');
		if (this.opened) return;
		try {
			await this.#hooks?.opened();
		} catch (error) {
			throw this.#exception(error);
		}
		this.#session = new AbortController();
		this.opened = true;
	}

	async close(): Promise<void> {
		for (const state of this.#interfaces.values()) state.claimed = false;
		if (!this.opened) return;
		this.opened = false;
		this.#session.abort();
		await this.#hooks?.closed();
	}

	async forget(): Promise<void> {
		await this.close();
	}

	async selectConfiguration(configurationValue: number): Promise<void> {
		this.#needOpen();
		const wanted = this.configurations.find((c) => c.configurationValue === configurationValue);
		if (!wanted) throw notFound('The configuration value provided is not supported by the device.');
		// As operating systems do: selecting what is selected already sends nothing, and so resets nothing.
		if (wanted === this.configuration) return;
		await this.#ok(setupPacket(0, SET_CONFIGURATION, configurationValue, 0, 0), 'Unable to set device configuration.');
		for (const state of this.#interfaces.values()) state.claimed = false;
		this.configuration = wanted;
	}

	async claimInterface(interfaceNumber: number): Promise<void> {
		this.#interface(interfaceNumber).claimed = true;
	}

	async releaseInterface(interfaceNumber: number): Promise<void> {
		this.#interface(interfaceNumber).claimed = false;
	}

	async selectAlternateInterface(interfaceNumber: number, alternateSetting: number): Promise<void> {
		const state = this.#interface(interfaceNumber);
		if (!state.claimed) throw invalidState('The specified interface has not been claimed.');
		if (!state.alternates.some((a) => a.alternate === alternateSetting)) {
			throw notFound('The alternate setting provided is not supported by the device in its current configuration.');
		}
		await this.#ok(setupPacket(1, SET_INTERFACE, alternateSetting, interfaceNumber, 0), 'Unable to set device interface.');
		state.select(alternateSetting);
	}

	async controlTransferIn(setup: USBControlTransferParameters, length: number): Promise<USBInTransferResult> {
		const packet = this.#setup(0x80, setup, length);
		const result = await this.#transfer(() => this.wire.control(packet, new Uint8Array()));
		return inResult(result, length);
	}

	async controlTransferOut(setup: USBControlTransferParameters, data?: BufferSource): Promise<USBOutTransferResult> {
		const bytes = bytesOf(data);
		const packet = this.#setup(0, setup, bytes.length);
		const result = await this.#transfer(() => this.wire.control(packet, bytes));
		return { status: result.status, bytesWritten: result.status === 'ok' ? result.written : 0 };
	}

	async transferIn(endpointNumber: number, length: number): Promise<USBInTransferResult> {
		this.#endpoint(0x80 | endpointNumber);
		return inResult(await this.#transfer(() => this.wire.bulk(0x80 | endpointNumber, length, this.#session.signal)), length);
	}

	async transferOut(endpointNumber: number, data: BufferSource): Promise<USBOutTransferResult> {
		this.#endpoint(endpointNumber);
		const result = await this.#transfer(() => this.wire.bulk(endpointNumber, bytesOf(data), this.#session.signal));
		return { status: result.status, bytesWritten: result.status === 'ok' ? result.written : 0 };
	}

	async clearHalt(direction: USBDirection, endpointNumber: number): Promise<void> {
		const address = direction === 'in' ? 0x80 | endpointNumber : endpointNumber;
		this.#endpoint(address);
		await this.#ok(setupPacket(2, CLEAR_FEATURE, 0, address, 0), 'Unable to clear endpoint.');
	}

	async isochronousTransferIn(): Promise<USBIsochronousInTransferResult> {
		throw new DOMException('Isochronous transfers are not supported.', 'NotSupportedError');
	}

	async isochronousTransferOut(): Promise<USBIsochronousOutTransferResult> {
		throw new DOMException('Isochronous transfers are not supported.', 'NotSupportedError');
	}

	/** A bus reset. A wire has none of its own: the device is told to take its configuration again, which resets its functions. */
	async reset(): Promise<void> {
		this.#needOpen();
		const value = this.configurations[0]!.configurationValue;
		await this.#ok(setupPacket(0, SET_CONFIGURATION, value, 0, 0), 'Unable to reset the device.');
		for (const state of this.#interfaces.values()) state.select(state.alternates[0]!.alternate);
	}

	#needOpen(): void {
		if (this.#gone) throw notFound('The device was disconnected.');
		if (!this.opened) throw invalidState('The device must be opened first.');
	}

	#interface(number: number): InterfaceState {
		this.#needOpen();
		if (!this.configuration) throw invalidState('The device must have a configuration selected.');
		const state = this.#interfaces.get(number);
		if (!state) throw notFound('The interface number provided is not supported by the device in its current configuration.');
		return state;
	}

	#endpoint(address: number): void {
		this.#needOpen();
		for (const state of this.#interfaces.values()) {
			if (!state.current.endpoints.some((e) => e.address === address)) continue;
			if (state.claimed) return;
			throw invalidState('The specified interface has not been claimed.');
		}
		throw notFound('The specified endpoint is not part of a claimed and selected alternate interface.');
	}

	/** Checks what WebUSB checks before a control transfer is sent, and makes its setup packet. */
	#setup(direction: number, setup: USBControlTransferParameters, length: number): Uint8Array {
		this.#needOpen();
		if (length > 0xffff) throw new DOMException('The length of the transfer is greater than 65535.', 'DataError');
		if (setup.recipient === 'interface') {
			if (!this.#interface(setup.index & 0xff).claimed) throw invalidState('The specified interface has not been claimed.');
		} else if (setup.recipient === 'endpoint') this.#endpoint(setup.index & 0xff);
		const type = direction | requestTypeBits[setup.requestType] | recipientBits[setup.recipient];
		return setupPacket(type, setup.request, setup.value, setup.index, length);
	}

	async #transfer(run: () => Promise<UsbTransferResult>): Promise<UsbTransferResult> {
		try {
			return await run();
		} catch (error) {
			throw this.#exception(error);
		}
	}

	async #ok(setup: Uint8Array, failure: string): Promise<void> {
		const result = await this.#transfer(() => this.wire.control(setup, new Uint8Array()));
		if (result.status !== 'ok') throw new DOMException(failure, 'NetworkError');
	}

	#exception(error: unknown): DOMException {
		const code = error instanceof LinacError ? error.code : '';
		if (code === 'USB_DISCONNECTED') return withCause(notFound('The device was disconnected.'), error);
		if (code === 'USB_TIMEOUT') return withCause(new DOMException('The transfer timed out.', 'TimeoutError'), error);
		if (code === 'USB_BUSY') return withCause(new DOMException('The device is already in use.', 'NetworkError'), error);
		if (code === 'CANCELLED') return withCause(new DOMException('The transfer was cancelled.', 'AbortError'), error);
		return withCause(new DOMException('A transfer error has occurred.', 'NetworkError'), error);
	}
}

/** An interface as WebUSB shows it, kept up to date with the alternate setting that is selected. */
class InterfaceState {
	readonly alternates: AlternateDescriptor[] = [];
	current: AlternateDescriptor;
	readonly face: USBInterface;
	#claimed = false;

	constructor(first: AlternateDescriptor) {
		this.alternates.push(first);
		this.current = first;
		const state = this;
		this.face = {
			interfaceNumber: first.interfaceNumber,
			get alternate() {
				return alternateFace(state.current);
			},
			get alternates() {
				return state.alternates.map(alternateFace);
			},
			get claimed() {
				return state.claimed;
			},
		};
	}

	get claimed(): boolean {
		return this.#claimed;
	}

	set claimed(claimed: boolean) {
		this.#claimed = claimed;
		if (!claimed) this.current = this.alternates[0]!;
	}

	select(alternate: number): void {
		this.current = this.alternates.find((a) => a.alternate === alternate) ?? this.current;
	}
}

function alternateFace(alternate: AlternateDescriptor): USBAlternateInterface {
	return {
		alternateSetting: alternate.alternate,
		interfaceClass: alternate.interfaceClass,
		interfaceSubclass: alternate.interfaceSubclass,
		interfaceProtocol: alternate.interfaceProtocol,
		// Chromium gives none for many devices: whoever needs it reads the string descriptor.
		interfaceName: null,
		endpoints: alternate.endpoints.map((endpoint) => ({
			endpointNumber: endpoint.address & 0xf,
			direction: endpoint.address & 0x80 ? 'in' : 'out',
			// WebUSB has no control endpoints in an interface; nobody has made a device with one.
			type: endpoint.type === 'control' ? 'interrupt' : endpoint.type,
			packetSize: endpoint.packetSize,
		})),
	};
}

function inResult(result: UsbTransferResult, length: number): USBInTransferResult {
	const bytes = result.status === 'ok' ? result.data : new Uint8Array();
	if (bytes.length > length) return { status: 'babble', data: undefined };
	// Copied by the constructor: `slice` of a Node Buffer, which a wire may give, would share memory with others.
	return { status: result.status, data: new DataView(new Uint8Array(bytes).buffer) };
}

function bytesOf(data: BufferSource | undefined): Uint8Array {
	if (!data) return new Uint8Array();
	if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
	return new Uint8Array(data);
}

function notFound(message: string): DOMException {
	return new DOMException(message, 'NotFoundError');
}

function invalidState(message: string): DOMException {
	return new DOMException(message, 'InvalidStateError');
}

/** The reason below, for a log; `DOMException`'s constructor takes none. */
function withCause(exception: DOMException, cause: unknown): DOMException {
	Object.defineProperty(exception, 'cause', { value: cause, configurable: true });
	return exception;
}
