import type { UsbHost } from '@linac/usb';
import { virtualUsbHost } from '@linac/virtual';
import { expect, test } from 'vitest';
import { boron, Fresh, SWEEP_LIMIT_MS, say, sweep, whole } from './interruption-sweep.js';
import type { Bench } from './programming-setup.js';

const TRANSFERS = new Set(['controlTransferIn', 'controlTransferOut', 'selectAlternateInterface']);

/**
 * A host whose process is killed at its n-th transfer: nothing that comes after reaches the device, not even a goodbye, while the device
 * keeps its power and stays in the middle of what it was doing.
 */
function killedAt(n: number, b: Bench): UsbHost {
	const inner = virtualUsbHost(b.bus);
	let transfers = 0;
	const dead = () => transfers >= n;
	const wrap = (device: USBDevice): USBDevice =>
		new Proxy(device, {
			get(target, name) {
				const value: unknown = Reflect.get(target, name, target);
				if (typeof value !== 'function') return value;
				return (...args: unknown[]) => {
					if (TRANSFERS.has(String(name))) transfers++;
					if (dead()) return Promise.reject(new DOMException('The process was killed.', 'NotFoundError'));
					return value.apply(target, args);
				};
			},
		});
	const wrapped = new WeakMap<USBDevice, USBDevice>();
	return {
		name: 'killed',
		watch: (fn) => inner.watch(fn),
		async devices() {
			if (dead()) return [];
			return (await inner.devices()).map((handle) => {
				let device = wrapped.get(handle.device);
				if (!device) {
					device = wrap(handle.device);
					wrapped.set(handle.device, device);
				}
				return { ...handle, device };
			});
		},
	};
}

test(
	'a Boron whose programming process is killed at any transfer, while it keeps its power, is finished by the next one',
	async () => {
		const fresh = new Fresh(boron);
		const { transfers } = await whole(fresh);
		const began = performance.now();
		const swept = await sweep(fresh, transfers, (_, n, b) => killedAt(n, b));
		say(`boron, process, of ${transfers} transfers`, swept, began);
		expect(swept.bad).toEqual([]);
		expect(swept.button).toEqual([]);
		expect(swept.dead).toEqual([]);
	},
	SWEEP_LIMIT_MS,
);
