/**
 * One device over the whole of a job: it changes its mode, leaves the bus and comes back, and stays the same device. Keeps at most
 * one protocol open, and counts the bytes of all of them. Not for deciding what to do with the device.
 */

import type { Platform } from '@linac/catalog';
import { asLinacError, assert, LinacError } from '@linac/core';
import { ControlDevice, DfuDevice, type DiscoveredDevice, type WaitOptions, waitForDevice } from '@linac/usb';
import type { World } from './environment.js';
import type { KnownModule } from './known-modules.js';
import { buttonHint } from './operator.js';

/** A device that comes back in another mode than it was told to is given this long to go on, ms. */
const PASSING_MS = 3_000;

export class DeviceSession {
	#world: World;
	readonly platform: Platform;
	readonly deviceId: string | undefined;
	readonly location: string | undefined;
	#found: DiscoveredDevice;
	#dfu: DfuDevice | undefined;
	#control: ControlDevice | undefined;
	#written = 0;
	#read = 0;
	#cancellable = true;
	/** The running system has told hashes of its modules: with more modules at hand there may be names for them. */
	toldHashes = false;

	constructor(world: World, found: DiscoveredDevice, deviceId?: string) {
		const platform = world.platforms.find((p) => p.name === found.platform.name);
		assert(platform, `discovery found a platform that is not in the catalogue: ${found.platform.name}`);
		this.#world = world;
		this.platform = platform;
		this.#found = found;
		this.deviceId = found.deviceId ?? deviceId;
		this.location = found.location;
	}

	get world(): World {
		return this.#world;
	}

	/** More modules are at hand now, to give names to hashes. */
	know(known: readonly KnownModule[]): void {
		this.#world = { ...this.#world, known };
	}

	get found(): DiscoveredDevice {
		return this.#found;
	}

	get bytesWritten(): number {
		return this.#written + (this.#dfu?.counters.bytesWritten ?? 0) + (this.#control?.counters.bytesWritten ?? 0);
	}

	get bytesRead(): number {
		return this.#read + (this.#dfu?.counters.bytesRead ?? 0) + (this.#control?.counters.bytesRead ?? 0);
	}

	/** The device's DFU interface. Throws `WRONG_MODE` when it is not in DFU mode. */
	async dfu(): Promise<DfuDevice> {
		if (this.#found.mode !== 'dfu') throw wrongMode('DFU mode', this.#found);
		this.#dfu ??= await DfuDevice.open(this.#found, this.#options());
		return this.#dfu;
	}

	/** The control requests of the running Device OS. Throws `WRONG_MODE` when the device is in DFU mode. */
	async control(): Promise<ControlDevice> {
		if (this.#found.mode !== 'normal') throw wrongMode('running Device OS', this.#found);
		this.#control ??= await ControlDevice.open(this.#found, this.#options());
		return this.#control;
	}

	/**
	 * Control requests of a device that may have started this moment, or may restart once more (a system part that finds an update to
	 * apply does): waits until it answers, at most `limits.answerMs`.
	 */
	async answeringControl(): Promise<ControlDevice> {
		const { clock, limits } = this.world;
		const until = clock.now() + limits.answerMs;
		for (;;) {
			try {
				const control = await this.control();
				await control.osVersion();
				return control;
			} catch (error) {
				const e = asLinacError(error);
				if (e.code === 'CANCELLED' || e.retry === 'never' || e.retry === 'operator' || clock.now() >= until) throw e;
				this.world.log.debug('device does not answer yet', { code: e.code });
				await this.close();
				await clock.sleep(250);
				this.#found = await this.#wait('normal', Math.max(1000, until - clock.now()));
			}
		}
	}

	/**
	 * Runs `act`, which makes the device leave the bus, and waits until the same device is back in `mode`. Not cancellable in between:
	 * a device on its way is left to arrive.
	 */
	async change(mode: 'normal' | 'dfu', act: () => Promise<void>, timeoutMs: number): Promise<void> {
		const gone = this.#found.handle.device;
		await act();
		await this.close();
		this.#found = await this.#wait(undefined, timeoutMs, { gone, expected: mode });
		if (this.#found.mode === mode) return;
		// It may only be passing through. If it stays (a bootloader that finds no whole system), that is where the job goes on.
		try {
			this.#found = await this.#wait(mode, PASSING_MS);
		} catch (error) {
			if (asLinacError(error).code !== 'DEVICE_NOT_BACK') throw error;
			throw wrongMode(mode === 'dfu' ? 'DFU mode' : 'running Device OS', this.#found);
		}
	}

	/** Has the running Device OS restart into DFU mode, and waits until it is there. */
	async enterDfu(): Promise<void> {
		const control = await this.answeringControl();
		await this.change('dfu', () => control.enterDfu(), this.world.limits.modeChangeMs);
	}

	/** Leaves DFU mode, and waits until Device OS runs. Throws `DEVICE_NOT_BACK` when it does not. */
	async leaveDfu(): Promise<void> {
		const dfu = await this.dfu();
		await this.change('normal', () => dfu.leave(), this.world.limits.bootMs);
	}

	/** Runs `act` to its end even when the job has been cancelled: the device is doing something that should not be walked away from. */
	async toTheEnd<T>(act: () => Promise<T>): Promise<T> {
		this.#cancellable = false;
		try {
			return await act();
		} finally {
			this.#cancellable = true;
		}
	}

	/** Waits for the device to be back after it has vanished without being told to. In whatever mode it is then. `signal`: ends the wait. */
	async returned(timeoutMs: number, signal?: AbortSignal): Promise<DiscoveredDevice> {
		await this.close();
		this.#found = await this.#wait(undefined, timeoutMs, { signal });
		return this.#found;
	}

	/** Waits until the device is in DFU mode, however it gets there; `false` when it does not within `timeoutMs`. */
	async waitForDfu(timeoutMs: number): Promise<boolean> {
		await this.close();
		try {
			this.#found = await this.#wait('dfu', timeoutMs);
			return true;
		} catch (error) {
			if (asLinacError(error).code !== 'DEVICE_NOT_BACK') throw error;
			return false;
		}
	}

	/** Closes what is open. A device that has gone is no reason to complain. */
	async close(): Promise<void> {
		const open = [this.#dfu, this.#control];
		this.#written = this.bytesWritten;
		this.#read = this.bytesRead;
		this.#dfu = undefined;
		this.#control = undefined;
		for (const device of open) {
			try {
				await device?.close();
			} catch (error) {
				this.world.log.debug('closing failed', { message: String(error) });
			}
		}
	}

	#options() {
		const { clock, signal, log } = this.world;
		return { clock, log, ...(this.#cancellable ? { signal } : {}) };
	}

	async #wait(
		mode: 'normal' | 'dfu' | undefined,
		timeoutMs: number,
		more: Pick<WaitOptions, 'gone' | 'expected' | 'signal'> = {},
	): Promise<DiscoveredDevice> {
		const { host, usbPlatforms, clock } = this.world;
		try {
			return await waitForDevice(host, usbPlatforms, {
				deviceId: this.deviceId,
				location: this.location,
				platform: this.platform.name,
				mode,
				timeoutMs,
				clock,
				...more,
			});
		} catch (error) {
			const e = asLinacError(error);
			if (e.code !== 'DEVICE_NOT_BACK') throw e;
			throw new LinacError(e.code, e.message, {
				retry: e.retry,
				hint: e.hint ?? buttonHint(this.platform),
				details: { ...e.details, expectedMode: mode ?? 'any' },
				cause: e,
			});
		}
	}
}

function wrongMode(expected: string, found: DiscoveredDevice): LinacError {
	return new LinacError(
		'WRONG_MODE',
		`The device is in ${found.mode === 'dfu' ? 'DFU' : 'normal'} mode, but this needs ${expected}.`,
		{
			retry: 'reconnect',
			details: { mode: found.mode },
		},
	);
}
