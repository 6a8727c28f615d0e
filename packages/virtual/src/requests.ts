/**
 * What Device OS does with the control requests that programming a device needs; everything else is "not supported"
 * (device-os v4.0.1: system/src/system_control_internal.cpp, system/src/control/{config,storage,cellular}.cpp; replies: FirmwareModule list of
 * v5.6.0: system/src/system_info_encoding.cpp). Ids and first versions: docs/formats/usb-control.md.
 */
import { fromHex } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { keepsAssets } from './asset-files.js';
import { type Asset, availableAssets, requiredAssets } from './asset-manager.js';
import type { Chip } from './chip.js';
import { SystemError } from './chip.js';
import type { RequestResult } from './control-channel.js';
import { iccidOf, imeiOf, serialNumberOf } from './device-numbers.js';
import type { Hardware } from './hardware.js';
import { clearJobs } from './module-slots.js';
import { bytesField, decode, fixed32Field, message, stringField, uintField } from './protobuf-wire.js';
import { Check, type SeenModule, seenModules } from './system-view.js';
import { restartMs } from './timing.js';

/** What a request handler may ask of the device around it. */
export interface SystemHost {
	readonly hw: Hardware;
	readonly chip: Chip;
	readonly deviceId: string;
	readonly osVersion: string;
	readonly systemVersion: number;
	listening: boolean;
	/** The device restarts after so many milliseconds. */
	restart(ms: number): void;
}

const CHUNK = 1024;
/** v5.6.0: module info in the cloud's form, with hashes. */
const CLOUD_MODULE_INFO_FROM = 5600;
const SETUP_ALWAYS_DONE_FROM = 4000;
const PROTECTION_FROM = 6000;
/** 1.1.0: the requests that came with mesh (21, 31, 72 ...). */
const GEN3_REQUESTS_FROM = 1100;
const ECHO_FROM = 1512;
const IMEI_FROM = 5800;

const ok: RequestResult = { result: 0 };
const fail = (result: number): RequestResult => ({ result });
const answer = (...fields: Uint8Array[]): RequestResult => ({ result: 0, reply: message(...fields) });

interface Update {
	size: number;
	received: number;
}

export class SystemRequests {
	readonly #host: SystemHost;
	#update: Update | undefined;

	constructor(host: SystemHost) {
		this.#host = host;
	}

	async handle(type: number, payload: Uint8Array): Promise<RequestResult> {
		const host = this.#host;
		const since = (version: number) => host.systemVersion >= version;
		switch (type) {
			case 1:
				return since(ECHO_FROM) ? { result: 0, reply: payload.slice() } : fail(SystemError.notSupported);
			case 20:
				return answer(stringField(1, host.deviceId));
			case 21:
				return since(GEN3_REQUESTS_FROM)
					? answer(stringField(1, serialNumberOf(host.hw.platform, host.deviceId)))
					: fail(SystemError.notSupported);
			case 30:
				return answer(stringField(1, host.osVersion));
			case 31:
				return this.#ncpVersion();
			case 40:
				return this.#reset(() => {});
			case 50:
				return this.#reset(() => {
					host.hw.retained.enterDfu = true;
				});
			case 60:
				return this.#reset(() => {
					host.hw.retained.enterSafeMode = true;
				});
			case 70:
				host.listening = true;
				return ok;
			case 71:
				host.listening = false;
				return ok;
			case 72:
				return since(GEN3_REQUESTS_FROM) ? answer(uintField(1, host.listening ? 1 : 0)) : fail(SystemError.notSupported);
			case 73:
				return this.#setSetupDone(payload);
			case 74:
				return this.#isSetupDone();
			case 75: {
				const request = decode(payload);
				if (!request) return fail(SystemError.badData);
				host.hw.retained.startListening = request.uint(1) === 1;
				return ok;
			}
			case 76:
				return since(PROTECTION_FROM) ? answer() : fail(SystemError.notSupported);
			case 90:
				return since(GEN3_REQUESTS_FROM) ? this.#moduleInfo() : fail(SystemError.notSupported);
			case 91:
				return this.#assetInfo();
			case 250:
				return this.#startUpdate(payload);
			case 251:
				return this.#finishUpdate(payload);
			case 252:
				this.#update = undefined;
				return ok;
			case 253:
				return this.#updateData(payload);
			case 554:
				return this.#cellularIds();
			default:
				return fail(SystemError.notSupported);
		}
	}

	/** After the result has been fetched, a second passes. */
	#reset(prepare: () => void): RequestResult {
		return {
			result: 0,
			finished: () => {
				prepare();
				this.#host.restart(restartMs.replyToReset);
			},
		};
	}

	/** Only where the modem is driven as a network coprocessor, so not on Gen 2; with the IMEI from 5.8.0 on, and not in 6.0.0 (control/cellular.cpp). */
	#cellularIds(): RequestResult {
		const { hw, systemVersion, deviceId } = this.#host;
		const { cellular } = hw.platform.components;
		if (!cellular || hw.platform.mcu === 'stm32f2' || systemVersion < GEN3_REQUESTS_FROM) return fail(SystemError.notSupported);
		const withImei = systemVersion >= IMEI_FROM && !(systemVersion >= 6000 && systemVersion < 6100);
		return answer(stringField(1, iccidOf(deviceId)), ...(withImei ? [stringField(2, imeiOf(deviceId))] : []));
	}

	#ncpVersion(): RequestResult {
		const version = this.#host.hw.ncpVersion;
		if (version === undefined) return fail(SystemError.notSupported);
		return answer(stringField(1, `0.0.${version}`), uintField(2, version));
	}

	async #setSetupDone(payload: Uint8Array): Promise<RequestResult> {
		const { hw, systemVersion } = this.#host;
		const request = decode(payload);
		if (!request) return fail(SystemError.badData);
		const offset = hw.platform.dct.setupDone;
		if (systemVersion >= SETUP_ALWAYS_DONE_FROM) return request.uint(1) ? ok : fail(SystemError.notSupported);
		if (offset === undefined) return fail(SystemError.notSupported);
		await hw.worker.run(hw.dct.write(offset, Uint8Array.of(request.uint(1) ? 1 : 0xff)));
		return ok;
	}

	#isSetupDone(): RequestResult {
		const { hw, systemVersion } = this.#host;
		const offset = hw.platform.dct.setupDone;
		if (systemVersion >= SETUP_ALWAYS_DONE_FROM) return answer(uintField(1, 1));
		if (offset === undefined) return fail(SystemError.notSupported);
		return answer(uintField(1, hw.dct.read(offset, 1)[0] === 1 ? 1 : 0));
	}

	#moduleInfo(): RequestResult {
		const { hw, systemVersion } = this.#host;
		const modules = seenModules(hw, systemVersion);
		const assets = keepsAssets(hw, systemVersion);
		const encode = systemVersion >= CLOUD_MODULE_INFO_FROM ? (m: SeenModule) => cloudModule(m, assets) : controlModule;
		return answer(...modules.map(encode).filter((m) => m.length > 0));
	}

	/** v5.6.0: system/src/control/storage.cpp getAssetInfo. What is required has no sizes: the application tells name and hash alone. */
	#assetInfo(): RequestResult {
		const { hw, chip, systemVersion } = this.#host;
		if (systemVersion < CLOUD_MODULE_INFO_FROM || !keepsAssets(hw, systemVersion)) return fail(SystemError.notSupported);
		const application = chip.application(hw, systemVersion);
		return answer(
			...availableAssets(hw, systemVersion).map((a) => assetField(1, a)),
			...(application ? requiredAssets(application) : []).map((a) => assetField(2, a)),
		);
	}

	async #startUpdate(payload: Uint8Array): Promise<RequestResult> {
		const { hw, chip, systemVersion } = this.#host;
		const request = decode(payload);
		if (!request) return fail(SystemError.badData);
		this.#update = undefined;
		if (request.uint(2) !== 0) return fail(SystemError.notSupported);
		const size = request.uint(1);
		const slot = chip.otaSlot(hw, systemVersion);
		if (size === 0 || size > slot.size) return fail(SystemError.otaInvalidSize);
		await hw.worker.run(clearJobs(hw));
		await hw.worker.run(hw.flash(slot.storage).erase(slot.start, size));
		this.#update = { size, received: 0 };
		return answer(uintField(1, CHUNK));
	}

	async #updateData(payload: Uint8Array): Promise<RequestResult> {
		const { hw, chip, systemVersion } = this.#host;
		const update = this.#update;
		// Whatever goes wrong here cancels the update.
		this.#update = undefined;
		const request = decode(payload);
		if (!request) return fail(SystemError.badData);
		if (!update) return fail(SystemError.invalidState);
		const data = request.bytes(1);
		if (!data || data.length === 0 || data.length > update.size - update.received) return fail(SystemError.outOfRange);
		const slot = chip.otaSlot(hw, systemVersion);
		await hw.worker.run(hw.flash(slot.storage).program(slot.start + update.received, data));
		update.received += data.length;
		this.#update = update;
		return ok;
	}

	#finishUpdate(payload: Uint8Array): RequestResult {
		const { hw, chip, systemVersion } = this.#host;
		const update = this.#update;
		this.#update = undefined;
		const request = decode(payload);
		if (!request) return fail(SystemError.badData);
		if (!update || update.received < update.size) return fail(SystemError.invalidState);
		const verdict = chip.validateUpdate(hw, systemVersion, update.size);
		if (verdict < 0 || request.uint(1)) return fail(verdict);
		return { result: 0, finished: () => this.#apply(update.size) };
	}

	/** The host has its answer; now the update is applied, and the device restarts. */
	#apply(size: number): void {
		const { hw, chip, systemVersion } = this.#host;
		// It restarts whether that went well or not (system/src/system_update.cpp Spark_Finish_Firmware_Update: "regardless of whether ...").
		void chip.applyUpdate(hw, systemVersion, size).then(
			() => this.#host.restart(restartMs.updateApplied),
			() => {},
		);
	}
}

/** particle.ctrl.GetModuleInfoReply.Module; the enum differs from the format's numbers. */
const CONTROL_TYPES: Record<number, number> = { 2: 1, 4: 2, 5: 3, 3: 4, 7: 5, 8: 6 };

function controlModule(seen: SeenModule): Uint8Array {
	const type = CONTROL_TYPES[seen.function];
	if (!type) return new Uint8Array(0);
	let invalid = 0;
	if (!(seen.passed & Check.integrity)) invalid |= 1;
	if (!(seen.passed & Check.dependencies)) invalid |= 2;
	const dependencies = seen.dependencies.flatMap((d) => {
		const of = CONTROL_TYPES[d.function];
		return of ? [bytesField(6, message(uintField(1, of), uintField(2, d.index), uintField(3, d.version)))] : [];
	});
	const fields = [
		uintField(1, type),
		uintField(2, seen.index),
		uintField(3, seen.version),
		uintField(4, seen.size),
		uintField(5, invalid),
	];
	return bytesField(1, message(...fields, ...dependencies));
}

/** particle.cloud.FirmwareModuleAsset. */
function assetField(field: number, asset: Asset): Uint8Array {
	return bytesField(
		field,
		message(
			bytesField(1, fromHex(asset.sha256) ?? new Uint8Array(0)),
			stringField(2, asset.name),
			uintField(3, asset.size),
			uintField(4, asset.storageSize),
		),
	);
}

/** particle.cloud.FirmwareModule in field 2. */
function cloudModule(seen: SeenModule, assets: boolean): Uint8Array {
	if (seen.function < 1 || seen.function > 9) return new Uint8Array(0);
	const size = seen.size > 0 ? seen.size + 4 : 0;
	const room = seen.region ? seen.region.end - seen.region.start : 1500 * 1024;
	return bytesField(
		2,
		message(
			uintField(1, seen.function),
			uintField(2, seen.index),
			uintField(3, seen.version),
			uintField(5, room),
			fixed32Field(6, seen.checked),
			fixed32Field(7, seen.passed),
			bytesField(8, seen.sha),
			...seen.dependencies.map((d) =>
				bytesField(9, message(uintField(1, d.function), uintField(2, d.index), uintField(3, d.version))),
			),
			...(assets && seen.function === ModuleFunction.user && seen.module && seen.passed & Check.integrity
				? requiredAssets(seen.module).map((a) => assetField(10, a))
				: []),
			uintField(11, size),
		),
	);
}
