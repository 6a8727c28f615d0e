/**
 * The DFU class function of Particle's bootloaders: the state machine of DFU 1.1 with the DfuSe commands, deviations included
 * (docs/formats/dfu.md). One request at a time; flash work that a request starts runs behind it and holds back the next one, as on the device,
 * where it runs in the interrupt after the status stage.
 *
 * nRF52840: device-os v4.0.1 and v6.2.0: bootloader/src/nRF52840/usbd_dfu.cpp. RTL872x: v6.2.0: bootloader/src/rtl872x/usbd_dfu.cpp.
 * STM32F2 has its own (dfu-function-stm32.ts).
 */
import { u32le } from '@linac/core';
import type { DfuStorage } from './dfu-storage.js';
import type { FlashStep } from './flash-model.js';
import { type Answer, nothing, type SetupPacket } from './setup-packet.js';

export const DfuState = {
	idle: 2,
	downloadSync: 3,
	downloadBusy: 4,
	downloadIdle: 5,
	manifestSync: 6,
	manifest: 7,
	manifestWaitReset: 8,
	uploadIdle: 9,
	error: 10,
} as const;
export type DfuState = (typeof DfuState)[keyof typeof DfuState];

/** The states that ABORT and DETACH leave without an error (DFU 1.1, A.2). */
export function isIdleState(state: number): boolean {
	return (
		state === DfuState.idle ||
		state === DfuState.downloadSync ||
		state === DfuState.downloadIdle ||
		state === DfuState.manifestSync ||
		state === DfuState.uploadIdle
	);
}

export const DfuStatus = { ok: 0, errTarget: 1, errVendor: 0x0b, errUnknown: 0x0e, errStalledPacket: 0x0f } as const;

export const DfuRequest = { detach: 0, download: 1, upload: 2, getStatus: 3, clearStatus: 4, getState: 5, abort: 6 } as const;

const Command = { get: 0, setAddress: 0x21, erase: 0x41, enterSafeMode: 0xfa, clearOverride: 0xfb } as const;

/** wTransferSize of every Particle bootloader; also the multiplier of block numbers. */
export const TRANSFER_SIZE = 4096;

/** What the function needs of the device around it. */
export interface DfuHost {
	/** One a alternate setting. */
	storages: DfuStorage[];
	/** Extension commands: bootloader >= 3001 (Device OS 6.1.1). */
	extensions: boolean;
	/** Runs flash work behind the request; the next request waits for it. Resolves false when it failed. */
	work(steps: Iterable<FlashStep>, done: () => void): void;
	/** Leave was reported: restart 500 ms later, unless `cancelReset` comes first. */
	scheduleReset(): void;
	cancelReset(): void;
	/** Off the bus and on again, without a restart. */
	reattach(): void;
	requestSafeMode(): void;
}

export interface DfuClass {
	readonly state: number;
	/** Work that a request starts runs before its reply has reached the host, not behind it. */
	readonly repliesAfterWork?: boolean;
	/** With `repliesAfterWork`: the work failed, so the reply stalls. */
	takeFailure?(): boolean;
	/** SET_CONFIGURATION: everything to the start. */
	configure(): void;
	handle(setup: SetupPacket, data: Uint8Array): Answer;
	setInterface(alternate: number): Answer;
	getInterface(): Answer;
	fail(status: number): void;
}

export class DfuFunction implements DfuClass {
	readonly #host: DfuHost;
	#state: DfuState = DfuState.idle;
	#status: number = DfuStatus.ok;
	#alternate = 0;
	/** Survives an abort: `reset()` in the source leaves it alone on purpose. */
	#address = 0;
	#pending = { value: 0, length: 0, data: nothing as Uint8Array };

	constructor(host: DfuHost) {
		this.#host = host;
	}

	get state(): number {
		return this.#state;
	}

	configure(): void {
		this.#state = DfuState.idle;
		this.#status = DfuStatus.ok;
		this.#address = 0;
		this.#forget();
	}

	setInterface(alternate: number): Answer {
		if (alternate >= this.#host.storages.length) return 'stall';
		this.#alternate = alternate;
		return nothing;
	}

	getInterface(): Answer {
		return Uint8Array.of(this.#alternate);
	}

	/** Puts the function into dfuERROR, as a failed flash operation does. */
	fail(status: number): void {
		this.#status = status;
		if (this.#state === DfuState.manifestWaitReset) this.#host.cancelReset();
		this.#state = DfuState.error;
	}

	handle(setup: SetupPacket, data: Uint8Array): Answer {
		switch (setup.request) {
			case DfuRequest.detach:
				return this.#detach();
			case DfuRequest.download:
				return this.#download(setup, data);
			case DfuRequest.upload:
				return this.#upload(setup);
			case DfuRequest.getStatus:
				return this.#getStatus(setup);
			case DfuRequest.clearStatus:
				return this.#clearStatus();
			case DfuRequest.getState:
				return this.#getState(setup);
			case DfuRequest.abort:
				return this.#abort();
			default:
				return 'stall';
		}
	}

	/** A request without a transition: the pipe stalls and the function is in error, whatever it was doing. */
	#undefinedTransition(): Answer {
		this.fail(DfuStatus.errUnknown);
		return 'stall';
	}

	#detach(): Answer {
		if (!isIdleState(this.#state)) return this.#undefinedTransition();
		this.#state = DfuState.idle;
		this.#host.reattach();
		return nothing;
	}

	#download(setup: SetupPacket, data: Uint8Array): Answer {
		if (this.#state !== DfuState.idle && this.#state !== DfuState.downloadIdle) return this.#undefinedTransition();
		// The buffer of the device has exactly this size; longer transfers would overrun it.
		if (setup.length > TRANSFER_SIZE) return this.#undefinedTransition();
		this.#pending = { value: setup.value, length: setup.length, data };
		this.#state = setup.length > 0 ? DfuState.downloadSync : DfuState.manifestSync;
		return nothing;
	}

	#upload(setup: SetupPacket): Answer {
		if (this.#state !== DfuState.idle && this.#state !== DfuState.uploadIdle) return this.#undefinedTransition();
		if (setup.value === 0) {
			this.#state = DfuState.idle;
			const more = this.#host.extensions ? [Command.enterSafeMode, Command.clearOverride] : [];
			return Uint8Array.of(Command.get, Command.setAddress, Command.erase, ...more).subarray(0, setup.length);
		}
		if (setup.value === 1 || setup.length > TRANSFER_SIZE) return this.#undefinedTransition();
		const address = (this.#address + (setup.value - 2) * TRANSFER_SIZE) >>> 0;
		const bytes = this.#storage().read(address, setup.length);
		if (!bytes) return this.#undefinedTransition();
		this.#state = DfuState.uploadIdle;
		return bytes;
	}

	#getStatus(setup: SetupPacket): Answer {
		switch (this.#state) {
			case DfuState.downloadSync: {
				const reply = this.#report(DfuState.downloadBusy, setup);
				this.#state = DfuState.downloadBusy;
				this.#execute();
				return reply;
			}
			case DfuState.manifestSync: {
				this.#status = DfuStatus.ok;
				const reply = this.#report(DfuState.manifest, setup);
				this.#state = DfuState.manifestWaitReset;
				this.#host.scheduleReset();
				return reply;
			}
			case DfuState.idle:
			case DfuState.downloadIdle:
			case DfuState.uploadIdle:
			case DfuState.error:
				return this.#report(this.#state, setup);
			default:
				// dfuMANIFEST-WAIT-RESET too: asking once more takes the restart back.
				return this.#undefinedTransition();
		}
	}

	/** bwPollTimeout is 0 always: the work runs right after this and simply holds up the next request. */
	#report(state: number, setup: SetupPacket): Uint8Array {
		return Uint8Array.of(this.#status, 0, 0, 0, state, 0).subarray(0, setup.length);
	}

	#clearStatus(): Answer {
		if (this.#state !== DfuState.error) return this.#undefinedTransition();
		this.#state = DfuState.idle;
		this.#status = DfuStatus.ok;
		return nothing;
	}

	#getState(setup: SetupPacket): Answer {
		if (this.#state === DfuState.downloadBusy || this.#state === DfuState.manifestWaitReset) return this.#undefinedTransition();
		return Uint8Array.of(this.#state).subarray(0, setup.length);
	}

	#abort(): Answer {
		if (!isIdleState(this.#state)) return this.#undefinedTransition();
		this.#state = DfuState.idle;
		this.#status = DfuStatus.ok;
		this.#forget();
		return nothing;
	}

	#forget(): void {
		this.#pending = { value: 0, length: 0, data: nothing };
	}

	#storage(): DfuStorage {
		return this.#host.storages[this.#alternate]!;
	}

	/** Runs after GETSTATUS has told the host that the device is busy. */
	#execute(): void {
		const { value, length, data } = this.#pending;
		if (value === 0) this.#command(data, length);
		else if (value === 1) {
			this.fail(DfuStatus.errTarget);
			this.#forget();
		} else this.#run(this.#storage().write((this.#address + (value - 2) * TRANSFER_SIZE) >>> 0, data));
	}

	#command(data: Uint8Array, length: number): void {
		switch (data[0]) {
			case Command.get:
				// As on the device: nothing happens and the state stays dfuDNBUSY, so the next GETSTATUS fails.
				return;
			case Command.setAddress:
				if (length !== 5) {
					this.fail(DfuStatus.errUnknown);
					return;
				}
				this.#address = u32le(data, 1);
				this.#done();
				return;
			case Command.erase:
				// Mass erase is not supported.
				if (length === 1) {
					this.fail(DfuStatus.errTarget);
					return;
				}
				if (length !== 5) {
					this.fail(DfuStatus.errUnknown);
					return;
				}
				this.#run(this.#storage().erase(u32le(data, 1)));
				return;
			case Command.enterSafeMode:
				if (!this.#host.extensions) {
					this.fail(DfuStatus.errStalledPacket);
					return;
				}
				this.#host.requestSafeMode();
				this.#state = DfuState.manifestSync;
				this.#status = DfuStatus.ok;
				return;
			case Command.clearOverride:
				if (!this.#host.extensions) {
					this.fail(DfuStatus.errStalledPacket);
					return;
				}
				this.#done();
				return;
			case 0x92:
				this.fail(DfuStatus.errUnknown);
				return;
			default:
				this.fail(DfuStatus.errStalledPacket);
				return;
		}
	}

	#run(steps: Iterable<FlashStep> | undefined): void {
		if (!steps) {
			this.fail(DfuStatus.errUnknown);
			return;
		}
		this.#host.work(steps, () => this.#done());
	}

	#done(): void {
		this.#state = DfuState.downloadIdle;
		this.#status = DfuStatus.ok;
	}
}
