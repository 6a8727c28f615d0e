/**
 * USB descriptors as the firmware has them. Bootloader: device-os v4.0.1: bootloader/src/nRF52840/usbd_{device.cpp,dfu.h}; Device OS: CDC-ACM
 * (interfaces 0 and 1) and the vendor-specific control interface 2, hal/src/nRF52840/usb_hal_{cdc.c,control.cpp}; Microsoft OS descriptors: usbd_wcid.h.
 */
import type { Platform } from '@linac/catalog';
import { concatBytes } from '@linac/core';

export interface UsbFace {
	device: Uint8Array;
	configuration: Uint8Array;
	/** Raw string descriptors by index. */
	strings: Map<number, Uint8Array>;
	/** First interface for WINUSB, and the GUID that it gets. */
	winUsbInterface: number;
	winUsbGuid: string;
}

const STRING = { manufacturer: 1, product: 2, serial: 3, configuration: 4, interface: 5, microsoft: 0xee } as const;
/** Vendor request that Windows uses for the OS descriptors. */
export const MICROSOFT_VENDOR_CODE = 0xee;

const u16 = (n: number) => [n & 0xff, n >>> 8];

export function stringDescriptor(text: string): Uint8Array {
	const length = Math.min(text.length, 126);
	const out = new Uint8Array(2 + length * 2);
	out[0] = out.length;
	out[1] = 3;
	for (let i = 0; i < length; i++) {
		out[2 + i * 2] = text.charCodeAt(i) & 0xff;
		out[3 + i * 2] = text.charCodeAt(i) >>> 8;
	}
	return out;
}

function microsoftString(): Uint8Array {
	const signature = [...'MSFT100'].flatMap((c) => [c.charCodeAt(0), 0]);
	return Uint8Array.from([18, 3, ...signature, MICROSOFT_VENDOR_CODE, 0]);
}

function strings(product: string, deviceId: string, interfaces: readonly string[], iface = product): Map<number, Uint8Array> {
	const out = new Map<number, Uint8Array>([
		[0, Uint8Array.of(4, 3, 0x09, 0x04)],
		[STRING.manufacturer, stringDescriptor('Particle')],
		[STRING.product, stringDescriptor(product)],
		[STRING.serial, stringDescriptor(deviceId)],
		[STRING.configuration, stringDescriptor(product)],
		[STRING.interface, stringDescriptor(iface)],
		[STRING.microsoft, microsoftString()],
	]);
	interfaces.forEach((name, i) => {
		out.set(STRING.interface + 1 + i, stringDescriptor(name));
	});
	return out;
}

function deviceDescriptor(
	platform: Platform,
	productId: number,
	deviceClass: [number, number, number],
	release: number,
): Uint8Array {
	return Uint8Array.from([
		18,
		1,
		0x00,
		0x02,
		...deviceClass,
		64,
		...u16(platform.usb.vendorId),
		...u16(productId),
		...u16(release),
		STRING.manufacturer,
		STRING.product,
		STRING.serial,
		1,
	]);
}

/** Bootloader of Device OS 6.1.2: a string descriptor that tells the security mode (`sm=o`: open). No virtual device is protected. */
const SECURITY_STRING_FROM = 3002;
const SECURITY_STRING = 0xfa;

/** The DFU face: one interface FE/01/02 with an alternate setting for each storage. */
export function dfuFace(platform: Platform, deviceId: string, bootloaderVersion: number): UsbFace {
	const functional = [9, 0x21, 0x0b, 0xff, 0x00, ...u16(4096), 0x1a, 0x01];
	const alternates = platform.alternates.flatMap((_, i) => [9, 4, 0, i, 0, 0xfe, 0x01, 0x02, STRING.interface + 1 + i]);
	const length = 9 + alternates.length + functional.length;
	const head = [9, 2, ...u16(length), 1, 1, STRING.configuration, 0xc0, 0x32];
	const texts = strings(
		`${platform.displayName} DFU Mode`,
		deviceId,
		platform.alternates.map((a) => a.name),
	);
	if (bootloaderVersion >= SECURITY_STRING_FROM) texts.set(SECURITY_STRING, stringDescriptor('sm=o'));
	return {
		device: deviceDescriptor(platform, platform.usb.dfuProductId, [0, 0, 0], 0x0251),
		configuration: Uint8Array.from([...head, ...alternates, ...functional]),
		strings: texts,
		winUsbInterface: 0,
		winUsbGuid: '{37fb5f90-1a34-4929-933b-8a27e1850033}',
	};
}

/** The face of Device OS: USB serial and the control interface. */
export function systemFace(platform: Platform, deviceId: string): UsbFace {
	const association = [8, 11, 0, 2, 2, 2, 1, 0];
	const communication = [
		...[9, 4, 0, 0, 1, 2, 2, 1, 0],
		...[5, 0x24, 0, 0x10, 0x01],
		...[5, 0x24, 1, 0x03, 1],
		...[4, 0x24, 2, 0x02],
		...[5, 0x24, 6, 0, 1],
		...[7, 5, 0x82, 3, ...u16(8), 16],
	];
	const data = [...[9, 4, 1, 0, 2, 0x0a, 0, 0, 0], ...[7, 5, 0x81, 2, ...u16(64), 0], ...[7, 5, 0x01, 2, ...u16(64), 0]];
	const control = [9, 4, 2, 0, 0, 0xff, 0xff, 0xff, STRING.interface + 1];
	const body = [...association, ...communication, ...data, ...control];
	return {
		device: deviceDescriptor(platform, platform.usb.productId, [0xef, 2, 1], 0x0252),
		configuration: Uint8Array.from([9, 2, ...u16(9 + body.length), 3, 1, 0, 0xc0, 0xfa, ...body]),
		strings: strings(`${platform.displayName} CDC Mode`, deviceId, [`${platform.displayName} Control Interface`]),
		winUsbInterface: 2,
		winUsbGuid: '{20b6cfa4-6dc7-468a-a8db-faa7c23ddea5}',
	};
}

/** Extended compatible-id (index 4) and extended properties (index 5) of Microsoft's OS descriptors 1.0. */
export function microsoftDescriptor(face: UsbFace, index: number, value: number): Uint8Array | undefined {
	const text = (s: string) => new TextEncoder().encode(s);
	if (index === 4) {
		const head = Uint8Array.from([0x28, 0, 0, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, face.winUsbInterface, 1]);
		return concatBytes([head, text('WINUSB\0\0'), new Uint8Array(14)]);
	}
	if (index !== 5) return undefined;
	if ((value & 0xff) !== face.winUsbInterface) return new Uint8Array(10);
	const wide = (s: string) => Uint8Array.from([...s].flatMap((c) => [c.charCodeAt(0), 0]));
	const head = Uint8Array.from([0x92, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0x88, 0, 0, 0, 7, 0, 0, 0, 0x2a, 0]);
	return concatBytes([head, wide('DeviceInterfaceGUIDs\0'), Uint8Array.of(0x50, 0, 0, 0), wide(`${face.winUsbGuid}\0\0`)]);
}
