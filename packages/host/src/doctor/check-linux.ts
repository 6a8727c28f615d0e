/** Linux: kernel, device nodes, udev rule, who holds a device, ModemManager, and what the kernel said of devices that do not answer. Pure. */
import { coverOf, type RuleCover, UDEV_RULE_PATH, type UsbIds } from '@linac/usb';
import { usbTrouble } from './kernel-log.js';
import type { Holder, HostFinding, LinuxObservations, LinuxUsbDevice } from './observations.js';

const install = `"sudo linac doctor --install-udev-rule" writes ${UDEV_RULE_PATH}. Then unplug the device and plug it in again.`;

export function checkLinux(seen: LinuxObservations, ids: readonly UsbIds[]): HostFinding[] {
	if (!seen.kernelUsb || !seen.usbNodes) return [withoutUsb(seen)];
	const ours = seen.devices.filter((d) => ids.some((i) => i.vendorId === d.vendorId && i.productIds.includes(d.productId)));
	return [
		{
			code: 'USB',
			severity: 'ok',
			message: `The kernel has USB. ${ours.length === 0 ? 'No Particle device' : names(ours)} is on it${others(seen, ours)}.`,
		},
		...checkRule(seen, ids, ours),
		...ours.flatMap((device) => checkDevice(seen, device)),
		...trouble(seen),
	];
}

function names(devices: LinuxUsbDevice[]): string {
	return devices.map((d) => `${d.product ?? 'A Particle device'} at ${d.port}`).join(' and ');
}

function others(seen: LinuxObservations, ours: LinuxUsbDevice[]): string {
	const n = seen.devices.filter((d) => !d.hub).length - ours.length;
	return n === 0 ? '' : `, and ${n} other device${n === 1 ? '' : 's'}`;
}

function withoutUsb({ kernelUsb, container }: LinuxObservations): HostFinding {
	const what = kernelUsb
		? '/dev/bus/usb is missing, so no USB device can be opened'
		: 'The kernel has no USB: /sys/bus/usb is missing';
	const where: Record<string, [message: string, hint: string]> = {
		wsl: [
			'This is the Windows Subsystem for Linux, which has no USB of its own',
			'On Windows, usbipd-win (https://github.com/dorssel/usbipd-win) hands a device over: "usbipd attach --wsl --busid BUSID". Or run linac on Windows itself.',
		],
	};
	const [more, hint] = (container === undefined ? undefined : where[container]) ?? [
		container === undefined ? undefined : `This is a container (${container})`,
		container === undefined
			? 'On a virtual machine, give it a USB controller. On a small or cloud kernel, install the usual one of your distribution.'
			: 'Pass the bus into the container: for Docker "--device /dev/bus/usb" and "-v /dev/bus/usb:/dev/bus/usb", with a rule that lets it open the devices (--device-cgroup-rule "c 189:* rmw").',
	];
	return {
		code: kernelUsb ? 'USB_NODES_MISSING' : 'USB_KERNEL_MISSING',
		severity: 'error',
		message: `${what}.${more === undefined ? '' : ` ${more}.`}`,
		hint: `${hint} Without USB, devices of a USB/IP server can be used: --usbip HOST:PORT, for example with "linac lab".`,
	};
}

function checkRule(seen: LinuxObservations, ids: readonly UsbIds[], ours: LinuxUsbDevice[]): HostFinding[] {
	const cover = coverOf(seen.rules, ids, seen.user.groups);
	const blocked = ours.some((d) => d.node !== undefined && !d.node.writable);
	const findings: HostFinding[] = [];
	if (cover.uncovered.length === 0) {
		findings.push({
			code: 'UDEV_RULE',
			severity: 'ok',
			message: `A udev rule lets users open Particle devices: ${cover.files.join(', ')}.`,
		});
	} else {
		findings.push({
			code: cover.files.length === 0 ? 'UDEV_RULE_MISSING' : 'UDEV_RULE_INCOMPLETE',
			// Root opens everything, and a device that can be opened already needs no rule.
			severity: seen.user.root || (ours.length > 0 && !blocked) ? 'info' : 'warning',
			message: ruleMessage(cover) + (seen.user.root ? ' You are root, for whom that does not matter.' : ''),
			hint: seen.udev ? install : `${install} (udev does not run here: a rule has no effect before it does.)`,
		});
	}
	if (seen.modemManager && cover.modemManager.length > 0) {
		findings.push({
			code: 'MODEM_MANAGER',
			severity: 'warning',
			message:
				'ModemManager runs and is not told to leave Particle devices alone: it opens their serial ports for some seconds after they appear.',
			hint: `The rule of linac tells it to. ${install}`,
		});
	}
	return findings;
}

function ruleMessage({ files, uncovered, groups }: RuleCover): string {
	if (files.length === 0) return 'There is no udev rule for Particle devices: only root may open them.';
	const where = `The udev rule in ${files.join(', ')}`;
	if (groups.length > 0) return `${where} gives the devices to group ${groups.join(', ')}, of which this user is no member.`;
	const missing = uncovered.map((u) => `${hex(u.vendorId)}:${hex(u.productId)}`);
	const list = `${missing.slice(0, 4).join(', ')}${missing.length > 4 ? ` and ${missing.length - 4} more` : ''}`;
	return `${where} does not open all devices that linac knows to this user (${list}).`;
}

function checkDevice(seen: LinuxObservations, device: LinuxUsbDevice): HostFinding[] {
	const { port, node } = device;
	const name = `${device.product ?? 'The Particle device'} at ${port}`;
	const findings: HostFinding[] = [];
	if (node === undefined) {
		findings.push({
			code: 'USB_NODE_MISSING',
			severity: 'error',
			port,
			message: `${name} is on the bus, but has no node below /dev/bus/usb.`,
			hint: 'In a container, pass in the whole of /dev/bus/usb: a device that restarts comes back under another number.',
		});
	} else if (!node.writable) {
		const covered =
			coverOf(seen.rules, [{ vendorId: device.vendorId, productIds: [device.productId] }], seen.user.groups).uncovered.length ===
			0;
		findings.push({
			code: covered ? 'UDEV_RULE_NOT_APPLIED' : 'USB_PERMISSION',
			severity: 'error',
			port,
			message: `${name} may not be opened by this user: ${node.path} has mode ${node.mode.toString(8).padStart(4, '0')}${node.group === undefined ? '' : `, group ${node.group}`}.`,
			hint: covered
				? 'There is a rule for it, which counts when the device appears: unplug it and plug it in again. If that does not help, "sudo udevadm control --reload" and again. A rule with a group helps members only: log in anew after joining one.'
				: install,
		});
	}
	if (device.heldBy.length > 0) findings.push(inUse(name, port, device.heldBy, 'is held open', 'warning'));
	else if (device.interfaces.some((i) => i.driver === 'usbfs')) {
		findings.push({
			code: 'DEVICE_IN_USE',
			severity: 'warning',
			port,
			message: `${name} is claimed by a program of another user${seen.holdersHidden ? '; which one cannot be seen by this user' : ''}.`,
			hint: '"sudo linac doctor" can see which one. Close it.',
		});
	}
	// The vendor interface of a running device and the DFU interface have no driver; the serial port has cdc_acm.
	for (const { number, driver, interfaceClass } of device.interfaces) {
		if (driver === undefined || driver === 'usbfs' || driver === 'cdc_acm' || driver === 'usbhid') continue;
		findings.push({
			code: 'KERNEL_DRIVER',
			severity: 'info',
			port,
			message: `Interface ${number} (class ${interfaceClass.toString(16).padStart(2, '0')}) of ${name} has the kernel driver ${driver}. linac takes it off while it works.`,
		});
	}
	for (const serial of device.serialPorts) {
		if (!serial.writable) {
			findings.push({
				code: 'SERIAL_PERMISSION',
				severity: 'warning',
				port,
				message: `The serial port of ${name} may not be opened by this user: ${serial.path}${serial.group === undefined ? '' : ` belongs to group ${serial.group}`}.`,
				hint: `The rule of linac covers it too: ${install} Or join the group: "sudo usermod -aG ${serial.group ?? 'dialout'} $USER", and log in anew.`,
			});
		}
		if (serial.heldBy.length > 0)
			findings.push(inUse(`The serial port of ${name} (${serial.path})`, port, serial.heldBy, 'is open', 'info'));
	}
	return findings;
}

function inUse(what: string, port: string, heldBy: Holder[], how: string, severity: 'warning' | 'info'): HostFinding {
	const who = heldBy.map((h) => `${h.command} (process ${h.pid})`).join(', ');
	return {
		code: severity === 'warning' ? 'DEVICE_IN_USE' : 'SERIAL_IN_USE',
		severity,
		port,
		message: `${what} ${how} in ${who}.`,
		hint:
			severity === 'warning'
				? 'Close it while linac works with the device.'
				: 'That disturbs only the commands that use the serial port.',
	};
}

function trouble(seen: LinuxObservations): HostFinding[] {
	if (seen.kernelLog === undefined) return [];
	const found = usbTrouble(seen.kernelLog).filter((t) => !seen.devices.some((d) => d.port === t.port));
	const last = found.at(-1);
	if (last === undefined) return [];
	return [
		{
			code: 'USB_DEVICE_NOT_ENUMERATED',
			severity: 'warning',
			port: last.port,
			message: `At USB port ${last.port} a device was noticed that then did not answer properly. The kernel says: "${last.text}"`,
			hint: 'If that is where your board is: try another cable and another port, without a hub in between. "linac doctor --watch" shows what happens when you plug it in.',
		},
	];
}

const hex = (n: number) => n.toString(16).padStart(4, '0');
