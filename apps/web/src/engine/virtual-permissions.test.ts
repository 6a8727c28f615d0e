import { platformByName, platforms, type ReleaseSet, releases } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { type JobEvent, program, restore, usbIdsOf } from '@linac/programmer';
import { listDevices, waitForDevice } from '@linac/usb';
import { standInApplication, standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { describe, expect, it } from 'vitest';
import type { AskForPermission } from './browser-usb-host.js';
import { VirtualPermissions } from './virtual-permissions.js';

const usbPlatforms = platforms.map(usbIdsOf);
const boron = platformByName('boron')!;
const photon = platformByName('photon')!;
const release = (version: string): ReleaseSet => standInRelease(boron, version);

/** A page with one virtual device; `answer` is the person. */
async function page(answer: (permit: () => Promise<void>, signal: AbortSignal) => Promise<boolean>, platform = boron) {
	const clock = new VirtualClock();
	const bus = new VirtualBus();
	const version = platform === boron ? '2.2.0' : '2.0.1';
	const modules = standInRelease(platform, version).modules.map((m) => m.module);
	const device = new VirtualDevice({
		platform,
		clock,
		setupDone: true,
		modules: [...modules, standInApplication(platform, version).module],
	});
	bus.add(device);
	const asked: Parameters<AskForPermission>[] = [];
	const host = new VirtualPermissions(virtualUsbHost(bus), async (...question) => {
		asked.push(question);
		const [filters, , signal] = question;
		return answer(async () => {
			for (const one of await host.permissible(filters)) host.permit(one);
		}, signal);
	});
	device.plug();
	// Seen as it starts: that is the first permission.
	await waitForDevice(host, usbPlatforms, { timeoutMs: 60_000, clock });
	return { clock, device, host, asked };
}

const permits = async (permit: () => Promise<void>) => {
	await permit();
	return true;
};

function update(p: Awaited<ReturnType<typeof page>>, more: { signal?: AbortSignal } = {}) {
	const events: JobEvent[] = [];
	return program({
		host: p.host,
		platforms,
		releases,
		clock: p.clock,
		goal: { target: '4.0.2', files: [], applicationOnly: false, allow: [] },
		release: release('4.0.2'),
		onEvent: (event) => events.push(event),
		...more,
	}).then((verdict) => ({ verdict, events }));
}

describe('the second permission', () => {
	it('is asked for once, for this very device in the mode that it has gone to, and the job goes on', async () => {
		const p = await page(permits);
		const { verdict } = await update(p);
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		expect(p.asked.map(([, wanted]) => wanted)).toEqual([{ platform: 'boron', deviceId: p.device.deviceId, mode: 'dfu' }]);
		const ids = p.asked[0]![0].map((f) => [f.productId, f.serialNumber?.toLowerCase()]);
		expect(ids).toContainEqual([boron.usb.dfuProductId, p.device.deviceId]);
	});

	it('may take a person longer than any limit of the job', async () => {
		const p = await page(async (permit) => {
			await p.clock.sleep(30 * 60_000);
			return permits(permit);
		});
		const { verdict } = await update(p);
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		expect(p.clock.now()).toBeGreaterThan(30 * 60_000);
	});

	it('ends the job with a code of its own when it is declined, and the same job can be run to its end later', async () => {
		let declined = true;
		const p = await page(async (permit) => !declined && permits(permit));
		const first = await update(p);
		expect(first.verdict.ok && first.verdict.value.error).toMatchObject({ code: 'USB_PERMISSION_NEEDED', retry: 'operator' });
		expect(p.asked).toHaveLength(1);
		declined = false;
		const second = await update(p);
		expect(second.verdict.ok && second.verdict.value.outcome).toBe('verified');
	});

	it('is not asked for while a device that is permitted already restarts, however long that takes', async () => {
		const p = await page(permits);
		await update(p);
		p.asked.length = 0;
		p.device.unplug();
		const waiting = waitForDevice(p.host, usbPlatforms, {
			deviceId: p.device.deviceId,
			platform: 'boron',
			timeoutMs: 60_000,
			clock: p.clock,
		});
		void p.clock.sleep(20_000).then(() => p.device.plug());
		await expect(waiting).resolves.toMatchObject({ deviceId: p.device.deviceId });
		expect(p.asked).toEqual([]);
	});

	it('is asked for after all when a device that was expected to run comes back in DFU mode', async () => {
		const p = await page(permits);
		const [was] = await listDevices(p.host, usbPlatforms);
		p.device.unplug();
		p.device.plug();
		p.device.pressModeAndReset();
		const wait = {
			deviceId: p.device.deviceId,
			platform: 'boron',
			expected: 'normal' as const,
			gone: was!.handle.device,
			timeoutMs: 30_000,
			clock: p.clock,
		};
		await expect(waitForDevice(p.host, usbPlatforms, wait)).resolves.toMatchObject({ mode: 'dfu' });
		expect(p.asked).toHaveLength(1);
	});

	it('is withdrawn when the device is seen by itself meanwhile', async () => {
		let withdrawn = false;
		const p = await page(
			(_, signal) =>
				new Promise((resolve) => {
					signal.addEventListener('abort', () => {
						withdrawn = true;
						resolve(false);
					});
				}),
		);
		p.device.unplug();
		const waiting = waitForDevice(p.host, usbPlatforms, {
			deviceId: p.device.deviceId,
			platform: 'boron',
			timeoutMs: 3_000,
			clock: p.clock,
		});
		void p.clock.sleep(60_000).then(() => p.device.plug());
		await expect(waiting).resolves.toMatchObject({ mode: 'normal' });
		expect(withdrawn).toBe(true);
	});

	it('is asked for once in a wait: a device that does not come although it was permitted is not there', async () => {
		const p = await page(async () => true);
		p.device.unplug();
		const wait = { deviceId: p.device.deviceId, timeoutMs: 10_000, clock: p.clock };
		const error = await waitForDevice(p.host, usbPlatforms, wait).catch((e: unknown) => e);
		expect(error).toMatchObject({ code: 'DEVICE_NOT_BACK' });
		expect(p.asked).toHaveLength(1);
	});

	it('declined before the plan of a repair, it is no fault of the device: nobody is told to press its buttons', async () => {
		const p = await page(async () => false);
		const events: JobEvent[] = [];
		const repair = restore({
			host: p.host,
			platforms,
			releases,
			clock: p.clock,
			openRelease: async (_, version) => release(version),
			limits: { operatorMs: 60_000 },
			onEvent: (event) => events.push(event),
		});
		await expect(repair).rejects.toMatchObject({ code: 'USB_PERMISSION_NEEDED' });
		expect(events.filter((e) => e.type === 'waiting')).toEqual([]);
	});

	it('is not needed for virtual devices when that is turned off', async () => {
		const p = await page(async () => false);
		p.host.asks = false;
		const { verdict } = await update(p);
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		expect(p.asked).toEqual([]);
	});
});

describe('permissions as a browser keeps them', () => {
	it('hides a device in the other mode until it is permitted there, and remembers it by its serial number', async () => {
		const p = await page(permits, photon);
		const seen = async () => (await listDevices(p.host, usbPlatforms)).map((d) => d.mode);
		expect(await seen()).toEqual(['normal']);
		p.device.pressModeAndReset();
		await p.clock.sleep(5_000);
		expect(await seen()).toEqual([]);
		const [dfu] = await p.host.permissible([{ vendorId: photon.usb.vendorId, productId: photon.usb.dfuProductId }]);
		p.host.permit(dfu!);
		expect(await seen()).toEqual(['dfu']);
		p.device.unplug();
		p.device.plug();
		await p.clock.sleep(5_000);
		expect(await seen()).toHaveLength(1);
	});

	it('tells no place of a device', async () => {
		const p = await page(permits);
		expect((await listDevices(p.host, usbPlatforms))[0]).not.toHaveProperty('location');
	});
});

describe('hosts that never ask', () => {
	it('wait as long as they were told and say that the device did not come', async () => {
		const p = await page(permits);
		const host = virtualUsbHost(p.device.wireBus);
		p.device.unplug();
		const began = p.clock.now();
		const wait = { deviceId: p.device.deviceId, timeoutMs: 10_000, clock: p.clock };
		await expect(waitForDevice(host, usbPlatforms, wait)).rejects.toMatchObject({ code: 'DEVICE_NOT_BACK' });
		expect(p.clock.now() - began).toBeLessThan(10_200);
		expect(p.asked).toEqual([]);
	});
});
