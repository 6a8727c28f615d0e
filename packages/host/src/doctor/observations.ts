/**
 * What can be observed of a computer, as plain values: what check-host.ts judges, and what the observers of each system gather. A test
 * writes them down by hand, so that the judgement on every system can be tried on any.
 */
import type { RuleFile } from '@linac/usb';

/** A USB device, ours or not, as the system lists it. */
export interface SeenUsbDevice {
	/** Bus and port path, where the system tells it. */
	port?: string;
	vendorId: number;
	productId: number;
	/** As the device calls itself. */
	product?: string;
	serialNumber?: string;
	/** A hub: what is plugged into it comes as devices of their own. */
	hub: boolean;
}

/** A program that has a device open. */
export interface Holder {
	pid: number;
	command: string;
}

export interface SeenSerialPort {
	path: string;
	/** This user may read and write it. */
	writable: boolean;
	/** Name of the group that may. */
	group?: string;
	heldBy: Holder[];
}

export interface LinuxUsbDevice extends SeenUsbDevice {
	port: string;
	/** Below /dev/bus/usb; `undefined`: there is none. */
	node?: { path: string; writable: boolean; mode: number; group?: string };
	interfaces: { number: number; interfaceClass: number; driver?: string }[];
	heldBy: Holder[];
	serialPorts: SeenSerialPort[];
}

export interface LinuxObservations {
	system: 'linux';
	/** /sys/bus/usb: the kernel knows USB. */
	kernelUsb: boolean;
	/** /dev/bus/usb: there are nodes to open. */
	usbNodes: boolean;
	/** `docker`, `wsl` ...: not a computer of its own. */
	container?: string;
	user: { root: boolean; groups: string[] };
	/** udevd runs here: rules have an effect. */
	udev: boolean;
	/** Rule files that name a vendor of ours, those that others replace left out. */
	rules: RuleFile[];
	/** Every USB device. */
	devices: LinuxUsbDevice[];
	/** Programs of other users could not be looked into. */
	holdersHidden: boolean;
	modemManager: boolean;
	/** Last lines of the kernel's log about USB; `undefined`: this user may not read it. */
	kernelLog?: string[];
}

/** A node of Windows' device tree. A device with several interfaces has one for itself and one for each (`MI_00` ...). */
export interface WindowsUsbNode {
	/** `USB\VID_2B04&PID_C00D&MI_02\...` */
	instanceId: string;
	name: string;
	/** The driver: `WinUSB`, `usbser`, `usbccgp`, `libusb0` ...; `undefined`: none. */
	service?: string;
	/** Code of the Device Manager: 0 works, 28 no driver, 10 cannot start, 43 reported a problem, 45 not connected. */
	problemCode: number;
}

export interface WindowsObservations {
	system: 'windows';
	/** `undefined`: the question could not be asked; `nodesError` says why. */
	nodes?: WindowsUsbNode[];
	nodesError?: string;
}

export interface MacObservations {
	system: 'macos';
	/** `undefined`: the question could not be asked; `devicesError` says why. */
	devices?: SeenUsbDevice[];
	devicesError?: string;
	/** /dev/cu.usbmodem* */
	serialPorts: string[];
}

export type SystemObservations = LinuxObservations | WindowsObservations | MacObservations;

export interface CommonObservations {
	/** Of Node.js: what runs, and the oldest that linac runs on. */
	node: { version: string; oldest: string };
	/** `linux-x64` ...: what native modules are built for. */
	target: string;
	/** Folders that linac keeps things in. */
	folders: { what: string; path: string; problem?: string }[];
	/** node-usb; `undefined`: not asked, because devices come over USB/IP. */
	usbLibrary?: { problem?: string; devices?: number };
	/** The USB/IP server, where one is used. */
	usbIp?: { address: string; problem?: string };
}

export interface HostObservations extends CommonObservations {
	/** `undefined` where devices come over USB/IP: this computer's USB plays no part then. */
	usb?: SystemObservations;
}

/** One thing found out about the computer. `ok` and `info` are nothing wrong. */
export interface HostFinding {
	code: string;
	severity: 'ok' | 'info' | 'warning' | 'error';
	/** Whole sentences: what was found. */
	message: string;
	/** What to do. */
	hint?: string;
	/** The USB port that it is about. */
	port?: string;
}
