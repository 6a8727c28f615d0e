/** Virtual devices with real modules (stand-ins where none can be had), served over USB/IP to the guest of the lab. */
import { asPlatform, expectedModules, type Platform, releaseByVersion, releases, type SourcedModule } from '@linac/catalog';
import { scaledClock } from '@linac/core';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { UsbIpServer } from '@linac/host';
import { standInApplication, standInModule, standInRelease, VirtualBus, VirtualDevice, type VirtualMode } from '@linac/virtual';
import { cliOfRelease, realTinker } from '../support/real-firmware.js';
import { everyRealImage, realRelease } from '../support/release-files.js';
import { parsed } from '../support/virtual-lab.js';
import type { Guest, UsbIpDevice } from './guest.js';

export interface BenchDeviceOptions {
	platform: string;
	/** Device OS version; default: `usualVersion(platform)`. Undefined for a platform without releases. */
	version?: string;
	/** Instead of those of the version, application included. */
	modules?: readonly ParsedModule[];
	/** In DFU mode from the start. */
	dfu?: boolean;
	setupDone?: boolean;
}

export interface BenchDevice extends UsbIpDevice {
	platform: Platform;
	version: string | undefined;
	/** Some of its modules are invented. */
	standIn: boolean;
	/** What it is, for a row of the table: `4.0.1`, `4.0.1, stand-in application`, `6.2.1, stand-in`. */
	label: string;
	device: VirtualDevice;
}

/** Device OS versions whose modules npm has for the platform, oldest first. */
export function realVersions(platform: string): string[] {
	const listed = everyRealImage.filter(([name]) => name === platform).map(([, version]) => version);
	const also = ['argon', 'boron', 'bsom', 'b5som', 'tracker', 'esomx'].includes(platform) ? ['4.0.2'] : [];
	return [...listed, ...also];
}

/** The newest version that npm has real modules of, else the newest of the catalogue. */
export function usualVersion(platform: string): string | undefined {
	const real = realVersions(platform).filter((v) => v !== '4.0.2');
	return real.at(-1) ?? releases.find((r) => r.platforms.includes(platform))?.version;
}

export interface DeliveredModules {
	modules: readonly ParsedModule[];
	/** Which of them are invented. */
	invented: 'none' | 'application' | 'all';
}

/** Modules of a device as it is delivered: those of a release, and Tinker where this Device OS can run it. */
export function modulesOf(platform: string, version: string | undefined): DeliveredModules {
	const facts = asPlatform(platform);
	if (version === undefined) {
		// The Core has one image of system and application. The X SoM was never sold: its bootloader is invented.
		if (facts.mcu === 'stm32f1') return { modules: [parsed(realTinker(platform, '3.51.0'))], invented: 'none' };
		const bootloader = { slot: 'bootloader', function: ModuleFunction.bootloader, index: 0, version: 501, dependencies: [] };
		return { modules: [standInModule(facts, 1512, bootloader).module], invented: 'all' };
	}
	const real = cliOfRelease[version] !== undefined && realVersions(platform).includes(version);
	const release = real ? realRelease(platform, version) : standInRelease(platform, version);
	const modules = release.modules.map((m) => m.module).filter((m) => m.prefix.function !== ModuleFunction.ncp);
	const application = tinkerFor(platform, release.moduleVersion);
	// No release of the A SoM is in the catalogue, so no application can be invented for it.
	if (!application && !releaseByVersion(version)?.platforms.includes(platform))
		return { modules, invented: real ? 'none' : 'all' };
	const all = [...modules, application ?? standInApplication(facts, version).module];
	return { modules: all, invented: !real ? 'all' : application ? 'none' : 'application' };
}

function tinkerFor(platform: string, system: number): ParsedModule | undefined {
	for (const source of ['3.51.0', '3.6.0'] as const) {
		try {
			const module = parsed(realTinker(platform, source));
			if (module.dependencies.every((d) => d.function !== ModuleFunction.system || d.version <= system)) return module;
		} catch {
			// This package has none for the platform.
		}
	}
	return undefined;
}

/** NCP firmware where a release names none: the Argon has had version 5 from the beginning (data/platforms/argon.json). */
const olderNcp = 5;

/** The NCP firmware that a release needs and a device of another has not. npm's packages hold none, so it is invented, whatever else is real. */
export function newerNcp(platform: string, from: string, to: string): SourcedModule[] {
	const isNcp = (m: { function: number }) => m.function === ModuleFunction.ncp;
	const ncpOf = (version: string) => expectedModules(asPlatform(platform), version).find(isNcp)?.version ?? olderNcp;
	return ncpOf(to) > ncpOf(from) ? standInRelease(platform, to).modules.filter((m) => isNcp(m.module.prefix)) : [];
}

/** A bench of virtual devices. Their restarts take a tenth of the estimated time, their flash nothing much. */
export class LabBench {
	readonly devices: BenchDevice[] = [];
	readonly #bus: VirtualBus;
	readonly #server: UsbIpServer;
	readonly #clock;

	private constructor(bus: VirtualBus, server: UsbIpServer, speed: number) {
		this.#bus = bus;
		this.#server = server;
		this.#clock = scaledClock(speed);
	}

	/** `speed`: how much faster than a real device; default 20. */
	static async start(specs: readonly BenchDeviceOptions[] = [], options: { speed?: number } = {}): Promise<LabBench> {
		const bus = new VirtualBus();
		const bench = new LabBench(bus, await UsbIpServer.start(bus, { port: 0 }), options.speed ?? 20);
		for (const spec of specs) bench.add(spec);
		return bench;
	}

	/** Port of the USB/IP server. */
	get port(): number {
		return this.#server.port;
	}

	/** Plugs in one more device. */
	add(spec: BenchDeviceOptions): BenchDevice {
		const platform = asPlatform(spec.platform);
		const version = spec.version ?? usualVersion(platform.name);
		const made: DeliveredModules = spec.modules ? { modules: spec.modules, invented: 'none' } : modulesOf(platform.name, version);
		const position = this.devices.length + 1;
		const hasNcp = platform.modules.some((m) => m.function === ModuleFunction.ncp);
		const ncp = version && expectedModules(platform, version).find((m) => m.function === ModuleFunction.ncp)?.version;
		const device = new VirtualDevice({
			platform,
			clock: this.#clock,
			seed: position,
			location: `1-${position}`,
			setupDone: spec.setupDone ?? true,
			modules: made.modules,
			...(hasNcp ? { ncp: { version: ncp || olderNcp } } : {}),
		});
		const invented = { none: '', application: 'stand-in application', all: 'stand-in' }[made.invented];
		const label = [version, invented].filter(Boolean).join(', ');
		const added = {
			platform,
			version,
			standIn: made.invented !== 'none',
			label,
			device,
			port: this.port,
			busid: device.location,
		};
		this.devices.push(added);
		this.#bus.add(device);
		device.plug();
		if (spec.dfu) device.pressModeAndReset();
		return added;
	}

	async close(): Promise<void> {
		for (const { device } of this.devices) device.unplug();
		await this.#server.close();
	}
}

/** Resolves when the device is in one of these modes and on the bus (or dead), and rejects after the time limit. */
export async function inMode(of: BenchDevice, modes: VirtualMode | readonly VirtualMode[], timeoutMs = 120_000): Promise<void> {
	const wanted = [modes].flat();
	const until = Date.now() + timeoutMs;
	while (!(wanted.includes(of.device.mode) && (of.device.attached || of.device.mode === 'dead'))) {
		if (Date.now() > until)
			throw new Error(`The device is in ${of.device.mode} mode (${of.device.why}), not in ${wanted.join(' or ')} mode.`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** `2b04:d00d` */
export function usbId(platform: Platform, dfu: boolean): string {
	const hex = (n: number) => n.toString(16).padStart(4, '0');
	return `${hex(platform.usb.vendorId)}:${hex(dfu ? platform.usb.dfuProductId : platform.usb.productId)}`;
}

/** Holds MODE and taps RESET, and waits until the guest's kernel has enumerated the device in DFU mode. */
export async function toDfu(guest: Guest, of: BenchDevice): Promise<void> {
	if (of.device.mode !== 'dfu') of.device.pressModeAndReset();
	await inMode(of, 'dfu');
	await guest.enumerated(of.busid, { usbId: usbId(of.platform, true) });
}

/** Waits until the device runs Device OS, in whichever mode, and the guest's kernel has enumerated it. */
export async function running(guest: Guest, of: BenchDevice): Promise<void> {
	await inMode(of, ['normal', 'listening', 'safe']);
	await guest.enumerated(of.busid, { usbId: usbId(of.platform, false) });
}
