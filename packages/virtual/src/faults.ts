/**
 * What is to go wrong, and when. Faults are part of the device, not of the tests: they strike at a numbered USB transfer or flash
 * write, so that a sweep over all numbers visits every moment of a job. Numbers count from the call, the next one is 1.
 */
import { assert } from '@linac/core';

export type TransferFault = 'unplug' | 'stall' | 'dfu-error';

export interface PendingFault {
	fault: TransferFault | 'power-loss' | 'unplug-at-restart';
	in: number;
}

export class FaultPlan {
	#transfers = 0;
	#writes = 0;
	#atTransfer = new Map<number, TransferFault>();
	#atWrite = new Set<number>();
	#restarts = 0;
	#atRestart = new Set<number>();
	#slow = 1;

	/** The cable is pulled in the middle of the n-th transfer: it is not answered. */
	unplugAtTransfer(n: number): void {
		this.#add('unplug', n);
	}

	/** The n-th transfer is answered with STALL and does nothing. */
	stallAtTransfer(n: number): void {
		this.#add('stall', n);
	}

	/** Just before the n-th transfer the DFU function goes to dfuERROR with errUNKNOWN, as after a failed write. Ignored outside DFU mode. */
	dfuErrorAtTransfer(n: number): void {
		this.#add('dfu-error', n);
	}

	/** Flash takes `factor` times as long as its datasheet says; 1 is normal. */
	slowFlash(factor: number): void {
		assert(factor > 0, 'a flash that is infinitely fast');
		this.#slow = factor;
	}

	/** Power fails in the middle of the n-th flash write (an erase counts as a write): it is torn. The cable is out afterwards. */
	powerLossAtFlashWrite(n: number): void {
		assert(Number.isInteger(n) && n >= 1, 'fault numbers start at 1');
		this.#atWrite.add(this.#writes + n);
	}

	/** The cable comes out when the device restarts for the n-th time, on its own or because it was told to. */
	unplugAtRestart(n: number): void {
		assert(Number.isInteger(n) && n >= 1, 'fault numbers start at 1');
		this.#atRestart.add(this.#restarts + n);
	}

	/** What has not struck yet; `in` counts from now, the next transfer, write or restart is 1. */
	get pending(): PendingFault[] {
		return [
			...[...this.#atTransfer].map(([at, fault]): PendingFault => ({ fault, in: at - this.#transfers })),
			...[...this.#atWrite].map((at): PendingFault => ({ fault: 'power-loss', in: at - this.#writes })),
			...[...this.#atRestart].map((at): PendingFault => ({ fault: 'unplug-at-restart', in: at - this.#restarts })),
		];
	}

	/** Takes back every fault that has not struck yet. */
	clear(): void {
		this.#atTransfer.clear();
		this.#atWrite.clear();
		this.#atRestart.clear();
		this.#slow = 1;
	}

	get slowness(): number {
		return this.#slow;
	}

	/** Called by the device for every transfer. */
	nextTransfer(): TransferFault | undefined {
		this.#transfers++;
		const fault = this.#atTransfer.get(this.#transfers);
		this.#atTransfer.delete(this.#transfers);
		return fault;
	}

	/** Called by the flash for every write; true when the power fails in it. */
	nextWrite(): boolean {
		this.#writes++;
		return this.#atWrite.delete(this.#writes);
	}

	/** Called by the device when it restarts; true when the cable comes out then. */
	nextRestart(): boolean {
		this.#restarts++;
		return this.#atRestart.delete(this.#restarts);
	}

	#add(fault: TransferFault, n: number): void {
		assert(Number.isInteger(n) && n >= 1, 'fault numbers start at 1');
		this.#atTransfer.set(this.#transfers + n, fault);
	}
}
