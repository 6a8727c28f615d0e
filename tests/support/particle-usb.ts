/**
 * Particle's own USB client for tests: npm's `particle-usb` (Apache-2.0) in its WebUSB form, fetched once with the npm client into
 * `node_modules/.cache`, scripts off, and shown a `navigator.usb` of ours. It is a peer to test against: no part of linac uses it,
 * and nothing of it is ever committed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UsbHost } from '@linac/usb';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What the tests use of a device of particle-usb 4.1.0 (its docs/reference.md). */
export interface PeerDevice {
	readonly id: string;
	readonly type: string;
	readonly firmwareVersion: string | null;
	readonly isInDfuMode: boolean;
	open(): Promise<void>;
	close(): Promise<void>;
	reset(): Promise<void>;
	enterDfuMode(options?: { noReconnectWait?: boolean }): Promise<void>;
	getDeviceMode(): Promise<string>;
	getFirmwareModuleInfo(): Promise<{ type: string; index: number; version: number; validityErrors: string[] }[]>;
	/** Device OS 5.6.0 and newer. */
	getAssetInfo(): Promise<{
		available: { name: string; hash: string; size: number; storageSize: number }[];
		required: { name: string; hash: string }[];
	}>;
	updateFirmware(data: Buffer): Promise<void>;
	writeOverDfu(
		data: Buffer,
		options: { altSetting: number; startAddr: number; noErase?: boolean; leave?: boolean },
	): Promise<void>;
	readOverDfu(options: { altSetting: number; startAddr: number; size: number }): Promise<Buffer>;
}

export interface Peer {
	getDevices(options?: { types?: string[]; includeDfu?: boolean }): Promise<PeerDevice[]>;
	openDeviceById(id: string): Promise<PeerDevice>;
}

/** particle-usb of this version, with the bus of `host` in place of the browser's. One host a process. */
export function particleUsb(host: UsbHost, version = '4.1.0'): Peer {
	const requirePeer = createRequire(join(installed(version), 'package.json'));
	// Bundlers for browsers put the WebUSB file in place of the other ("browser" in its package.json); here the module cache does.
	const webUsb = requirePeer.resolve('particle-usb/src/usb-device-webusb.js');
	requirePeer(webUsb);
	requirePeer.cache[requirePeer.resolve('particle-usb/src/usb-device-node.js')] = requirePeer.cache[webUsb];
	const usb = {
		getDevices: async () => (await host.devices()).map((handle) => handle.device),
		// As a browser whose user closes the dialogue: what is there already may be used.
		requestDevice: async () => {
			throw Object.assign(new Error('No device selected.'), { name: 'NotFoundError' });
		},
	};
	Object.defineProperty(globalThis, 'navigator', { value: { usb }, configurable: true, writable: true });
	return requirePeer('particle-usb') as Peer;
}

function installed(version: string): string {
	const base = join(root, 'node_modules', '.cache', 'linac-test-peers');
	const folder = join(base, `particle-usb-${version}`);
	if (existsSync(folder)) return folder;
	mkdirSync(base, { recursive: true });
	const work = mkdtempSync(join(base, '.fetch-'));
	try {
		writeFileSync(join(work, 'package.json'), '{ "private": true }\n');
		execFileSync('npm', ['install', `particle-usb@${version}`, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], {
			cwd: work,
			shell: process.platform === 'win32',
		});
		renameSync(work, folder);
	} catch (error) {
		// Another test process may have been faster; then its copy is as good.
		if (!existsSync(folder)) throw error;
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
	return folder;
}
