import { equalBytes, type LinacError, VirtualClock } from '@linac/core';
import { describe, expect, it } from 'vitest';
import { bootloader, ScriptedBus, ScriptedWire, testPlatforms } from '../../../tests/peers/usb-scripted-wire.js';
import { busHost } from './bus-host.js';
import { DfuDevice } from './dfu.js';
import { listDevices } from './discovery.js';

const INTERNAL = '@Internal Flash   /0x00000000/1*004Ka,47*004Kg,208*004Kg';
const DCT = '@DCT Flash   /0x00000000/1*016Ke';
const EXTERNAL = '@External Flash   /0x80000000/1024*004Kg';
const STM32 = '@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg';
const ID = 'e00fce681234567890abcdef';

function setUp(kind: 'nrf52840' | 'stm32' = 'nrf52840') {
	const areas =
		kind === 'nrf52840'
			? [
					{ base: 0, bytes: new Uint8Array(0x100000).fill(0x5a), sector: 4096 },
					{ base: 0, bytes: new Uint8Array(0x4000).fill(0xff), sector: 0x4000 },
					{ base: 0x80000000, bytes: new Uint8Array(0x400000).fill(0xff), sector: 4096 },
				]
			: [{ base: 0x08000000, bytes: new Uint8Array(0x100000).fill(0x5a), sector: 0x20000 }];
	const boot = bootloader(kind, areas);
	const bus = new ScriptedBus();
	const wire = bus.add(
		new ScriptedWire(
			{
				productId: kind === 'stm32' ? 0xd006 : 0xd00d,
				serial: ID.toUpperCase(),
				alternates: kind === 'stm32' ? [STM32] : [INTERNAL, DCT, EXTERNAL],
			},
			boot.firmware,
		),
	);
	const clock = new VirtualClock();
	const host = busHost(bus);
	const open = async () => DfuDevice.open((await listDevices(host, testPlatforms))[0]!, { clock });
	return { areas, boot, bus, wire, clock, host, open };
}

const code = (promise: Promise<unknown>): Promise<LinacError> =>
	promise.then(
		() => expect.fail('it should have failed'),
		(error) => error as LinacError,
	);

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

describe.each(['nrf52840', 'stm32'] as const)('DFU with the bootloader of an %s', (kind) => {
	it('reads back exactly what it wrote, at any length, and leaves the rest alone', async () => {
		const { open, areas } = setUp(kind);
		const dfu = await open();
		const base = kind === 'stm32' ? 0x080a0000 : 0xb4000;
		const bytes = noise(3 * 4096 + 123);
		await dfu.write(0, base, bytes);
		expect(await dfu.read(0, base, bytes.length)).toEqual(bytes);
		expect(areas[0]!.bytes[base - areas[0]!.base - 1]).toBe(0x5a);
		expect(dfu.counters).toMatchObject({ bytesWritten: bytes.length, bytesRead: bytes.length });
		await dfu.close();
	});

	it('erases each sector once, and only those that the range touches', async () => {
		const { open, boot } = setUp(kind);
		const dfu = await open();
		const base = kind === 'stm32' ? 0x08020000 : 0x30000;
		const size = kind === 'stm32' ? 0x20000 : 4096;
		await dfu.write(0, base, noise(size * 2 + 1));
		expect(boot.erased).toEqual([base, base + size, base + 2 * size]);
	});

	it('reports a failed write as an error of that step and can go on afterwards', async () => {
		const { open, boot } = setUp(kind);
		const dfu = await open();
		const base = kind === 'stm32' ? 0x08020000 : 0x30000;
		boot.fail = 6;
		const error = await code(dfu.write(0, base, noise(100)));
		// An STM32 only stalls; the others name a status.
		expect(error.code).toBe(kind === 'stm32' ? 'USB_STALL' : 'DFU_STATUS');
		expect(error.retry).toBe('step');
		if (kind === 'nrf52840') expect(error.details).toMatchObject({ status: 6, statusName: 'errPROG' });
		await dfu.write(0, base, noise(100));
		expect(await dfu.read(0, base, 100)).toEqual(noise(100));
	});

	it('touches nothing but its range when any transfer of a write is lost, and can be repeated at once', async () => {
		const base = kind === 'stm32' ? 0x080a0000 : 0x30000;
		const size = kind === 'stm32' ? 0x20000 : 4096;
		const bytes = noise(5 * 4096 + 100);
		const end = base + Math.ceil(bytes.length / size) * size;
		let failures = 0;
		for (let nth = 1; ; nth++) {
			const { open, wire, areas } = setUp(kind);
			const dfu = await open();
			const area = areas[0]!;
			// Leaves the address of the device at another place than the one that is written.
			await dfu.read(0, area.base + 0x10000, 16);
			const before = area.bytes.slice();
			const start = wire.packets.length;
			wire.intercept = (_, n) => (n === start + nth ? 'stall' : undefined);
			const error = await dfu.write(0, base, bytes).then(
				() => undefined,
				(e: LinacError) => e,
			);
			wire.intercept = undefined;
			const outside = (of: Uint8Array) => [of.slice(0, base - area.base), of.slice(end - area.base)];
			expect(outside(area.bytes).map((part, i) => equalBytes(part, outside(before)[i]!))).toEqual([true, true]);
			if (!error) break;
			failures++;
			expect(error.retry).toBe('step');
			await dfu.write(0, base, bytes);
			expect(equalBytes(await dfu.read(0, base, bytes.length), bytes)).toBe(true);
			await dfu.close();
		}
		// At the least ABORT, one erase, SET_ADDRESS and six blocks.
		expect(failures).toBeGreaterThanOrEqual(1 + 3 * 8);
	});

	it('leaves DFU and resolves once the device has detached, whatever state it answered', async () => {
		const { open, boot, wire, clock } = setUp(kind);
		const dfu = await open();
		boot.leaving = () => void clock.sleep(500).then(() => wire.leave());
		await dfu.leave();
		expect(wire.gone).toBe(true);
		expect(clock.now()).toBeGreaterThanOrEqual(500);
	});
});

describe('DFU', () => {
	it('sends nothing for a range that the memory map does not allow', async () => {
		const { open, wire } = setUp();
		const dfu = await open();
		const before = wire.packets.length;
		for (const [alternate, address, length] of [
			[0, 0x100000, 1],
			[0, 0xfffff, 2],
			[0, 0x0, 4096],
			[1, 0x3fff, 2],
			[2, 0x289000, 16],
			[3, 0, 1],
			[0, 0x30000, 0],
			[0, -4096, 4096],
			[0, 0.5, 4],
		] as const) {
			const error = await code(dfu.write(alternate, address, new Uint8Array(length)));
			expect(error).toMatchObject({ code: 'DFU_OUT_OF_RANGE', retry: 'never' });
		}
		expect(wire.packets.length).toBe(before);
		expect((await dfu.read(0, 0, 16)).length).toBe(16);
	});

	it('writes one byte of the DCT without erasing', async () => {
		const { open, boot, areas } = setUp();
		const dfu = await open();
		await dfu.write(1, 8134, Uint8Array.of(0x01), { erase: false });
		expect(boot.erased).toEqual([]);
		expect(areas[1]!.bytes[8134]).toBe(1);
		expect(areas[1]!.bytes[8133]).toBe(0xff);
	});

	it('addresses external flash with its offset of 0x80000000', async () => {
		const { open, areas } = setUp();
		const dfu = await open();
		await dfu.write(2, 0x80289000, noise(5000));
		expect(areas[2]!.bytes.slice(0x289000, 0x289000 + 5000)).toEqual(noise(5000));
	});

	it('spends one transfer a block for a long read, and nine for four blocks that are written', async () => {
		const { open } = setUp();
		const dfu = await open();
		await dfu.read(0, 0x30000, 4096);
		const before = dfu.counters.transfers;
		await dfu.read(0, 0x30000, 64 * 4096);
		expect(dfu.counters.transfers - before).toBe(64);
		const written = dfu.counters.transfers;
		await dfu.write(0, 0x30000, noise(16 * 4096));
		// ABORT out of the read, 16 erases, SET_ADDRESS, 16 blocks. How this memory goes on was found out when the read set its address.
		expect(dfu.counters.transfers - written).toBe(1 + 9 * 4 + 3 + 9 * 4);
	});

	it.each([
		[3, 'a download that nobody finished'],
		[5, 'an idle download'],
		[9, 'an upload'],
		[10, 'an error'],
		[6, 'a leave that was never confirmed'],
		[15, 'a state that does not exist, as an STM32 may have'],
	])('comes back to idle from state %i: %s', async (state) => {
		const { open, boot, areas } = setUp();
		boot.state = state;
		const before = areas[0]!.bytes.slice();
		const dfu = await open();
		expect(boot.state).toBe(2);
		expect(await dfu.read(0, 0x1000, 8)).toEqual(before.slice(0x1000, 0x1008));
		expect(equalBytes(areas[0]!.bytes, before)).toBe(true);
	});

	it('programs nothing behind a block that failed', async () => {
		const { open, boot, wire } = setUp();
		const dfu = await open();
		wire.intercept = ({ request, value, type }) => {
			if (type === 0x21 && request === 1 && value === 4) boot.fail = 6;
			return undefined;
		};
		expect(await code(dfu.write(0, 0x30000, noise(10 * 4096)))).toMatchObject({ code: 'DFU_STATUS' });
		expect(boot.writes.map((w) => w.address)).toEqual([0x30000, 0x31000]);
	});

	it('takes a stall in the middle as a step that can be repeated at once', async () => {
		const { open, wire } = setUp();
		const dfu = await open();
		const start = wire.packets.length;
		wire.intercept = (_, n) => (n === start + 9 ? 'stall' : undefined);
		const error = await code(dfu.write(0, 0x30000, noise(9000)));
		expect(['USB_STALL', 'DFU_STATUS']).toContain(error.code);
		expect(error.retry).toBe('step');
		await dfu.write(0, 0x30000, noise(9000));
		expect(await dfu.read(0, 0x30000, 9000)).toEqual(noise(9000));
	});

	it('asks a bootloader after every block that has failed before, and one that is not ready unasked', async () => {
		const questions = async ({ open, wire }: ReturnType<typeof setUp>, base: number, spoil?: () => void) => {
			const dfu = await open();
			if (spoil) {
				spoil();
				await code(dfu.write(0, base, noise(9000)));
			}
			const before = wire.packets.length;
			await dfu.write(0, base, noise(8 * 4096));
			const sent = wire.packets.slice(before).filter((p) => p.type === 0x21 && p.request === 1).length;
			const asked = wire.packets.slice(before).filter((p) => p.type === 0xa1 && p.request === 3).length;
			return asked / sent;
		};
		const sound = setUp();
		expect(await questions(sound, 0x30000)).toBeLessThan(1.5);
		const failed = setUp();
		expect(
			await questions(failed, 0x30000, () => {
				failed.boot.fail = 6;
			}),
		).toBeGreaterThanOrEqual(2);
		expect(await questions(setUp('stm32'), 0x08020000)).toBeGreaterThanOrEqual(2);
	});

	it('says that the device has gone when it is unplugged at any transfer', async () => {
		for (let at = 1; at < 60; at++) {
			const { open, wire } = setUp();
			wire.intercept = (_, n) => (n === at ? 'gone' : undefined);
			const run = async () => {
				const dfu = await open();
				await dfu.write(0, 0x30000, noise(8192));
				await dfu.read(0, 0x30000, 8192);
			};
			const outcome = await run().then(
				() => 'done',
				(error) => error,
			);
			if (at < 4) continue;
			if (outcome === 'done') expect(wire.packets.length).toBeLessThan(at);
			else expect(outcome).toMatchObject({ code: 'USB_DISCONNECTED', retry: 'reconnect' });
		}
	});

	it('gives up on a device that hangs, in bounded time', async () => {
		const { open, wire, clock } = setUp();
		const dfu = await open();
		wire.intercept = () => 'hang';
		expect(await code(dfu.read(0, 0x30000, 100))).toMatchObject({ code: 'USB_TIMEOUT', retry: 'reconnect' });
		expect(clock.now()).toBeLessThan(120_000);
	});

	it('stops between blocks when it is cancelled, and can be used again', async () => {
		const { open, boot } = setUp();
		const dfu = await open();
		const stop = new AbortController();
		const error = await code(
			dfu.write(0, 0x30000, noise(40 * 4096), { signal: stop.signal, onProgress: (done) => done >= 8192 && stop.abort() }),
		);
		expect(error.code).toBe('CANCELLED');
		// What had been handed over by then.
		expect(boot.writes.length).toBeLessThanOrEqual(8);
		await dfu.write(0, 0x30000, noise(100));
		expect(await dfu.read(0, 0x30000, 100)).toEqual(noise(100));
	});

	it('waits for another owner of the same device to close, and then opens', async () => {
		const { open, clock } = setUp();
		const first = await open();
		const second = open();
		await clock.sleep(1000);
		await first.close();
		await (await second).close();
		await open();
		expect(await code(open())).toMatchObject({ code: 'USB_BUSY', retry: 'operator' });
	});

	it('tells the protection that a bootloader of Device OS 6 says', async () => {
		const { open, wire } = setUp();
		const dfu = await open();
		expect(await dfu.protection()).toBeUndefined();
		wire.extraStrings.set(0xfa, 'sm=s;x=1');
		expect(await dfu.protection()).toBe('service');
	});

	it('reports how far a write has come', async () => {
		const { open } = setUp();
		const dfu = await open();
		const seen: number[] = [];
		await dfu.write(0, 0x30000, noise(10_000), { onProgress: (done, total) => seen.push(done, total) });
		expect(seen).toEqual([4096, 10_000, 8192, 10_000, 10_000, 10_000]);
	});
});
