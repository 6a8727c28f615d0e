/**
 * Real USB devices in Node, by node-usb (libusb): its WebUSB devices, made one by one from its own devices so that bus and port
 * path are kept. The native library is loaded at first use only: a command that needs no USB works where there is none.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Disposer, LinacError } from '@linac/core';
import { classifyUsbFailure, type UsbHandle, type UsbHost, usbError } from '@linac/usb';
import { type HostSystem, hostSystemOf, meaningOf } from './host-differences.js';
import { inaccessibleDevice } from './usb-inaccessible-device.js';

type NodeUsb = typeof import('usb');
type NodeDevice = ReturnType<NodeUsb['getDeviceList']>[number];

/** libusb's own limit for a control transfer, ms: longer than every limit that is set above, which give the better message. */
const LIBUSB_TIMEOUT_MS = 65_000;
/** Particle's vendor id, and Spark's from the Core's time: other devices are not even opened to read their names. */
const VENDORS: readonly number[] = [0x2b04, 0x1d50];

let shared: UsbHost | undefined;

/** The host of this machine. There is one: every call returns the same, so that all users of a process share its locks. */
export function nodeUsbHost(): UsbHost {
	// Not by `import`: for that Node first parses all of its files once more, to find the names that they export.
	shared ??= makeHost(async () => createRequire(import.meta.url)('usb') as NodeUsb);
	return shared;
}

/** The same over a given library, for tests. `load` may reject: the host then throws `USB_UNAVAILABLE` when it is used. */
export function makeHost(load: () => Promise<NodeUsb>, system: HostSystem = hostSystemOf(process.platform)): UsbHost {
	let loading: Promise<NodeUsb> | undefined;
	const library = () => {
		loading ??= load().catch((error: unknown) => {
			loading = undefined;
			throw unavailable(error, system);
		});
		return loading;
	};
	const known = new Map<NodeDevice, USBDevice>();
	let listing: Promise<unknown> = Promise.resolve();

	const list = async (): Promise<UsbHandle[]> => {
		const usb = await library();
		let present: NodeDevice[];
		try {
			const failed = (usb.usb as { INIT_ERROR?: number }).INIT_ERROR;
			if (failed) throw new Error(`libusb could not start (error ${failed})`);
			present = usb.getDeviceList();
			if (present.length === 0 && system === 'linux' && withoutBus())
				throw new Error('there is neither /dev/bus/usb nor /sys/bus/usb');
		} catch (error) {
			throw unavailable(error, system);
		}
		for (const old of known.keys()) if (!present.includes(old)) known.delete(old);
		const handles: UsbHandle[] = [];
		for (const device of present) {
			if (!VENDORS.includes(device.deviceDescriptor.idVendor)) continue;
			const face = known.get(device) ?? (await faceOf(usb, device, known, system));
			if (face) handles.push({ device: face, location: locationOf(device) });
		}
		return handles;
	};

	return {
		name: 'usb',
		devices() {
			// One after the other: node-usb opens a device to read its names, and two at once would close it under each other.
			const next = listing.then(list);
			listing = next.catch(() => {});
			return next;
		},
		watch(onChange) {
			let stopped = false;
			let stop: Disposer = () => {};
			library().then(
				(usb) => {
					if (stopped) return;
					usb.usb.on('attach', onChange);
					usb.usb.on('detach', onChange);
					stop = () => {
						usb.usb.off('attach', onChange);
						usb.usb.off('detach', onChange);
					};
				},
				// Whoever lists the devices is told; whoever only watches polls besides.
				() => {},
			);
			return () => {
				stopped = true;
				stop();
				stop = () => {};
			};
		},
	};
}

async function faceOf(
	usb: NodeUsb,
	device: NodeDevice,
	known: Map<NodeDevice, USBDevice>,
	system: HostSystem,
): Promise<USBDevice | undefined> {
	device.timeout = LIBUSB_TIMEOUT_MS;
	try {
		const face = saying((await usb.WebUSBDevice.createInstance(device)) as unknown as USBDevice, locationOf(device), system);
		known.set(device, face);
		return face;
	} catch (error) {
		const code = meaningOf(error, system)?.code ?? classifyUsbFailure(error);
		if (code === 'USB_DISCONNECTED') return undefined;
		const descriptor = device.deviceDescriptor;
		const ids = {
			vendorId: descriptor.idVendor,
			productId: descriptor.idProduct,
			deviceVersion: descriptor.bcdDevice,
			deviceClass: descriptor.bDeviceClass,
			deviceSubclass: descriptor.bDeviceSubClass,
			deviceProtocol: descriptor.bDeviceProtocol,
		};
		// Not kept: the next look tries again, for udev may only now be setting the permission.
		return inaccessibleDevice(
			ids,
			() => explained(error, locationOf(device), system) ?? usbError(code, `at ${locationOf(device)}`, error),
		);
	}
}

/** Opening and claiming are where systems refuse in their own ways: what that means here is said by the one table that knows. */
function saying(face: USBDevice, location: string, system: HostSystem): USBDevice {
	const open = face.open?.bind(face);
	const claim = face.claimInterface?.bind(face);
	const explain = (error: unknown): never => {
		throw explained(error, location, system) ?? error;
	};
	face.open = () => open().catch(explain);
	face.claimInterface = (number) => claim(number).catch(explain);
	return face;
}

/** A refusal of libusb with its meaning on this system. A device that has left is not among them: the connection looks itself. */
function explained(error: unknown, location: string, system: HostSystem): LinacError | undefined {
	const meaning = meaningOf(error, system);
	if (!meaning || meaning.code === 'USB_DISCONNECTED') return undefined;
	const plain = usbError(meaning.code, `at ${location}`, error);
	return new LinacError(plain.code, plain.message, { retry: plain.retry, hint: meaning.hint, cause: error });
}

/** libusb starts without a word on a Linux that has no USB at all, and then finds nothing: say so instead. */
function withoutBus(): boolean {
	return !existsSync('/dev/bus/usb') && !existsSync('/sys/bus/usb');
}

/** As Linux writes it: bus, then the ports from the root hub. */
function locationOf(device: NodeDevice): string {
	const ports = device.portNumbers ?? [];
	return `${device.busNumber}-${ports.length === 0 ? device.deviceAddress : ports.join('.')}`;
}

/** Throws nothing: the error to throw when USB cannot be used at all on this computer. */
export function unavailable(cause: unknown, system: HostSystem): LinacError {
	const text = cause instanceof Error ? cause.message : String(cause);
	return new LinacError('USB_UNAVAILABLE', `USB cannot be used on this machine: ${text}.`, {
		retry: 'operator',
		cause,
		hint:
			`${system === 'linux' ? 'In a container the USB bus must be passed in (/dev/bus/usb and /sys/bus/usb). ' : ''}"linac doctor" looks further. ` +
			'Without USB, virtual devices can be used: start `linac lab` and pass --usbip HOST:PORT.',
	});
}
