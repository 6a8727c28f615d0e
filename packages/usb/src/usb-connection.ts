/**
 * An open device: WebUSB's transfers with time limits, counted, and with every failure turned into a `LinacError`. DFU and control
 * requests stand on this. A stall is an error here (`USB_STALL`), because every request of both protocols expects an answer.
 */
import { type Clock, LinacError, type Log, silentLog, throwIfCancelled } from '@linac/core';
import { lockDevice } from './device-lock.js';
import type { DiscoveredDevice } from './discovery.js';
import { classifyUsbFailure, type UsbErrorCode, usbError } from './usb-errors.js';

export interface OpenOptions {
	clock: Clock;
	signal?: AbortSignal;
	log?: Log;
}

/** Time limit of a transfer that needs no flash work, ms: the one that Particle's own tool uses. */
export const TRANSFER_TIMEOUT_MS = 5_000;
/** Between two looks whether the device is still there, where the host does not tell, ms. */
const NOTICE_MS = 100;
/**
 * A transfer that fails may be the first that is heard of a pulled cable: systems and browsers take the device off their list later, Chromium on Linux some
 * hundred milliseconds, more on a busy machine. So long it is given to leave, ms.
 */
const LEAVE_MS = 2_000;
/** Access to a device that has just appeared: udev may not have been there yet. Tries and the pause between them, ms. */
const OPEN_TRIES = 5;
const OPEN_PAUSE_MS = 200;

export class UsbConnection {
	readonly found: DiscoveredDevice;
	readonly clock: Clock;
	readonly log: Log;
	transfers = 0;
	readonly #device: USBDevice;
	readonly #unlock: () => void;
	readonly #underWay = new Set<Promise<unknown>>();
	#closed = false;
	#gone = false;

	/** Opens, configures and claims. Throws `USB_BUSY`, `USB_PERMISSION`, `USB_DISCONNECTED`, `USB_TIMEOUT` or `CANCELLED`. */
	static async open(found: DiscoveredDevice, claim: number | undefined, options: OpenOptions): Promise<UsbConnection> {
		const { clock, signal } = options;
		throwIfCancelled(signal);
		const unlock = await lockDevice(found, clock, signal);
		const connection = new UsbConnection(found, unlock, options);
		try {
			for (let attempt = 1; ; attempt++) {
				try {
					await connection.#open(claim);
					return connection;
				} catch (error) {
					const code = error instanceof LinacError ? error.code : '';
					if (attempt === OPEN_TRIES || !(code === 'USB_PERMISSION' || code === 'USB_BUSY' || code === 'USB_TRANSFER'))
						throw error;
					await clock.sleep(OPEN_PAUSE_MS, signal);
				}
			}
		} catch (error) {
			await connection.close();
			throw error;
		}
	}

	private constructor(found: DiscoveredDevice, unlock: () => void, options: OpenOptions) {
		this.found = found;
		this.clock = options.clock;
		this.log = options.log ?? silentLog;
		this.#device = found.handle.device;
		this.#unlock = unlock;
	}

	get gone(): boolean {
		return this.#gone;
	}

	async #open(claim: number | undefined): Promise<void> {
		const device = this.#device;
		const during = `while it was opened (${this.name})`;
		// Whoever may not open it, or is not alone, hears the same word: that is told soon.
		if (!device.opened) await this.#run(during, TRANSFER_TIMEOUT_MS, () => device.open(), NOTICE_MS);
		if (device.configuration === null || device.configuration === undefined) {
			const value = device.configurations[0]?.configurationValue ?? 1;
			await this.#run(during, TRANSFER_TIMEOUT_MS, () => device.selectConfiguration(value), NOTICE_MS);
		}
		if (claim !== undefined) await this.#run(during, TRANSFER_TIMEOUT_MS, () => device.claimInterface(claim), NOTICE_MS);
	}

	/** How the device is named in messages. */
	get name(): string {
		const { deviceId, location, platform } = this.found;
		return `${platform.name} ${deviceId ?? ''}${location === undefined ? '' : ` at ${location}`}`.replace('  ', ' ');
	}

	/** A control transfer from the device. May be shorter than `length`. Throws `USB_STALL` on a stall, besides the errors of every transfer. */
	async controlIn(
		setup: USBControlTransferParameters,
		length: number,
		during: string,
		timeoutMs = TRANSFER_TIMEOUT_MS,
	): Promise<Uint8Array> {
		const result = await this.#run(during, timeoutMs, () => this.#device.controlTransferIn(setup, length));
		if (result.status === 'stall') throw usbError('USB_STALL', during);
		if (result.status !== 'ok') throw usbError('USB_TRANSFER', during, undefined, { status: result.status });
		const view = result.data;
		if (!view) return new Uint8Array();
		return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
	}

	/** A control transfer to the device. All of `data` is taken, or it is an error. */
	async controlOut(
		setup: USBControlTransferParameters,
		data: Uint8Array,
		during: string,
		timeoutMs = TRANSFER_TIMEOUT_MS,
	): Promise<void> {
		// WebUSB wants a buffer of its own kind: a view of a shared one would be refused.
		const result = await this.#run(during, timeoutMs, () =>
			this.#device.controlTransferOut(setup, data as Uint8Array<ArrayBuffer>),
		);
		if (result.status === 'stall') throw usbError('USB_STALL', during);
		if (result.status !== 'ok' || result.bytesWritten !== data.length) {
			throw usbError('USB_TRANSFER', during, undefined, { status: result.status, written: result.bytesWritten, of: data.length });
		}
	}

	/**
	 * Waits for bytes at a bulk endpoint (its number, without direction) of the claimed interface, without a limit: `close` ends it. It may be called
	 * while other transfers are under way.
	 */
	async bulkIn(endpoint: number, length: number, during: string): Promise<Uint8Array> {
		if (this.#gone || this.#closed) throw usbError('USB_DISCONNECTED', during);
		this.transfers++;
		try {
			const { status, data } = await this.#device.transferIn(endpoint, length);
			if (status !== 'ok') throw usbError(status === 'stall' ? 'USB_STALL' : 'USB_TRANSFER', during, undefined, { status });
			return data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array();
		} catch (error) {
			throw await this.#failure(error, during);
		}
	}

	/** Sends bytes to a bulk endpoint. All of them are taken, or it is an error. */
	async bulkOut(endpoint: number, data: Uint8Array, during: string, timeoutMs = TRANSFER_TIMEOUT_MS): Promise<void> {
		const result = await this.#run(during, timeoutMs, () => this.#device.transferOut(endpoint, data as Uint8Array<ArrayBuffer>));
		if (result.status === 'stall') throw usbError('USB_STALL', during);
		if (result.status !== 'ok' || result.bytesWritten !== data.length)
			throw usbError('USB_TRANSFER', during, undefined, { status: result.status, written: result.bytesWritten });
	}

	/** Claims one more interface. */
	async claim(interfaceNumber: number): Promise<void> {
		await this.#run(`while interface ${interfaceNumber} was claimed`, TRANSFER_TIMEOUT_MS, () =>
			this.#device.claimInterface(interfaceNumber),
		);
	}

	/** The configuration as WebUSB shows it: which interfaces and endpoints there are. */
	get interfaces(): readonly USBInterface[] {
		return this.#device.configuration?.interfaces ?? [];
	}

	async selectAlternate(interfaceNumber: number, alternate: number): Promise<void> {
		const during = `while alternate setting ${alternate} was selected`;
		await this.#run(during, TRANSFER_TIMEOUT_MS, () => this.#device.selectAlternateInterface(interfaceNumber, alternate));
	}

	/** The string with this index, `undefined` where the device has none. Chromium often knows no interface names, so they are read. */
	async readString(index: number, language = 0x0409): Promise<Uint8Array | undefined> {
		try {
			return await this.#descriptor(3, index, language, 255);
		} catch (error) {
			if (error instanceof LinacError && error.code === 'USB_STALL') return undefined;
			throw error;
		}
	}

	/** The whole configuration descriptor, which WebUSB shows only in part. */
	async readConfiguration(): Promise<Uint8Array> {
		return this.#descriptor(2, 0, 0, 4096);
	}

	#descriptor(type: number, index: number, language: number, length: number): Promise<Uint8Array> {
		const setup: USBControlTransferParameters = {
			requestType: 'standard',
			recipient: 'device',
			request: 6,
			value: (type << 8) | index,
			index: language,
		};
		return this.controlIn(setup, length, 'while its descriptors were read');
	}

	/**
	 * Resolves once this attachment has left the bus. Throws `USB_TIMEOUT` when it is still there after `timeoutMs`.
	 * Closes the connection in either case: what restarts must be found again.
	 */
	async waitGone(timeoutMs: number, during: string, signal?: AbortSignal): Promise<void> {
		try {
			if (!(await this.#leaves(timeoutMs, signal))) throw usbError('USB_TIMEOUT', during);
			this.#gone = true;
		} finally {
			await this.close();
		}
	}

	/** Gives the device back. Never throws: there is nothing that somebody could do about it. */
	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		// libusb does not close a device under a transfer. One that hangs is not waited for.
		if (this.#underWay.size > 0) await Promise.race([Promise.allSettled(this.#underWay), this.clock.sleep(NOTICE_MS)]);
		try {
			if (this.#device.opened) await this.#device.close();
		} catch (error) {
			this.log.debug('The device could not be closed.', { error: String(error) });
		} finally {
			this.#unlock();
		}
	}

	async #present(): Promise<boolean> {
		if (this.#gone) return false;
		const { host } = this.found;
		if (!host) return this.#device.opened;
		const now = await host.devices();
		return now.some((handle) => handle.device === this.#device);
	}

	/** Whether it is off the bus within this time; resolves as soon as it is. */
	async #leaves(withinMs: number, signal?: AbortSignal): Promise<boolean> {
		const until = this.clock.now() + withinMs;
		let changed = () => {};
		const stop = this.found.host?.watch(() => changed());
		try {
			while (await this.#present()) {
				throwIfCancelled(signal);
				if (this.clock.now() >= until) return false;
				const nap = new AbortController();
				const change = new Promise<void>((resolve) => {
					changed = resolve;
				});
				await Promise.race([change, this.clock.sleep(NOTICE_MS, nap.signal)]);
				nap.abort();
			}
			return true;
		} finally {
			stop?.();
		}
	}

	async #run<T>(during: string, timeoutMs: number, transfer: () => Promise<T>, leaveMs = LEAVE_MS): Promise<T> {
		if (this.#gone || this.#closed) throw usbError('USB_DISCONNECTED', during);
		this.transfers++;
		let stop = () => {};
		try {
			const running = transfer();
			this.#underWay.add(running);
			const end = () => this.#underWay.delete(running);
			running.then(end, end);
			const late = new Promise<'late'>((resolve) => {
				stop = this.clock.timer(timeoutMs, () => resolve('late'));
			});
			const result = await Promise.race([running.then((value) => ({ value })), late]);
			if (typeof result === 'object') return result.value;
		} catch (error) {
			throw await this.#failure(error, during, leaveMs);
		} finally {
			stop();
		}
		// The transfer is still under way and cannot be called back: this connection is of no use any more.
		if (!(await this.#present())) throw await this.#disconnected(during);
		throw usbError('USB_TIMEOUT', `(${timeoutMs} ms) ${during}`);
	}

	async #failure(error: unknown, during: string, leaveMs = LEAVE_MS): Promise<LinacError> {
		if (error instanceof LinacError) return error;
		const code: UsbErrorCode = classifyUsbFailure(error);
		this.log.debug('A USB transfer failed.', { during, code, error: String(error) });
		if (code === 'USB_DISCONNECTED') return this.#disconnected(during, error);
		if (code === 'USB_TRANSFER' && (await this.#leaves(leaveMs))) return this.#disconnected(during, error);
		return usbError(code, during, error);
	}

	async #disconnected(during: string, cause?: unknown): Promise<LinacError> {
		this.#gone = true;
		await this.close();
		return usbError('USB_DISCONNECTED', during, cause);
	}
}
