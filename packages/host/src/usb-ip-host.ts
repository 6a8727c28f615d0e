/**
 * The devices of a USB/IP server as a `UsbHost`: the command line uses a virtual device exactly as it would use one on a cable.
 * USB/IP has no notification, so the list is polled while somebody watches. Format: docs/formats/usb-ip.md.
 */
import { type Disposer, LinacError } from '@linac/core';
import { type UsbHandle, type UsbHost, usbError, WebUsbDevice } from '@linac/usb';
import { inaccessibleDevice } from './usb-inaccessible-device.js';
import {
	DEVICE_RECORD,
	decodeDevice,
	decodeOp,
	type ExportedDevice,
	encodeOp,
	MOST_DEVICES,
	OP_HEADER,
	Op,
	usbIpProtocolError,
	viewOf,
} from './usb-ip-protocol.js';
import { connectUsbIp, type UsbIpServerAddress, UsbIpWire, withinHandshake } from './usb-ip-wire.js';

/** Pause between two looks while somebody watches, ms. */
const WATCH_MS = 250;
/** A device that another client has just opened to read its names is free again in a moment: tries and pause, ms. */
const BUSY_TRIES = 3;
const BUSY_PAUSE_MS = 50;

/** Asks a server for its devices. Throws `USBIP_UNREACHABLE` or `USBIP_PROTOCOL`. */
export async function listExported(server: UsbIpServerAddress): Promise<ExportedDevice[]> {
	const socket = await connectUsbIp(server);
	return withinHandshake(socket, async () => {
		const read = async (size: number) => {
			const bytes = await socket.read(size);
			if (!bytes) throw usbIpProtocolError('the connection ended within the list of devices, or took too long');
			return bytes;
		};
		socket.write(encodeOp(Op.requestList));
		const { code, status } = decodeOp(await read(OP_HEADER));
		if (code !== Op.replyList || status !== 0) throw usbIpProtocolError(`code 0x${code.toString(16)} in answer to a list`);
		const count = viewOf(await read(4)).getUint32(0);
		if (count > MOST_DEVICES) throw usbIpProtocolError(`${count} devices`);
		const devices: ExportedDevice[] = [];
		for (let i = 0; i < count; i++) {
			const device = decodeDevice(await read(DEVICE_RECORD));
			await read(device.interfaces * 4);
			devices.push(device);
		}
		socket.end();
		return devices;
	});
}

/** The devices of the server at this address. Default port 3240. */
export function usbIpHost(options: { host: string; port?: number }): UsbHost {
	const server: UsbIpServerAddress = { host: options.host, port: options.port ?? 3240 };
	const known = new Map<string, { device: WebUsbDevice; wire: UsbIpWire }>();
	const watchers = new Set<() => void>();
	let timer: NodeJS.Timeout | undefined;
	let seen = '';
	let listing: Promise<unknown> = Promise.resolve();

	const tell = () => {
		for (const fn of watchers) fn();
	};

	const face = async (exported: ExportedDevice): Promise<USBDevice | undefined> => {
		for (let attempt = 1; ; attempt++) {
			try {
				const wire = await UsbIpWire.attach(server, exported);
				const device = await WebUsbDevice.from(wire, undefined, { opened: () => wire.acquire(), closed: () => wire.release() });
				known.set(keyOf(exported), { device, wire });
				wire.onDetach(tell);
				await wire.release();
				return device;
			} catch (error) {
				const code = error instanceof LinacError ? error.code : '';
				if (code === 'USB_DISCONNECTED') return undefined;
				if (code !== 'USB_BUSY') throw error;
				if (attempt === BUSY_TRIES) {
					return inaccessibleDevice(exported, () =>
						usbError('USB_BUSY', `by another client of the USB/IP server (${exported.busId})`),
					);
				}
				await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
			}
		}
	};

	const list = async (): Promise<UsbHandle[]> => {
		const exported = await listExported(server);
		const keys = new Set(exported.map(keyOf));
		for (const [key, { wire }] of known) {
			if (keys.has(key) && !wire.left) continue;
			known.delete(key);
			wire.detach();
		}
		const handles: UsbHandle[] = [];
		for (const one of exported) {
			const device = known.get(keyOf(one))?.device ?? (await face(one));
			if (device) handles.push({ device, location: one.busId });
		}
		return handles;
	};

	const poll = async () => {
		const mine = timer;
		try {
			const now = (await listExported(server)).map(keyOf).join();
			if (now !== seen) tell();
			seen = now;
		} catch {
			// Whoever lists the devices is told that the server has gone.
		}
		// Whoever stopped and began to watch meanwhile has a timer of its own.
		if (timer === mine && watchers.size > 0) timer = setTimeout(poll, WATCH_MS).unref();
	};

	return {
		name: `usbip ${server.host}:${server.port}`,
		devices() {
			// One after the other: a device is lent to one client at a time, also to this one.
			const next = listing.then(list);
			listing = next.catch(() => {});
			return next;
		},
		watch(onChange): Disposer {
			const fn = () => onChange();
			watchers.add(fn);
			timer ??= setTimeout(poll, WATCH_MS).unref();
			return () => {
				watchers.delete(fn);
				if (watchers.size > 0) return;
				clearTimeout(timer);
				timer = undefined;
			};
		},
		async close() {
			watchers.clear();
			clearTimeout(timer);
			timer = undefined;
			for (const { wire } of known.values()) await wire.release();
			known.clear();
		},
	};
}

/** One attachment of one device: all of it changes when the device restarts. */
function keyOf(device: ExportedDevice): string {
	return [device.busId, device.busNumber, device.deviceNumber, device.vendorId, device.productId].join(' ');
}
