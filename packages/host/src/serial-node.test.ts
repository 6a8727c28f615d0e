import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@linac/core';
import { afterEach, expect, test } from 'vitest';
import { nodeSerialHost, type SerialLibrary } from './serial-node.js';

const folders: string[] = [];
afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A /sys with one Particle device behind a hub, and a console. */
function sysfs(): string {
	const root = mkdtempSync(join(tmpdir(), 'linac-sysfs-'));
	folders.push(root);
	const device = join(root, 'devices', 'pci0', 'usb1', '1-2', '1-2.3');
	mkdirSync(join(device, '1-2.3:1.0', 'tty', 'ttyACM10'), { recursive: true });
	writeFileSync(join(device, 'idVendor'), '2b04\n');
	writeFileSync(join(device, 'idProduct'), 'c006\n');
	writeFileSync(join(device, 'serial'), '42014209DAB1702E4F6C4ACB\n');
	symlinkSync(join(device, '1-2.3:1.0'), join(device, '1-2.3:1.0', 'tty', 'ttyACM10', 'device'));
	mkdirSync(join(root, 'class', 'tty', 'console'), { recursive: true });
	symlinkSync(join(device, '1-2.3:1.0', 'tty', 'ttyACM10'), join(root, 'class', 'tty', 'ttyACM10'));
	return root;
}

function library(more: Partial<SerialLibrary> = {}): SerialLibrary {
	return { list: async () => [], open: async () => Promise.reject(new Error('not in this test')), ...more };
}

test('on Linux a port is listed with its ids and its USB place, and what is no USB device is left out', async () => {
	const host = nodeSerialHost({ sysfs: sysfs(), load: async () => library() });
	expect(await host.ports()).toEqual([
		{ path: '/dev/ttyACM10', vendorId: 0x2b04, productId: 0xc006, deviceId: '42014209dab1702e4f6c4acb', location: '1-2.3' },
	]);
});

test('elsewhere the place is read from what the library tells, in the same form', async () => {
	const list = async () => [
		{
			path: '/dev/tty.usbmodem1',
			vendorId: '2b04',
			productId: '0xc00d',
			serialNumber: 'e00fce68843b3c57ab812d29',
			locationId: '14230000',
		},
		{ path: 'COM5', vendorId: '2B04', productId: 'C00D', serialNumber: '7&2F3A', locationId: 'Port_#0001.Hub_#0002' },
	];
	const host = nodeSerialHost({ sysfs: '/nowhere', load: async () => library({ list }) });
	expect(await host.ports()).toEqual([
		{ path: '/dev/tty.usbmodem1', vendorId: 0x2b04, productId: 0xc00d, deviceId: 'e00fce68843b3c57ab812d29', location: '20-2.3' },
		{ path: 'COM5', vendorId: 0x2b04, productId: 0xc00d },
	]);
});

test.each([
	['Error: No such file or directory, cannot open /dev/ttyACM0', 'SERIAL_CLOSED'],
	['Error Resource temporarily unavailable Cannot lock port', 'SERIAL_BUSY'],
	['Opening COM5: Access denied', 'SERIAL_BUSY'],
	['Error: Permission denied, cannot open /dev/ttyACM0', 'SERIAL_PERMISSION'],
	['Error: Inappropriate ioctl for device', 'SERIAL_OPEN'],
])('"%s" is told as %s', async (message, code) => {
	const host = nodeSerialHost({ load: async () => library({ open: async () => Promise.reject(new Error(message)) }) });
	await expect(host.open({ path: '/dev/ttyACM0' }, 9600)).rejects.toMatchObject({
		code,
		message: expect.stringContaining('/dev/ttyACM0'),
	});
});

test('without the native library the ports of Linux can be listed, and opening one says what is missing', async () => {
	const host = nodeSerialHost({ sysfs: sysfs(), load: async () => Promise.reject(new Error('no native build was found')) });
	expect(await host.ports()).toHaveLength(1);
	await expect(host.open({ path: '/dev/ttyACM0' }, 9600)).rejects.toMatchObject({ code: 'SERIAL_UNAVAILABLE' });
});

test('bytes are read as they come, a silent port times out, and a device that goes ends the stream', async () => {
	const clock = new VirtualClock();
	const reads: ((value: { bytesRead: number } | Error) => void)[] = [];
	const port = {
		read: (buffer: Buffer) =>
			new Promise<{ bytesRead: number }>((resolve, reject) =>
				reads.push((value) => {
					if (value instanceof Error) return reject(value);
					buffer.fill(0x41, 0, value.bytesRead);
					resolve(value);
				}),
			),
		write: async () => {},
		drain: async () => {},
		update: async () => {},
		close: async () => Promise.reject(new Error('Port is not open')),
	};
	const host = nodeSerialHost({ clock, load: async () => library({ open: async () => port }) });
	const stream = await host.open({ path: '/dev/ttyACM0' }, 9600);
	reads.shift()!({ bytesRead: 3 });
	expect([...(await stream.read(1000))]).toEqual([0x41, 0x41, 0x41]);
	await expect(stream.read(1000)).rejects.toMatchObject({ code: 'SERIAL_TIMEOUT' });
	const stop = new AbortController();
	const reading = stream.read(60_000, stop.signal);
	stop.abort();
	await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
	reads.shift()!(new Error('EIO'));
	await expect(stream.read(1000)).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
	await expect(stream.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
	await stream.close();
});
