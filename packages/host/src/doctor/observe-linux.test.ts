import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { platforms } from '@linac/catalog';
import { usbIdsByVendor } from '@linac/usb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { observeLinux } from './observe-linux.js';

const ids = usbIdsByVendor(platforms);
let root: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'linac-doctor-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string): void {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	writeFileSync(join(root, path), text);
}
function link(path: string, to: string): void {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	symlinkSync(to, join(root, path));
}

/** A Boron behind a hub, as sysfs shows it, with its serial port; a program that holds the first and one that holds the second. */
function computerWithBoron(): void {
	const base = 'sys/bus/usb/devices';
	const texts = (name: string, all: Record<string, string>) => {
		for (const [key, text] of Object.entries(all)) file(`${base}/${name}/${key}`, `${text}\n`);
	};
	texts('usb1', { idVendor: '1d6b', idProduct: '0002', bDeviceClass: '09' });
	texts('1-2', { idVendor: '05e3', idProduct: '0610', bDeviceClass: '09', busnum: '1', devnum: '4' });
	texts('1-2.3', {
		idVendor: '2b04',
		idProduct: 'c00d',
		product: 'Boron',
		serial: 'e00fce68',
		bDeviceClass: 'ef',
		busnum: '1',
		devnum: '12',
	});
	texts('1-2.3:1.0', { bInterfaceClass: '02' });
	texts('1-2.3:1.2', { bInterfaceClass: 'ff' });
	link(`${base}/1-2.3:1.0/driver`, '../../../../bus/usb/drivers/cdc_acm');
	file(`${base}/1-2.3:1.0/tty/ttyACM0/dev`, '166:0');
	file('dev/bus/usb/001/012', '');
	file('dev/ttyACM0', '');
	file('etc/group', 'root:x:0:\ndialout:x:20:u\n');
	file('proc/41/comm', 'chrome\n');
	link('proc/41/fd/9', '/dev/bus/usb/001/012');
	file('proc/42/comm', 'minicom\n');
	link('proc/42/fd/3', '/dev/ttyACM0');
	file('proc/43/comm', 'ModemManager\n');
	file('proc/43/fd/none', '');
}

describe('a look at a Linux computer', () => {
	test('without USB', () => {
		expect(observeLinux(ids, { root, userId: 1000 })).toMatchObject({
			kernelUsb: false,
			usbNodes: false,
			udev: false,
			devices: [],
			rules: [],
		});
	});

	test('with a board behind a hub: its port, node, interfaces with drivers, serial port, and who holds them', () => {
		computerWithBoron();
		const seen = observeLinux(ids, { root, userId: 1000 });
		expect(seen).toMatchObject({ kernelUsb: true, usbNodes: true, modemManager: true, user: { root: false } });
		expect(seen.devices.map((d) => [d.port, d.hub])).toEqual([
			['1-2', true],
			['1-2.3', false],
		]);
		expect(seen.devices[1]).toMatchObject({
			vendorId: 0x2b04,
			productId: 0xc00d,
			product: 'Boron',
			serialNumber: 'e00fce68',
			node: { path: '/dev/bus/usb/001/012', writable: true },
			interfaces: [
				{ number: 0, interfaceClass: 2, driver: 'cdc_acm' },
				{ number: 2, interfaceClass: 0xff },
			],
			heldBy: [{ pid: 41, command: 'chrome' }],
			serialPorts: [{ path: '/dev/ttyACM0', writable: true, heldBy: [{ pid: 42, command: 'minicom' }] }],
		});
	});

	test('rules that name a vendor of ours, the one in /etc in place of another of its name, and one taken out of service by a link', () => {
		const line = 'ATTR{idVendor}=="2b04", MODE="0666"\n';
		file('etc/udev/rules.d/50-a.rules', `${line}# mine\n`);
		file('usr/lib/udev/rules.d/50-a.rules', line);
		file('usr/lib/udev/rules.d/60-b.rules', line);
		file('usr/lib/udev/rules.d/60-others.rules', 'ATTR{idVendor}=="0403"\n');
		file('dev/null', '');
		link('etc/udev/rules.d/60-b.rules', join(root, 'dev/null'));
		expect(observeLinux(ids, { root }).rules).toEqual([{ path: '/etc/udev/rules.d/50-a.rules', text: `${line}# mine`.trim() }]);
	});

	test.each([
		['.dockerenv', '', 'docker'],
		['run/.containerenv', '', 'podman'],
		['proc/version', 'Linux version 5.15-microsoft-standard-WSL2', 'wsl'],
		['run/systemd/container', 'lxc\n', 'lxc'],
	])('knows by %s that it is no computer of its own', (path, text, container) => {
		file(path, text);
		expect(observeLinux(ids, { root }).container).toBe(container);
	});

	test("the kernel's lines about USB, and only those", () => {
		file(
			'dev/kmsg',
			'6,1,1,-;usb 1-2: device descriptor read/64, error -71\n6,2,2,-;eth0: link up\n3,3,3,-;hub 1-0:1.0: config failed\n',
		);
		expect(observeLinux(ids, { root }).kernelLog).toEqual([
			'usb 1-2: device descriptor read/64, error -71',
			'hub 1-0:1.0: config failed',
		]);
		rmSync(join(root, 'dev/kmsg'));
		expect(observeLinux(ids, { root })).not.toHaveProperty('kernelLog');
	});
});
