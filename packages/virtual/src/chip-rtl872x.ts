/**
 * RTL872x (P2, Photon 2, Tracker M, M SoM): KM0 MBR and KM0 part 1, the KM4 bootloader and Device OS, all in one SPI flash. New bootloaders are copied
 * by the part before them, from an order that stays in flash until it is done. device-os v5.6.0: bootloader/src/main.c, bootloader/src/rtl872x/dfu_usb.c,
 * platform/MCU/rtl872x/src/flash_mal.c, hal/src/rtl872x/{ota_flash_hal.cpp,ota_module.cpp,ota_module_bounds.c,user_hal.cpp}.
 */
import { equalBytes } from '@linac/core';
import { ModuleFlag, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { missing, startAssets, storeAsset } from './asset-manager.js';
import { type BootOutcome, type Chip, type OtaSlot, SystemError } from './chip.js';
import { type DfuClass, DfuFunction, type DfuHost } from './dfu-function.js';
import { DctDfuStorage, type DfuStorage, FlashDfuStorage } from './dfu-storage.js';
import { crcOk, type FlashModule, type InstalledTruth, moduleLength } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { addJob, SlotFlag } from './module-slots.js';
import { judge, stagedModules } from './ota-check.js';
import { applyFlaggedUpdate } from './pending-update.js';
import { runOrder, updateModules } from './rtl-copy.js';
import { Check, check, dependenciesMet, locate } from './system-view.js';

const DFU_EXTENSIONS_FROM = 3001;
/** Device OS 5.5.0: the update slot has a fixed address. */
const FIXED_OTA_FROM = 5500;
/** An update may have 1.5 MB (module_ota of ota_module_bounds.c). */
const OTA_LENGTH = 0x180000;

const marker = (name: string) => new TextEncoder().encode(`linac stand-in for ${name}`);

class Rtl872x implements Chip {
	manufacture(hw: Hardware, modules: readonly ParsedModule[]): void {
		hw.internal.put(hw.region('prebootloader-mbr', 0)!.start, marker('KM0 MBR'));
		hw.internal.put(hw.region('prebootloader-part1', 0)!.start, marker('KM0 part 1'));
		for (const { prefix, bytes } of modules) hw.internal.put(prefix.start, bytes);
	}

	bootloaderVersion(hw: Hardware): number {
		return this.#at(hw, ModuleFunction.bootloader, 0)?.version ?? 0;
	}

	async boot(hw: Hardware): Promise<BootOutcome> {
		if (!has(hw, 'prebootloader-mbr', 'KM0 MBR')) return { runs: 'dead', why: 'The KM0 MBR is damaged: nothing starts.' };
		if (await runOrder(hw)) return { runs: 'again', why: 'A bootloader has been copied.' };
		const first = this.#at(hw, ModuleFunction.bootloader, 2);
		if (!(first && fits(hw, first) && crcOk(first)) && !has(hw, 'prebootloader-part1', 'KM0 part 1')) {
			return { runs: 'dead', why: 'KM0 part 1 is not whole.' };
		}
		const bootloader = this.#at(hw, ModuleFunction.bootloader, 0);
		if (!bootloader || !crcOk(bootloader)) return { runs: 'dead', why: 'There is no whole bootloader.' };
		if (hw.modeButton) return { runs: 'dfu', why: 'MODE was held down during the reset.' };
		if (hw.retained.enterDfu) {
			hw.retained.enterDfu = false;
			return { runs: 'dfu', why: 'Device OS was asked for DFU mode.' };
		}
		if (await updateModules(hw)) return { runs: 'again', why: 'A bootloader is handed to KM0, or module slots are left.' };
		const system = this.#at(hw, ModuleFunction.system, 1);
		if (!system || !fits(hw, system) || !crcOk(system)) return { runs: 'dfu', why: 'The bootloader found no whole system part.' };
		return this.#system(hw, system, bootloader);
	}

	async #system(hw: Hardware, system: FlashModule, bootloader: FlashModule): Promise<BootOutcome> {
		const version = system.version;
		const reasons: string[] = [];
		if (hw.retained.enterSafeMode) reasons.push('safe mode was asked for');
		hw.retained.enterSafeMode = false;
		const needed = Check.integrity | Check.dependencies | Check.range | Check.platform;
		if ((check(hw, bootloader, version) & needed) !== needed) reasons.push('the bootloader does not pass the checks');
		if ((check(hw, system, version) & needed) !== needed)
			reasons.push('the system part does not pass the checks or needs something newer');
		const application = this.application(hw, version);
		if (!application) reasons.push('there is no application that is whole and has what it needs');
		reasons.push(...missing(await startAssets(hw, version, application)));
		const updated = await applyFlaggedUpdate(this, hw, version);
		if (updated) return updated;
		const listening = hw.retained.startListening;
		hw.retained.startListening = false;
		const safe = reasons.length > 0;
		const why = safe ? `Safe mode: ${reasons.join('; ')}.` : 'Everything is in place.';
		return { runs: 'system', systemVersion: version, safe, listening, why };
	}

	application(hw: Hardware, version: number): FlashModule | undefined {
		const user = this.#at(hw, ModuleFunction.user, 1, version);
		return user && fits(hw, user) && crcOk(user) && dependenciesMet(hw, user, version) ? user : undefined;
	}

	#at(hw: Hardware, fn: number, index: number, version = 0): FlashModule | undefined {
		const place = hw.slots(version).find(({ slot }) => slot.function === fn && slot.index === index);
		return place?.region && locate(hw, place.slot, place.region);
	}

	/** Before 5.5.0 the slot begins in the page behind the system part's CRC; when that ends on a page, one page further. */
	otaSlot(hw: Hardware, systemVersion: number): OtaSlot {
		if (systemVersion >= FIXED_OTA_FROM) {
			const region = hw.region('ota', systemVersion)!;
			return { storage: 'internal', start: region.start, size: region.end - region.start };
		}
		const system = this.#at(hw, ModuleFunction.system, 1, systemVersion);
		const crcEnd = (system?.end ?? hw.region('system-part-1', systemVersion)!.start) + 4;
		return { storage: 'internal', start: (crcEnd & ~0xfff) + 0x1000, size: OTA_LENGTH };
	}

	validateUpdate(hw: Hardware, systemVersion: number): number {
		const staged = stagedModules(hw, this.otaSlot(hw, systemVersion), systemVersion);
		return typeof staged === 'number' ? staged : judge(hw, staged, systemVersion);
	}

	async applyUpdate(hw: Hardware, systemVersion: number): Promise<number> {
		const staged = stagedModules(hw, this.otaSlot(hw, systemVersion), systemVersion);
		if (typeof staged === 'number') return staged;
		const verdict = judge(hw, staged, systemVersion);
		if (verdict < 0) return verdict;
		for (const module of staged) {
			if (module.function === ModuleFunction.asset) {
				const result = await storeAsset(hw, systemVersion, module, this.application(hw, systemVersion));
				if (result < 0) return result;
				continue;
			}
			let flags: number = SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction;
			if (module.flags & ModuleFlag.compressed) flags |= SlotFlag.compressed;
			const length = moduleLength(module) + 4;
			const { address: source, start: destination, function: fn } = module;
			const steps = addJob(hw, { sourceExternal: false, source, destination, length, function: fn, flags });
			if (!steps) return SystemError.noMemory;
			await hw.worker.run(steps);
		}
		return 0;
	}

	dfuStorages(hw: Hardware): DfuStorage[] {
		return hw.platform.alternates.map((alternate) =>
			alternate.storage === 'dct' ? new DctDfuStorage(alternate, hw.dct) : new FlashDfuStorage(alternate, hw.internal),
		);
	}

	dfuClass(hw: Hardware, host: DfuHost): DfuClass {
		return new DfuFunction({ ...host, extensions: this.bootloaderVersion(hw) >= DFU_EXTENSIONS_FROM });
	}

	installed(hw: Hardware): InstalledTruth[] {
		const version = this.#at(hw, ModuleFunction.system, 1)?.version ?? 0;
		return hw.slots(version).flatMap(({ slot, region }) => {
			const module = region && !slot.encrypted ? locate(hw, slot, region) : undefined;
			if (!module || !fits(hw, module) || module.function !== slot.function) return [];
			const sha = hw.contentSha(module);
			return { function: module.function, index: module.index, version: module.version, valid: crcOk(module), sha256: sha };
		});
	}
}

function has(hw: Hardware, region: string, name: string): boolean {
	const text = marker(name);
	return equalBytes(hw.internal.read(hw.region(region, 0)!.start, text.length), text);
}

function fits(hw: Hardware, module: FlashModule): boolean {
	return module.start === module.address && module.end < hw.internal.end && module.platformId === hw.platform.id;
}

export const rtl872x: Chip = new Rtl872x();
