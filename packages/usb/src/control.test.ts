import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type LinacError, VirtualClock } from '@linac/core';
import { describe, expect, it } from 'vitest';
import { controlFirmware, ScriptedBus, ScriptedWire, testPlatforms } from '../../../tests/peers/usb-scripted-wire.js';
import { busHost } from './bus-host.js';
import { ControlDevice } from './control.js';
import { listDevices } from './discovery.js';

const ID = 'e00fce681234567890abcdef';

function setUp(serial: string | undefined = ID) {
	const os = controlFirmware();
	const bus = new ScriptedBus();
	const wire = bus.add(new ScriptedWire({ productId: 0xc00d, serial }, os.firmware));
	const clock = new VirtualClock();
	const host = busHost(bus);
	const open = async () => ControlDevice.open((await listDevices(host, testPlatforms))[0]!, { clock });
	return { os, bus, wire, clock, open };
}

const failure = (promise: Promise<unknown>): Promise<LinacError> =>
	promise.then(
		() => expect.fail('it should have failed'),
		(error) => error as LinacError,
	);

const varint = (field: number, value: number) => (w: BinaryWriter) => w.tag(field, WireType.Varint).uint32(value);
const text = (field: number, value: string) => (w: BinaryWriter) => w.tag(field, WireType.LengthDelimited).string(value);
const sub =
	(field: number, ...parts: ((w: BinaryWriter) => BinaryWriter)[]) =>
	(w: BinaryWriter) =>
		w.tag(field, WireType.LengthDelimited).bytes(message(...parts));
const fixed = (field: number, value: number) => (w: BinaryWriter) => w.tag(field, WireType.Bit32).fixed32(value);
function message(...parts: ((w: BinaryWriter) => BinaryWriter)[]): Uint8Array {
	const writer = new BinaryWriter();
	for (const part of parts) part(writer);
	return writer.finish();
}

describe('control requests', () => {
	it('tell who the device is, and leave out what it does not know', async () => {
		const { os, open } = setUp();
		os.handlers.set(21, () => ({ reply: message(text(1, 'P046ABC')) }));
		os.handlers.set(31, () => ({ reply: message(text(1, '0.0.7'), varint(2, 7)) }));
		const device = await open();
		expect(await device.identify()).toEqual({
			deviceId: ID,
			osVersion: '4.0.1',
			serialNumber: 'P046ABC',
			ncpVersion: '0.0.7',
			ncpModuleVersion: 7,
		});
		os.handlers.set(554, () => ({ reply: message(text(1, '8934076500002586576'), text(2, '352753090000000')) }));
		expect(await device.identify()).toMatchObject({ iccid: '8934076500002586576', imei: '352753090000000' });
	});

	it('ask for the device id where the USB serial number does not tell it', async () => {
		const { os, open } = setUp('');
		os.handlers.set(20, () => ({ reply: message(text(1, '3A0027000647343232363230')) }));
		expect(await (await open()).deviceId()).toBe('3a0027000647343232363230');
	});

	it('read modules in the old form, translating its own numbers of functions', async () => {
		const { os, open } = setUp();
		os.handlers.set(90, () => ({
			reply: message(
				sub(1, varint(1, 1), varint(3, 1101), varint(4, 40_000)),
				sub(1, varint(1, 2), varint(2, 1), varint(3, 2202), varint(5, 2), sub(6, varint(1, 1), varint(3, 1006))),
				sub(1, varint(1, 3), varint(2, 1), varint(3, 6), varint(5, 1)),
				sub(1, varint(1, 5), varint(3, 5)),
				sub(1, varint(1, 6), varint(3, 202)),
			),
		}));
		const device = await open();
		const modules = await device.modules();
		expect(modules.map((m) => [m.function, m.index, m.version, m.valid, m.dependenciesMet])).toEqual([
			[2, 0, 1101, true, true],
			[4, 1, 2202, true, false],
			[5, 1, 6, false, true],
			[7, 0, 5, true, true],
			[8, 0, 202, true, true],
		]);
		expect(modules[1]!.dependencies).toEqual([{ function: 2, index: 0, version: 1006 }]);
		expect(await device.mode()).toBe('safe');
	});

	it('read modules in the form of Device OS 5.6.0 and later', async () => {
		const { os, open } = setUp();
		const hash = Uint8Array.from({ length: 32 }, (_, i) => i);
		os.handlers.set(90, () => ({
			reply: message(
				sub(2, varint(1, 4), varint(2, 1), varint(3, 6200), varint(5, 0x8c000), fixed(6, 0x1e), fixed(7, 0x1e), (w) =>
					w.tag(8, WireType.LengthDelimited).bytes(hash),
				),
				sub(
					2,
					varint(1, 5),
					varint(2, 2),
					varint(4, 1),
					fixed(6, 0x1e),
					fixed(7, 0x16),
					sub(9, varint(1, 4), varint(2, 1), varint(3, 6200)),
				),
			),
		}));
		const [system, user] = await (await open()).modules();
		expect(system).toMatchObject({ function: 4, version: 6200, maxSize: 0x8c000, valid: true, store: 'main' });
		expect(system!.sha256).toMatch(/^000102.*1f$/);
		expect(user).toMatchObject({ function: 5, index: 2, store: 'factory', valid: false, dependenciesMet: true });
		expect(user!.dependencies).toEqual([{ function: 4, index: 1, version: 6200 }]);
	});

	it('refuse every damaged reply with PROTOCOL_ERROR, and nothing else', async () => {
		const good = message(sub(1, varint(1, 2), varint(2, 1), varint(3, 2202), sub(6, varint(1, 1), varint(3, 1006))));
		const { os, open } = setUp();
		let reply = good;
		os.handlers.set(90, () => ({ reply }));
		const device = await open();
		let refused = 0;
		for (let at = 0; at < good.length; at++) {
			for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
				reply = good.slice();
				reply[at] = value;
				await device.modules().catch((error: LinacError) => {
					refused++;
					expect(error.code).toBe('PROTOCOL_ERROR');
				});
			}
		}
		expect(refused).toBeGreaterThan(good.length);
	});

	it('send a module in pieces of the size that the device wants, and wait until it restarts', async () => {
		const { os, wire, clock, open } = setUp();
		const received: number[] = [];
		os.handlers.set(250, () => ({ reply: message(varint(1, 1024)), pendingFor: 3 }));
		os.handlers.set(253, (payload) => {
			expect(payload.length).toBeLessThanOrEqual(1024 + 3);
			received.push(...payload.subarray(payload.length > 127 + 2 ? 3 : 2));
			return {};
		});
		os.handlers.set(251, () => ({ pendingFor: 5 }));
		os.finished = (type) => void (type === 251 && clock.sleep(1000).then(() => wire.leave()));
		const module = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);
		const progress: number[] = [];
		const device = await open();
		await device.updateFirmware(module, { onProgress: (done) => progress.push(done) });
		expect(Uint8Array.from(received)).toEqual(module);
		expect(progress).toEqual([1024, 2048, 3072, 4096, 5000]);
		expect(wire.gone).toBe(true);
	});

	it('send the pieces of a module once each and in order, whatever transfer fails, or leave nothing behind', async () => {
		const module = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);
		let failures = 0;
		for (let nth = 1; ; nth++) {
			const { os, wire, clock, open } = setUp();
			let received: number[] = [];
			os.handlers.set(250, () => {
				received = [];
				return { reply: message(varint(1, 1024)) };
			});
			os.handlers.set(252, () => ({}));
			os.handlers.set(253, (payload) => {
				received.push(...payload.subarray(3));
				return { pendingFor: 2 };
			});
			os.handlers.set(251, () => ({}));
			os.finished = (type) => void (type === 251 && clock.sleep(1000).then(() => wire.leave()));
			const device = await open();
			const start = wire.packets.length;
			wire.intercept = (_, n) => (n === start + nth ? 'stall' : undefined);
			const error = await device.updateFirmware(module).then(
				() => undefined,
				(e: LinacError) => e,
			);
			if (error) {
				failures++;
				expect(os.active).toBe(0);
				await device.updateFirmware(module);
			}
			expect(received).toEqual([...module]);
			// The last transfers of an update are those that nothing comes behind.
			if (wire.packets.length < start + nth) break;
		}
		expect(failures).toBeGreaterThan(5);
	});

	it("pass on the device's reason when it refuses a module, and cancel the update", async () => {
		const { os, open } = setUp();
		os.handlers.set(250, () => ({ reply: message(varint(1, 1024)) }));
		os.handlers.set(252, () => ({}));
		os.handlers.set(253, () => ({ result: -290 }));
		const error = await failure((await open()).updateFirmware(new Uint8Array(3000)));
		expect(error).toMatchObject({ code: 'CONTROL_RESULT', retry: 'never', details: { result: -290, name: 'out of range' } });
		expect(os.calls.at(-1)!.type).toBe(252);
	});

	it('resolve a change of mode only when the device has left, even if its last answer is lost', async () => {
		const { os, wire, clock, open } = setUp();
		os.handlers.set(50, () => ({}));
		os.finished = (type) => void (type === 50 && clock.sleep(1000).then(() => wire.leave()));
		await (await open()).enterDfu();
		expect(clock.now()).toBeGreaterThanOrEqual(1000);

		const second = setUp();
		second.os.handlers.set(60, () => ({}));
		const device = await second.open();
		second.wire.intercept = ({ request }) => (request === 2 ? 'gone' : undefined);
		await device.enterSafeMode();
		expect(second.wire.gone).toBe(true);
	});

	it('wait until the device is listening', async () => {
		const { os, clock, open } = setUp();
		let listening = false;
		os.handlers.set(70, () => {
			void clock.sleep(700).then(() => {
				listening = true;
			});
			return {};
		});
		os.handlers.set(72, () => ({ reply: message(varint(1, listening ? 1 : 0)), result: 0 }));
		const device = await open();
		await device.startListening();
		expect(listening).toBe(true);
		expect(await device.mode()).toBe('listening');
	});

	it('say that a device is too old for them, after making sure', async () => {
		const { wire, open } = setUp();
		wire.intercept = ({ request, type }) => ((type & 0x60) === 0x40 && request < 16 ? 'stall' : undefined);
		const error = await failure((await open()).modules());
		expect(error).toMatchObject({ code: 'CONTROL_NOT_SUPPORTED', retry: 'never' });
	});

	it('tell a request that this version does not know from a failure', async () => {
		const { open } = setUp();
		const device = await open();
		expect(await failure(device.modules())).toMatchObject({ code: 'CONTROL_NOT_SUPPORTED' });
		expect(await device.setupDone()).toBeUndefined();
		expect(await device.protection()).toBeUndefined();
	});

	it('wait for a free place when four requests of others are under way', async () => {
		const { os, wire, clock, open } = setUp();
		os.handlers.set(74, () => ({ reply: message(varint(1, 1)) }));
		const device = await open();
		for (let i = 0; i < 4; i++) os.firmware({ type: 0xc0, request: 1, value: 1, index: 1, length: 64 }, new Uint8Array());
		void clock.sleep(300).then(() => os.firmware({ type: 0xc0, request: 5, value: 0, index: 0, length: 64 }, new Uint8Array()));
		expect(await device.setupDone()).toBe(true);
		expect(os.active).toBe(0);
		expect(wire.gone).toBe(false);
	});

	it('give up on a request that is never done, and drop it on the device', async () => {
		const { os, clock, open } = setUp();
		os.handlers.set(74, () => ({ pendingFor: Number.POSITIVE_INFINITY }));
		expect(await failure((await open()).setupDone())).toMatchObject({ code: 'USB_TIMEOUT', retry: 'reconnect' });
		expect(clock.now()).toBeGreaterThanOrEqual(60_000);
		expect(clock.now()).toBeLessThan(61_000);
		expect(os.active).toBe(0);
	});

	it('answer within a millisecond or two when the device does', async () => {
		const { os, clock, open } = setUp();
		os.handlers.set(74, () => ({ reply: message(varint(1, 1)), pendingFor: 2 }));
		const device = await open();
		await device.setupDone();
		expect(clock.now()).toBeLessThan(5);
	});
});
