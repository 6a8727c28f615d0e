/**
 * What stands behind each alternate setting of the DFU function: which addresses it takes and what it does with them.
 * nRF52840: device-os v4.0.1: bootloader/src/nRF52840/usbd_dfu_mal.cpp; RTL872x: v6.2.0: bootloader/src/rtl872x/usbd_dfu_mal.cpp;
 * STM32F2: v3.3.1: platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/usbd_{flash,dct}_if.c.
 */
import type { DfuAlternate } from '@linac/catalog';
import type { Dct } from './dct.js';
import type { FlashModel, FlashStep } from './flash-model.js';

export interface DfuStorage {
	readonly alternate: DfuAlternate;
	/** `undefined`: the address is refused. */
	read(address: number, length: number): Uint8Array | undefined;
	/** One sector. */
	erase(address: number): Iterable<FlashStep> | undefined;
	write(address: number, data: Uint8Array): Iterable<FlashStep> | undefined;
}

export interface FlashStorageRules {
	/** Addresses that may not be erased or written. */
	writable?(address: number, length: number): boolean;
	/** Runs after a write, e.g. what a bootloader does when a new application has arrived. */
	afterWrite?(address: number, length: number): Iterable<FlashStep>;
}

/** Internal or external flash, at an offset. */
export class FlashDfuStorage implements DfuStorage {
	readonly alternate: DfuAlternate;
	readonly #flash: FlashModel;
	readonly #rules: FlashStorageRules;

	constructor(alternate: DfuAlternate, flash: FlashModel, rules: FlashStorageRules = {}) {
		this.alternate = alternate;
		this.#flash = flash;
		this.#rules = rules;
	}

	read(address: number, length: number): Uint8Array | undefined {
		const at = this.#at(address, length);
		return at === undefined ? undefined : this.#flash.read(at, length);
	}

	erase(address: number): Iterable<FlashStep> | undefined {
		const at = this.#at(address, 0);
		if (at === undefined || !this.#flash.contains(at, 1) || this.#rules.writable?.(at, 1) === false) return undefined;
		return this.#flash.erase(at, 1);
	}

	write(address: number, data: Uint8Array): Iterable<FlashStep> | undefined {
		const at = this.#at(address, data.length);
		if (at === undefined || this.#rules.writable?.(at, data.length) === false) return undefined;
		return this.#write(at, data);
	}

	*#write(at: number, data: Uint8Array): Iterable<FlashStep> {
		yield* this.#flash.program(at, data);
		if (this.#rules.afterWrite) yield* this.#rules.afterWrite(at, data.length);
	}

	/** `validate()` of the sources lets a range end exactly at the end of the flash. */
	#at(address: number, length: number): number | undefined {
		const at = address - this.alternate.addressOffset;
		return this.#flash.contains(at, length) ? at : undefined;
	}
}

/** The DCT: erasing does nothing and succeeds, writing needs no erase and may be one byte. */
export class DctDfuStorage implements DfuStorage {
	readonly alternate: DfuAlternate;
	readonly #dct: Dct;
	readonly #reached: () => boolean;

	/** `reached`: whether the bootloader can get at the DCT; by default it can. */
	constructor(alternate: DfuAlternate, dct: Dct, reached: () => boolean = () => true) {
		this.alternate = alternate;
		this.#dct = dct;
		this.#reached = reached;
	}

	read(address: number, length: number): Uint8Array | undefined {
		return this.#reached() && address + length <= this.#dct.size ? this.#dct.read(address, length) : undefined;
	}

	erase(): Iterable<FlashStep> {
		return [];
	}

	write(address: number, data: Uint8Array): Iterable<FlashStep> | undefined {
		return this.#reached() && address + data.length <= this.#dct.size ? this.#dct.write(address, data) : undefined;
	}
}
