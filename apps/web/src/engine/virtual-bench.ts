/**
 * Virtual devices in the page, for trying everything without hardware: the same models that the command line's lab serves. They answer real bytes
 * at the seam of USB; nothing above it knows that they are there. They are kept in the browser: a reload is for them what a pulled cable is for a board.
 */
import { asPlatform } from '@linac/catalog';
import { type Disposer, LinacError, PacedClock } from '@linac/core';
import type { UsbHost } from '@linac/usb';
import {
	type BenchDevice,
	carryOut,
	DeviceBench,
	type DeviceCommand,
	type DeviceView,
	modulesOf,
	type StartingStateName,
	viewOf,
	virtualUsbHost,
} from '@linac/virtual';
import { openApplication, openRelease } from './sources.js';
import { type BenchSettings, type Kept, openVirtualStore, type VirtualStore } from './virtual-store.js';

/** A fault that a job's events trigger, besides those of the device itself. */
export type BenchCommand = DeviceCommand | { do: 'unplug-after-step'; at: number };

export interface VirtualShown extends Omit<DeviceView, 'faults'> {
	/** `boron-2`. */
	name: string;
	/** The release that it was made with. */
	version: string | undefined;
	standIn: boolean;
	/** What it has been doing since the last look. */
	activity: 'writes' | 'talks' | 'still';
	faults: { fault: string; in: number }[];
}

export interface BenchShown extends BenchSettings {
	devices: VirtualShown[];
	kept: Kept;
	/** No more devices can be added. */
	full: boolean;
}

/** More than a table has room for; what one page works with was measured with so many. */
const MOST_DEVICES = 16;
/** How often it is looked what has to be kept, and how long a device that goes on writing is not kept, ms. */
const LOOK_MS = 1_000;
const WRITING_MS = 5_000;

interface Keeping {
	order: number;
	/** What was kept last, and when; `writes` undefined: nothing of what is now. */
	writes: number | undefined;
	savedAt: number;
	/** At the last look. */
	seen: number;
	saving: Promise<void>;
	stop: Disposer;
}

export class VirtualBench {
	/** One clock for all of them, and for the jobs on them. */
	readonly clock = new PacedClock(1);
	readonly #bench = new DeviceBench({
		clock: this.clock,
		timing: 'datasheet',
		sources: {
			open: openRelease,
			application: (platform, _version, signal, fits) => openApplication(platform, signal, fits),
		},
		place: (n) => `virtual-${n}`,
	});
	readonly host: UsbHost;
	readonly #keeping = new Map<BenchDevice, Keeping>();
	readonly #watchers = new Set<() => void>();
	readonly #afterSteps = new Map<string, number>();
	readonly #seen = new WeakMap<
		BenchDevice,
		{ transfers: number; writes: number; looked: number; modules: DeviceView['modules'] }
	>();
	#adding = 0;
	#order = 0;
	#store: VirtualStore | undefined;
	#opening: Promise<VirtualStore> | undefined;
	#timer: ReturnType<typeof setInterval> | undefined;

	constructor() {
		const inner = virtualUsbHost(this.#bench.bus);
		this.host = {
			...inner,
			devices: async () => {
				await this.open();
				return inner.devices();
			},
		};
	}

	get speed(): number {
		return this.clock.speed;
	}

	/** Puts the devices back that were kept. Everything else waits for it. */
	open(): Promise<VirtualStore> {
		this.#opening ??= this.#restore();
		return this.#opening;
	}

	async #restore(): Promise<VirtualStore> {
		const store = await openVirtualStore();
		const { devices, settings } = await store.load();
		this.#store = store;
		if (settings) {
			this.clock.speed = settings.speed;
			this.#bench.timing = settings.timing;
		}
		for (const { about, state } of devices) {
			const { name, platform, version, standIn, cable, order } = about;
			try {
				const saved = { state, standIn };
				const made = await this.#bench.add({ platform: asPlatform(platform), version }, { name, saved, unplugged: !cable });
				this.#keep(made, order);
			} catch {
				// Kept by a version of the page that is not understood any more: there is nothing in it that would be missed.
				await store.remove(name);
			}
		}
		return store;
	}

	/**
	 * Plugs in a new device of a release, in a state of `startingStates`. Throws `BENCH_FULL`, `RELEASE_UNKNOWN`, `APPLICATION_NOT_AVAILABLE`, `CANCELLED`.
	 */
	async add(
		platformName: string,
		version: string | undefined,
		start: StartingStateName = 'healthy',
		signal?: AbortSignal,
	): Promise<BenchDevice> {
		await this.open();
		if (this.#bench.devices.length + this.#adding >= MOST_DEVICES) {
			throw new LinacError('BENCH_FULL', `There are ${MOST_DEVICES} virtual devices already.`, {
				retry: 'operator',
				hint: 'Remove one first.',
			});
		}
		this.#adding++;
		try {
			const seed = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
			const made = await this.#bench.add({ platform: asPlatform(platformName), version }, { start, seed, signal });
			this.#keep(made, ++this.#order);
			await this.#save(made);
			return made;
		} finally {
			this.#adding--;
			this.#changed();
		}
	}

	/** Resolves when what it did to the device is kept. Throws `DEVICE_NOT_FOUND`. */
	async command(deviceId: string, command: BenchCommand): Promise<void> {
		const one = await this.#find(deviceId);
		if (command.do === 'unplug-after-step') this.#afterSteps.set(deviceId, command.at);
		else carryOut(one.device, command);
		if (command.do === 'mend') this.#afterSteps.delete(deviceId);
		this.#changed();
		await this.#save(one);
	}

	/** A job on the device has finished a step: the moment for which a pulled cable may have been ordered. */
	stepFinished(deviceId: string): void {
		const left = this.#afterSteps.get(deviceId);
		if (left === undefined) return;
		if (left > 1) this.#afterSteps.set(deviceId, left - 1);
		else {
			this.#afterSteps.delete(deviceId);
			this.#bench.find(deviceId)?.device.unplug();
		}
		this.#changed();
	}

	/** Takes a device away for good. Throws `DEVICE_NOT_FOUND`. */
	async remove(deviceId: string): Promise<void> {
		const one = await this.#find(deviceId);
		const keeping = this.#keeping.get(one);
		this.#keeping.delete(one);
		keeping?.stop();
		this.#bench.remove(one);
		await keeping?.saving;
		await this.#store?.remove(one.name);
		this.#changed();
	}

	async setPace(settings: BenchSettings): Promise<void> {
		const store = await this.open();
		this.clock.speed = settings.speed;
		this.#bench.timing = settings.timing;
		await store.putSettings(settings);
		this.#changed();
	}

	/** Keeps everything that has changed, now. */
	async save(): Promise<void> {
		await Promise.all([...this.#keeping.keys()].map((one) => this.#save(one)));
	}

	watch(onChange: () => void): Disposer {
		this.#watchers.add(onChange);
		return () => this.#watchers.delete(onChange);
	}

	async shown(): Promise<BenchShown> {
		const { kept } = await this.open();
		return {
			devices: this.#bench.devices.map((one) => this.#show(one)),
			speed: this.clock.speed,
			timing: this.#bench.timing,
			kept,
			full: this.#bench.devices.length + this.#adding >= MOST_DEVICES,
		};
	}

	#show(one: BenchDevice): VirtualShown {
		const { device, name, version, standIn } = one;
		const { transfers, flashWrites: writes } = device.counters;
		const before = this.#seen.get(one);
		const writing = before !== undefined && before.writes !== writes;
		// Looking checks every byte: not oftener than now and then while there is something new all the time.
		const again = !before || (writing && performance.now() - before.looked > LOOK_MS) || !writing;
		const modules = again ? modulesOf(device) : before.modules;
		this.#seen.set(one, { transfers, writes, looked: again ? performance.now() : before.looked, modules });
		const view = viewOf(device, modules);
		const afterStep = this.#afterSteps.get(device.deviceId);
		return {
			...view,
			name,
			version,
			standIn,
			activity: writing ? 'writes' : before && before.transfers !== transfers ? 'talks' : 'still',
			faults: [...view.faults, ...(afterStep === undefined ? [] : [{ fault: 'unplug-after-step', in: afterStep }])],
		};
	}

	#keep(one: BenchDevice, order: number): void {
		const keeping: Keeping = { order, writes: undefined, savedAt: 0, seen: 0, saving: Promise.resolve(), stop: () => {} };
		keeping.stop = one.device.onChange(() => {
			keeping.writes = undefined;
			this.#changed();
		});
		this.#order = Math.max(this.#order, order);
		this.#keeping.set(one, keeping);
		this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
	}

	#look(): void {
		for (const [one, keeping] of this.#keeping) {
			const writes = one.device.counters.flashWrites;
			const quiet = keeping.seen === writes;
			keeping.seen = writes;
			if (keeping.writes !== writes && (quiet || performance.now() - keeping.savedAt > WRITING_MS)) void this.#save(one);
		}
	}

	#save(one: BenchDevice): Promise<void> {
		const keeping = this.#keeping.get(one);
		if (!keeping || keeping.writes === one.device.counters.flashWrites) return keeping?.saving ?? Promise.resolve();
		keeping.writes = one.device.counters.flashWrites;
		keeping.savedAt = performance.now();
		const { name, platform, version, standIn, device } = one;
		const about = { name, order: keeping.order, platform: platform.name, version, standIn, cable: device.powered };
		// A full disk is no reason to end anything: the device goes on, and the next try may succeed.
		keeping.saving = (this.#store?.put(about, device.saveState()) ?? Promise.resolve()).catch(() => {
			keeping.writes = undefined;
		});
		return keeping.saving;
	}

	async #find(deviceId: string): Promise<BenchDevice> {
		await this.open();
		const one = this.#bench.find(deviceId);
		if (one) return one;
		throw new LinacError('DEVICE_NOT_FOUND', `There is no virtual device ${deviceId}.`, { retry: 'operator' });
	}

	#changed(): void {
		for (const watcher of [...this.#watchers]) watcher();
	}
}

export const virtualBench = new VirtualBench();
