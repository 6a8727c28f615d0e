/**
 * What Device OS thinks of the modules around it: it looks for one in each place that it knows, and checks address range, platform, CRC
 * and dependencies (device-os v4.0.1: hal/src/nRF52840/ota_module.cpp fetch_module, ota_flash_hal.cpp validate_module_dependencies;
 * v3.3.1: hal/src/stm32f2xx/ota_module.cpp). Not for the boot decision (boot-*.ts) or for applying updates.
 */

import type { MemoryRegion, ModuleSlot } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import {
	crcOk,
	type Dependency,
	type FlashModule,
	moduleLength,
	readModule,
	readPrefixAt,
	softDeviceVersion,
	storedSha,
} from './flash-modules.js';
import type { Hardware } from './hardware.js';

/** MODULE_VALIDATION_* of dynalib/inc/module_info.h. */
export const Check = { integrity: 2, dependencies: 4, range: 8, platform: 16, product: 32, dependenciesFull: 64 } as const;

export interface SeenModule {
	slot: ModuleSlot;
	region: MemoryRegion | undefined;
	function: number;
	index: number;
	version: number;
	/** Bytes without the CRC; 0 where only a version is known. */
	size: number;
	dependencies: Dependency[];
	checked: number;
	passed: number;
	sha: Uint8Array;
	module?: FlashModule;
}

const all = Check.integrity | Check.dependencies | Check.range | Check.platform;

/** The module in one of the places of the memory map, without any check. */
export function locate(hw: Hardware, slot: ModuleSlot, region: MemoryRegion): FlashModule | undefined {
	const flash = hw.flash(region.storage);
	if (hw.platform.mcu === 'rtl872x') return locateRtl(hw, slot, region);
	return readModule(flash, region.start, hw.vectors);
}

// RTL872x: the KM4 bootloader has its prefix behind a 32-byte image header; a user part is right-aligned, and the DYNAMIC_LOCATION
// extension of its suffix says where it starts (device-os v6.2.0: hal/src/rtl872x/ota_module.cpp, platform/MCU/rtl872x/src/flash_mal.cpp).
const SUFFIX_SIZE_BACK = 2;

function locateRtl(hw: Hardware, slot: ModuleSlot, region: MemoryRegion): FlashModule | undefined {
	const flash = hw.flash(region.storage);
	if (slot.function === ModuleFunction.bootloader) return readPrefixAt(flash, region.start, slot.index === 0 ? 0x20 : 0);
	if (slot.function !== ModuleFunction.user) return readPrefixAt(flash, region.start, 0);
	const end = region.end - 4;
	const size = flash.u32(end - SUFFIX_SIZE_BACK - 2) >>> 16;
	if (size < 52 || size > 4096) return undefined;
	let at = end - size;
	while (at + 4 <= end - 36) {
		const head = flash.u32(at);
		const length = head >>> 16;
		if ((head & 0xffff) === 2) {
			const start = flash.u32(at + 4);
			return start >= region.start && start < end ? readPrefixAt(flash, start, 0) : undefined;
		}
		if (length < 4) return undefined;
		at += length;
	}
	return undefined;
}

/** Everything that firmware of this version reports. User parts that are not whole are not among them. */
export function seenModules(hw: Hardware, systemVersion: number): SeenModule[] {
	const out: SeenModule[] = [];
	let userFound = false;
	for (const { slot, region } of hw.slots(systemVersion)) {
		if (slot.encrypted || (slot.function === ModuleFunction.bootloader && !region)) continue;
		// A 128 KB application hides the 256 KB one (ota_flash_hal.cpp HAL_System_Info).
		if (slot.function === ModuleFunction.user && userFound) continue;
		const seen = see(hw, slot, region, systemVersion);
		if (!seen) continue;
		if (slot.function === ModuleFunction.user) {
			if ((seen.passed & Check.integrity) === 0) continue;
			userFound = true;
		}
		out.push(seen);
	}
	return out;
}

export function see(
	hw: Hardware,
	slot: ModuleSlot,
	region: MemoryRegion | undefined,
	systemVersion: number,
): SeenModule | undefined {
	const bare = (version: number, sha = new Uint8Array(32)): SeenModule => ({
		slot,
		region,
		function: slot.function,
		index: slot.index,
		version,
		size: 0,
		dependencies: [],
		checked: all,
		passed: all,
		sha,
	});
	if (slot.function === ModuleFunction.ncp) return bare(hw.ncpVersion ?? 0);
	if (slot.function === ModuleFunction.radioStack) {
		// Device OS assumes that it is sound: it would not run otherwise.
		return bare(softDeviceVersion(hw.internal));
	}
	const module = region && locate(hw, slot, region);
	if (!module) return undefined;
	const passed = check(hw, module, systemVersion) & all;
	return {
		slot,
		region,
		function: module.function,
		index: module.index,
		version: module.version,
		size: Math.max(0, moduleLength(module)),
		dependencies: module.dependencies.filter((d) => d.function !== 0),
		checked: all,
		passed,
		sha: storedSha(module),
		module,
	};
}

/** Runs the checks; the result is the flags that passed. `userOptional`: an update may arrive before what its application needs. */
export function check(hw: Hardware, module: FlashModule, systemVersion: number, userOptional = false): number {
	const place = hw.slots(systemVersion).find(({ slot }) => slot.function === module.function && slot.index === module.index);
	let passed = 0;
	if (!place) return passed;
	// Only the end address is compared, bounds included (in_range of ota_module.cpp). NCP modules lie in 0 ... 1500 KB of another chip.
	const [start, end] = place.region ? [place.region.start, place.region.end] : [0, 1500 * 1024];
	if (module.end < start || module.end > end) return passed;
	passed |= Check.range;
	if (module.platformId === hw.platform.id) passed |= Check.platform;
	if (dependenciesMet(hw, module, systemVersion, userOptional)) passed |= Check.dependencies | Check.dependenciesFull;
	if (crcOk(module)) passed |= Check.integrity;
	return passed & (all | Check.dependenciesFull);
}

/** Both declared dependencies, not transitive. A dependency on something that this platform does not have is not met. */
export function dependenciesMet(hw: Hardware, module: FlashModule, systemVersion: number, userOptional = false): boolean {
	const [first, second] = module.dependencies;
	if (first.function === 0 || (userOptional && module.function === ModuleFunction.user)) return true;
	if (!dependencyMet(hw, first, systemVersion)) return false;
	if (second.function === 0 || (userOptional && second.function === ModuleFunction.bootloader)) return true;
	return dependencyMet(hw, second, systemVersion);
}

function dependencyMet(hw: Hardware, dependency: Dependency, systemVersion: number): boolean {
	const place = hw
		.slots(systemVersion)
		.find(({ slot }) => slot.function === dependency.function && slot.index === dependency.index);
	if (!place) return false;
	if (dependency.function === ModuleFunction.ncp) return (hw.ncpVersion ?? 0) >= dependency.version;
	if (!place.region) return false;
	if (dependency.function === ModuleFunction.radioStack) {
		return softDeviceVersion(hw.internal) >= dependency.version;
	}
	const found = locate(hw, place.slot, place.region);
	return found !== undefined && found.version >= dependency.version;
}
