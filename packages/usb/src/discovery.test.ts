import { type LinacError, VirtualClock } from '@linac/core';
import { describe, expect, it } from 'vitest';
import { ScriptedBus, ScriptedWire, testPlatforms } from '../../../tests/peers/usb-scripted-wire.js';
import { busHost } from './bus-host.js';
import { listDevices } from './discovery.js';
import { waitForDevice } from './wait-for-device.js';

const ID = 'e00fce681234567890abcdef';
const nothing = () => 'stall' as const;

describe('discovery', () => {
	it('lists only devices of the table, with mode, id in lower case and place, in the order of places', async () => {
		const bus = new ScriptedBus();
		bus.add(new ScriptedWire({ productId: 0xd00d, serial: ID.toUpperCase(), location: '1-10' }, nothing));
		bus.add(new ScriptedWire({ productId: 0xc006, location: '1-2.3' }, nothing));
		bus.add(new ScriptedWire({ productId: 0x1234, serial: ID, location: '1-1' }, nothing));
		const found = await listDevices(busHost(bus), testPlatforms);
		expect(found.map((d) => [d.platform.name, d.mode, d.deviceId, d.location])).toEqual([
			['photon', 'normal', undefined, '1-2.3'],
			['boron', 'dfu', ID, '1-10'],
		]);
	});

	it('waits for the same device id in the other mode, not for the attachment that is about to leave', async () => {
		const bus = new ScriptedBus();
		const host = busHost(bus);
		const clock = new VirtualClock();
		const before = bus.add(new ScriptedWire({ productId: 0xc00d, serial: ID }, nothing));
		const [was] = await listDevices(host, testPlatforms);
		void clock.sleep(500).then(() => before.leave());
		void clock
			.sleep(900)
			.then(() => bus.add(new ScriptedWire({ productId: 0xc00d, serial: 'ff'.repeat(12), location: '1-2' }, nothing)));
		void clock.sleep(1500).then(() => bus.add(new ScriptedWire({ productId: 0xc00d, serial: ID }, nothing)));
		const back = await waitForDevice(host, testPlatforms, {
			deviceId: ID,
			mode: 'normal',
			timeoutMs: 10_000,
			clock,
			gone: was!.handle.device,
		});
		expect(back.handle.device).not.toBe(was!.handle.device);
		expect(clock.now()).toBeGreaterThanOrEqual(1500);
	});

	it('goes by the place where firmware does not tell the id', async () => {
		const bus = new ScriptedBus();
		const clock = new VirtualClock();
		bus.add(new ScriptedWire({ productId: 0xc006, location: '1-1' }, nothing));
		bus.add(new ScriptedWire({ productId: 0xc006, location: '1-2' }, nothing));
		const found = await waitForDevice(busHost(bus), testPlatforms, { deviceId: ID, location: '1-2', timeoutMs: 1000, clock });
		expect(found.location).toBe('1-2');
	});

	it('says who did not come back, after the time it was given', async () => {
		const clock = new VirtualClock();
		const error = await waitForDevice(busHost(new ScriptedBus()), testPlatforms, { deviceId: ID, timeoutMs: 3000, clock }).catch(
			(e: LinacError) => e,
		);
		expect(error).toMatchObject({ code: 'DEVICE_NOT_BACK', retry: 'operator', details: { deviceId: ID } });
		expect(clock.now()).toBeGreaterThanOrEqual(3000);
	});

	it('stops waiting when it is cancelled', async () => {
		const clock = new VirtualClock();
		const stop = new AbortController();
		void clock.sleep(500).then(() => stop.abort());
		const waiting = waitForDevice(busHost(new ScriptedBus()), testPlatforms, { timeoutMs: 60_000, clock, signal: stop.signal });
		await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});
