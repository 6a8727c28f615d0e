/** Small modules with the real addresses, numbers and dependencies of a release: enough to plan with. Made by linac's own builder. */

import { expectedModules, type Platform, type ReleaseSet, regionOf, releaseByVersion, type SourcedModule } from '@linac/catalog';
import { sha256, toHex, unwrap } from '@linac/core';
import { createModule, type ModuleDependency, ModuleFlag, ModuleFunction, parseModule } from '@linac/firmware';
import type { DeviceSnapshot, InstalledModule } from '@linac/planner';

/** Long enough that no two pages of it are in one sector of the nRF52840, short enough to hash quickly. */
const BODY = 9000;

export interface Made {
	slot: string;
	function: number;
	index: number;
	version: number;
	dependencies: readonly ModuleDependency[];
	start?: number;
	size?: number;
	platformId?: number;
}

export function makeModule(platform: Platform, m: Made, seed = m.version): SourcedModule {
	const slot = platform.modules.find((s) => s.function === m.function && s.index === m.index);
	const region =
		slot?.region === undefined
			? undefined
			: regionOf(platform, slot.region, m.function === ModuleFunction.system ? m.version : undefined);
	const flags = m.function === ModuleFunction.radioStack || m.function === ModuleFunction.ncp ? ModuleFlag.dropModuleInfo : 0;
	const body = new Uint8Array(m.size ?? BODY).fill(seed & 0xff);
	const bytes = createModule({
		platformId: m.platformId ?? platform.id,
		function: m.function,
		index: m.index,
		version: m.version,
		start: m.start ?? region?.start ?? 0,
		body,
		flags,
		...(m.function === ModuleFunction.ncp ? { reserved: 33 } : {}),
		dependencies: m.dependencies,
		suffix: flags ? 'base' : 'product',
	});
	const module = unwrap(parseModule(bytes));
	return {
		slot: m.slot,
		origin: `made: ${platform.name} ${m.slot} ${m.version}`,
		module,
		sha256: toHex(sha256(bytes)),
		standIn: true,
	};
}

const cache = new Map<string, ReleaseSet>();

export function releaseOf(platform: Platform, version: string): ReleaseSet {
	const key = `${platform.name} ${version}`;
	let set = cache.get(key);
	if (!set) {
		set = {
			platform: platform.name,
			version,
			moduleVersion: releaseByVersion(version)!.moduleVersion,
			modules: expectedModules(platform, version).map((m) => makeModule(platform, m)),
			source: 'test',
		};
		cache.set(key, set);
	}
	return set;
}

/** An application for a release: it depends on the last system part of it, as the compiler makes it. */
const applications = new Map<string, SourcedModule>();

export function applicationOf(
	platform: Platform,
	version: string,
	options: { index?: number; needs?: number; size?: number } = {},
): SourcedModule {
	const key = `${platform.name} ${version} ${JSON.stringify(options)}`;
	const made = applications.get(key) ?? makeApplication(platform, version, options);
	applications.set(key, made);
	return made;
}

function makeApplication(
	platform: Platform,
	version: string,
	options: { index?: number; needs?: number; size?: number } = {},
): SourcedModule {
	const parts = expectedModules(platform, version).filter((m) => m.function === ModuleFunction.system);
	const last = Math.max(...parts.map((p) => p.index));
	const slots = platform.modules.filter((s) => s.function === ModuleFunction.user);
	const index = options.index ?? slots[0]!.index;
	const region = regionOf(platform, slots.find((s) => s.index === index)!.region!, releaseByVersion(version)!.moduleVersion);
	// RTL872x applications end where their region ends.
	const start = platform.mcu === 'rtl872x' ? region!.end - 16 * 4096 : region!.start;
	return makeModule(
		platform,
		{
			slot: 'user-part',
			function: ModuleFunction.user,
			index,
			version: 6,
			dependencies: [
				{
					function: ModuleFunction.system,
					index: platform.mcu === 'stm32f2' ? Math.min(last, 2) : last,
					version: options.needs ?? releaseByVersion(version)!.moduleVersion,
				},
			],
			start,
			...(options.size === undefined ? {} : { size: options.size }),
		},
		releaseByVersion(version)!.moduleVersion + index,
	);
}

/** What a device that runs a release normally has on it: the release, an application for it, and the bootloader that old Electron systems carry. */
const devices = new Map<string, SourcedModule[]>();

export function deviceModules(platform: Platform, version: string): SourcedModule[] {
	const key = `${platform.name} ${version}`;
	const made = devices.get(key) ?? makeDevice(platform, version);
	devices.set(key, made);
	return made;
}

function makeDevice(platform: Platform, version: string): SourcedModule[] {
	const { modules } = releaseOf(platform, version);
	const asked = modules
		.flatMap((m) => m.module.dependencies)
		.filter((d) => d.function === ModuleFunction.bootloader && d.index === 0);
	const has = modules.some((m) => m.module.prefix.function === ModuleFunction.bootloader && m.module.prefix.index === 0);
	const carried = { slot: 'bootloader', function: ModuleFunction.bootloader, index: 0, dependencies: [] };
	return [
		...modules,
		...(has || asked.length === 0
			? []
			: [makeModule(platform, { ...carried, version: Math.max(...asked.map((d) => d.version)) })]),
		applicationOf(platform, version),
	];
}

/** A device with these modules, as a look at it would tell. */
export function snapshotOf(
	platform: Platform,
	sources: readonly SourcedModule[],
	look: {
		mode: DeviceSnapshot['mode'];
		depth: DeviceSnapshot['depth'];
		hashes?: boolean;
		setupDone?: boolean;
		osVersion?: string;
	},
): DeviceSnapshot {
	const modules: InstalledModule[] = [];
	for (const source of sources) {
		const { prefix } = source.module;
		// A module in another chip can't be read in DFU.
		if (look.depth === 'read' && prefix.function === ModuleFunction.ncp) continue;
		const skip = prefix.flags & ModuleFlag.dropModuleInfo ? 24 : 0;
		const content = source.module.bytes.subarray(skip);
		const deep = look.depth === 'read';
		modules.push({
			function: prefix.function,
			index: prefix.index,
			version: prefix.version,
			valid: true,
			...(deep || look.hashes ? { contentSha256: contentHash(source, content) } : {}),
			...(deep ? { start: prefix.start, size: content.length, dependencies: [...source.module.dependencies] } : {}),
		});
	}
	return {
		platform: platform.name,
		deviceId: 'e00fce68000000000000abcd',
		location: '1-1',
		mode: look.mode,
		...(look.osVersion === undefined ? {} : { osVersion: look.osVersion }),
		modules,
		depth: look.depth,
		...(platform.dct.setupDone === undefined ? {} : { setupDone: look.setupDone ?? true }),
		via: 'usb',
	};
}

const hashes = new WeakMap<SourcedModule, string>();

function contentHash(source: SourcedModule, content: Uint8Array): string {
	const hash = hashes.get(source) ?? toHex(sha256(content));
	hashes.set(source, hash);
	return hash;
}
