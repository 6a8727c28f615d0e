import { platforms } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { usbIdsByVendor } from '@linac/usb';
import { describe, expect, test } from 'vitest';
import { usbTrouble } from './kernel-log.js';
import type { SeenUsbDevice } from './observations.js';
import { judgeWatch, type UsbWatcher, watchUsb } from './watch-usb.js';

const ids = usbIdsByVendor(platforms);
const boron: SeenUsbDevice = { port: '1-2', vendorId: 0x2b04, productId: 0xc00d, product: 'Boron', hub: false };
const boronDfu: SeenUsbDevice = { ...boron, productId: 0xd00d };
const hub: SeenUsbDevice = { port: '1-1', vendorId: 0x05e3, productId: 0x0610, hub: true };
const mouse: SeenUsbDevice = { port: '1-3', vendorId: 0x046d, productId: 0xc52b, product: 'Mouse', hub: false };

/** What is on the bus from which time on, in ms, and what the kernel writes when. */
interface Story {
	bus: [ms: number, devices: SeenUsbDevice[]][];
	log?: [ms: number, line: string][];
}

async function tell({ bus, log }: Story) {
	const clock = new VirtualClock();
	const began = clock.now();
	let read = -1;
	const watcher: UsbWatcher = {
		devices: async () => bus.filter(([ms]) => ms <= clock.now() - began).at(-1)![1],
		...(log === undefined
			? {}
			: {
					kernelLog: () => {
						const until = clock.now() - began;
						const lines = log.filter(([ms]) => ms > read && ms <= until).map(([, line]) => line);
						read = until;
						return lines;
					},
				}),
	};
	const seen = await watchUsb(watcher, { ids, clock, timeoutMs: 30_000 });
	return { seen, finding: judgeWatch(seen, ids) };
}

describe('while somebody plugs a board in', () => {
	const stories: [what: string, story: Story, code: string][] = [
		[
			'a board that comes and stays',
			{
				bus: [
					[0, [mouse]],
					[5000, [mouse, boron]],
				],
			},
			'WATCH_FOUND',
		],
		[
			'a board behind a hub that comes with it',
			{
				bus: [
					[0, []],
					[1000, [hub]],
					[6000, [hub, boron]],
				],
			},
			'WATCH_FOUND',
		],
		[
			'a board that is brought into DFU mode meanwhile',
			{
				bus: [
					[0, []],
					[1000, [boron]],
					[2000, []],
					[3000, [boronDfu]],
				],
			},
			'WATCH_FOUND',
		],
		[
			'a board that comes and goes',
			{
				bus: [
					[0, []],
					[1000, [boron]],
					[1600, []],
					[2200, [boron]],
					[2800, []],
					[3400, [boron]],
				],
			},
			'WATCH_RESTLESS',
		],
		['nothing at all', { bus: [[0, [mouse]]] }, 'WATCH_NOTHING'],
		['nothing, and a kernel that noticed nothing', { bus: [[0, [mouse]]], log: [] }, 'WATCH_NOTHING'],
		[
			'another device',
			{
				bus: [
					[0, []],
					[1000, [mouse]],
				],
			},
			'WATCH_OTHER_DEVICE',
		],
		[
			'a device of Particle that is not known',
			{
				bus: [
					[0, []],
					[1000, [{ ...boron, productId: 0xc099 }]],
				],
			},
			'WATCH_UNKNOWN_PARTICLE',
		],
		[
			'a hub alone',
			{
				bus: [
					[0, []],
					[1000, [hub]],
				],
			},
			'WATCH_HUB_ONLY',
		],
		[
			'errors of the kernel',
			{
				bus: [[0, []]],
				log: [
					[2000, 'usb 1-2: device descriptor read/64, error -71'],
					[4000, 'usb usb1-port2: unable to enumerate USB device'],
				],
			},
			'WATCH_DESCRIPTOR_ERRORS',
		],
		['errors from before', { bus: [[0, []]], log: [[-5, 'usb 1-2: device descriptor read/64, error -71']] }, 'WATCH_NOTHING'],
	];
	test.each(stories)('%s', async (_what, story, code) => {
		expect((await tell(story)).finding.code).toBe(code);
	});

	test('a charge-only cable is named as one of the reasons for nothing, and never as the only one', async () => {
		const { finding, seen } = await tell({ bus: [[0, []]], log: [] });
		expect(seen.ms).toBeGreaterThanOrEqual(30_000);
		expect(finding.hint).toContain('only charges');
		expect(finding.hint).toContain('Nobody can tell these apart');
		expect(finding.message).toContain('the kernel noticed nothing');
		expect((await tell({ bus: [[0, []]] })).finding.message).not.toContain('kernel');
	});

	test('it does not wait on when the answer is there', async () => {
		expect(
			(
				await tell({
					bus: [
						[0, []],
						[1000, [boron]],
					],
				})
			).seen.ms,
		).toBeLessThan(5000);
	});

	test('Ctrl-C ends it', async () => {
		const stop = new AbortController();
		stop.abort();
		const watcher = { devices: async () => [] };
		await expect(
			watchUsb(watcher, { ids, clock: new VirtualClock(), timeoutMs: 1000, signal: stop.signal }),
		).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});

test('lines of the kernel that are about trouble are told from the others, with their port', () => {
	const lines = [
		'usb 1-2: new full-speed USB device number 5 using xhci_hcd',
		'usb 1-2: device descriptor read/64, error -71',
		'usb 1-2.3: device not accepting address 6, error -71',
		'usb usb2-port4: Cannot enable. Maybe the USB cable is bad?',
		'usb 1-2-port3: unable to enumerate USB device',
		'usb 1-2: Product: Boron',
	];
	expect(usbTrouble(lines).map((t) => t.port)).toEqual(['1-2', '1-2.3', '2-4', '1-2.3']);
});

test('a hand that is quicker than the first look is seen, by what was there when it was asked', async () => {
	const clock = new VirtualClock();
	const seen = await watchUsb({ devices: async () => [mouse, boron] }, { ids, clock, timeoutMs: 30_000, before: [mouse] });
	expect(judgeWatch(seen, ids)).toMatchObject({ code: 'WATCH_FOUND', port: '1-2' });
});
