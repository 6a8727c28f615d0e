/**
 * The hardware of a virtual device, as its firmware sees it: flash, DCT, memory that survives a reset but not a power loss, buttons.
 * What the firmware does with it stands in boot-*.ts, update-*.ts and requests.ts.
 */

import { dctStoreOf, inRange, type MemoryRegion, type ModuleSlot, type Platform, type Storage } from '@linac/catalog';
import { assert } from '@linac/core';
import { type Dct, FileDct, fileWriteMs, SectorDct } from './dct.js';
import { FlashModel } from './flash-model.js';
import { contentSha, type FlashModule, vectorTableSize } from './flash-modules.js';
import type { FlashWorker } from './flash-worker.js';

/** RAM that a reset leaves alone: backup registers and system flags. Gone with the power. */
export interface RetainedMemory {
	enterDfu: boolean;
	enterSafeMode: boolean;
	startListening: boolean;
}

export class Hardware {
	readonly platform: Platform;
	readonly internal: FlashModel;
	readonly external: FlashModel | undefined;
	readonly dct: Dct;
	readonly worker: FlashWorker;
	readonly retained: RetainedMemory = { enterDfu: false, enterSafeMode: false, startListening: false };
	/** MODE is held down while the device starts. */
	modeButton = false;
	/** Module version in the network coprocessor's own flash. */
	ncpVersion: number | undefined;
	/** UICR NRFFW[1] of an nRF52840: the page of the MBR's orders; blank until a bootloader has started (nrf-uicr.ts). */
	mbrParameterPage = 0xffffffff;
	/** SHA-256 of SoftDevice payloads that are known to be whole (flash-modules.ts). */
	readonly knownSoftDevices = new Set<string>();

	constructor(platform: Platform, worker: FlashWorker) {
		this.platform = platform;
		this.worker = worker;
		const geometry = (storage: 'internal' | 'external') => platform.flash.find((f) => f.storage === storage);
		const internal = geometry('internal');
		assert(internal, `${platform.name} has no internal flash in the catalogue`);
		this.internal = new FlashModel('internal', internal);
		const external = geometry('external');
		this.external = external ? new FlashModel('external', external) : undefined;
		const store = dctStoreOf(platform);
		this.dct = store ? new SectorDct(this.internal, store) : new FileDct(fileWriteMs(external ?? internal));
	}

	get vectors(): number {
		return vectorTableSize[this.platform.mcu];
	}

	flash(storage: Storage): FlashModel {
		if (storage === 'dct') return this.dct.flash;
		const flash = storage === 'internal' ? this.internal : this.external;
		assert(flash, `${this.platform.name} has no ${storage} flash`);
		return flash;
	}

	powerOff(): void {
		this.retained.enterDfu = false;
		this.retained.enterSafeMode = false;
		this.retained.startListening = false;
	}

	/** A region of the memory map as firmware of a certain system module version has it. */
	region(name: string, systemVersion: number): MemoryRegion | undefined {
		return this.platform.memory.find((r) => r.name === name && inRange(r.versions, systemVersion));
	}

	/** Module slots that firmware of this version knows, each with its region. */
	slots(systemVersion: number): { slot: ModuleSlot; region: MemoryRegion | undefined }[] {
		return this.platform.modules
			.filter((slot) => inRange(slot.versions, systemVersion))
			.map((slot) => ({ slot, region: slot.region === undefined ? undefined : this.region(slot.region, systemVersion) }));
	}

	/**
	 * Where every SoftDevice must end: at the MBR's parameter page of the tightest layout. Real ones say so themselves (0x27000 at 0x3008); what stands behind
	 * that, such as a system part of another layout, is nothing to them.
	 */
	get softDeviceEnd(): number {
		const pages = this.platform.memory.filter((r) => r.name === 'mbr-parameters').map((r) => r.start);
		return Math.min(this.internal.end, ...pages);
	}

	contentSha(module: FlashModule): string {
		return contentSha(module.flash, module.address, module.end - module.start + 4);
	}
}
