import { platforms } from '@linac/catalog';
import { usbIdsByVendor } from '@linac/usb';
import { describe, expect, test } from 'vitest';
import { checkHost } from './check-host.js';
import type {
	HostObservations,
	LinuxObservations,
	LinuxUsbDevice,
	MacObservations,
	WindowsObservations,
} from './observations.js';
import { macDevices } from './observe-macos.js';
import { observeWindows, windowsNodes } from './observe-windows.js';

const ids = usbIdsByVendor(platforms);
const common: HostObservations = {
	node: { version: 'v20.19.0', oldest: '20.19.0' },
	target: 'linux-x64',
	folders: [{ what: 'downloads', path: '/home/u/.cache/linac' }],
};
const openRule = {
	path: '/etc/udev/rules.d/99-p.rules',
	text: 'ATTRS{idVendor}=="2b04|1d50", MODE="0666", ENV{ID_MM_DEVICE_IGNORE}="1"',
};
const boron: LinuxUsbDevice = {
	port: '1-2',
	vendorId: 0x2b04,
	productId: 0xc00d,
	product: 'Boron',
	hub: false,
	node: { path: '/dev/bus/usb/001/005', writable: true, mode: 0o666 },
	interfaces: [
		{ number: 0, interfaceClass: 2, driver: 'cdc_acm' },
		{ number: 2, interfaceClass: 0xff },
	],
	heldBy: [],
	serialPorts: [{ path: '/dev/ttyACM0', writable: true, group: 'dialout', heldBy: [] }],
};
const closed = { ...boron, node: { path: '/dev/bus/usb/001/005', writable: false, mode: 0o664, group: 'root' } };
const fine: LinuxObservations = {
	system: 'linux',
	kernelUsb: true,
	usbNodes: true,
	user: { root: false, groups: ['users'] },
	udev: true,
	rules: [openRule],
	devices: [boron],
	holdersHidden: false,
	modemManager: true,
	kernelLog: [],
};
const wrong = (more: Partial<HostObservations>) =>
	checkHost({ ...common, ...more }, ids)
		.filter((f) => f.severity === 'error' || f.severity === 'warning')
		.map((f) => f.code);
const finding = (more: Partial<HostObservations>, code: string) =>
	checkHost({ ...common, ...more }, ids).find((f) => f.code === code)!;

describe('any computer', () => {
	test('one on which everything is right has nothing wrong', () => {
		expect(wrong({ usb: fine, usbLibrary: { devices: 3 } })).toEqual([]);
	});

	test.each([
		['v20.18.9', ['NODE_TOO_OLD']],
		['v18.20.0', ['NODE_TOO_OLD']],
		['v22.0.0', []],
	])('Node.js %s', (version, codes) => {
		expect(wrong({ node: { version, oldest: '20.19.0' } })).toEqual(codes);
	});

	test.each([
		["Cannot find module 'usb'", 'USB_LIBRARY_MISSING'],
		['No native build was found for platform=linux arch=riscv64', 'USB_LIBRARY_MISSING'],
		["/lib/libc.so.6: version `GLIBC_2.28' not found", 'USB_LIBRARY_MISSING'],
		['libusb error -99', 'USB_LIBRARY_FAILED'],
	])('a USB library that says "%s"', (problem, code) => {
		expect(wrong({ usb: fine, usbLibrary: { problem } })).toEqual([code]);
	});

	test('a USB/IP server that does not answer, and a folder that cannot be written', () => {
		const seen = {
			usbIp: { address: 'h:1', problem: 'refused' },
			folders: [{ what: 'downloads', path: '/x', problem: 'EACCES' }],
		};
		expect(wrong(seen)).toEqual(['USBIP_UNREACHABLE', 'FOLDER_NOT_WRITABLE']);
	});
});

describe('Linux', () => {
	const cases: [what: string, more: Partial<LinuxObservations>, codes: string[]][] = [
		['a kernel without USB', { kernelUsb: false, usbNodes: false }, ['USB_KERNEL_MISSING']],
		['a container without the nodes', { usbNodes: false, container: 'docker' }, ['USB_NODES_MISSING']],
		[
			'no rule and a device that is closed',
			{ rules: [], modemManager: false, devices: [closed] },
			['UDEV_RULE_MISSING', 'USB_PERMISSION'],
		],
		['no rule, and nothing connected', { rules: [], modemManager: false, devices: [] }, ['UDEV_RULE_MISSING']],
		['no rule, but a device that is open anyway', { rules: [], modemManager: false }, []],
		['no rule, as root', { rules: [], modemManager: false, devices: [], user: { root: true, groups: ['root'] } }, []],
		['a rule that has come after the device', { devices: [closed] }, ['UDEV_RULE_NOT_APPLIED']],
		[
			'a rule for a group of others',
			{
				rules: [{ ...openRule, text: 'ATTRS{idVendor}=="2b04|1d50", GROUP="plugdev", ENV{ID_MM_DEVICE_IGNORE}="1"' }],
				devices: [closed],
			},
			['UDEV_RULE_INCOMPLETE', 'USB_PERMISSION'],
		],
		[
			'ModemManager that nobody keeps away',
			{ rules: [{ ...openRule, text: 'ATTRS{idVendor}=="2b04|1d50", MODE="0666"' }] },
			['MODEM_MANAGER'],
		],
		['a device that a program holds', { devices: [{ ...boron, heldBy: [{ pid: 7, command: 'chrome' }] }] }, ['DEVICE_IN_USE']],
		[
			'a device claimed by somebody who cannot be seen',
			{ devices: [{ ...boron, interfaces: [{ number: 2, interfaceClass: 0xff, driver: 'usbfs' }] }], holdersHidden: true },
			['DEVICE_IN_USE'],
		],
		[
			'a serial port of a group of others',
			{ devices: [{ ...boron, serialPorts: [{ path: '/dev/ttyACM0', writable: false, group: 'dialout', heldBy: [] }] }] },
			['SERIAL_PERMISSION'],
		],
		[
			'a serial port that a monitor has open: nothing wrong for USB',
			{
				devices: [
					{ ...boron, serialPorts: [{ path: '/dev/ttyACM0', writable: true, heldBy: [{ pid: 8, command: 'minicom' }] }] },
				],
			},
			[],
		],
		['a node that was not passed in', { devices: [{ ...boron, node: undefined }] }, ['USB_NODE_MISSING']],
		[
			'a device that could not be enumerated',
			{ kernelLog: ['usb 1-4: device descriptor read/64, error -71', 'usb usb1-port4: unable to enumerate USB device'] },
			['USB_DEVICE_NOT_ENUMERATED'],
		],
		['trouble that is over: a device is at that port now', { kernelLog: ['usb 1-2: device descriptor read/64, error -71'] }, []],
	];
	test.each(cases)('%s', (_what, more, codes) => {
		expect(wrong({ usb: { ...fine, ...more } as LinuxObservations })).toEqual(codes);
	});

	test('says who holds a device, which mode a node has, and which port the kernel means', () => {
		const held = { usb: { ...fine, devices: [{ ...boron, heldBy: [{ pid: 7, command: 'chrome' }] }] } };
		expect(finding(held, 'DEVICE_IN_USE').message).toContain('chrome (process 7)');
		expect(finding({ usb: { ...fine, rules: [], devices: [closed] } }, 'USB_PERMISSION').message).toContain(
			'mode 0664, group root',
		);
		const log = { usb: { ...fine, kernelLog: ['usb 3-1-port2: unable to enumerate USB device'] } };
		expect(finding(log, 'USB_DEVICE_NOT_ENUMERATED').port).toBe('3-1.2');
	});

	test('Windows Subsystem for Linux is told what hands a device over', () => {
		expect(finding({ usb: { ...fine, kernelUsb: false, container: 'wsl' } }, 'USB_KERNEL_MISSING').hint).toContain('usbipd');
	});
});

describe('Windows', () => {
	const node = (id: string, service: string | undefined, problemCode = 0) => ({
		instanceId: `USB\\VID_2B04&PID_${id}\\E00FCE68`,
		name: 'Boron',
		...(service === undefined ? {} : { service }),
		problemCode,
	});
	const cases: [what: string, seen: Omit<WindowsObservations, 'system'>, codes: string[]][] = [
		[
			'WinUSB and the serial driver',
			{ nodes: [node('C00D', 'usbccgp'), node('C00D&MI_00', 'usbser'), node('C00D&MI_02', 'WinUSB')] },
			[],
		],
		['DFU mode without a driver', { nodes: [node('D006', undefined, 28)] }, ['DRIVER_MISSING']],
		['DFU mode with the driver of an older Zadig', { nodes: [node('D006', 'libusb0')] }, ['DRIVER_NOT_WINUSB']],
		[
			'a control interface without a driver',
			{ nodes: [node('C00D', 'usbccgp'), node('C00D&MI_02', undefined, 28)] },
			['DRIVER_MISSING'],
		],
		['a device that Windows cannot start', { nodes: [node('C00D', 'usbccgp', 10)] }, ['DRIVER_PROBLEM']],
		['a device that was connected some time ago', { nodes: [node('C00D', undefined, 45)] }, []],
		['devices of others', { nodes: [{ instanceId: 'USB\\VID_046D&PID_C52B\\1', name: 'Mouse', problemCode: 10 }] }, []],
		['a question that failed', { nodesError: 'spawn powershell.exe ENOENT' }, []],
	];
	test.each(cases)('%s', (_what, seen, codes) => {
		expect(wrong({ usb: { system: 'windows', ...seen } })).toEqual(codes);
	});

	test('an old bootloader is told of Zadig, a Core that it always needs it', () => {
		const hint = (id: string, vendor = '2B04') =>
			finding(
				{ usb: { system: 'windows', nodes: [{ ...node(id, undefined, 28), instanceId: `USB\\VID_${vendor}&PID_${id}\\1` }] } },
				'DRIVER_MISSING',
			).hint;
		expect(hint('D006')).toMatch(/0\.6\.1.*Zadig/s);
		expect(hint('607F', '1D50')).toMatch(/Core does not ask/);
	});

	test('PowerShell answers with nothing, an object or an array', async () => {
		expect(windowsNodes('')).toEqual([]);
		const one = { DeviceID: 'USB\\VID_2B04&PID_D006\\1', Name: 'Photon DFU Mode', Service: 'WINUSB', ConfigManagerErrorCode: 0 };
		const expected = { instanceId: one.DeviceID, name: one.Name, service: 'WINUSB', problemCode: 0 };
		expect(windowsNodes(JSON.stringify(one))).toEqual([expected]);
		expect(windowsNodes(`\uFEFF${JSON.stringify([one, { ...one, Service: null }])}`)[1]).not.toHaveProperty('service');
		const asked: string[] = [];
		const seen = await observeWindows(ids, async (_file, args) => {
			asked.push(args.at(-1)!);
			return JSON.stringify(one);
		});
		expect(seen.nodes).toEqual([expected]);
		expect(asked[0]).toContain("LIKE 'USB\\\\VID[_]2B04%'");
		const failed = await observeWindows(ids, () => Promise.reject(new Error('no PowerShell')));
		expect(failed.nodesError).toBe('no PowerShell');
	});
});

describe('macOS', () => {
	/** The form of `system_profiler SPUSBDataType -json`: controllers, hubs and devices in a tree. */
	const answer = JSON.stringify({
		SPUSBDataType: [
			{
				_name: 'USB31Bus',
				_items: [
					{
						_name: 'USB2.0 Hub',
						vendor_id: '0x05e3  (Genesys Logic, Inc.)',
						product_id: '0x0610',
						_items: [{ _name: 'Boron', vendor_id: '0x2b04  (Particle)', product_id: '0xc00d', serial_num: 'e00fce68' }],
					},
					{ _name: 'Keyboard', vendor_id: 'apple_vendor_id', product_id: '0x0000' },
				],
			},
		],
	});
	const mac = (text: string, serialPorts: string[] = []): MacObservations => ({
		system: 'macos',
		devices: macDevices(text),
		serialPorts,
	});

	test('a device behind a hub is seen', () => {
		const seen = mac(answer, ['/dev/cu.usbmodem1101']);
		expect(seen.devices!.map((d) => [d.product, d.hub])).toEqual([
			['USB2.0 Hub', true],
			['Boron', false],
		]);
		expect(wrong({ usb: seen })).toEqual([]);
		expect(finding({ usb: seen }, 'USB').message).toMatch(/Boron.*cu\.usbmodem1101/);
	});

	test('where none is, the question that macOS asks before it connects is named', () => {
		expect(finding({ usb: mac('{"SPUSBDataType":[]}') }, 'USB').hint).toContain('Allow accessories');
	});
});
