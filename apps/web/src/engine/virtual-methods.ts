/** What the page does with virtual devices. */

import type { CallContext } from '../link/messages.js';
import { virtualBench } from './virtual-bench.js';

export interface VirtualUnitShown {
	deviceId: string;
	platform: string;
	version: string;
	standIn: boolean;
	mode: string;
}

export const virtualMethods = {
	/** Plugs in a new virtual device. */
	async 'virtual.add'(
		{ platform, version }: { platform: string; version: string },
		{ signal }: CallContext,
	): Promise<VirtualUnitShown> {
		const { device, standIn } = await virtualBench.add(platform, version, signal);
		return { deviceId: device.deviceId, platform, version, standIn, mode: device.mode };
	},
};
