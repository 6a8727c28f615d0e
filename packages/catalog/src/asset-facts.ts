/**
 * Typed access to data/assets.json and what follows from it for a platform: whether its devices keep assets of an application, how much
 * room they have for them, and in which form an application asks for them. Facts only; bundles are made by `@linac/image`.
 */
import { assetsText } from './generated/assets.js';
import { asPlatform, regionOf } from './platforms.js';
import type { McuFamily, Platform, Sourced } from './types.js';

interface AssetFacts {
	format: 'linac-assets/1';
	/** First number of the system part with a store. */
	system: Sourced & { from: number };
	/** First number of the system part that tells what it keeps. */
	told: Sourced & { from: number };
	block: Sourced & { size: number; overhead: number; reserved: number };
	single: Sourced & { freeBlocks: number };
	dependencies: (Sourced & { mcu: McuFamily; form: 'prefix' | 'suffix' })[];
}

let parsed: AssetFacts | undefined;

function facts(): AssetFacts {
	parsed ??= JSON.parse(assetsText) as AssetFacts;
	return parsed;
}

/** Room for assets on a device. Sizes in bytes, of compressed modules as they are sent and stored. */
export interface AssetStore {
	blockSize: number;
	/** All blocks of the store. */
	blocks: number;
	/** What assets can fill of it. */
	usable: number;
	/** A single module may be no larger. */
	largest: number;
	/** What a module of this size takes of `usable`: whole blocks. */
	takes(moduleSize: number): number;
}

/**
 * The store of a platform under a system part of this number (5501); without a number, under the newest. Undefined where there is none:
 * generations 1 and 2, Xenon, A SoM, X SoM, and every Device OS before 5.5.0.
 */
export function assetStore(platform: Platform | string, moduleVersion?: number): AssetStore | undefined {
	const region = regionOf(platform, 'assets', moduleVersion);
	const slot = regionOf(platform, 'ota', moduleVersion);
	if (!region || !slot) return undefined;
	const { block, single } = facts();
	const blocks = Math.floor((region.end - region.start) / block.size);
	// What is received behind the beginning of the store would overwrite it (4 MB boards).
	const overlap = slot.storage === region.storage && slot.start < region.start && slot.end > region.start;
	const receivable = (overlap ? region.start : slot.end) - slot.start;
	return {
		blockSize: block.size,
		blocks,
		usable: (blocks - block.reserved) * block.size,
		largest: Math.min(receivable, (blocks - single.freeBlocks) * block.size),
		takes: (moduleSize) => Math.ceil(moduleSize / (block.size - block.overhead)) * block.size,
	};
}

/** The lowest number of the system part that knows assets. */
export function firstSystemWithAssets(): number {
	return facts().system.from;
}

/** The lowest number of the system part that tells over USB which assets are stored. */
export function firstSystemThatTellsAssets(): number {
	return facts().told.from;
}

/**
 * Whether an update of so many bytes, received over USB by the running system, is put over the beginning of the store (4 MB boards): then
 * everything in it is lost. Over the air Device OS formats the store before that; by control requests it does not look.
 * device-os v6.2.0: system/src/asset_manager.cpp (prepareForOta, called by system_cloud_internal.cpp alone), hal/src/argon/hal_platform_config.h.
 */
export function updateOverwritesAssets(platform: Platform | string, moduleVersion: number, length: number): boolean {
	const region = regionOf(platform, 'assets', moduleVersion);
	const slot = regionOf(platform, 'ota', moduleVersion);
	return (
		region !== undefined && slot?.storage === region.storage && slot.start < region.start && slot.start + length > region.start
	);
}

/** Where an application of this platform lists its assets: in its header or at its end. Undefined where there are no assets. */
export function assetDependencyForm(platform: Platform | string): 'prefix' | 'suffix' | undefined {
	const { mcu } = asPlatform(platform);
	return facts().dependencies.find((d) => d.mcu === mcu)?.form;
}
