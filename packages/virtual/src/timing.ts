/**
 * How long things take: flash by datasheet times (from the platform's `flash` facts), USB by the wire, restarts by estimates.
 * `Pace` spends that time on the injected clock. Not for what happens in that time: flash-model.ts and device.ts do it.
 *
 * Wire time. Full-speed USB carries 1500 bytes in a frame of 1 ms. A control transfer with one data packet costs 45 bytes on top of
 * its data (USB 2.0, table 5-2: 13 transfers of 64 bytes fit in a frame), every further data packet 13 (table 5-8).
 * Host controllers report a control transfer at the end of a frame, so one transfer takes at least one frame.
 */
import type { Clock } from '@linac/core';

/** Time that the hardware could not do without, in milliseconds. The sum is the physical bound of a job. */
export interface PhysicalTime {
	erase: number;
	program: number;
	wire: number;
}

const BYTES_PER_FRAME = 1500;
const TRANSFER_OVERHEAD = 45;
const PACKET_OVERHEAD = 13;
const PACKET = 64;

/** Milliseconds that a control transfer with `length` bytes of data takes on the wire. */
export function controlTransferMs(length: number): number {
	const morePackets = Math.max(0, Math.ceil(length / PACKET) - 1);
	return Math.max(1, (TRANSFER_OVERHEAD + length + morePackets * PACKET_OVERHEAD) / BYTES_PER_FRAME);
}

/** Milliseconds that a bulk transfer with `length` bytes takes on the wire: at most 19 packets of 64 bytes a frame (table 5-8). */
export function bulkTransferMs(length: number): number {
	const packets = Math.max(1, Math.ceil(length / PACKET));
	return (length + packets * PACKET_OVERHEAD) / BYTES_PER_FRAME;
}

/**
 * Delays of a restart, in milliseconds. `dfuManifest` is fixed by the bootloader (USBD_DFU_POLL_TIMEOUT, device-os v4.0.1:
 * bootloader/src/nRF52840/usbd_dfu.h) and `replyToReset` by Device OS (HAL_Delay_Milliseconds(1000), system/src/system_control_internal.cpp);
 * the others are estimates of what boards do, not measurements.
 */
export const restartMs = {
	dfuManifest: 500,
	replyToReset: 1000,
	updateApplied: 100,
	rawReset: 10,
	/** Reset until the bootloader has attached in DFU mode, host enumeration included. */
	bootloader: 300,
	/** Reset until Device OS has attached, host enumeration included. */
	system: 900,
	/** The host notices a new device and asks for its descriptors. */
	attach: 150,
	/** A crash loop: from start to the end of the SOS pattern. */
	crash: 3000,
	/** ESP32 over UART or SDIO, bytes a millisecond (921,600 baud, XMODEM 1K). */
	ncpBytesPerMs: 80,
} as const;

/**
 * Spends time on a clock, for work that comes one after the other. Costs below a millisecond are carried over, and a timer that comes late is made up
 * for in the work that follows: thousands of short flash writes or transfers do not need a timer each, and on a real clock the sum is still right.
 */
export class Pace {
	readonly #clock: Clock;
	/** False: nothing takes time. */
	enabled: boolean;
	#due = 0;
	/** How late the latest timer was. */
	#late = 0;

	constructor(clock: Clock, enabled: boolean) {
		this.#clock = clock;
		this.enabled = enabled;
	}

	/** Resolves after `ms` milliseconds, whatever else is spent meanwhile; at once without datasheet timing. */
	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		if (this.enabled) await this.#clock.sleep(ms, signal);
	}

	/** Work begins now. What was left over from the work before is still owed, or had. */
	begin(): void {
		this.#due = Math.max(this.#clock.now() - this.#late, this.#due);
		this.#late = 0;
	}

	/** Adds `ms` milliseconds to the work that was begun. Rejects with `CANCELLED` when the signal is raised. */
	async spend(ms: number, signal?: AbortSignal): Promise<void> {
		if (!this.enabled) return;
		this.#due += ms;
		const left = this.#due - this.#clock.now();
		if (left >= 1) await this.#clock.sleep(left, signal);
		this.#late = Math.max(0, this.#clock.now() - this.#due);
	}
}
