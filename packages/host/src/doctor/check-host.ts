/**
 * What is wrong with a computer, from observations: pure, so that every system can be judged on every system. Says only what was seen; a
 * cable without data lines cannot be seen, and watch-usb.ts says how it shows.
 */
import type { UsbIds } from '@linac/usb';
import { checkLinux } from './check-linux.js';
import { checkMacos } from './check-macos.js';
import { checkWindows } from './check-windows.js';
import type { CommonObservations, HostFinding, HostObservations } from './observations.js';

/** `ids`: the USB ids of the catalogue. The findings in the order in which they matter: what is behind others comes first. */
export function checkHost(seen: HostObservations, ids: readonly UsbIds[]): HostFinding[] {
	return [...checkNode(seen), ...checkSystem(seen, ids), ...checkLibrary(seen), ...checkUsbIp(seen), ...checkFolders(seen)];
}

function checkSystem({ usb }: HostObservations, ids: readonly UsbIds[]): HostFinding[] {
	if (usb === undefined) return [];
	switch (usb.system) {
		case 'linux':
			return checkLinux(usb, ids);
		case 'windows':
			return checkWindows(usb, ids);
		case 'macos':
			return checkMacos(usb, ids);
	}
}

function checkNode({ node, target }: CommonObservations): HostFinding[] {
	if (isOlder(node.version, node.oldest)) {
		return [
			{
				code: 'NODE_TOO_OLD',
				severity: 'error',
				message: `This is Node.js ${node.version}; linac needs ${node.oldest} or newer.`,
				hint: 'Install a newer Node.js from https://nodejs.org or with your package manager.',
			},
		];
	}
	return [{ code: 'NODE', severity: 'ok', message: `Node.js ${node.version} for ${target}.` }];
}

function isOlder(version: string, than: string): boolean {
	const numbers = (text: string) => text.replace(/^v/, '').split('.').map(Number);
	const [a, b] = [numbers(version), numbers(than)];
	for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
	return false;
}

function checkLibrary({ usbLibrary, target, usb }: HostObservations): HostFinding[] {
	if (usbLibrary === undefined) return [];
	const { problem, devices } = usbLibrary;
	if (problem === undefined)
		return [
			{ code: 'USB_LIBRARY', severity: 'ok', message: `The USB library (libusb) works and lists ${devices ?? 0} devices.` },
		];
	// That the kernel has no USB has been said already, with what to do.
	if (usb?.system === 'linux' && !usb.kernelUsb) return [];
	const missing = /Cannot find (module|package)|No native build|ERR_DLOPEN_FAILED|\.node\b|GLIBC/i.test(problem);
	return [
		missing
			? {
					code: 'USB_LIBRARY_MISSING',
					severity: 'error',
					message: `The native part of the USB library is missing or does not fit this computer (${target}): ${problem}`,
					hint:
						'Run "npm ci" again in the folder of linac, on this computer: modules that were installed on another system or for another processor do not run here. ' +
						'Where nothing ready-made exists for a system, npm builds it, which needs a C++ compiler and, on Linux, libudev-dev.',
				}
			: {
					code: 'USB_LIBRARY_FAILED',
					severity: 'error',
					message: `The USB library could not start: ${problem}`,
					hint: 'Restart the computer. If it stays, report it with what "linac doctor --json" prints.',
				},
	];
}

function checkUsbIp({ usbIp }: CommonObservations): HostFinding[] {
	if (usbIp === undefined) return [];
	if (usbIp.problem === undefined)
		return [
			{
				code: 'USBIP',
				severity: 'ok',
				message: `The USB/IP server at ${usbIp.address} answers. This computer's own USB is not used.`,
			},
		];
	return [
		{
			code: 'USBIP_UNREACHABLE',
			severity: 'error',
			message: `The USB/IP server at ${usbIp.address} cannot be used: ${usbIp.problem}`,
			hint: 'See that it runs ("linac lab" is one) and that the address is right: --usbip, or the environment variable LINAC_USBIP. Without both, devices on this computer\'s USB are used.',
		},
	];
}

function checkFolders({ folders }: CommonObservations): HostFinding[] {
	return folders.map(
		({ what, path, problem }): HostFinding =>
			problem === undefined
				? { code: 'FOLDER', severity: 'ok', message: `The folder for ${what} can be written: ${path}` }
				: {
						code: 'FOLDER_NOT_WRITABLE',
						severity: 'error',
						message: `The folder for ${what} cannot be written: ${path} (${problem}).`,
						hint: 'Give this user the right to write there, or name another folder (docs/hosts.md says by which variable).',
					},
	);
}
