/**
 * The bytes of USB/IP, protocol 1.1.1 (Linux: Documentation/usb/usbip_protocol.rst; docs/formats/usb-ip.md). All numbers are
 * big-endian, except inside setup packets and descriptors. Only bytes: sockets are in `usb-ip-server.ts` and `usb-ip-client.ts`.
 */
import { LinacError } from '@linac/core';

export const VERSION = 0x0111;
export const Op = { requestList: 0x8005, replyList: 0x0005, requestImport: 0x8003, replyImport: 0x0003 } as const;
export const Command = { submit: 1, unlink: 2, retSubmit: 3, retUnlink: 4 } as const;
/** Status of an import (Linux: tools/usb/usbip/libsrc/usbip_common.h). */
export const ImportStatus = { ok: 0, notAvailable: 1, busy: 2, error: 3, noDevice: 4 } as const;
/** Linux's errno, negative, as URBs carry them. */
export const UrbStatus = {
	ok: 0,
	stall: -32,
	noDevice: -19,
	unlinked: -104,
	shutdown: -108,
	timeout: -110,
	protocol: -71,
} as const;

export const OP_HEADER = 8;
export const BUS_ID_SIZE = 32;
const PATH_SIZE = 256;
/** Size of a device record, without the interfaces that follow it in a list. */
export const DEVICE_RECORD = PATH_SIZE + BUS_ID_SIZE + 24;
export const URB_HEADER = 48;
/** Largest data stage that is taken from the other side: far above every control (64 KB) and bulk transfer that occurs here. */
export const LONGEST_TRANSFER = 1024 * 1024;
/** Devices that a list may have. */
export const MOST_DEVICES = 1024;

const speeds = { low: 1, full: 2, high: 3 } as const;

export interface ExportedDevice {
	busId: string;
	busNumber: number;
	/** Changes whenever the device is attached anew, so that a client sees that it has restarted. */
	deviceNumber: number;
	speed: 'low' | 'full' | 'high';
	vendorId: number;
	productId: number;
	deviceVersion: number;
	deviceClass: number;
	deviceSubclass: number;
	deviceProtocol: number;
	configurationValue: number;
	configurations: number;
	interfaces: number;
}

const text = new TextEncoder();

export function encodeOp(code: number, status = 0): Uint8Array {
	const bytes = new Uint8Array(OP_HEADER);
	const view = new DataView(bytes.buffer);
	view.setUint16(0, VERSION);
	view.setUint16(2, code);
	view.setUint32(4, status);
	return bytes;
}

export function decodeOp(bytes: Uint8Array): { version: number; code: number; status: number } {
	const view = viewOf(bytes);
	return { version: view.getUint16(0), code: view.getUint16(2), status: view.getUint32(4) };
}

export function encodeBusId(busId: string): Uint8Array {
	const bytes = new Uint8Array(BUS_ID_SIZE);
	bytes.set(text.encode(busId).subarray(0, BUS_ID_SIZE - 1));
	return bytes;
}

export function decodeBusId(bytes: Uint8Array): string {
	const end = bytes.indexOf(0);
	return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

export function encodeDevice(device: ExportedDevice): Uint8Array {
	const bytes = new Uint8Array(DEVICE_RECORD);
	const view = new DataView(bytes.buffer);
	bytes.set(text.encode(`/sys/devices/linac/${device.busId}`).subarray(0, PATH_SIZE - 1));
	bytes.set(encodeBusId(device.busId), PATH_SIZE);
	const at = PATH_SIZE + BUS_ID_SIZE;
	view.setUint32(at, device.busNumber);
	view.setUint32(at + 4, device.deviceNumber);
	view.setUint32(at + 8, speeds[device.speed]);
	view.setUint16(at + 12, device.vendorId);
	view.setUint16(at + 14, device.productId);
	view.setUint16(at + 16, device.deviceVersion);
	bytes[at + 18] = device.deviceClass;
	bytes[at + 19] = device.deviceSubclass;
	bytes[at + 20] = device.deviceProtocol;
	bytes[at + 21] = device.configurationValue;
	bytes[at + 22] = device.configurations;
	bytes[at + 23] = device.interfaces;
	return bytes;
}

export function decodeDevice(bytes: Uint8Array): ExportedDevice {
	const view = viewOf(bytes);
	const at = PATH_SIZE + BUS_ID_SIZE;
	const speed = view.getUint32(at + 8);
	return {
		busId: decodeBusId(bytes.subarray(PATH_SIZE, at)),
		busNumber: view.getUint32(at),
		deviceNumber: view.getUint32(at + 4),
		speed: speed === 1 ? 'low' : speed >= 3 ? 'high' : 'full',
		vendorId: view.getUint16(at + 12),
		productId: view.getUint16(at + 14),
		deviceVersion: view.getUint16(at + 16),
		deviceClass: bytes[at + 18]!,
		deviceSubclass: bytes[at + 19]!,
		deviceProtocol: bytes[at + 20]!,
		configurationValue: bytes[at + 21]!,
		configurations: bytes[at + 22]!,
		interfaces: bytes[at + 23]!,
	};
}

export interface Submit {
	sequence: number;
	deviceId: number;
	direction: 'in' | 'out';
	endpoint: number;
	/** Bytes to send, or at most to receive. */
	length: number;
	setup: Uint8Array;
	/** Isochronous only: more than 0 is refused. */
	packets: number;
}

export function encodeSubmit(submit: Submit): Uint8Array {
	const bytes = new Uint8Array(URB_HEADER);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, Command.submit);
	view.setUint32(4, submit.sequence);
	view.setUint32(8, submit.deviceId);
	view.setUint32(12, submit.direction === 'in' ? 1 : 0);
	view.setUint32(16, submit.endpoint);
	view.setUint32(24, submit.length);
	bytes.set(submit.setup, 40);
	return bytes;
}

export function decodeSubmit(bytes: Uint8Array): Submit {
	const view = viewOf(bytes);
	return {
		sequence: view.getUint32(4),
		deviceId: view.getUint32(8),
		direction: view.getUint32(12) === 1 ? 'in' : 'out',
		endpoint: view.getUint32(16) & 0xf,
		length: view.getUint32(24),
		// The kernel writes -1 for transfers that are not isochronous since 5.x, and 0 before.
		packets: Math.max(0, view.getInt32(32)),
		setup: bytes.slice(40, 48),
	};
}

export function encodeUnlink(sequence: number, deviceId: number, victim: number): Uint8Array {
	const bytes = new Uint8Array(URB_HEADER);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, Command.unlink);
	view.setUint32(4, sequence);
	view.setUint32(8, deviceId);
	view.setUint32(20, victim);
	return bytes;
}

/** RET_SUBMIT (`actual` bytes) or RET_UNLINK (`actual` 0). The last three words of the basic header are 0 in replies. */
export function encodeReturn(command: 3 | 4, sequence: number, status: number, actual = 0): Uint8Array {
	const bytes = new Uint8Array(URB_HEADER);
	const view = new DataView(bytes.buffer);
	view.setUint32(0, command);
	view.setUint32(4, sequence);
	view.setInt32(20, status);
	view.setUint32(24, actual);
	return bytes;
}

export function decodeReturn(bytes: Uint8Array): { command: number; sequence: number; status: number; actual: number } {
	const view = viewOf(bytes);
	return { command: view.getUint32(0), sequence: view.getUint32(4), status: view.getInt32(20), actual: view.getUint32(24) };
}

export function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The other side has said something that the protocol does not allow. */
export function usbIpProtocolError(what: string): LinacError {
	return new LinacError('USBIP_PROTOCOL', `The USB/IP server sent something that is not USB/IP 1.1.1: ${what}.`, {
		retry: 'reconnect',
		hint: 'Check host and port: does something else listen there?',
	});
}
