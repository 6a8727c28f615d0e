/**
 * The planner's picture of a device: which modules are where and whether they are whole, and nothing else. It is a plain value that
 * is copied, never changed in place. What a device does with it at its next start is decided in boot.ts; what a step does to it, in
 * transitions.ts. Not a byte-level twin: that is `@linac/virtual`.
 */
import { expectedModules, type ModuleSlot, type Platform, releasesFor, slotOf } from '@linac/catalog';
import type { ModuleDependency } from '@linac/firmware';
import type { AssetRef, DeviceMode, DeviceSnapshot, SimulatedState } from './types.js';

export interface ModelModule {
	slot: string;
	function: number;
	index: number;
	version: number;
	/** `damaged`: there is a header, but the rest is not what it should be. A module without a header is not in the model at all. */
	state: 'valid' | 'damaged';
	dependencies: ModuleDependency[];
	/** First address in internal flash and bytes with CRC, where known. */
	start?: number;
	size?: number;
	contentSha256?: string;
	/** Assets that it asks for, where known. */
	assets?: readonly AssetRef[];
	/** Address of a second header inside the module; `null`: it has none; absent: not known. */
	secondStart?: number | null;
}

export interface DeviceModel {
	platform: Platform;
	/** What it is doing now. What it would start into is `boot(model)`. */
	mode: DeviceMode;
	modules: ReadonlyMap<string, ModelModule>;
	/** Slots of which nothing could be learned: taken as good enough until a step says more. */
	unknown: ReadonlySet<string>;
	setupDone: boolean | undefined;
	/** Stored assets, by `assetKey`; `undefined`: not known, and taken as good enough. */
	assets?: ReadonlySet<string> | undefined;
	/** Modules that the next start would put in their place. */
	requests?: readonly UpdateRequest[];
}

/** A staged module and the order to install it. */
export interface UpdateRequest {
	way: 'ota-slot' | 'module-slot';
	/** Where it lies: address of the chip. */
	address: number;
	module: ModelModule;
}

/** Name and hash, as a device compares assets. */
export function assetKey(asset: AssetRef): string {
	return `${asset.sha256}/${asset.name}`;
}

/** What an application asks for and the device does not have; empty where that is not known. */
export function assetsMissing(model: DeviceModel, application: Pick<ModelModule, 'assets'>): AssetRef[] {
	const { assets } = model;
	return assets === undefined ? [] : (application.assets ?? []).filter((a) => !assets.has(assetKey(a)));
}

/** Key of a module on a device: its place is given by function and index alone. */
export function keyOf(module: { function: number; index: number }): string {
	return `${module.function}/${module.index}`;
}

/** Name of a slot for people, also where the platform has no such slot. */
export function slotName(platform: Platform, module: { function: number; index: number }): string {
	return slotOf(platform, module)?.name ?? `function ${module.function} index ${module.index}`;
}

/** `device.modules` must be there: a device of which nothing could be read is refused before. */
export function modelOf(platform: Platform, device: DeviceSnapshot): DeviceModel {
	const modules = new Map<string, ModelModule>();
	for (const m of device.modules ?? []) {
		modules.set(keyOf(m), {
			slot: slotName(platform, m),
			function: m.function,
			index: m.index,
			version: m.version,
			state: m.valid ? 'valid' : 'damaged',
			dependencies: m.dependencies ?? knownDependencies(platform, m),
			...(m.start === undefined ? {} : { start: m.start }),
			...(m.size === undefined ? {} : { size: m.size }),
			...(m.secondStart === undefined ? {} : { secondStart: m.secondStart }),
			...(m.contentSha256 === undefined ? {} : { contentSha256: m.contentSha256.toLowerCase() }),
			...(m.assets === undefined ? {} : { assets: m.assets }),
		});
	}
	const unknown = new Set<string>();
	for (const slot of platform.modules) {
		if (modules.has(keyOf(slot))) continue;
		if (isUnknown(slot, device)) unknown.add(keyOf(slot));
	}
	const assets = device.assets && new Set(device.assets.available.map(assetKey));
	return {
		platform,
		mode: device.mode,
		modules,
		unknown,
		setupDone: setupDoneOf(platform, device),
		...(assets ? { assets } : {}),
	};
}

const published = new Map<string, Map<string, ModuleDependency[]>>();

/** Older systems do not tell the dependencies: then those of the published module with this number count. */
function knownDependencies(platform: Platform, m: { function: number; index: number; version: number }): ModuleDependency[] {
	let all = published.get(platform.name);
	if (!all) {
		all = new Map();
		for (const release of releasesFor(platform)) {
			for (const e of expectedModules(platform, release.version)) all.set(`${keyOf(e)}@${e.version}`, e.dependencies);
		}
		published.set(platform.name, all);
	}
	return all.get(`${keyOf(m)}@${m.version}`) ?? [];
}

/**
 * A slot that the snapshot does not speak of is blank, unless the look could not reach it: a module in another chip (no region), one
 * without a header in flash, and on a running device everything but the application, for otherwise it would not run.
 */
function isUnknown(slot: ModuleSlot, device: DeviceSnapshot): boolean {
	if (slot.region === undefined) return true;
	if (slot.encrypted) return true;
	return device.depth === 'reported' && slot.required;
}

/** A device that has the flag and runs normally in a release that asks for it has it set. */
function setupDoneOf(platform: Platform, device: DeviceSnapshot): boolean | undefined {
	if (device.setupDone !== undefined || platform.dct.setupDone === undefined) return device.setupDone;
	return undefined;
}

export function find(model: DeviceModel, module: { function: number; index: number }): ModelModule | undefined {
	return model.modules.get(keyOf(module));
}

export function isKnown(model: DeviceModel, module: { function: number; index: number }): boolean {
	return !model.unknown.has(keyOf(module));
}

export function withModule(model: DeviceModel, module: ModelModule): DeviceModel {
	const modules = new Map(model.modules);
	modules.set(keyOf(module), module);
	const unknown = new Set(model.unknown);
	unknown.delete(keyOf(module));
	return { ...model, modules, unknown };
}

export function withoutModule(model: DeviceModel, module: { function: number; index: number }): DeviceModel {
	const modules = new Map(model.modules);
	modules.delete(keyOf(module));
	const unknown = new Set(model.unknown);
	unknown.delete(keyOf(module));
	return { ...model, modules, unknown };
}

/** Dependencies that are not met, as the device judges them: there, and at least so new. What is unknown counts as met. */
export function unmet(model: DeviceModel, dependencies: readonly ModuleDependency[]): ModuleDependency[] {
	return dependencies.filter((d) => {
		if (d.function === 0 || !isKnown(model, d)) return false;
		const there = find(model, d);
		return !there || there.version < d.version;
	});
}

/** The modules of a model in a fixed order, for states and for `from`. */
export function listed(model: DeviceModel): SimulatedState['modules'] {
	return [...model.modules.values()]
		.sort((a, b) => a.function - b.function || a.index - b.index)
		.map((m) => ({ slot: m.slot, version: m.version, valid: m.state === 'valid' }));
}
