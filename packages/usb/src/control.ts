/**
 * A device whose Device OS runs, over USB control requests: who it is, which modules it has, its mode, and firmware updates.
 * The messages are in `control-messages.ts`, the transport in `control-channel.ts`. Format: docs/formats/usb-control.md.
 */
import { LinacError, throwIfCancelled } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { ControlChannel } from './control-channel.js';
import {
	ControlRequest,
	decodeAssetInfo,
	decodeModuleInfo,
	decodeNcpVersion,
	decodeNumbers,
	decodeStrings,
	encodeFlag,
	encodeStartUpdate,
	encodeUpdateData,
	type ReportedAssets,
	type ReportedModule,
} from './control-messages.js';
import type { DiscoveredDevice } from './discovery.js';
import { type OpenOptions, UsbConnection } from './usb-connection.js';

export type ControlMode = 'normal' | 'listening' | 'safe';

export interface DeviceIdentity {
	deviceId: string;
	osVersion?: string;
	/** The number printed on the module, where the firmware tells it. */
	serialNumber?: string;
	ncpVersion?: string;
	ncpModuleVersion?: number;
	iccid?: string;
	imei?: string;
}

/** Vendor requests beside the service protocol: bRequest 'P', wIndex = request type. */
const RAW = 0x50;
/** A device restarts about 1 s after it has answered (device-os v4.0.1: system_control_internal.cpp); flash work may come before. */
const RESTART_TIMEOUT_MS = 30_000;
/** Before it restarts, Device OS may erase, check and copy a whole module: particle-usb allows 2 minutes. */
const UPDATE_TIMEOUT_MS = 120_000;
const LISTENING_TIMEOUT_MS = 30_000;
const LISTENING_POLL_MS = 100;
const PROGRESS_CHUNK_MIN = 64;

/** What the application asks for and is not stored, by name and hash. */
export function missingAssets(assets: ReportedAssets): ReportedAssets['required'] {
	return assets.required.filter((r) => !assets.available.some((a) => a.name === r.name && a.sha256 === r.sha256));
}

export class ControlDevice {
	readonly found: DiscoveredDevice;
	readonly #connection: UsbConnection;
	readonly #channel: ControlChannel;

	/** Opens a device in normal mode. Throws `USB_BUSY`, `USB_PERMISSION`, `USB_DISCONNECTED`, `USB_TIMEOUT` or `CANCELLED`. */
	static async open(found: DiscoveredDevice, options: OpenOptions): Promise<ControlDevice> {
		const connection = await UsbConnection.open(found, undefined, options);
		const device = new ControlDevice(found, connection);
		try {
			await device.#channel.reset();
			return device;
		} catch (error) {
			await connection.close();
			throw error;
		}
	}

	private constructor(found: DiscoveredDevice, connection: UsbConnection) {
		this.found = found;
		this.#connection = connection;
		this.#channel = new ControlChannel(connection);
	}

	/** Payload bytes, and transfers of any kind, since it was opened. */
	get counters(): { bytesWritten: number; bytesRead: number; transfers: number } {
		return {
			bytesWritten: this.#channel.bytesSent,
			bytesRead: this.#channel.bytesReceived,
			transfers: this.#connection.transfers,
		};
	}

	/** 24 hex digits, lower case. From the USB serial number where there is one, else asked. */
	async deviceId(): Promise<string> {
		if (this.found.deviceId !== undefined) return this.found.deviceId;
		const asked = await this.#try(ControlRequest.deviceId);
		const id = asked ? decodeStrings('device id', asked).get(1) : await this.#raw(ControlRequest.deviceId);
		if (!id || !/^[0-9a-f]{24}$/i.test(id)) {
			throw new LinacError(
				'PROTOCOL_ERROR',
				`The device gave "${(id ?? '').slice(0, 40)}" as its id; 24 hex digits were expected.`,
				{
					retry: 'step',
				},
			);
		}
		return id.toLowerCase();
	}

	/** Version of Device OS, e.g. `4.0.1`. */
	async osVersion(): Promise<string> {
		// The raw request is one transfer and as old as USB requests are; 64 bytes are enough for every version.
		const raw = await this.#raw(ControlRequest.systemVersion);
		if (raw) return raw;
		return decodeStrings('version', await this.#channel.request(ControlRequest.systemVersion)).get(1) ?? '';
	}

	/**
	 * Listening mode is told by request 72 (Device OS >= 1.1.0). Safe mode is not told by any request: it is concluded when there is no
	 * application, a module of the main store is damaged or lacks a dependency, or an asset that the application asks for is not stored: then
	 * Device OS starts without the application. `known`: the answer of `modules()`, where it is at hand.
	 */
	async mode(known?: readonly ReportedModule[]): Promise<ControlMode> {
		const reply = await this.#try(ControlRequest.deviceMode);
		if (reply && decodeNumbers('device mode', reply).get(1) === 1) return 'listening';
		const info = known ? undefined : await this.#try(ControlRequest.moduleInfo);
		const modules = known ?? (info ? decodeModuleInfo(info) : []);
		const broken = modules.some(
			(m) => m.store === 'main' && m.function !== 0 && m.checkedFlags !== 0 && !(m.valid && m.dependenciesMet),
		);
		// Device OS starts normally only with an application, and some releases leave one that is not whole out of their list.
		const runs = modules.some(
			(m) => m.store === 'main' && (m.function === ModuleFunction.user || m.function === ModuleFunction.monolithic),
		);
		if (broken || (modules.length > 0 && !runs)) return 'safe';
		const asks = modules.some((m) => m.store === 'main' && m.assets !== undefined);
		return asks && missingAssets(await this.assets()).length > 0 ? 'safe' : 'normal';
	}

	/** The modules that Device OS reports, functions in the module format's numbers. Throws `CONTROL_NOT_SUPPORTED` before 0.9.0/1.1.0. */
	async modules(): Promise<ReportedModule[]> {
		return decodeModuleInfo(await this.#channel.request(ControlRequest.moduleInfo));
	}

	/**
	 * The assets that are stored, and those that the application asks for. Throws `CONTROL_NOT_SUPPORTED`
	 * before Device OS 5.6.0 and on platforms without a store.
	 */
	async assets(): Promise<ReportedAssets> {
		return decodeAssetInfo(await this.#channel.request(ControlRequest.assetInfo));
	}

	/** Everything that the device tells about itself; what it does not know is left out. */
	async identify(): Promise<DeviceIdentity> {
		const identity: DeviceIdentity = { deviceId: await this.deviceId(), osVersion: await this.osVersion() };
		const serial = await this.#try(ControlRequest.serialNumber);
		if (serial) identity.serialNumber = decodeStrings('serial number', serial).get(1);
		const ncp = await this.#try(ControlRequest.ncpVersion);
		if (ncp) {
			const { version, moduleVersion } = decodeNcpVersion(ncp);
			identity.ncpVersion = version;
			identity.ncpModuleVersion = moduleVersion;
		}
		const cellular = await this.#try(ControlRequest.cellularIds);
		if (cellular) {
			const ids = decodeStrings('ICCID', cellular);
			if (ids.get(1)) identity.iccid = ids.get(1);
			if (ids.get(2)) identity.imei = ids.get(2);
		}
		return identity;
	}

	/** Version of the NCP's module by request 31; `undefined` where the device has none, or cannot ask it. */
	async ncpModuleVersion(): Promise<number | undefined> {
		const reply = await this.#try(ControlRequest.ncpVersion);
		return reply && decodeNcpVersion(reply).moduleVersion;
	}

	/** Whether the device counts as set up; `undefined` where it has no such flag (Gen 2, RTL872x). Always true from 4.0.0. */
	async setupDone(): Promise<boolean | undefined> {
		const reply = await this.#try(ControlRequest.isSetupDone);
		return reply && decodeNumbers('setup done', reply).get(1) === 1;
	}

	/** From Device OS 4.0.0 the flag has no effect: `true` is accepted, `false` is `CONTROL_NOT_SUPPORTED`. */
	async setSetupDone(done: boolean): Promise<void> {
		await this.#channel.request(ControlRequest.setSetupDone, encodeFlag(done));
	}

	/** Restarts into DFU mode. Resolves when the device has left the bus; this object is closed then. */
	enterDfu(options: { signal?: AbortSignal } = {}): Promise<void> {
		return this.#restart(ControlRequest.dfuMode, 'after it was told to enter DFU mode', options.signal);
	}

	/** Restarts into safe mode: Device OS without the application. Resolves when the device has left the bus. */
	enterSafeMode(options: { signal?: AbortSignal } = {}): Promise<void> {
		return this.#restart(ControlRequest.safeMode, 'after it was told to enter safe mode', options.signal);
	}

	/** Resolves when the device has left the bus. */
	reset(options: { signal?: AbortSignal } = {}): Promise<void> {
		return this.#restart(ControlRequest.reset, 'after it was told to reset', options.signal);
	}

	/** Resolves when the device says that it is listening (Device OS < 1.1.0: when it has accepted). */
	async startListening(options: { signal?: AbortSignal } = {}): Promise<void> {
		await this.#channel.request(ControlRequest.startListening, undefined, { signal: options.signal });
		await this.#awaitListening(true, options.signal);
	}

	/** Resolves when the device says that it is not listening any more. */
	async stopListening(options: { signal?: AbortSignal } = {}): Promise<void> {
		await this.#channel.request(ControlRequest.stopListening, undefined, { signal: options.signal });
		await this.#awaitListening(false, options.signal);
	}

	/**
	 * Gives the device a module to install (its whole file). Resolves when the device has accepted it and has left the bus to apply
	 * it; this object is closed then. Throws `CONTROL_RESULT` with the device's reason when it refuses: nothing is changed then.
	 */
	async updateFirmware(
		bytes: Uint8Array,
		options: { onProgress?(done: number, total: number): void; signal?: AbortSignal } = {},
	): Promise<void> {
		const { signal } = options;
		const limits = { timeoutMs: UPDATE_TIMEOUT_MS };
		const started = await this.#channel.request(ControlRequest.startUpdate, encodeStartUpdate(bytes.length), {
			...limits,
			signal,
		});
		const chunkSize = decodeNumbers('firmware update', started).get(1) ?? 0;
		// Room for the tag and length of the message around the data: the whole must not be longer than a request can be.
		if (chunkSize < PROGRESS_CHUNK_MIN || chunkSize > 0xff00) {
			throw new LinacError('PROTOCOL_ERROR', `The device wants its update in pieces of ${chunkSize} bytes.`, { retry: 'step' });
		}
		try {
			const pieces = Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, i) =>
				encodeUpdateData(bytes.subarray(i * chunkSize, (i + 1) * chunkSize)),
			);
			await this.#channel.requestEach(ControlRequest.updateData, pieces, { ...limits, signal }, (index) =>
				options.onProgress?.(Math.min((index + 1) * chunkSize, bytes.length), bytes.length),
			);
			throwIfCancelled(signal);
		} catch (error) {
			await this.#try(ControlRequest.cancelUpdate).catch(() => {});
			throw error;
		}
		// From here it cannot be called back: the device checks the module, answers, and applies it.
		await this.#channel.request(ControlRequest.finishUpdate, encodeFlag(false), { ...limits, mayDetach: true });
		await this.#connection.waitGone(UPDATE_TIMEOUT_MS, 'after it had accepted a firmware update');
	}

	/** Device protection (Device OS >= 6.0.0); `undefined` where the device knows nothing of it. */
	async protection(): Promise<'open' | 'service' | 'protected' | undefined> {
		const reply = await this.#try(ControlRequest.protectedState);
		if (!reply) return undefined;
		const fields = decodeNumbers('protected state', reply);
		if (fields.get(2) === 1) return 'service';
		return fields.get(1) === 1 ? 'protected' : 'open';
	}

	async close(): Promise<void> {
		await this.#connection.close();
	}

	async #restart(request: number, during: string, signal?: AbortSignal): Promise<void> {
		await this.#channel.request(request, undefined, { signal, mayDetach: true });
		await this.#connection.waitGone(RESTART_TIMEOUT_MS, during, signal);
	}

	async #awaitListening(wanted: boolean, signal?: AbortSignal): Promise<void> {
		const { clock } = this.#connection;
		const until = clock.now() + LISTENING_TIMEOUT_MS;
		for (;;) {
			throwIfCancelled(signal);
			const reply = await this.#try(ControlRequest.deviceMode);
			if (!reply || (decodeNumbers('device mode', reply).get(1) === 1) === wanted) return;
			if (clock.now() >= until) {
				throw new LinacError('USB_TIMEOUT', `The device did not ${wanted ? 'enter' : 'leave'} listening mode.`, {
					retry: 'reconnect',
				});
			}
			await clock.sleep(LISTENING_POLL_MS, signal);
		}
	}

	/** A request that a device may well not know, or have no answer to: `undefined` then. */
	async #try(request: number): Promise<Uint8Array | undefined> {
		try {
			return await this.#channel.request(request);
		} catch (error) {
			if (error instanceof LinacError && (error.code === 'CONTROL_NOT_SUPPORTED' || error.code === 'CONTROL_RESULT'))
				return undefined;
			throw error;
		}
	}

	/** A raw vendor request: the answer in one transfer, as text. `undefined` where the device does not know it. */
	async #raw(request: number): Promise<string | undefined> {
		const setup: USBControlTransferParameters = {
			requestType: 'vendor',
			recipient: 'device',
			request: RAW,
			value: 0,
			index: request,
		};
		try {
			const bytes = await this.#connection.controlIn(setup, 64, `while request ${request} was answered`);
			const end = bytes.indexOf(0);
			const text = new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
			return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
		} catch (error) {
			if (error instanceof LinacError && error.code === 'USB_STALL') return undefined;
			throw error;
		}
	}
}
