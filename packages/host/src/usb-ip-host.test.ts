import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { usbIpHost } from './usb-ip-host.js';
import { type ExportedDevice, encodeDevice, encodeOp, Op } from './usb-ip-protocol.js';

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(async () => {
	for (const socket of sockets) socket.destroy();
	await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
	server = undefined;
});

/** A server that answers whatever the test says, once per connection. */
async function answering(answer: (request: number, socket: Socket) => void): Promise<number> {
	server = createServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
		socket.once('data', (bytes) => answer(bytes.readUInt16BE(2), socket));
	});
	await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
	return (server.address() as { port: number }).port;
}

const device: ExportedDevice = {
	busId: '1-1',
	busNumber: 1,
	deviceNumber: 2,
	speed: 'full',
	vendorId: 0x2b04,
	productId: 0xc00d,
	deviceVersion: 0x0250,
	deviceClass: 0,
	deviceSubclass: 0,
	deviceProtocol: 0,
	configurationValue: 1,
	configurations: 1,
	interfaces: 0,
};
const word = (value: number) => Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);

describe('the USB/IP client against a server that misbehaves', () => {
	it.each<[string, (request: number, socket: Socket) => void, string]>([
		['speaks something else', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'USBIP_PROTOCOL'],
		['closes at once', (_, socket) => socket.end(), 'USBIP_PROTOCOL'],
		[
			'announces four billion devices',
			(_, socket) => socket.write(Buffer.concat([encodeOp(Op.replyList), word(0xffffffff)])),
			'USBIP_PROTOCOL',
		],
		[
			'stops in the middle of a record',
			(_, socket) => socket.end(Buffer.concat([encodeOp(Op.replyList), word(1), Buffer.alloc(100)])),
			'USBIP_PROTOCOL',
		],
		['never answers', () => {}, 'USBIP_PROTOCOL'],
		[
			'exports a device with an endless configuration',
			(request, socket) => {
				if (request === Op.requestList)
					return socket.write(Buffer.concat([encodeOp(Op.replyList), word(1), encodeDevice(device)]));
				socket.write(Buffer.concat([encodeOp(Op.replyImport), encodeDevice(device)]));
				socket.on('data', (urb) => {
					const length = urb.readUInt32BE(24);
					const reply = Buffer.alloc(48 + length, 0xff);
					reply.fill(0, 0, 48);
					reply.writeUInt32BE(3, 0);
					urb.copy(reply, 4, 4, 8);
					reply.writeUInt32BE(length, 24);
					socket.write(reply);
				});
			},
			'USBIP_PROTOCOL',
		],
	])('that %s: gives a clear error in bounded time', async (_name, answer, code) => {
		const host = usbIpHost({ host: '127.0.0.1', port: await answering(answer) });
		await expect(host.devices()).rejects.toMatchObject({ name: 'LinacError', code });
	});

	it('that sends more bytes than were asked for: the device is dropped, and nothing else happens', async () => {
		const port = await answering((request, socket) => {
			if (request === Op.requestList) return socket.write(Buffer.concat([encodeOp(Op.replyList), word(1), encodeDevice(device)]));
			socket.write(Buffer.concat([encodeOp(Op.replyImport), encodeDevice(device)]));
			socket.on('data', (urb) => {
				const reply = Buffer.alloc(48 + 100_000);
				reply.writeUInt32BE(3, 0);
				urb.copy(reply, 4, 4, 8);
				reply.writeUInt32BE(100_000, 24);
				socket.write(reply);
			});
		});
		await expect(usbIpHost({ host: '127.0.0.1', port }).devices()).rejects.toMatchObject({ code: 'USBIP_PROTOCOL' });
	});
});
