/** Virtual devices with real modules on a virtual clock, and the usb package's way to them, for tests. */
import { platformByName, platforms } from '@linac/catalog';
import { unwrap, VirtualClock } from '@linac/core';
import { type ParsedModule, parseModule } from '@linac/firmware';
import { ControlDevice, DfuDevice, type DiscoveredDevice, listDevices, type UsbPlatformIds, waitForDevice } from '@linac/usb';
import { VirtualDevice, type VirtualDeviceOptions, virtualUsbHost } from '@linac/virtual';
import { realModule, realTinker } from './real-firmware.js';

export const usbPlatforms: UsbPlatformIds[] = platforms.map((p) => ({
	name: p.name,
	id: p.id,
	vendorId: p.usb.vendorId,
	productId: p.usb.productId,
	dfuProductId: p.usb.dfuProductId,
	controlOutNeedsDataStage: p.quirks.controlOutNeedsDataStage,
}));

export function parsed(bytes: Uint8Array): ParsedModule {
	return unwrap(parseModule(bytes));
}

/** Real modules by their published names, e.g. `boron-bootloader@2.2.0.bin`. */
export function modules(...names: string[]): ParsedModule[] {
	return names.map((name) => parsed(realModule(name)));
}

/** The application that particle-cli 3.6.0 ships: Tinker for Device OS 2 on Gen 2, and for 4 on most of Gen 3. */
export function tinker(platform: string): ParsedModule {
	return parsed(realTinker(platform));
}

export interface Lab {
	clock: VirtualClock;
	device: VirtualDevice;
	find(mode?: 'normal' | 'dfu', timeoutMs?: number): Promise<DiscoveredDevice>;
	dfu(): Promise<DfuDevice>;
	control(): Promise<ControlDevice>;
}

/** A plugged-in device and the ways to it. */
export function lab(platform: string, options: Partial<VirtualDeviceOptions> & Pick<VirtualDeviceOptions, 'modules'>): Lab {
	const clock = new VirtualClock();
	const facts = platformByName(platform);
	if (!facts) throw new Error(`No platform ${platform}.`);
	const device = new VirtualDevice({ platform: facts, clock, ...options });
	const host = virtualUsbHost(device.wireBus);
	device.plug();
	const find = (mode?: 'normal' | 'dfu', timeoutMs = 60_000) =>
		waitForDevice(host, usbPlatforms, { deviceId: device.deviceId, clock, timeoutMs, ...(mode === undefined ? {} : { mode }) });
	return {
		clock,
		device,
		find,
		async dfu() {
			if (device.mode !== 'dfu') {
				device.pressModeAndReset();
			}
			return DfuDevice.open(await find('dfu'), { clock });
		},
		async control() {
			return ControlDevice.open(await find('normal'), { clock });
		},
	};
}

export { listDevices };
