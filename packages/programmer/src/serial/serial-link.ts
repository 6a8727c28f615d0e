/**
 * The way to one device over its serial port, across its restarts: finds its port again, and brings it back into listening mode. That is the guard
 * against a device that has restarted earlier than expected: nothing is sent to it before it listens again and says who it is.
 */

import { asLinacError, type Clock, LinacError, throwIfCancelled } from '@linac/core';
import { type ByteStream, ListeningDevice, type SerialHost, type SerialPortInfo, serialError } from '@linac/serial';
import { ControlDevice, listDevices } from '@linac/usb';
import type { World } from '../environment.js';
import { PLAIN_RATE } from '../identity/serial-devices.js';

/** START_YMODEM_FLASHER_SERIAL_SPEED (device-os v5.9.0: build/module-defaults.mk): starts listening mode, Device OS below 6. */
const LISTEN_RATE = 28800;
const SETTLE_MS = 500;
const LOOK_EVERY_MS = 200;
/** A device that has just appeared may not answer yet: tries, and the pause between them, ms. */
const LISTEN_TRIES = 4;
const LISTEN_PAUSE_MS = 700;

export interface OpenLink {
	stream: ByteStream;
	listening: ListeningDevice;
}

export class SerialLink {
	readonly #world: World;
	readonly #serial: SerialHost;
	#port: SerialPortInfo;
	#open: OpenLink | undefined;
	/** Listening mode was entered by this link, and not by the device itself or its user. */
	putThere = false;

	constructor(world: World, serial: SerialHost, port: SerialPortInfo) {
		this.#world = world;
		this.#serial = serial;
		this.#port = port;
	}

	get port(): SerialPortInfo {
		return this.#port;
	}

	get #clock(): Clock {
		return this.#world.clock;
	}

	/** The device, listening and answering. Brings it into listening mode where it is not. Throws `NOT_LISTENING` when that fails. */
	async listening(): Promise<OpenLink> {
		if (this.#open) return this.#open;
		const { signal } = this.#world;
		let failure: LinacError | undefined;
		for (let attempt = 1; attempt <= LISTEN_TRIES; attempt++) {
			throwIfCancelled(signal);
			if (attempt > 1) await this.#clock.sleep(LISTEN_PAUSE_MS, signal);
			try {
				const link = await this.#openPort();
				if (await link.listening.answers()) return link;
				this.putThere = true;
				if (attempt % 2 === 1) await this.#tellByControl();
				else await this.#tellByRate(link);
				const again = await this.#openPort();
				if (await again.listening.answers()) return again;
				await this.close();
			} catch (error) {
				await this.close();
				const known = asLinacError(error);
				if (known.code === 'CANCELLED' || known.retry === 'never') throw known;
				failure = known;
			}
		}
		throw (
			failure ??
			serialError('NOT_LISTENING', 'The device is not in listening mode, and could not be brought into it over the cable.')
		);
	}

	async #openPort(): Promise<OpenLink> {
		if (this.#open) return this.#open;
		const stream = await this.#serial.open(this.#port, PLAIN_RATE, this.#world.signal);
		this.#open = { stream, listening: new ListeningDevice(stream, this.#clock, this.#world.signal) };
		return this.#open;
	}

	/** Control request 70, where the device can be reached by USB besides. The port is given back meanwhile: on some hosts both are one device. */
	async #tellByControl(): Promise<void> {
		await this.close();
		const { host, usbPlatforms, signal } = this.#world;
		const { deviceId, location } = this.#port;
		try {
			const found = (await listDevices(host, usbPlatforms, signal)).find(
				(d) =>
					d.mode === 'normal' &&
					((deviceId !== undefined && d.deviceId === deviceId) || (location !== undefined && d.location === location)),
			);
			if (!found) return;
			const control = await ControlDevice.open(found, { clock: this.#clock, ...(signal ? { signal } : {}) });
			try {
				await control.startListening({ ...(signal ? { signal } : {}) });
			} finally {
				await control.close();
			}
		} catch (error) {
			const known = asLinacError(error);
			if (known.code === 'CANCELLED') throw known;
			// No right to open it by USB, or Device OS without that request: the line rate is the other way.
			this.#world.log.debug('Listening mode could not be asked for by control request.', { code: known.code });
		}
	}

	async #tellByRate({ stream }: OpenLink): Promise<void> {
		await stream.setRate(LISTEN_RATE);
		await this.#clock.sleep(SETTLE_MS, this.#world.signal);
		await stream.setRate(PLAIN_RATE);
	}

	/** Waits until the port has gone, reading away what still comes. False: it is still there after `timeoutMs`. */
	async waitGone(timeoutMs: number): Promise<boolean> {
		const until = this.#clock.now() + timeoutMs;
		const stream = this.#open?.stream;
		if (!stream) return true;
		try {
			while (this.#clock.now() < until) {
				await stream.read(Math.max(1, until - this.#clock.now())).catch((error: unknown) => {
					if (asLinacError(error).code !== 'SERIAL_TIMEOUT') throw error;
				});
			}
			return false;
		} catch (error) {
			if (asLinacError(error).code === 'SERIAL_CLOSED') return true;
			throw error;
		} finally {
			await this.close();
		}
	}

	/** Waits until the same device has a serial port again; its name may be another one. Throws `DEVICE_NOT_BACK`. */
	async waitBack(timeoutMs: number): Promise<void> {
		const { signal } = this.#world;
		const { deviceId, location, path } = this.#port;
		const until = this.#clock.now() + timeoutMs;
		for (;;) {
			throwIfCancelled(signal);
			const ports = await this.#serial.ports();
			const same = ports.find((p) =>
				deviceId !== undefined && p.deviceId !== undefined
					? p.deviceId === deviceId
					: location !== undefined && p.location !== undefined
						? p.location === location
						: p.path === path,
			);
			if (same) {
				this.#port = same;
				return;
			}
			if (this.#clock.now() >= until) break;
			await this.#clock.sleep(LOOK_EVERY_MS, signal);
		}
		throw new LinacError(
			'DEVICE_NOT_BACK',
			`Waited ${Math.round(timeoutMs / 1000)} s for the serial port of ${deviceId ?? location ?? path}: it did not appear.`,
			{
				retry: 'operator',
				hint: 'Look at the LED. Blinking yellow is DFU mode: "linac flash" goes on from there. Dark blue: run the same command again.',
			},
		);
	}

	/** Closes the port. A device that was brought into listening mode does not stay there. */
	async leave(): Promise<void> {
		if (this.putThere) await this.#open?.listening.leave().catch(() => {});
		await this.close();
	}

	async close(): Promise<void> {
		const open = this.#open;
		this.#open = undefined;
		await open?.stream.close();
	}
}
