/**
 * Reads USB descriptors (USB 2.0 chapter 9.6; DFU 1.1 chapter 4.1.3) from bytes that a device or a server has sent: nothing in
 * them is trusted. Not for talking to a device; `web-usb-device.ts` and the hosts do that.
 */
import { LinacError, u16le } from '@linac/core';

/** bDescriptorType of USB 2.0 table 9-5, and of DFU 1.1 section 4.1.3. */
export const DescriptorType = { device: 1, configuration: 2, string: 3, interface: 4, endpoint: 5, dfuFunctional: 0x21 } as const;

export interface DeviceDescriptor {
	/** bcdUSB and bcdDevice taken apart: 2.1.0 from 0x0210. */
	usbVersion: { major: number; minor: number; subminor: number };
	deviceVersion: { major: number; minor: number; subminor: number };
	deviceClass: number;
	deviceSubclass: number;
	deviceProtocol: number;
	vendorId: number;
	productId: number;
	manufacturerString: number;
	productString: number;
	serialString: number;
	configurations: number;
}

export interface EndpointDescriptor {
	/** Bit 7: IN. */
	address: number;
	type: 'control' | 'isochronous' | 'bulk' | 'interrupt';
	packetSize: number;
}

export interface DfuFunctionalDescriptor {
	canDownload: boolean;
	canUpload: boolean;
	manifestationTolerant: boolean;
	willDetach: boolean;
	/** Largest number of bytes of one DNLOAD or UPLOAD. */
	transferSize: number;
	version: number;
}

export interface AlternateDescriptor {
	interfaceNumber: number;
	alternate: number;
	interfaceClass: number;
	interfaceSubclass: number;
	interfaceProtocol: number;
	/** Index of the string that names it; 0 when there is none. */
	nameString: number;
	endpoints: EndpointDescriptor[];
}

export interface ConfigurationDescriptor {
	value: number;
	nameString: number;
	alternates: AlternateDescriptor[];
	dfu: DfuFunctionalDescriptor | undefined;
}

function malformed(what: string, found: number): LinacError {
	return new LinacError('USB_BAD_DESCRIPTOR', `The USB ${what} descriptor cannot be read: ${found} bytes do not hold one.`, {
		retry: 'reconnect',
		details: { what, bytes: found },
		hint: 'Unplug the device and plug it in again.',
	});
}

function bcd(value: number): { major: number; minor: number; subminor: number } {
	return { major: value >> 8, minor: (value >> 4) & 0xf, subminor: value & 0xf };
}

/** USB 2.0 table 9-8. Throws `USB_BAD_DESCRIPTOR` when it is not one. */
export function parseDeviceDescriptor(bytes: Uint8Array): DeviceDescriptor {
	if (bytes.length < 18 || bytes[0]! < 18 || bytes[1] !== DescriptorType.device) throw malformed('device', bytes.length);
	return {
		usbVersion: bcd(u16le(bytes, 2)),
		deviceClass: bytes[4]!,
		deviceSubclass: bytes[5]!,
		deviceProtocol: bytes[6]!,
		vendorId: u16le(bytes, 8),
		productId: u16le(bytes, 10),
		deviceVersion: bcd(u16le(bytes, 12)),
		manufacturerString: bytes[14]!,
		productString: bytes[15]!,
		serialString: bytes[16]!,
		configurations: bytes[17]!,
	};
}

const endpointTypes = ['control', 'isochronous', 'bulk', 'interrupt'] as const;

/** USB 2.0 tables 9-10, 9-12 and 9-13. Descriptors of kinds not known here are passed over. Throws `USB_BAD_DESCRIPTOR`. */
export function parseConfigurationDescriptor(bytes: Uint8Array): ConfigurationDescriptor {
	if (bytes.length < 9 || bytes[0]! < 9 || bytes[1] !== DescriptorType.configuration)
		throw malformed('configuration', bytes.length);
	const end = Math.min(bytes.length, u16le(bytes, 2));
	const result: ConfigurationDescriptor = { value: bytes[5]!, nameString: bytes[6]!, alternates: [], dfu: undefined };
	let current: AlternateDescriptor | undefined;
	for (let at = bytes[0]!; at < end; ) {
		const length = bytes[at]!;
		if (length < 2 || at + length > end) throw malformed('configuration', bytes.length);
		const type = bytes[at + 1];
		if (type === DescriptorType.interface && length >= 9) {
			current = {
				interfaceNumber: bytes[at + 2]!,
				alternate: bytes[at + 3]!,
				interfaceClass: bytes[at + 5]!,
				interfaceSubclass: bytes[at + 6]!,
				interfaceProtocol: bytes[at + 7]!,
				nameString: bytes[at + 8]!,
				endpoints: [],
			};
			result.alternates.push(current);
		} else if (type === DescriptorType.endpoint && length >= 7 && current) {
			current.endpoints.push({
				address: bytes[at + 2]!,
				type: endpointTypes[bytes[at + 3]! & 3]!,
				packetSize: u16le(bytes, at + 4) & 0x7ff,
			});
		} else if (type === DescriptorType.dfuFunctional && length >= 7) {
			const attributes = bytes[at + 2]!;
			result.dfu ??= {
				canDownload: (attributes & 1) !== 0,
				canUpload: (attributes & 2) !== 0,
				manifestationTolerant: (attributes & 4) !== 0,
				willDetach: (attributes & 8) !== 0,
				transferSize: u16le(bytes, at + 5),
				version: length >= 9 ? u16le(bytes, at + 7) : 0x0100,
			};
		}
		at += length;
	}
	return result;
}

/** The text of a string descriptor (USB 2.0 section 9.6.7, UTF-16LE); `undefined` when it is not one. */
export function parseStringDescriptor(bytes: Uint8Array): string | undefined {
	if (bytes.length < 2 || bytes[1] !== DescriptorType.string || bytes[0]! < 2) return undefined;
	const end = Math.min(bytes.length, bytes[0]!);
	let text = '';
	for (let at = 2; at + 1 < end; at += 2) text += String.fromCharCode(u16le(bytes, at));
	return text;
}

/** The 8-byte setup packet of USB 2.0 table 9-2. */
export function setupPacket(requestType: number, request: number, value: number, index: number, length: number): Uint8Array {
	const setup = new Uint8Array(8);
	setup[0] = requestType;
	setup[1] = request;
	setup[2] = value & 0xff;
	setup[3] = value >>> 8;
	setup[4] = index & 0xff;
	setup[5] = index >>> 8;
	setup[6] = length & 0xff;
	setup[7] = length >>> 8;
	return setup;
}
