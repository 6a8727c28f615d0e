/**
 * A bench of virtual devices: makes them of releases in any state, plugs them into one bus, and takes them away. Where their state is kept and how they are
 * worked is for whoever has the bench: `linac lab`, the web page.
 */
import type { Platform, SourcedModule } from '@linac/catalog';
import type { Clock, Json } from '@linac/core';
import { VirtualBus } from './bus.js';
import { deliveredParts, type PartSources } from './delivered-parts.js';
import { VirtualDevice } from './device.js';
import { arrange, type StartingStateName } from './starting-states.js';

export interface BenchSpec {
	platform: Platform;
	/** Undefined for a platform without Device OS releases (Core), whose only module is its application. */
	version: string | undefined;
}

export interface BenchDevice extends BenchSpec {
	/** `boron`, or `boron-2` when there are several. */
	name: string;
	device: VirtualDevice;
	/** Its state was given, so the version that was asked for does not count. */
	restored: boolean;
	/** Made from modules of linac's own builder, at least in part, because no real ones can be had. */
	standIn: boolean;
}

export interface BenchOptions {
	clock: Clock;
	timing: 'datasheet' | 'none';
	sources: PartSources;
	/** Bus and port of the n-th place, which is 1 or more. Default `1-n`. */
	place?: (n: number) => string;
}

export interface AddOptions {
	/** Default: the platform's name, with a number where there are several. */
	name?: string;
	/** Default `healthy`. Not used with `saved`. */
	start?: StartingStateName;
	/** Instead of Tinker. */
	application?: SourcedModule | undefined;
	/** A device as it was: its state by `saveState()`, and what was known about it. */
	saved?: { state: Json; standIn: boolean };
	/** Decides the device id. Default: the number of its place. */
	seed?: number;
	/** The cable stays out. */
	unplugged?: boolean;
	signal?: AbortSignal | undefined;
}

/** A device that has not started by then does not start: milliseconds of its clock. */
const startMs = 10_000;

export class DeviceBench {
	readonly bus = new VirtualBus();
	readonly devices: BenchDevice[] = [];
	readonly #options: BenchOptions;
	#timing: 'datasheet' | 'none';
	/** Places that are taken, also by devices that are just being made. */
	readonly #places = new Map<BenchDevice | symbol, number>();

	constructor(options: BenchOptions) {
		this.#options = options;
		this.#timing = options.timing;
	}

	/** Whether flash and restarts take their time, for all of them. */
	get timing(): 'datasheet' | 'none' {
		return this.#timing;
	}

	set timing(timing: 'datasheet' | 'none') {
		this.#timing = timing;
		for (const { device } of this.devices) device.timing = timing;
	}

	/**
	 * Makes a device and plugs it in. A state that is brought about by its buttons has been when it resolves. Throws `RELEASE_UNKNOWN`,
	 * `APPLICATION_NOT_AVAILABLE`, `STATE_UNREADABLE`, `STATE_OF_OTHER_PLATFORM`, `CANCELLED`.
	 */
	async add({ platform, version }: BenchSpec, options: AddOptions = {}): Promise<BenchDevice> {
		const place = this.#takePlace();
		try {
			const { saved, signal, start = 'healthy', application } = options;
			const { clock, sources } = this.#options;
			const delivered = saved
				? { modules: [], standIn: saved.standIn }
				: await deliveredParts(platform, version, sources, { application, signal });
			const arranged = saved ? undefined : await arrange(start, { platform, version, parts: delivered }, sources, signal);
			const parts = arranged?.parts ?? delivered;
			const device = new VirtualDevice({
				platform,
				seed: options.seed ?? place.number,
				clock,
				timing: this.#timing,
				location: (this.#options.place ?? ((n) => `1-${n}`))(place.number),
				modules: parts.modules,
				...(parts.ncp === undefined ? {} : { ncp: parts.ncp }),
				...(saved === undefined ? { setupDone: true } : { state: saved.state }),
			});
			arranged?.spoil(device);
			const made: BenchDevice = {
				name: options.name ?? this.#freeName(platform),
				platform,
				version,
				device,
				restored: saved !== undefined,
				standIn: parts.standIn,
			};
			this.#places.set(made, place.number);
			this.devices.push(made);
			this.bus.add(device);
			if (options.unplugged) return made;
			device.plug();
			if (arranged && start !== 'healthy') {
				await this.#started([made], signal);
				arranged.press(device);
			}
			return made;
		} finally {
			this.#places.delete(place.key);
		}
	}

	/** By name or device id. */
	find(name: string): BenchDevice | undefined {
		return this.devices.find((d) => d.name === name || d.device.deviceId === name);
	}

	/** Takes a device away for good. */
	remove(one: BenchDevice): void {
		one.device.unplug();
		this.bus.remove(one.device);
		this.devices.splice(this.devices.indexOf(one), 1);
		this.#places.delete(one);
	}

	/** Resolves when every device has started, or has had the time to. */
	async started(signal?: AbortSignal): Promise<void> {
		await this.#started(this.devices, signal);
	}

	async #started(devices: readonly BenchDevice[], signal: AbortSignal | undefined): Promise<void> {
		const { clock } = this.#options;
		const until = clock.now() + startMs;
		const starting = ({ device }: BenchDevice) => device.powered && !device.attached && device.mode !== 'dead';
		while (devices.some(starting) && clock.now() < until) await clock.sleep(20, signal);
	}

	#takePlace(): { key: symbol; number: number } {
		const taken = new Set(this.#places.values());
		let number = 1;
		while (taken.has(number)) number++;
		const key = Symbol('place');
		this.#places.set(key, number);
		return { key, number };
	}

	#freeName({ name }: Platform): string {
		for (let count = 1; ; count++) {
			const candidate = count === 1 ? name : `${name}-${count}`;
			if (!this.devices.some((d) => d.name === candidate)) return candidate;
		}
	}
}
