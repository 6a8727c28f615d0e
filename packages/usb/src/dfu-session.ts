/**
 * The DFU conversation below reading and writing: requests, states, waiting for flash work, getting out of errors. It knows how
 * Particle's three bootloaders differ (device-os v2.3.1: usbd_dfu_core.c for STM32; v4.0.1, v6.2.0: bootloader/src/nRF52840 and
 * rtl872x usbd_dfu.cpp), so that `dfu.ts` need not. Format: docs/formats/dfu.md.
 */
import { address as hex, LinacError, putU32le } from '@linac/core';
import { parseStringDescriptor } from './descriptors.js';
import { DfuRequest, DfuState, type DfuStatus, DfuseCommand, dfuStatusError, parseDfuStatus, stateName } from './dfu-protocol.js';
import { inOrder } from './in-order.js';
import { TRANSFER_TIMEOUT_MS, type UsbConnection } from './usb-connection.js';

/**
 * Limit of a GETSTATUS, ms. Particle's bootloaders say "poll again at once" and then do the flash work before they answer the next
 * request: a 128 KB sector of an STM32F2 takes up to 4 s (DS6329 table 39, 8-bit parallelism), and worn flash longer.
 */
const FLASH_TIMEOUT_MS = 60_000;
/** Longest pause that a device may ask for between two GETSTATUS, ms. */
const LONGEST_POLL_MS = 10_000;
/** Nothing to do takes this many rounds; a device that is still busy after so many is not coming back. */
const MOST_POLLS = 1_000;
const RESYNC_ROUNDS = 6;
/** Groups of DNLOADs under way at once: one that the device works on, and the next, which is there when it is done. */
const DOWNLOADS_AT_ONCE = 2;
/** DNLOADs in a group where the next one needs no question before it. A cancelled job waits for two groups: 0.7 s of erasing on an nRF52840. */
const GROUP = 4;
/** UPLOADs under way at once. A device needs some milliseconds for one, and so does the way to it. */
const UPLOADS_AT_ONCE = 4;

/** Attachments that have failed while several exchanges were under way: with them, one is ended before the next is begun. */
const oneAtATime = new WeakSet<USBDevice>();

/** Something that is done to the flash. Erasing and programming carry their own place; an address is there for what is programmed after it. */
export type DfuWrite =
	| { kind: 'erase'; address: number }
	| { kind: 'address'; address: number }
	/** `block` counts from the address that was set last. `address`: where that is, for messages. */
	| { kind: 'program'; address: number; block: number; data: Uint8Array };

export class DfuSession {
	readonly connection: UsbConnection;
	readonly interfaceNumber: number;
	/** Where the state machine of the device is, as far as is known: `undefined` after a failure. */
	#state: 'idle' | 'download-idle' | 'upload-idle' | undefined;
	/** The device's address pointer, where it is known. */
	#pointer: number | undefined;
	/**
	 * How DNLOADs may follow each other in the memory that is selected, as the first of them has shown. `wait`: after the pause that the device asks for.
	 * `ask`: it asks for no pause, so the questions are sent along. `follow`: it is also ready for the next one without having been asked.
	 */
	#manner: 'wait' | 'ask' | 'follow' = 'wait';

	constructor(connection: UsbConnection, interfaceNumber: number) {
		this.connection = connection;
		this.interfaceNumber = interfaceNumber;
	}

	get pointer(): number | undefined {
		return this.#pointer;
	}

	/** Forgets what was known of the device; the next request finds out. */
	forget(): void {
		this.#state = undefined;
		this.#pointer = undefined;
		this.#manner = 'wait';
	}

	/**
	 * Brings the device to dfuIDLE from whatever state another program, or an interrupted job, left it in. It asks GETSTATE first:
	 * GETSTATUS has side effects (it starts a write or a restart that is still pending), which ABORT avoids.
	 */
	async resynchronise(): Promise<void> {
		this.forget();
		let state: number | undefined;
		for (let round = 0; round < RESYNC_ROUNDS; round++) {
			state = await this.#quietly(() => this.#getState());
			if (state === DfuState.idle) {
				this.#state = 'idle';
				return;
			}
			// A stalled GETSTATE has put the device into dfuERROR, as every request does that has no place in the present state. (An STM32
			// can be in a state that does not exist; there CLRSTATUS leads to dfuERROR, and the next one out of it.)
			if (state === undefined || state >= DfuState.error) await this.#quietly(() => this.#out(DfuRequest.clearStatus, 0));
			else if (state === DfuState.downloadBusy) await this.#quietly(() => this.getStatus('while flash work was still going on'));
			else if (state === DfuState.manifest || state === DfuState.manifestWaitReset) await this.connection.clock.sleep(500);
			else await this.#quietly(() => this.#out(DfuRequest.abort, 0));
		}
		throw new LinacError(
			'DFU_STATUS',
			`The bootloader does not come back to dfuIDLE; it is in ${state === undefined ? 'no readable state' : stateName(state)}.`,
			{
				retry: 'reconnect',
				details: { state: state ?? -1 },
				hint: 'Unplug the device, bring it into DFU mode again, and retry.',
			},
		);
	}

	async selectAlternate(alternate: number): Promise<void> {
		await this.toIdle();
		await this.connection.selectAlternate(this.interfaceNumber, alternate);
		this.#pointer = undefined;
		this.#manner = 'wait';
	}

	/** dfuIDLE, from which everything can be begun. */
	async toIdle(): Promise<void> {
		if (this.#state === 'idle') return;
		if (this.#state === undefined) return this.resynchronise();
		await this.#guard(
			() => 'while the last transfer was ended',
			async () => {
				await this.#out(DfuRequest.abort, 0);
				this.#state = 'idle';
			},
		);
	}

	/** Sets the address that blocks are counted from. Nothing is sent where it is known to stand there. */
	async setAddress(address: number): Promise<void> {
		if (this.#pointer !== address) await this.write([{ kind: 'address', address }]);
	}

	/**
	 * Erases and programs, in this order, and waits until all of it is done. `done` is called after each. Throws `DFU_STATUS`, `USB_STALL`, `CANCELLED`
	 * between two of them, or an error of the connection.
	 */
	async write(writes: readonly DfuWrite[], done: (write: DfuWrite) => void = () => {}, signal?: AbortSignal): Promise<void> {
		if (this.#state !== 'download-idle') await this.toIdle();
		for (let from = 0; from < writes.length; ) {
			// What is programmed goes to where the address stands: it is sent only when the address is known to have been taken.
			const address = writes.findIndex((w, i) => i >= from && w.kind === 'address');
			const to = address === -1 ? writes.length : address + 1;
			await this.#write(writes.slice(from, to), done, signal);
			from = to;
		}
	}

	async #write(writes: readonly DfuWrite[], done: (write: DfuWrite) => void, signal?: AbortSignal): Promise<void> {
		let at = 0;
		await this.#guard(
			() => doing(writes[at]!),
			async () => {
				const finished = (index: number) => {
					const write = writes[index]!;
					this.#state = 'download-idle';
					// STM32 leaves its pointer at the sector, nRF52840 and RTL872x where it was: it is unknown after an erase.
					if (write.kind !== 'program') this.#pointer = write.kind === 'address' ? write.address : undefined;
					at = Math.min(index + 1, writes.length - 1);
					done(write);
				};
				// The first ones tell whether the others may be sent together.
				let first = 0;
				for (; first < writes.length && !this.#together(); first++) {
					const index = first;
					await inOrder(
						1,
						1,
						() => this.#download(writes[index]!),
						() => finished(index),
						signal,
					);
				}
				const size = this.#manner === 'follow' ? GROUP : 1;
				const groups: DfuWrite[][] = [];
				for (let from = first; from < writes.length; from += size) groups.push(writes.slice(from, from + size));
				await inOrder(
					groups.length,
					DOWNLOADS_AT_ONCE,
					(i) => this.#downloadTogether(groups[i]!),
					(i) => {
						for (const k of groups[i]!.keys()) finished(first + i * size + k);
					},
					signal,
				);
			},
		);
	}

	/** One DNLOAD, and the questions until its work is done, each after the answer before. */
	async #download(write: DfuWrite): Promise<void> {
		const during = doing(write);
		const { block, data } = payloadOf(write);
		await this.#out(DfuRequest.download, block, data, during);
		const until = this.connection.clock.now() + FLASH_TIMEOUT_MS;
		for (let polls = 0; ; polls++) {
			const status = await this.getStatus(during);
			if (status.state === DfuState.downloadIdle && status.status === 0) return;
			const working = status.state === DfuState.downloadBusy || status.state === DfuState.downloadSync;
			if (!working || status.status !== 0) throw await this.#reported(during, status);
			if (polls >= MOST_POLLS || this.connection.clock.now() > until) {
				throw new LinacError('USB_TIMEOUT', `The flash work did not end ${during}.`, { retry: 'reconnect' });
			}
			if (polls > 0 || status.pollMs > 0) this.#manner = 'wait';
			else this.#manner = (await this.#isReadyUnasked()) ? 'follow' : 'ask';
			if (status.pollMs > 0) await this.connection.clock.sleep(Math.min(status.pollMs, LONGEST_POLL_MS));
		}
	}

	/**
	 * nRF52840 and RTL872x work in the interrupt behind the first answer and stand in dfuDNLOAD-IDLE then; a stalled DNLOAD tells that the one before
	 * has failed. STM32 stands in dfuDNLOAD-SYNC until it is asked once more (sources: above). A device that has failed before is not tried.
	 */
	async #isReadyUnasked(): Promise<boolean> {
		if (oneAtATime.has(this.#device)) return false;
		return (await this.#quietly(() => this.#getState(FLASH_TIMEOUT_MS))) === DfuState.downloadIdle;
	}

	/** The same transfers, handed over together: the first question starts the work, the second is answered when it is done. */
	async #downloadTogether(writes: readonly DfuWrite[]): Promise<void> {
		const questions: { during: string; starts: boolean; status: Promise<DfuStatus> }[] = [];
		const transfers: Promise<unknown>[] = [];
		for (const write of writes) {
			const during = doing(write);
			const { block, data } = payloadOf(write);
			transfers.push(this.#out(DfuRequest.download, block, data, during, FLASH_TIMEOUT_MS));
			const ask = (starts: boolean) => {
				const status = this.getStatus(during);
				questions.push({ during, starts, status });
				transfers.push(status);
			};
			ask(true);
			if (this.#manner !== 'follow' || write === writes.at(-1)) ask(false);
		}
		const failed = (await Promise.allSettled(transfers)).find((t) => t.status === 'rejected');
		if (failed) throw failed.reason;
		for (const { during, starts, status: asked } of questions) {
			const status = await asked;
			const working = starts && (status.state === DfuState.downloadBusy || status.state === DfuState.downloadSync);
			if (status.status !== 0 || !(working || status.state === DfuState.downloadIdle)) throw await this.#reported(during, status);
		}
	}

	/** UPLOADs of exactly these lengths. `done` gets the bytes of each, in order. Throws as `write` does. */
	async upload(
		reads: readonly { block: number; length: number; during: string }[],
		done: (index: number, bytes: Uint8Array) => void,
		signal?: AbortSignal,
	): Promise<void> {
		if (this.#state !== 'upload-idle') await this.toIdle();
		let at = 0;
		await this.#guard(
			() => reads[at]!.during,
			() =>
				inOrder(
					reads.length,
					oneAtATime.has(this.#device) ? 1 : UPLOADS_AT_ONCE,
					(i) => this.#upload(reads[i]!),
					(index, bytes) => {
						this.#state = 'upload-idle';
						at = Math.min(index + 1, reads.length - 1);
						done(index, bytes);
					},
					signal,
				),
		);
	}

	async #upload({ block, length, during }: { block: number; length: number; during: string }): Promise<Uint8Array> {
		const bytes = await this.connection.controlIn(this.#setup(DfuRequest.upload, block), length, during);
		if (bytes.length === length) return bytes;
		// A protected device answers with nothing, and says why in its status.
		const status = await this.getStatus(during);
		if (status.status !== 0) throw await this.#reported(during, status);
		throw new LinacError('PROTOCOL_ERROR', `The device sent ${bytes.length} of ${length} bytes ${during}.`, { retry: 'step' });
	}

	#together(): boolean {
		return this.#manner !== 'wait' && !oneAtATime.has(this.#device);
	}

	get #device(): USBDevice {
		return this.connection.found.handle.device;
	}

	/**
	 * The empty DNLOAD that ends DFU. nRF52840 and RTL872x answer dfuMANIFEST; STM32 answers dfuDNLOAD-IDLE on purpose (so that
	 * dfu-util ends nicely); any may be gone before it answers.
	 */
	async requestLeave(): Promise<void> {
		const during = 'while it was told to leave DFU mode';
		if (this.#state !== 'download-idle') await this.toIdle();
		this.#state = undefined;
		await this.#out(DfuRequest.download, 0, new Uint8Array(), during);
		try {
			const status = await this.getStatus(during);
			if (status.status !== 0) throw await this.#reported(during, status);
		} catch (error) {
			if (!(error instanceof LinacError && error.code === 'USB_DISCONNECTED')) throw error;
		}
	}

	async getStatus(during: string): Promise<DfuStatus> {
		return parseDfuStatus(await this.connection.controlIn(this.#setup(DfuRequest.getStatus, 0), 6, during, FLASH_TIMEOUT_MS));
	}

	async #getState(timeoutMs = TRANSFER_TIMEOUT_MS): Promise<number> {
		const bytes = await this.connection.controlIn(
			this.#setup(DfuRequest.getState, 0),
			1,
			'while its DFU state was read',
			timeoutMs,
		);
		return bytes[0] ?? DfuState.error;
	}

	/** `undefined` on a stall: what could not be asked in this state. */
	async #quietly<T>(ask: () => Promise<T>): Promise<T | undefined> {
		try {
			return await ask();
		} catch (error) {
			if (error instanceof LinacError && error.code === 'USB_STALL') return undefined;
			throw error;
		}
	}

	/**
	 * Runs one exchange. When it fails, the device is brought back to dfuIDLE, so that the step can be tried again; and a stall is
	 * told as the error status that the device has for it, if it has one. (An STM32 stalls GETSTATUS itself when a write failed.)
	 */
	async #guard<T>(during: () => string, exchange: () => Promise<T>): Promise<T> {
		try {
			return await exchange();
		} catch (error) {
			this.forget();
			if (!(error instanceof LinacError)) throw error;
			if (error.code !== 'CANCELLED') oneAtATime.add(this.#device);
			if (error.code !== 'USB_STALL' && error.code !== 'DFU_STATUS') throw error;
			let told: LinacError = error;
			if (error.code === 'USB_STALL') {
				const status = await this.#quietly(() => this.getStatus(during()));
				if (status && status.status !== 0) told = await this.#reported(during(), status);
			}
			await this.resynchronise();
			throw told;
		}
	}

	async #reported(during: string, status: DfuStatus): Promise<LinacError> {
		const text = status.string === 0 ? undefined : await this.connection.readString(status.string);
		return dfuStatusError(during, status, text && parseStringDescriptor(text));
	}

	async #out(
		request: number,
		value: number,
		data: Uint8Array = new Uint8Array(),
		during = 'in DFU mode',
		timeoutMs = TRANSFER_TIMEOUT_MS,
	): Promise<void> {
		await this.connection.controlOut(this.#setup(request, value), data, during, timeoutMs);
	}

	#setup(request: number, value: number): USBControlTransferParameters {
		return { requestType: 'class', recipient: 'interface', request, value, index: this.interfaceNumber };
	}
}

/** Block number and data stage of a DNLOAD. */
function payloadOf(write: DfuWrite): { block: number; data: Uint8Array } {
	if (write.kind === 'program') return write;
	const data = new Uint8Array(5);
	data[0] = write.kind === 'erase' ? DfuseCommand.erase : DfuseCommand.setAddress;
	putU32le(data, 1, write.address);
	return { block: 0, data };
}

function doing(write: DfuWrite): string {
	const at = hex(write.address);
	if (write.kind === 'erase') return `while the sector at ${at} was erased`;
	return write.kind === 'address' ? `at SET_ADDRESS ${at}` : `while ${write.data.length} bytes at ${at} were written`;
}
