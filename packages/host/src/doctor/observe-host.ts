/** Looks at this computer as far as USB and linac are concerned. Reads only, except that it tries whether folders can be written. */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { UsbIds } from '@linac/usb';
import { type HostSystem, hostSystemOf } from '../host-differences.js';
import { listExported } from '../usb-ip-host.js';
import type { HostObservations, SystemObservations } from './observations.js';
import { observeLinux } from './observe-linux.js';
import { observeMacos } from './observe-macos.js';
import { observeWindows } from './observe-windows.js';

export interface ObserveOptions {
	ids: readonly UsbIds[];
	/** Oldest Node.js that linac runs on. */
	oldestNode: string;
	/** Folders that linac writes to. */
	folders: readonly { what: string; path: string }[];
	/** Devices come from this USB/IP server: this computer's USB is not looked at. */
	usbIp?: { host: string; port: number };
}

export async function observeHost(options: ObserveOptions): Promise<HostObservations> {
	const { ids, oldestNode, folders, usbIp } = options;
	const common = {
		node: { version: process.version, oldest: oldestNode },
		target: `${process.platform}-${process.arch}`,
		folders: folders.map(({ what, path }) => {
			const problem = notWritable(path);
			return { what, path, ...(problem === undefined ? {} : { problem }) };
		}),
	};
	if (usbIp) return { ...common, usbIp: await observeUsbIp(usbIp) };
	return { ...common, usb: await observeSystem(ids, hostSystemOf(process.platform)), usbLibrary: await observeLibrary() };
}

async function observeSystem(ids: readonly UsbIds[], system: HostSystem): Promise<SystemObservations> {
	switch (system) {
		case 'linux':
			return observeLinux(ids);
		case 'windows':
			return observeWindows(ids);
		case 'macos':
			return observeMacos();
	}
}

async function observeUsbIp(server: { host: string; port: number }): Promise<NonNullable<HostObservations['usbIp']>> {
	const address = `${server.host}:${server.port}`;
	try {
		await listExported(server);
		return { address };
	} catch (error) {
		return { address, problem: error instanceof Error ? error.message : String(error) };
	}
}

async function observeLibrary(): Promise<NonNullable<HostObservations['usbLibrary']>> {
	try {
		const usb = await import('usb');
		const failed = (usb.usb as { INIT_ERROR?: number }).INIT_ERROR;
		if (failed) return { problem: `libusb error ${failed}` };
		return { devices: usb.getDeviceList().length };
	} catch (error) {
		return { problem: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
	}
}

/** Why a folder cannot be written, or made where it is not there yet; `undefined`: it can. Nothing is made. */
export function notWritable(path: string): string | undefined {
	let at = path;
	while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
	try {
		accessSync(at, constants.W_OK | constants.X_OK);
		return undefined;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? String(error);
	}
}
