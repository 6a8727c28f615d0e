import { VirtualClock } from '@linac/core';
import { expect, test } from 'vitest';
import type { DiscoveredDevice } from './discovery.js';
import { UsbConnection } from './usb-connection.js';

/** A device whose transfers fail as Chromium's do when the cable is out, and which leaves the list of its host so much later; never, if undefined. */
function failing(leavesAfterMs: number | undefined) {
	const clock = new VirtualClock();
	let failedAt: number | undefined;
	const device = {
		opened: true,
		configuration: {},
		async controlTransferIn() {
			failedAt ??= clock.now();
			throw new DOMException('A transfer error has occurred.', 'NetworkError');
		},
		async close() {},
	} as unknown as USBDevice;
	const gone = () => failedAt !== undefined && leavesAfterMs !== undefined && clock.now() - failedAt >= leavesAfterMs;
	const found: DiscoveredDevice = {
		handle: { device },
		platform: {
			name: 'boron',
			id: 13,
			vendorId: 0x2b04,
			productId: 0xc00d,
			dfuProductId: 0xd00d,
			controlOutNeedsDataStage: false,
		},
		mode: 'dfu',
		deviceId: 'e00fce681234567890abcdef',
		host: { name: 'test', devices: async () => (gone() ? [] : [{ device }]), watch: () => () => {} },
	};
	return async () => {
		const connection = await UsbConnection.open(found, undefined, { clock });
		const setup = { requestType: 'class', recipient: 'interface', request: 3, value: 0, index: 0 } as const;
		return connection.controlIn(setup, 6, 'while it was read').then(
			() => undefined,
			(error: unknown) => ({ error, afterMs: clock.now() - failedAt! }),
		);
	};
}

test('a cable that is pulled in a transfer is told as that, though the browser notices it only half a second later', async () => {
	const outcome = await failing(500)();
	expect(outcome).toMatchObject({ error: { code: 'USB_DISCONNECTED' } });
	expect(outcome?.afterMs).toBeLessThan(1_000);
});

test('a transfer that fails while the device stays is told as a failed transfer', async () => {
	expect(await failing(undefined)()).toMatchObject({ error: { code: 'USB_TRANSFER' } });
});
