/**
 * Everything that differs between operating systems, most of it about USB, in one table: nothing else in linac asks which system it runs on.
 * Each entry names its source. Only Linux could be tried; what stands here for Windows and macOS was read, not measured, and
 * docs/hosts.md says so. Not for finding out what is wrong on a host: doctor/.
 */
import type { UsbErrorCode } from '@linac/usb';

export type HostSystem = 'linux' | 'windows' | 'macos';

/** The errors of libusb that mean something else on each system. */
export type LibusbError = 'LIBUSB_ERROR_ACCESS' | 'LIBUSB_ERROR_BUSY' | 'LIBUSB_ERROR_NOT_SUPPORTED' | 'LIBUSB_ERROR_NO_DEVICE';

/** A fact about a system and where it was read. */
export interface HostFact<T> {
	value: T;
	source: string;
}

export interface LibusbMeaning {
	/** What it is for the rest of linac. */
	code: UsbErrorCode;
	/** What to do, for the person in front of the device. */
	hint: string;
	source: string;
}

/** The limits of a job that depend on how long a system takes to show a device again. Milliseconds; see `JobLimits` in @linac/programmer. */
export interface ReenumerationLimits {
	modeChangeMs: number;
	bootMs: number;
	returnMs: number;
}

export interface HostDifferences {
	system: HostSystem;
	/** For sentences. */
	name: string;
	/** How a program gets the right to open a device. */
	access: HostFact<string>;
	/** How long to wait for a device that restarts in another mode. Upper limits: a device that is back sooner is used sooner. */
	reenumeration: HostFact<ReenumerationLimits>;
	/** Most bytes in the data stage of one control transfer that libusb takes; `undefined`: it sets no limit. */
	controlTransferBytes: HostFact<number | undefined>;
	/** What a USB port is called, and for how long that name holds. */
	portPath: HostFact<{ example: string; holds: string }>;
	/** Whether a driver of the system can be taken off an interface that linac wants. */
	detachesKernelDriver: HostFact<boolean>;
	/** What the serial port of a device is called. */
	serialPort: HostFact<string>;
	/** Program and arguments that show an address, put behind them, in the user's browser. */
	openAddress: HostFact<readonly [string, ...string[]]>;
	errors: Record<LibusbError, LibusbMeaning>;
}

const particleCliLimit =
	'particle-cli (e2e1229): src/cmd/usb-util.js waits up to 60 s on every system (REOPEN_TIMEOUT); not measured by linac';

/** LIBUSB_ERROR_NO_DEVICE means the same everywhere; only Linux has a second reason for it. */
const left =
	'The device has left the bus. Check the cable, plug it in again and run the same command: it continues where it was.';

const linux: HostDifferences = {
	system: 'linux',
	name: 'Linux',
	access: {
		value: 'A udev rule gives the right to open the device: "linac doctor --install-udev-rule" writes one.',
		source: 'libusb 1.0.30: libusb/os/linux_usbfs.c, get_usbfs_fd (EACCES); docs of node-usb 2.18.0, "Linux"',
	},
	reenumeration: {
		value: { modeChangeMs: 15_000, bootMs: 30_000, returnMs: 5_000 },
		source:
			'defaults of @linac/programmer: the restart of the device (2-3 s) is the long part, and Linux shows it as soon as it has been enumerated',
	},
	controlTransferBytes: {
		value: 4096,
		source: 'libusb 1.0.30: libusb/os/linux_usbfs.h, MAX_CTRL_BUFFER_LENGTH; longer ones are refused',
	},
	portPath: {
		value: {
			example: '1-2.3',
			holds: 'as long as the cable stays in its port; a bus number can change when the computer restarts',
		},
		source: 'libusb 1.0.30: libusb/os/linux_usbfs.c (bus and port path of sysfs)',
	},
	detachesKernelDriver: {
		value: true,
		source:
			'libusb 1.0.30: libusb/os/linux_usbfs.c, op_detach_kernel_driver; node-usb 2.18.0: dist/webusb/webusb-device.js asks for it',
	},
	serialPort: { value: '/dev/ttyACM0', source: 'Linux: drivers/usb/class/cdc-acm.c' },
	openAddress: { value: ['xdg-open'], source: 'freedesktop.org: xdg-utils, xdg-open(1)' },
	errors: {
		LIBUSB_ERROR_ACCESS: {
			code: 'USB_PERMISSION',
			hint: 'This user may not open the device. "linac doctor --install-udev-rule" puts that right; "linac doctor" says more.',
			source: 'libusb 1.0.30: libusb/os/linux_usbfs.c:231 (EACCES)',
		},
		LIBUSB_ERROR_BUSY: {
			code: 'USB_BUSY',
			hint: 'Another program uses the device. "linac doctor" says which one, as far as this user may know. Close it.',
			source: 'libusb 1.0.30: libusb/os/linux_usbfs.c:1563 (EBUSY when an interface is claimed)',
		},
		LIBUSB_ERROR_NOT_SUPPORTED: {
			code: 'USB_PERMISSION',
			hint: 'The kernel cannot do what was asked for with this device. "linac doctor" looks at the USB of this computer.',
			source: 'libusb 1.0.30: libusb/os/linux_usbfs.c:1711 (ENOTTY)',
		},
		LIBUSB_ERROR_NO_DEVICE: {
			code: 'USB_DISCONNECTED',
			hint: `${left} In a container it can also mean that /dev/bus/usb was not passed in whole.`,
			source: 'libusb 1.0.30: libusb/os/linux_usbfs.c:233 (ENOENT of the node), :1565 (ENODEV)',
		},
	},
};

const windows: HostDifferences = {
	system: 'windows',
	name: 'Windows',
	access: {
		value:
			'The WinUSB driver has to be bound to the device. Windows does that by itself where the firmware asks for it; older firmware needs Zadig once.',
		source:
			'docs of node-usb 2.18.0, "Windows"; device-os v6.2.0: CHANGELOG.md 0.6.1-rc.1 (DFU of Gen 2), 0.9.0 #1653 (DFU of Gen 3), 1.1.0-rc.1 #1736 (control interface of Gen 3)',
	},
	reenumeration: {
		value: { modeChangeMs: 60_000, bootMs: 60_000, returnMs: 15_000 },
		source: `${particleCliLimit}. The first time that a device is seen in a mode, Windows looks for its driver before anybody can open it`,
	},
	controlTransferBytes: {
		value: 4096,
		source: 'libusb 1.0.30: libusb/os/windows_winusb.h, MAX_CTRL_BUFFER_LENGTH; longer ones are refused',
	},
	portPath: {
		value: {
			example: '1-2.3',
			holds: 'until the computer restarts or a USB controller comes or goes: libusb counts the root hubs itself',
		},
		source: 'libusb 1.0.30: libusb/os/windows_winusb.c:2010 (assigning a bus number to each root hub)',
	},
	detachesKernelDriver: {
		value: false,
		source: 'libusb 1.0.30: libusb/os/windows_common.c:993 (no detach_kernel_driver); a device has one driver at a time',
	},
	serialPort: { value: 'COM5', source: 'Windows: usbser.sys' },
	openAddress: {
		value: ['rundll32', 'url.dll,FileProtocolHandler'],
		source: 'Windows: url.dll, FileProtocolHandler; unlike "start" of cmd.exe it takes an address as it is',
	},
	errors: {
		LIBUSB_ERROR_ACCESS: {
			code: 'USB_BUSY',
			hint: 'Another program has the device open (Particle Workbench, particle-cli, a browser tab, another linac). Close it, or unplug the device and plug it in again.',
			source: 'libusb 1.0.30: libusb/os/windows_winusb.c:4648 (ERROR_ACCESS_DENIED), :3250 (the interface could not be opened)',
		},
		LIBUSB_ERROR_BUSY: {
			code: 'USB_BUSY',
			hint: 'Another program has claimed the interface. Close it.',
			source: 'libusb 1.0.30: libusb/os/windows_winusb.c:3290 (ERROR_ALREADY_EXISTS)',
		},
		LIBUSB_ERROR_NOT_SUPPORTED: {
			code: 'USB_PERMISSION',
			hint: 'The device does not have the WinUSB driver. "linac doctor" says which driver it has and how it gets the right one.',
			source: 'docs of node-usb 2.18.0, "Windows"; libusb 1.0.30: libusb/os/windows_winusb.c (unsupported_open)',
		},
		LIBUSB_ERROR_NO_DEVICE: { code: 'USB_DISCONNECTED', hint: left, source: 'libusb 1.0.30: libusb/os/windows_winusb.c:4646' },
	},
};

const macos: HostDifferences = {
	system: 'macos',
	name: 'macOS',
	access: {
		value: 'Nothing has to be installed, and no right be given.',
		source:
			'libusb 1.0.30: libusb/os/darwin_usb.c, darwin_open (USBDeviceOpenSeize needs no right where no driver holds the interface)',
	},
	reenumeration: {
		value: { modeChangeMs: 60_000, bootMs: 60_000, returnMs: 15_000 },
		source: particleCliLimit,
	},
	controlTransferBytes: {
		value: undefined,
		source: 'libusb 1.0.30: libusb/os/darwin_usb.c, submit_control_transfer (no limit of its own)',
	},
	portPath: {
		value: { example: '20-2.3', holds: 'as long as the cable stays in its port: bus and ports are those of the location id' },
		source: 'libusb 1.0.30: libusb/os/darwin_usb.c:1498 (bus number = location >> 24)',
	},
	detachesKernelDriver: {
		value: false,
		source:
			'libusb 1.0.30: libusb/os/darwin_usb.c:2932 (needs the entitlement com.apple.vm.device-access or root); the interfaces that linac uses have no driver of the system',
	},
	serialPort: {
		value: '/dev/cu.usbmodem1234',
		source:
			'macOS: IOKit/serial/IOSerialKeys.h (kIOCalloutDeviceKey is /dev/cu.*, which opens at once; kIODialinDeviceKey is /dev/tty.*, which waits for a carrier)',
	},
	openAddress: { value: ['open'], source: 'macOS: open(1)' },
	errors: {
		LIBUSB_ERROR_ACCESS: {
			code: 'USB_BUSY',
			hint: 'Another program has the device open (Particle Workbench, a browser tab, a virtual machine, another linac). Close it, or unplug the device and plug it in again.',
			source: 'libusb 1.0.30: libusb/os/darwin_usb.c:361 (kIOReturnExclusiveAccess)',
		},
		LIBUSB_ERROR_BUSY: {
			code: 'USB_BUSY',
			hint: 'Another program has claimed the interface. Close it.',
			source: 'libusb 1.0.30: libusb/libusb.h, LIBUSB_ERROR_BUSY',
		},
		LIBUSB_ERROR_NOT_SUPPORTED: {
			code: 'USB_PERMISSION',
			hint: 'macOS does not allow this with the device. Unplug it, plug it in again and run the same command.',
			source: 'libusb 1.0.30: libusb/libusb.h, LIBUSB_ERROR_NOT_SUPPORTED',
		},
		LIBUSB_ERROR_NO_DEVICE: {
			code: 'USB_DISCONNECTED',
			hint: left,
			source: 'libusb 1.0.30: libusb/os/darwin_usb.c:358 (kIOReturnNoDevice)',
		},
	},
};

const table: Record<HostSystem, HostDifferences> = { linux, windows, macos };

/** Which row of the table a `process.platform` is. Systems that nobody has looked at (FreeBSD, Android) are taken for Linux. */
export function hostSystemOf(nodePlatform: string): HostSystem {
	if (nodePlatform === 'win32' || nodePlatform === 'cygwin') return 'windows';
	return nodePlatform === 'darwin' ? 'macos' : 'linux';
}

/** What is different on a system; without an argument, on this one. */
export function hostDifferences(system: HostSystem = hostSystemOf(process.platform)): HostDifferences {
	return table[system];
}

/** What an error of libusb means on a system, or `undefined` when its text names none of those that differ. */
export function meaningOf(error: unknown, system?: HostSystem): LibusbMeaning | undefined {
	const text = error instanceof Error ? error.message : String(error);
	const name = /LIBUSB_ERROR_[A-Z_]+/.exec(text)?.[0];
	const { errors } = hostDifferences(system);
	return name !== undefined && name in errors ? errors[name as LibusbError] : undefined;
}
