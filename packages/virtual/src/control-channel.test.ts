import { u16le, u32le } from '@linac/core';
import type { UsbWire } from '@linac/usb';
import { standInApplication, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { lab } from '../../../tests/support/virtual-lab.js';

async function running(platform = 'boron', version = '4.0.1') {
	const set = [...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);
	const l = lab(platform, { modules: set, setupDone: true });
	await l.find('normal');
	return { ...l, wire: l.device.wire()! };
}

async function vendorIn(wire: UsbWire, request: number, value: number, index: number, length = 64) {
	const setup = Uint8Array.of(0xc0, request, value & 0xff, value >>> 8, index & 0xff, index >>> 8, length & 0xff, length >>> 8);
	return wire.control(setup, new Uint8Array(0));
}

async function vendorOut(wire: UsbWire, request: number, value: number, index: number, data: Uint8Array = new Uint8Array(0)) {
	const n = data.length;
	return wire.control(
		Uint8Array.of(0x40, request, value & 0xff, value >>> 8, index & 0xff, index >>> 8, n & 0xff, n >>> 8),
		data,
	);
}

async function service(wire: UsbWire, request: number, value: number, index: number) {
	const { data } = await vendorIn(wire, request, value, index);
	const flags = u32le(data, 0);
	let at = 6;
	const take = (bit: number, size: 2 | 4) => {
		if (!(flags & bit)) return undefined;
		const found = size === 2 ? u16le(data, at) : u32le(data, at) | 0;
		at += size;
		return found;
	};
	return { status: u16le(data, 4), id: take(2, 2), size: take(4, 4), result: take(8, 4) };
}

const [INIT, CHECK, SEND, RECV, RESET] = [1, 2, 3, 4, 5];
const [OK, PENDING, BUSY, NOT_FOUND] = [0, 2, 3, 5];

test('a request is started, polled while it is pending, and its reply fetched once', async () => {
	const { wire, device, clock } = await running();
	const init = await service(wire, INIT, 0, 20);
	expect(init).toMatchObject({ status: OK, id: 1 });
	expect(await service(wire, CHECK, 0, 1)).toMatchObject({ status: PENDING });
	await clock.sleep(50);
	const done = await service(wire, CHECK, 0, 1);
	expect(done).toMatchObject({ status: OK, result: 0, size: 26 });
	const reply = await vendorIn(wire, RECV, 0, 1, 26);
	expect(new TextDecoder().decode(reply.data.subarray(2))).toBe(device.deviceId);
	expect((await vendorIn(wire, RECV, 0, 1, 26)).status).toBe('stall');
	expect(await service(wire, CHECK, 0, 1)).toMatchObject({ status: NOT_FOUND });
});

test('four requests may be open, the fifth is told to wait, and a reset of all makes room', async () => {
	const { wire } = await running();
	for (let i = 0; i < 4; i++) expect((await service(wire, INIT, 10, 1)).status).toBe(OK);
	expect(await service(wire, INIT, 10, 1)).toEqual({ status: BUSY, id: undefined, size: undefined, result: undefined });
	expect((await service(wire, RESET, 0, 0)).status).toBe(OK);
	expect((await service(wire, INIT, 10, 1)).status).toBe(OK);
});

test('a payload of more than 64 bytes has to wait for its buffer, and comes back from echo unchanged', async () => {
	const { wire, clock } = await running();
	const payload = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
	const init = await service(wire, INIT, 300, 1);
	expect(init.status).toBe(PENDING);
	expect((await vendorOut(wire, SEND, 0, init.id!, payload)).status).toBe('stall');
	await clock.sleep(50);
	expect((await service(wire, CHECK, 0, init.id!)).status).toBe(OK);
	expect((await vendorOut(wire, SEND, 0, init.id!, payload)).status).toBe('ok');
	await clock.sleep(50);
	const { size } = await service(wire, CHECK, 0, init.id!);
	expect((await vendorIn(wire, RECV, 0, init.id!, size!)).data).toEqual(payload);
});

test('service replies are refused into less than 64 bytes, and unknown requests are not supported', async () => {
	const { wire, clock } = await running();
	expect((await vendorIn(wire, INIT, 0, 20, 63)).status).toBe('stall');
	expect((await vendorIn(wire, 9, 0, 0)).status).toBe('stall');
	const { id } = await service(wire, INIT, 0, 9999);
	await clock.sleep(50);
	expect(await service(wire, CHECK, 0, id!)).toMatchObject({ status: OK, result: -120 });
});

test('raw requests give id and version, and a raw reset restarts the device', async () => {
	const { wire, device, clock } = await running();
	const text = async (index: number) => new TextDecoder().decode((await vendorIn(wire, 0x50, 0, index)).data);
	expect(await text(20)).toBe(device.deviceId);
	expect(await text(30)).toBe('4.0.1');
	expect((await vendorIn(wire, 0x50, 0, 99)).status).toBe('stall');
	await vendorOut(wire, 0x50, 0, 40);
	await clock.sleep(100);
	expect(device.attached).toBe(false);
	await clock.sleep(5000);
	expect(device.mode).toBe('normal');
	expect(device.wire()).not.toBe(wire);
});

test('update data out of turn or too much cancels the update', async () => {
	const { wire, clock } = await running();
	const call = async (type: number, payload: Uint8Array) => {
		const { id } = await service(wire, INIT, payload.length, type);
		if (payload.length > 0) await vendorOut(wire, SEND, 0, id!, payload);
		await clock.sleep(3000);
		const done = await service(wire, CHECK, 0, id!);
		if (done.size) await vendorIn(wire, RECV, 0, id!, done.size);
		return done.result;
	};
	const data = (n: number) => Uint8Array.of(0x0a, n, ...new Uint8Array(n));
	expect(await call(253, data(8))).toBe(-210);
	expect(await call(250, Uint8Array.of(0x08, 10))).toBe(0);
	expect(await call(253, data(8))).toBe(0);
	expect(await call(253, data(8))).toBe(-290);
	expect(await call(253, data(2))).toBe(-210);
	expect(await call(251, new Uint8Array(0))).toBe(-210);
	expect(await call(250, Uint8Array.of(0x08, 0))).toBe(-1351);
});
