'use strict';
/*
 * In the guest: calls npm's particle-usb as it is, with its own native module, as told by tests/usb-lab/particle-usb-in-guest.ts. One JSON object a
 * line: { id, call, on?, args }. `on` names a device that was opened before; Buffers travel as { base64 }.
 */
const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');

const requireTool = createRequire(path.join(process.argv[2], 'package.json'));
const particleUsb = requireTool('particle-usb');
const opened = new Map();

const fromJson = (_, value) => (value && typeof value.base64 === 'string' ? Buffer.from(value.base64, 'base64') : value);
const toJson = (value) =>
	Buffer.isBuffer(value) || value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;

const about = (device) => ({
	id: device.id,
	type: device.type,
	platformId: device.platformId,
	firmwareVersion: device.firmwareVersion,
	isInDfuMode: device.isInDfuMode,
	isGen3Device: Boolean(device.isGen3Device),
});

async function carryOut({ call, on, args }) {
	if (on !== undefined) {
		const device = opened.get(on);
		if (!device) throw new Error(`${on} is not open.`);
		if (call === 'close') opened.delete(on);
		return toJson(await device[call](...args));
	}
	if (call === 'openDeviceById') {
		const device = await particleUsb.openDeviceById(...args);
		opened.set(args[0], device);
		return about(device);
	}
	if (call === 'getDevices') return (await particleUsb.getDevices(...args)).map(about);
	if (call === 'versions')
		return {
			particleUsb: requireTool('particle-usb/package.json').version,
			usb: requireTool('usb/package.json').version,
			node: process.version,
		};
	throw new Error(`No such call: ${call}`);
}

let before = Promise.resolve();
readline
	.createInterface({ input: process.stdin })
	.on('line', (line) => {
		before = before.then(async () => {
			const request = JSON.parse(line, fromJson);
			let reply;
			try {
				reply = { value: (await carryOut(request)) ?? null };
			} catch (error) {
				reply = { error: `${error.name}: ${error.message}` };
			}
			process.stdout.write(`${JSON.stringify({ id: request.id, ...reply })}\n`);
		});
	})
	.on('close', () => before.then(() => process.exit(0)));
