/**
 * The platforms of `data/platforms/*.json`, and how to find one, a region of its memory map, or the slot of a module. Facts only: what
 * follows from them is the planner's business. Sources of the values stand beside them in the data (docs/data.md).
 */
import { assert } from '@linac/core';
import { moduleLabel } from '@linac/firmware';
import { platformTexts } from './generated/platforms.js';
import type { MemoryRegion, ModuleSlot, Platform, VersionRange } from './types.js';

/** All platforms that can be recognised, by id. Not every one has releases in the table (Core, A SoM, X SoM). */
export const platforms: readonly Platform[] = platformTexts.map((text) => JSON.parse(text) as Platform);

const byId = new Map(platforms.map((p) => [p.id, p]));
const byName = new Map<string, Platform>();
for (const p of platforms) {
	for (const name of [p.name, p.displayName, ...p.aliases]) byName.set(name.toLowerCase(), p);
}

/** By the number in a module's header. */
export function platformById(id: number): Platform | undefined {
	return byId.get(id);
}

/** By Particle's name (`boron`), an alias (`photon2`, `b4xx`) or the name on the box (`P2 / Photon 2`). Case does not matter. */
export function platformByName(name: string): Platform | undefined {
	return byName.get(name.trim().toLowerCase());
}

/** By USB ids, in normal mode or in DFU. `usbModeOf` says which. */
export function platformByUsb(vendorId: number, productId: number): Platform | undefined {
	return platforms.find(
		(p) => p.usb.vendorId === vendorId && (p.usb.productId === productId || p.usb.dfuProductId === productId),
	);
}

/** Whether a product id of this platform is that of its bootloader's DFU mode. */
export function usbModeOf(platform: Platform, productId: number): 'normal' | 'dfu' | undefined {
	if (productId === platform.usb.productId) return 'normal';
	return productId === platform.usb.dfuProductId ? 'dfu' : undefined;
}

/** `from` is included, `before` is not; no range holds everything. */
export function inRange(range: VersionRange | undefined, version: number): boolean {
	return range === undefined || (version >= (range.from ?? 0) && version < (range.before ?? Number.POSITIVE_INFINITY));
}

/**
 * A region of the memory map as the system part of the given module number (e.g. 4005) has it; without a number, as the newest has it.
 * Undefined when that platform or version has no such region (no `user-part-2` before 3.1.0, no `assets` before 5.5.0).
 */
export function regionOf(platform: Platform | string, name: string, moduleVersion?: number): MemoryRegion | undefined {
	const version = moduleVersion ?? Number.MAX_SAFE_INTEGER;
	return asPlatform(platform).memory.find((r) => r.name === name && inRange(r.versions, version));
}

/** Every region that holds for a system part of the given module number. */
export function regionsFor(platform: Platform | string, moduleVersion?: number): MemoryRegion[] {
	const version = moduleVersion ?? Number.MAX_SAFE_INTEGER;
	return asPlatform(platform).memory.filter((r) => inRange(r.versions, version));
}

/** The slot that a module of this function and index belongs in. The header decides, never a file's name. */
export function slotOf(platform: Platform | string, module: { function: number; index: number }): ModuleSlot | undefined {
	return asPlatform(platform).modules.find((m) => m.function === module.function && m.index === module.index);
}

/** What a module is called in tables: by the slot it belongs in (`softdevice`), with its index where a platform has several of a kind. */
export function slotLabel(platform: Platform, module: { function: number; index: number }): string {
	const slot = slotOf(platform, module)?.name;
	const alone = platform.modules.filter((m) => m.name === slot).length === 1;
	return slot !== undefined && alone ? slot : moduleLabel(module);
}

export function slotByName(platform: Platform | string, name: string): ModuleSlot | undefined {
	return asPlatform(platform).modules.find((m) => m.name === name);
}

/** For functions that take a platform or its exact name. An unknown name there is our own bug: names from people go through `platformByName`. */
export function asPlatform(platform: Platform | string): Platform {
	if (typeof platform !== 'string') return platform;
	const found = byName.get(platform.toLowerCase());
	assert(found, `no platform is named '${platform}'`);
	return found;
}
