/**
 * Virtual devices in the page, for trying everything without hardware: the same models that the command line's lab serves. They answer real bytes
 * at the seam of USB; nothing above it knows that they are there.
 */
import { asPlatform, releaseByVersion } from '@linac/catalog';
import { asLinacError, type Clock, LinacError, scaledClock } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import type { UsbHost } from '@linac/usb';
import { standInApplication, standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { openApplication, openRelease } from './sources.js';

export interface VirtualUnit {
	device: VirtualDevice;
	/** Made from modules of linac's own builder, because no real ones are here. */
	standIn: boolean;
	version: string;
}

export class VirtualBench {
	readonly bus = new VirtualBus();
	readonly host: UsbHost = virtualUsbHost(this.bus);
	readonly units: VirtualUnit[] = [];
	#speed = 1;
	/** One clock for all of them, and for the jobs on them. */
	readonly clock: Clock = scaledClock(1);

	get speed(): number {
		return this.#speed;
	}

	/** Plugs in a new device as it leaves the factory with this release, Tinker on it. Throws `LinacError` `RELEASE_UNKNOWN`. */
	async add(platformName: string, version: string, signal?: AbortSignal): Promise<VirtualUnit> {
		const platform = asPlatform(platformName);
		if (!releaseByVersion(version)) {
			throw new LinacError('RELEASE_UNKNOWN', `There is no Device OS ${version} for the ${platform.displayName}.`, {
				retry: 'never',
			});
		}
		let standIn = false;
		const release = await openRelease({ platform: platform.name, version }, signal).catch((error: unknown) => {
			if (asLinacError(error).code !== 'RELEASE_NOT_AVAILABLE') throw error;
			standIn = true;
			return standInRelease(platform, version);
		});
		const modules = release.modules.filter((m) => m.module.prefix.function !== ModuleFunction.ncp).map((m) => m.module);
		const number = release.moduleVersion;
		const runs = (dependencies: readonly { function: number; version: number }[]) =>
			dependencies.every((d) => d.function !== ModuleFunction.system || d.version <= number);
		const tinker = await openApplication(platform, signal, (a) => runs(a.module.dependencies));
		modules.push((tinker && runs(tinker.module.dependencies) ? tinker : standInApplication(platform, version)).module);
		const position = this.units.length + 1;
		const device = new VirtualDevice({
			platform,
			seed: position,
			clock: this.clock,
			location: `virtual-${position}`,
			modules,
			setupDone: true,
		});
		const unit = { device, standIn, version };
		this.units.push(unit);
		this.bus.add(device);
		device.plug();
		return unit;
	}
}

export const virtualBench = new VirtualBench();
