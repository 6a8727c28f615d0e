/**
 * STM32F103 (Core): a bootloader with DFU, one monolithic firmware, and a serial flash. Known to the model as far as its files go: DFU reads, erases
 * and writes, and the firmware starts when its first word looks like a stack pointer. Device OS of that time has no control requests; the Core then
 * answers on the bus with raw requests only. Sources of old bootloaders: device-os v0.4.0: bootloader, platform/MCU/STM32F1xx.
 */
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { type BootOutcome, type Chip, type OtaSlot, SystemError } from './chip.js';
import type { DfuClass, DfuHost } from './dfu-function.js';
import { Stm32DfuFunction } from './dfu-function-stm32.js';
import { type DfuStorage, FlashDfuStorage } from './dfu-storage.js';
import { crcOk, type FlashModule, type InstalledTruth, readPrefixAt } from './flash-modules.js';
import type { Hardware } from './hardware.js';

class Stm32f1 implements Chip {
	manufacture(hw: Hardware, modules: readonly ParsedModule[]): void {
		hw.internal.put(hw.region('bootloader', 0)!.start, new TextEncoder().encode('linac stand-in for the bootloader'));
		for (const { prefix, bytes } of modules) hw.internal.put(prefix.start, bytes);
	}

	/** Only asked for where assets are kept. */
	application(): undefined {
		return undefined;
	}

	bootloaderVersion(): number {
		return 0;
	}

	async boot(hw: Hardware): Promise<BootOutcome> {
		if (hw.modeButton || hw.retained.enterDfu) {
			hw.retained.enterDfu = false;
			return { runs: 'dfu', why: 'DFU mode was asked for.' };
		}
		const module = this.#firmware(hw);
		const first = hw.internal.u32(hw.region('monolithic', 0)!.start);
		if ((first & 0x2ffe0000) >>> 0 !== 0x20000000) return { runs: 'dfu', why: 'The bootloader found no firmware.' };
		if (!module || !crcOk(module))
			return { runs: 'dead', why: 'The firmware is torn: the bootloader starts it all the same, and it crashes.', crashes: true };
		return { runs: 'system', systemVersion: module.version, safe: false, listening: false, why: 'Everything is in place.' };
	}

	#firmware(hw: Hardware): FlashModule | undefined {
		return readPrefixAt(hw.internal, hw.region('monolithic', 0)!.start, hw.vectors);
	}

	otaSlot(hw: Hardware): OtaSlot {
		const region = hw.region('ota', 0)!;
		return { storage: 'external', start: region.start, size: region.end - region.start };
	}

	validateUpdate(): number {
		return SystemError.notSupported;
	}

	async applyUpdate(): Promise<number> {
		return SystemError.notSupported;
	}

	dfuStorages(hw: Hardware): DfuStorage[] {
		const from = hw.region('monolithic', 0)!.start;
		return hw.platform.alternates.map((alternate) =>
			alternate.storage === 'external'
				? new FlashDfuStorage(alternate, hw.external!)
				: new FlashDfuStorage(alternate, hw.internal, { writable: (address) => address >= from }),
		);
	}

	dfuClass(_hw: Hardware, host: DfuHost): DfuClass {
		return new Stm32DfuFunction(host);
	}

	installed(hw: Hardware): InstalledTruth[] {
		const module = this.#firmware(hw);
		if (!module || module.function !== ModuleFunction.monolithic || module.platformId !== hw.platform.id) return [];
		return [{ function: 3, index: module.index, version: module.version, valid: crcOk(module), sha256: hw.contentSha(module) }];
	}
}

export const stm32f1: Chip = new Stm32f1();
