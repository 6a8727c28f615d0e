/**
 * Judges what lies in the update slot, module by module, with the result codes of Device OS
 * (device-os v4.0.1: hal/src/nRF52840/ota_flash_hal.cpp fetchModules, validateModules, validityResultToSystemError).
 */
import { ModuleFlag, ModuleFunction } from '@linac/firmware';
import { keepsAssets } from './asset-files.js';
import { type OtaSlot, SystemError } from './chip.js';
import { crcOk, type FlashModule, moduleLength, readModule, readPrefixAt } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { Check, check } from './system-view.js';

/** Device OS takes at most two modules that travel in one file. */
const MAX_COMBINED = 2;

/** PLATFORM_NCP_ESP32 (hal/shared/platform_ncp.h). */
const NCP_ESP32 = 0x21;

/** The modules in the slot, or an error. */
export function stagedModules(hw: Hardware, slot: OtaSlot, systemVersion: number): FlashModule[] | number {
	const flash = hw.flash(slot.storage);
	const out: FlashModule[] = [];
	let at = slot.start;
	for (let combined = true; combined; ) {
		const module = readStaged(hw, flash, at);
		if (!module) return SystemError.otaModuleNotFound;
		// Of an asset nothing is looked at before it is stored (fetch_module of hal/src/*/ota_module.cpp).
		const asset = module.function === ModuleFunction.asset && keepsAssets(hw, systemVersion);
		const known = hw.slots(systemVersion).find((s) => s.slot.function === module.function && s.slot.index === module.index);
		const [start, end] = known?.region ? [known.region.start, known.region.end] : [0, 1500 * 1024];
		if (!asset && (!known || module.end < start || module.end > end)) return SystemError.otaModuleNotFound;
		if (out.length < MAX_COMBINED) out.push(module);
		combined = (module.flags & ModuleFlag.combined) !== 0;
		at += moduleLength(module) + 4;
		if (combined && at >= slot.start + slot.size) return SystemError.otaInvalidSize;
	}
	return out;
}

export function readStaged(hw: Hardware, flash: FlashModule['flash'], at: number): FlashModule | undefined {
	if (hw.platform.mcu !== 'rtl872x') return readModule(flash, at, hw.vectors);
	// The KM4 bootloader of RTL872x starts with an image header instead of a vector table.
	const plain = readPrefixAt(flash, at, 0);
	if (plain?.platformId === hw.platform.id) return plain;
	// An asset is of no platform, and starts at 0.
	if (plain?.function === ModuleFunction.asset && plain.platformId === 0 && plain.start === 0) return plain;
	return readPrefixAt(flash, at, hw.vectors);
}

/** 0 when every module passes. */
export function judge(hw: Hardware, modules: readonly FlashModule[], systemVersion: number): number {
	for (const module of modules) {
		const plain = (module.flags & (ModuleFlag.dropModuleInfo | ModuleFlag.compressed)) === 0;
		if (module.function === ModuleFunction.asset) {
			if (!plain && module.prefixOffset > 0) return SystemError.otaInvalidFormat;
			continue;
		}
		const wanted = Check.integrity | Check.range | Check.platform | Check.dependencies | Check.dependenciesFull;
		const passed = check(hw, module, systemVersion, true);
		if ((passed & wanted) !== wanted) return asError(passed);
		if (!plain && module.prefixOffset > 0) return SystemError.otaInvalidFormat;
		const compressible = module.function === ModuleFunction.user || module.function === ModuleFunction.system;
		if (module.flags & ModuleFlag.compressed && !compressible) return SystemError.otaUnsupportedModule;
		if (module.flags & ModuleFlag.encrypted) return SystemError.otaUnsupportedModule;
		if (module.function === ModuleFunction.ncp && hw.ncpVersion === undefined) return SystemError.otaUnsupportedModule;
		if (module.function === ModuleFunction.ncp && module.mcu !== NCP_ESP32) return SystemError.otaInvalidPlatform;
		if (breaksOthers(hw, module, systemVersion)) return SystemError.otaDependencyCheckFailed;
	}
	return 0;
}

/** MODULE_VALIDATION_DEPENDENCIES_FULL: a new system part must still be new enough for the other system parts that stay. */
function breaksOthers(hw: Hardware, module: FlashModule, systemVersion: number): boolean {
	if (module.function !== ModuleFunction.system) return false;
	for (const { slot, region } of hw.slots(systemVersion)) {
		if (slot.function !== ModuleFunction.system || slot.index === module.index || !region) continue;
		const other = readModule(hw.flash(region.storage), region.start, hw.vectors);
		if (!other || !crcOk(other)) continue;
		for (const d of other.dependencies) {
			if (d.function === module.function && d.index === module.index && module.version < d.version) return true;
		}
	}
	return false;
}

function asError(passed: number): number {
	if (!(passed & Check.integrity)) return SystemError.otaIntegrityCheckFailed;
	if (!(passed & Check.dependencies)) return SystemError.otaDependencyCheckFailed;
	if (!(passed & Check.range)) return SystemError.otaInvalidAddress;
	if (!(passed & Check.platform)) return SystemError.otaInvalidPlatform;
	return SystemError.otaValidationFailed;
}
