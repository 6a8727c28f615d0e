/**
 * The DFU class function of the STM32F2 bootloaders (Photon, P1, Electron), made from ST's example: other quirks than the nRF52840's.
 * Work runs before the status stage of the GETSTATUS that reports dfuDNBUSY, so that very transfer takes as long as the work, and a failed
 * erase or write shows as a STALL of it; bStatus stays OK. Errors of state stall without entering dfuERROR. Reading where nothing may be read gives
 * zeros. device-os v2.2.0: platform/MCU/STM32F2xx/STM32_USB_Device_Driver/src/usbd_dfu_core.c, usbd_dfu_mal.c.
 */
import { u32le } from '@linac/core';
import { type DfuClass, type DfuHost, DfuRequest, DfuState, DfuStatus, isIdleState, TRANSFER_SIZE } from './dfu-function.js';
import type { DfuStorage } from './dfu-storage.js';
import type { FlashStep } from './flash-model.js';
import { type Answer, nothing, type SetupPacket } from './setup-packet.js';

export class Stm32DfuFunction implements DfuClass {
	readonly repliesAfterWork = true;
	readonly #host: DfuHost;
	#state: number = DfuState.idle;
	#status: number = DfuStatus.ok;
	#alternate = 0;
	#address = 0x08020000;
	#pollTimeout = 0;
	#block = 0;
	#length = 0;
	#data: Uint8Array = nothing;
	#failed = false;

	constructor(host: DfuHost) {
		this.#host = host;
	}

	get state(): number {
		return this.#state;
	}

	configure(): void {
		this.#state = DfuState.idle;
	}

	setInterface(alternate: number): Answer {
		if (alternate >= this.#host.storages.length) return 'stall';
		this.#alternate = alternate;
		return nothing;
	}

	getInterface(): Answer {
		return Uint8Array.of(this.#alternate);
	}

	fail(status: number): void {
		this.#status = status;
		this.#state = DfuState.error;
	}

	/** True once after work that failed: the reply that waited for it stalls. */
	takeFailure(): boolean {
		const failed = this.#failed;
		this.#failed = false;
		return failed;
	}

	handle(setup: SetupPacket, data: Uint8Array): Answer {
		switch (setup.request) {
			case DfuRequest.detach:
				if (isIdleState(this.#state)) this.#toIdle();
				this.#host.reattach();
				return nothing;
			case DfuRequest.download:
				return this.#download(setup, data);
			case DfuRequest.upload:
				return this.#upload(setup);
			case DfuRequest.getStatus:
				return this.#getStatus(setup);
			case DfuRequest.clearStatus:
				return this.#clearStatus();
			case DfuRequest.getState:
				return Uint8Array.of(this.#state).subarray(0, setup.length);
			case DfuRequest.abort:
				if (isIdleState(this.#state)) {
					this.#toIdle();
					this.#status = DfuStatus.ok;
				}
				return nothing;
			default:
				return 'stall';
		}
	}

	#toIdle(): void {
		this.#state = DfuState.idle;
		this.#block = 0;
		this.#length = 0;
	}

	#download(setup: SetupPacket, data: Uint8Array): Answer {
		if (this.#state !== DfuState.idle && this.#state !== DfuState.downloadIdle) return 'stall';
		if (setup.length > TRANSFER_SIZE) return 'stall';
		if (setup.length === 0) {
			this.#state = DfuState.manifestSync;
			return nothing;
		}
		this.#block = setup.value;
		this.#length = setup.length;
		this.#data = data;
		this.#state = DfuState.downloadSync;
		return nothing;
	}

	#upload(setup: SetupPacket): Answer {
		if (setup.length === 0) {
			this.#state = DfuState.idle;
			return nothing;
		}
		if (this.#state !== DfuState.idle && this.#state !== DfuState.uploadIdle) {
			this.#block = 0;
			this.#length = 0;
			return 'stall';
		}
		if (setup.value === 0) {
			this.#state = setup.length > 3 ? DfuState.idle : DfuState.uploadIdle;
			return Uint8Array.of(0x00, 0x21, 0x41).subarray(0, setup.length);
		}
		if (setup.value === 1) {
			// As in the source: a status number lands in the state. errSTALLEDPKT is 15, a state that does not exist.
			this.#state = DfuStatus.errStalledPacket;
			return 'stall';
		}
		this.#state = DfuState.uploadIdle;
		const address = (this.#address + (setup.value - 2) * TRANSFER_SIZE) >>> 0;
		return this.#storage().read(address, setup.length) ?? new Uint8Array(setup.length);
	}

	#getStatus(setup: SetupPacket): Answer {
		let reported = this.#state;
		if (this.#state === DfuState.downloadSync) {
			if (this.#length > 0) {
				reported = DfuState.downloadBusy;
				const erases = this.#block === 0 && this.#data[0] === 0x41;
				// EraseTiming and WriteTiming of usbd_dct_if.c, which MAL_GetStatus takes the wrong way round; usbd_flash_if.c has 0 for both.
				this.#pollTimeout = this.#storage().alternate.storage === 'dct' ? (erases ? 500 : 1) : 0;
				this.#execute();
			} else reported = this.#state = DfuState.downloadIdle;
		} else if (this.#state === DfuState.manifestSync) {
			// Reported as dfuDNLOAD-IDLE on purpose, for the sake of dfu-util's last line.
			reported = DfuState.downloadIdle;
			this.#state = DfuState.manifestWaitReset;
			this.#host.scheduleReset();
		}
		return Uint8Array.of(this.#status, this.#pollTimeout & 0xff, this.#pollTimeout >>> 8, 0, reported, 0).subarray(
			0,
			setup.length,
		);
	}

	#clearStatus(): Answer {
		if (this.#state === DfuState.error) {
			this.#state = DfuState.idle;
			this.#status = DfuStatus.ok;
		} else this.fail(DfuStatus.errUnknown);
		return nothing;
	}

	#storage(): DfuStorage {
		return this.#host.storages[this.#alternate]!;
	}

	#execute(): void {
		const block = this.#block;
		const data = this.#data;
		const length = this.#length;
		this.#block = 0;
		this.#length = 0;
		// From here on the next GETSTATUS says dfuDNLOAD-IDLE, whatever comes of the work.
		this.#state = DfuState.downloadSync;
		if (block === 0) this.#command(data, length);
		else if (block > 1) {
			const address = (this.#address + (block - 2) * TRANSFER_SIZE) >>> 0;
			const storage = this.#storage();
			if (storage.alternate.storage === 'dct') {
				this.#run(storage.write(address, data), () => {});
				return;
			}
			// Whole words: what is missing is filled with 0xFF.
			const words = new Uint8Array((length + 3) & ~3).fill(0xff);
			words.set(data);
			this.#run(storage.write(address, words), () => {
				// Every write is read back; what was not erased before does not come out right.
				const written = storage.read(address, words.length);
				if (!written || words.some((b, i) => b !== written[i])) this.#failed = true;
			});
		}
	}

	#command(data: Uint8Array, length: number): void {
		if (data[0] === 0x00 && length === 1) return;
		if (data[0] === 0x21 && length === 5) {
			this.#address = u32le(data, 1);
			return;
		}
		if (data[0] === 0x41 && length === 5) {
			this.#address = u32le(data, 1);
			this.#run(this.#storage().erase(this.#address), () => {});
			return;
		}
		this.#failed = true;
	}

	#run(steps: Iterable<FlashStep> | undefined, done: () => void): void {
		if (steps) this.#host.work(steps, done);
		else this.#failed = true;
	}
}
