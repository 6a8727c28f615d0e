/**
 * A virtual device: hardware, firmware and USB put together. It starts when it is plugged in, restarts as its firmware says, leaves the bus and comes
 * back, and loses everything volatile with its cable. What the firmware does stands in chip-*.ts, requests.ts and dfu-function.ts; docs/virtual-devices.md
 * says what is modelled from which source.
 */
import type { Platform } from '@linac/catalog';
import { releaseByModuleVersion } from '@linac/catalog';
import {
	assert,
	type Clock,
	cancelled,
	type Disposer,
	type Json,
	seededRandom,
	throwIfCancelled,
	toHex,
	unwrap,
} from '@linac/core';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import type { UsbTransferResult, UsbWire } from '@linac/usb';
import { storedAssets } from './asset-manager.js';
import { type BusMember, disconnected, VirtualBus, VirtualWire } from './bus.js';
import type { BootOutcome, Chip } from './chip.js';
import { chips } from './chips.js';
import { ControlChannel } from './control-channel.js';
import { dfuFace, systemFace, type UsbFace } from './descriptors.js';
import { type DfuClass, DfuStatus } from './dfu-function.js';
import { FaultPlan } from './faults.js';
import type { FlashModel } from './flash-model.js';
import type { InstalledTruth } from './flash-modules.js';
import { type FlashCounters, FlashWorker, PowerLost } from './flash-worker.js';
import { Hardware } from './hardware.js';
import { ListeningConsole } from './listening-console.js';
import { type Cloud, installOverTheAir, missingModule } from './over-the-air.js';
import { type SystemHost, SystemRequests } from './requests.js';
import { parseState, restore, save } from './saved-state.js';
import { SerialPipe } from './serial-pipe.js';
import { nothing, parseSetup, type SetupPacket } from './setup-packet.js';
import { bulkTransferMs, controlTransferMs, Pace, restartMs } from './timing.js';
import { UsbRequests } from './usb-function.js';

export interface VirtualDeviceOptions {
	platform: Platform;
	/** 24 hex digits; default: derived from the seed, with the platform's prefix. */
	deviceId?: string;
	seed?: number;
	clock: Clock;
	/** Flash and restarts take their time (default), or none. */
	timing?: 'datasheet' | 'none';
	/** Bus and port. */
	location?: string;
	/** Placed at their addresses at manufacture, application included. */
	modules: readonly ParsedModule[];
	/** Installed NCP module, where the platform has one. */
	ncp?: { version: number };
	setupDone?: boolean;
	/** Reaches the device in safe mode and sends what is missing, as Particle's does. Default: there is no network. */
	cloud?: Cloud;
	/** From `saveState()`: then `modules` and the rest are not used. */
	state?: Uint8Array | Json;
}

export interface DeviceCounters extends FlashCounters {
	/** Control and bulk transfers, failed ones included. */
	transfers: number;
}

export type VirtualMode = 'off' | 'normal' | 'listening' | 'safe' | 'dfu' | 'dead';

/** More resets in a row than any update needs. */
const MAX_RESTARTS = 12;
/** The bulk endpoint from the device (descriptors.ts). */
const SERIAL_IN = 0x81;
/** Latency of the system thread, milliseconds. */
const THREAD_MS = 2;

export class VirtualDevice implements BusMember {
	readonly wireBus: VirtualBus;
	readonly deviceId: string;
	readonly platform: Platform;
	readonly location: string;
	readonly faults = new FaultPlan();
	readonly counters: DeviceCounters = {
		transfers: 0,
		flashWrites: 0,
		flashErases: 0,
		bytesProgrammed: 0,
		physicalMs: { erase: 0, program: 0, wire: 0 },
	};
	readonly #chip: Chip;
	readonly #hw: Hardware;
	readonly #clock: Clock;
	readonly #cloud: Cloud | undefined;
	readonly #worker: FlashWorker;
	readonly #pace: Pace;
	readonly #wirePace: Pace;
	readonly #watchers = new Set<() => void>();
	#powered = false;
	#running: BootOutcome | undefined;
	#wire: VirtualWire | undefined;
	#usb: UsbRequests | undefined;
	#dfu: DfuClass | undefined;
	#system: SystemHost | undefined;
	/** The USB serial port of the running system, and what answers on it. */
	#serial: { pipe: SerialPipe; console: ListeningConsole } | undefined;
	/** Flash work that runs behind a transfer: the next transfer waits for it. */
	#busy: Promise<void> | undefined;
	/** Flash work that a request has asked for and that begins with, or behind, its reply. */
	#pendingWork: (() => void) | undefined;
	#transfers: Promise<unknown> = Promise.resolve();
	#thread: Promise<void> = Promise.resolve();
	/** Changes with every reset: what belongs to an earlier one is void. */
	#epoch = 0;

	constructor(options: VirtualDeviceOptions) {
		const { platform, clock } = options;
		this.platform = platform;
		this.#clock = clock;
		this.#cloud = options.cloud;
		this.#chip = chips[platform.mcu];
		this.#pace = new Pace(clock, options.timing !== 'none');
		this.#wirePace = new Pace(clock, options.timing !== 'none');
		this.#worker = new FlashWorker(this.#pace, this.faults, this.counters, () => this.unplug());
		this.#hw = new Hardware(platform, this.#worker);
		const state = options.state === undefined ? undefined : unwrap(parseState(options.state, platform.id));
		const random = seededRandom((options.seed ?? 1) ^ (platform.id << 16));
		const id = state?.deviceId ?? options.deviceId ?? (platform.deviceIdPrefix + toHex(random.bytes(12))).slice(0, 24);
		assert(/^[0-9a-f]{24}$/.test(id), `a device id is 24 lower-case hex digits, not ${id}`);
		this.deviceId = id;
		this.location = options.location ?? `virtual-${id.slice(-6)}`;
		this.wireBus = new VirtualBus(this);
		if (state) restore(this.#hw, state);
		else {
			this.#hw.ncpVersion = options.ncp?.version ?? (platform.components.ncp ? 0 : undefined);
			this.#chip.manufacture(this.#hw, options.modules, options.setupDone ?? false);
		}
	}

	get mode(): VirtualMode {
		const now = this.#running;
		if (!this.#powered || !now || now.runs === 'again') return 'off';
		if (now.runs !== 'system') return now.runs;
		return now.safe ? 'safe' : this.#system?.listening ? 'listening' : 'normal';
	}

	/** Why it is in this mode, in plain words. */
	get why(): string {
		return !this.#powered ? 'The cable is out.' : (this.#running?.why ?? 'It is starting.');
	}

	/** The cable is in. */
	get powered(): boolean {
		return this.#powered;
	}

	/** Device OS begins and fails, again and again; false where nothing runs at all. */
	get crashes(): boolean {
		const now = this.#running;
		return this.#powered && now?.runs === 'dead' && now.crashes === true;
	}

	/** Whether flash and restarts take their time. A change holds from the next step on. */
	get timing(): 'datasheet' | 'none' {
		return this.#pace.enabled ? 'datasheet' : 'none';
	}

	set timing(timing: 'datasheet' | 'none') {
		this.#pace.enabled = timing === 'datasheet';
		this.#wirePace.enabled = this.#pace.enabled;
	}

	/** True while the device is on the bus. */
	get attached(): boolean {
		return this.#wire !== undefined;
	}

	wire(): UsbWire | undefined {
		return this.#wire;
	}

	/** The application prints this on the USB serial port. */
	say(text: string): void {
		this.#serial?.pipe.print(text);
	}

	/** Holds MODE (SETUP on Gen 2) down for three seconds: a running system starts to listen. */
	holdMode(): void {
		if (this.#system) this.#system.listening = true;
	}

	/** Puts the cable in: the device gets power and starts. */
	plug(): void {
		if (this.#powered) return;
		this.#powered = true;
		this.#start('It is starting.');
	}

	/** Pulls the cable out: running flash work is torn, everything volatile is lost. */
	unplug(): void {
		if (!this.#powered) return;
		this.#powered = false;
		this.#epoch++;
		this.#worker.powerOff();
		this.#hw.powerOff();
		this.#stopFirmware();
		this.#changed();
	}

	/** Holds MODE down while RESET is pressed and released, until the LED blinks yellow: DFU mode, as long as there is a bootloader. */
	pressModeAndReset(): void {
		if (!this.#powered) return;
		this.#hw.modeButton = true;
		this.#reset('MODE and RESET were pressed.');
	}

	/** Holds MODE down while RESET is pressed and released, and lets it go when the LED blinks magenta: safe mode, where Device OS can start. */
	pressModeForSafeMode(): void {
		if (!this.#powered) return;
		this.#hw.retained.enterSafeMode = true;
		this.#reset('MODE and RESET were pressed.');
	}

	pressReset(): void {
		if (this.#powered) this.#reset('RESET was pressed.');
	}

	/** Ground truth, read from the flash arrays. */
	installedModules(): InstalledTruth[] {
		return this.#chip.installed(this.#hw);
	}

	/** The assets in the store that are whole, as the modules that were sent, by name. Read from the flash arrays. */
	storedAssets(): Map<string, Uint8Array> {
		const system = this.installedModules().filter((m) => m.function === ModuleFunction.system);
		return storedAssets(this.#hw, Math.max(0, ...system.map((m) => m.version)));
	}

	/** The flash itself, for tests. */
	flash(storage: 'internal' | 'external' | 'dct'): FlashModel {
		return this.#hw.flash(storage);
	}

	/** Reads the DCT, wherever it is kept. */
	readDct(offset: number, length: number): Uint8Array {
		return this.#hw.dct.read(offset, length);
	}

	/** Writes to the DCT as firmware would, at once: for tests that need a device with odd settings. */
	putDct(offset: number, data: Uint8Array): void {
		for (const step of this.#hw.dct.write(offset, data)) step.flash.apply(step);
	}

	/** Everything non-volatile, to go on with later. */
	saveState(): Json {
		return save(this.#hw, this.deviceId) as unknown as Json;
	}

	/** Called whenever the mode changes and whenever the device joins or leaves the bus. */
	onChange(fn: () => void): Disposer {
		this.#watchers.add(fn);
		return () => this.#watchers.delete(fn);
	}

	#changed(): void {
		for (const fn of [...this.#watchers]) fn();
	}

	/** A reset keeps the power: retained memory stays. */
	#reset(why: string): void {
		if (this.faults.nextRestart()) {
			this.unplug();
			return;
		}
		this.#worker.powerOff();
		this.#stopFirmware();
		this.#start(why);
	}

	#stopFirmware(): void {
		this.#running = undefined;
		this.#dfu = undefined;
		this.#usb = undefined;
		this.#system = undefined;
		this.#serial?.pipe.end();
		this.#serial = undefined;
		this.#busy = undefined;
		this.#pendingWork = undefined;
		this.#detach();
	}

	#start(why: string): void {
		const epoch = ++this.#epoch;
		this.#worker.powerOn();
		this.#running = { runs: 'again', why };
		this.#changed();
		this.#background(this.#boot(epoch));
	}

	async #boot(epoch: number): Promise<void> {
		let outcome: BootOutcome = { runs: 'dead', why: 'It restarts again and again.' };
		for (let i = 0; i < MAX_RESTARTS; i++) {
			await this.#worker.wait(restartMs.bootloader);
			const now = await this.#chip.boot(this.#hw);
			// A bootloader that has only set a register starts again at once, with the button still down.
			if (now.runs === 'again') continue;
			this.#hw.modeButton = false;
			outcome = now;
			break;
		}
		if (outcome.runs === 'system') await this.#worker.wait(restartMs.system - restartMs.bootloader);
		if (outcome.runs === 'dead') await this.#worker.wait(restartMs.crash);
		// Overtaken by another start, between two waits that the end of the power would have ended.
		if (epoch !== this.#epoch) return;
		this.#running = outcome;
		if (outcome.runs === 'dfu') this.#startDfu();
		else if (outcome.runs === 'system') this.#startSystem(outcome);
		else {
			this.#changed();
			return;
		}
		await this.#attach();
	}

	#startDfu(): void {
		const epoch = this.#epoch;
		let reset = 0;
		this.#dfu = this.#chip.dfuClass(this.#hw, {
			storages: this.#chip.dfuStorages(this.#hw),
			extensions: false,
			work: (steps, done) => {
				this.#pendingWork = () => {
					const busy = this.#worker.run(steps).then(done);
					busy.catch(() => {});
					// The power may have failed in the first of the steps: then this work belongs to a start that is over.
					if (epoch === this.#epoch) this.#busy = busy;
				};
			},
			scheduleReset: () => {
				const mine = ++reset;
				this.#background(
					this.#worker.wait(restartMs.dfuManifest).then(() => {
						if (mine === reset) this.#reset('The host left DFU mode.');
					}),
				);
			},
			cancelReset: () => {
				reset++;
			},
			reattach: () => {
				this.#detach();
				this.#background(this.#attach());
			},
			requestSafeMode: () => {
				this.#hw.retained.enterSafeMode = true;
			},
		});
	}

	#startSystem(outcome: Extract<BootOutcome, { runs: 'system' }>): void {
		const version = outcome.systemVersion;
		const osVersion = releaseByModuleVersion(this.platform, version)?.version ?? `0.0.0-module.${version}`;
		const restart = (ms: number) =>
			this.#background(
				this.#worker.wait(ms).then(() => {
					this.#reset('Device OS has restarted.');
				}),
			);
		const device = this;
		let listening = outcome.listening;
		this.#system = {
			hw: this.#hw,
			chip: this.#chip,
			deviceId: this.deviceId,
			osVersion,
			systemVersion: version,
			get listening() {
				return listening;
			},
			set listening(value: boolean) {
				listening = value;
				device.#changed();
			},
			restart,
		};
		const pipe = new SerialPipe();
		this.#serial = { pipe, console: new ListeningConsole(this.#system, pipe, this.#clock) };
		this.#background(this.#serial.console.run());
		if (outcome.safe && this.#cloud) this.#background(this.#heal(this.#cloud, version));
	}

	/** In safe mode the cloud sends what is missing, unless the device listens when it comes to that. */
	async #heal(cloud: Cloud, systemVersion: number): Promise<void> {
		const system = this.#system;
		await this.#worker.wait(cloud.afterMs);
		const module = missingModule(this.#hw, systemVersion, cloud);
		const connected = () => system === this.#system && system?.listening === false;
		if (!module || !connected()) return;
		const applied = await installOverTheAir(this.#chip, this.#hw, systemVersion, module, connected);
		if (applied && system === this.#system) this.#reset('It was updated over the air.');
	}

	#face(): UsbFace {
		return this.#dfu
			? dfuFace(this.platform, this.deviceId, this.#chip.bootloaderVersion(this.#hw))
			: systemFace(this.platform, this.deviceId);
	}

	/** The host has seen the device and given it an address. */
	async #attach(): Promise<void> {
		await this.#worker.wait(restartMs.attach);
		const face = this.#face();
		const system = this.#system;
		if (system) {
			const requests = new SystemRequests(system);
			const channel = new ControlChannel({
				handle: (type, payload) => requests.handle(type, payload),
				schedule: (work) => this.#schedule(work),
				deviceId: this.deviceId,
				version: system.osVersion,
				rawReset: () => system.restart(restartMs.rawReset),
			});
			// 14400 bits per second on the USB serial port asks for DFU mode (device-os build/module-defaults.mk START_DFU_FLASHER_SERIAL_SPEED).
			const onLineRate = (rate: number) => {
				if (rate === 28800 && this.#serial?.console.listensAt28800 && !system.listening) system.listening = true;
				if (rate !== 14400) return;
				this.#hw.retained.enterDfu = true;
				system.restart(restartMs.updateApplied);
			};
			const onClosed = () => this.#serial?.pipe.dropOutput();
			this.#usb = new UsbRequests({ face, channel, onLineRate, onClosed });
		} else this.#usb = new UsbRequests({ face, dfu: this.#dfu });
		const wire: VirtualWire = new VirtualWire(
			this.location,
			face,
			(setup, data, signal) => this.#queue(() => this.#control(wire, setup, data, signal)),
			(endpoint, data, signal) => this.#bulk(wire, endpoint, data, signal),
		);
		this.#wire = wire;
		this.#changed();
	}

	#detach(): void {
		const wire = this.#wire;
		this.#wire = undefined;
		wire?.detach();
		if (wire) this.#changed();
	}

	#queue<T>(work: () => Promise<T>): Promise<T> {
		const run = this.#transfers.then(work, work);
		this.#transfers = run.catch(() => {});
		return run;
	}

	/** System thread of Device OS: one job after another. */
	#schedule(work: () => Promise<void>): void {
		const epoch = this.#epoch;
		this.#thread = this.#thread.then(async () => {
			if (epoch !== this.#epoch) return;
			try {
				await this.#worker.wait(THREAD_MS);
				if (epoch === this.#epoch) await work();
			} catch (error) {
				if (!(error instanceof PowerLost)) throw error;
			}
		});
	}

	/** Lets work run by itself. The end of the power ends it silently; anything else is a bug and must be seen. */
	#background(work: Promise<unknown>): void {
		work.catch((error: unknown) => {
			if (!(error instanceof PowerLost)) throw error;
		});
	}

	async #control(wire: VirtualWire, setupBytes: Uint8Array, data: Uint8Array, signal?: AbortSignal): Promise<UsbTransferResult> {
		throwIfCancelled(signal);
		if (!wire.attached) throw disconnected(wire.location);
		this.counters.transfers++;
		const fault = this.faults.nextTransfer();
		const setup = parseSetup(setupBytes);
		try {
			// The device does not answer (NAK) until its flash work is done.
			if (this.#busy) await this.#busy;
			if (!wire.attached) throw new PowerLost();
			if (fault === 'unplug') {
				await this.#worker.wait(controlTransferMs(0));
				this.unplug();
				throw new PowerLost();
			}
			if (fault === 'dfu-error') this.#dfu?.fail(DfuStatus.errUnknown);
			return await this.#answer(setup, data, fault === 'stall');
		} catch (error) {
			if (error instanceof PowerLost) throw disconnected(wire.location);
			throw error;
		}
	}

	async #answer(setup: SetupPacket, data: Uint8Array, stall: boolean): Promise<UsbTransferResult> {
		const usb = this.#usb;
		assert(usb, 'a transfer to a device without firmware');
		let answer = stall ? ('stall' as const) : usb.handle(setup, data);
		if (this.#dfu?.repliesAfterWork) {
			this.#startWork();
			if (this.#busy) await this.#busy;
			if (this.#dfu?.takeFailure?.()) answer = 'stall';
		}
		if (answer !== 'stall' && setup.in) answer = answer.subarray(0, setup.length);
		const length = setup.in ? (answer === 'stall' ? 0 : answer.length) : setup.length;
		const ms = controlTransferMs(length);
		this.counters.physicalMs.wire += ms;
		this.#wirePace.begin();
		await this.#worker.until(this.#wirePace.spend(ms, this.#worker.power));
		this.#startWork();
		if (answer === 'stall') return { status: 'stall', data: nothing, written: 0 };
		return { status: 'ok', data: setup.in ? answer.slice() : nothing, written: setup.in ? 0 : setup.length };
	}

	#startWork(): void {
		const work = this.#pendingWork;
		this.#pendingWork = undefined;
		work?.();
	}

	/** USB serial: bytes to and from the console. A transfer from the device waits until there is something. */
	async #bulk(wire: VirtualWire, endpoint: number, data: Uint8Array | number, signal?: AbortSignal): Promise<UsbTransferResult> {
		throwIfCancelled(signal);
		if (this.#dfu || (endpoint & 0x0f) === 0) return { status: 'stall', data: nothing, written: 0 };
		this.counters.transfers++;
		const fault = this.faults.nextTransfer();
		if (fault === 'unplug') this.unplug();
		if (!wire.attached) throw disconnected(wire.location);
		if (fault === 'stall') return { status: 'stall', data: nothing, written: 0 };
		const pipe = this.#serial?.pipe;
		if (typeof data !== 'number') {
			const ms = bulkTransferMs(data.length);
			this.counters.physicalMs.wire += ms;
			await this.#worker.wait(ms).catch(() => {
				throw disconnected(wire.location);
			});
			pipe?.deliver(data);
			return { status: 'ok', data: nothing, written: data.length };
		}
		return new Promise((resolve, reject) => {
			const cancel = () => {
				dispose();
				reject(cancelled(signal?.reason));
			};
			const dispose = wire.onDetach(() => {
				signal?.removeEventListener('abort', cancel);
				reject(disconnected(wire.location));
			});
			signal?.addEventListener('abort', cancel, { once: true });
			// The interrupt endpoint has nothing to tell, ever.
			if (endpoint !== SERIAL_IN) return;
			pipe?.fetch(data, signal).then((bytes) => {
				dispose();
				signal?.removeEventListener('abort', cancel);
				this.counters.physicalMs.wire += bulkTransferMs(bytes.length);
				resolve({ status: 'ok', data: bytes, written: 0 });
			});
		});
	}
}
