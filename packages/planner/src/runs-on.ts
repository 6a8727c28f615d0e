/**
 * On what a module would run: for which boards it is, which releases of Device OS it is part of, and which bring everything that it asks for.
 * From its header and the release table alone, so that no file of a release is needed. Whether the module is whole is asked before; what would
 * become of a given device is asked of `plan`.
 */
import {
	assetStore,
	compareVersions,
	expectedModules,
	firstSystemWithAssets,
	inRange,
	type ModuleSlot,
	type Platform,
	platformById,
	platforms,
	type ReleaseEntry,
	releaseByModuleVersion,
	releasesFor,
	rulesOf,
	slotOf,
} from '@linac/catalog';
import { type ModuleDependency, ModuleFunction, moduleLabel, type ParsedModule, requiredAssets } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { keyOf } from './model.js';

export interface RunsOn {
	/** Boards that it is for. Empty: its platform is not known here. */
	platforms: Platform[];
	/** The board that its releases are told for: the one in its header. Undefined for assets, and where that is not known. */
	platform?: Platform;
	/** Its place on that board; undefined where the board has none. */
	slot?: ModuleSlot;
	/** Releases of which it is a part, by its place and its number, newest first. Bytes are not compared. */
	partOf: ReleaseEntry[];
	/** Releases that have its place and everything that it asks for, newest first. */
	fits: ReleaseEntry[];
	/** The other ones, newest first, with what they lack: `Device OS 4.0.0`, `bootloader 1006`, `a store for assets`. */
	lacking: { release: ReleaseEntry; what: string }[];
}

/** The module need not be sound: its header is taken at its word. */
export function runsOn(module: ParsedModule): RunsOn {
	const { prefix } = module;
	if (prefix.function === ModuleFunction.asset) {
		const keeping = platforms.filter((p) => assetStore(p) !== undefined);
		return { platforms: keeping, partOf: [], fits: [], lacking: [] };
	}
	const platform = platformById(prefix.platformId);
	if (!platform) return { platforms: [], partOf: [], fits: [], lacking: [] };
	const slot = slotOf(platform, prefix);
	const result: RunsOn = {
		platforms: boardsOf(module, platform),
		platform,
		...(slot ? { slot } : {}),
		partOf: [],
		fits: [],
		lacking: [],
	};
	const newestFirst = [...releasesFor(platform)].sort((a, b) => compareVersions(b.version, a.version));
	for (const release of newestFirst) {
		const there = expectedModules(platform, release.version);
		if (there.some((m) => keyOf(m) === keyOf(prefix) && m.version === prefix.version)) result.partOf.push(release);
		const what = lackOf(platform, module, slot, release);
		if (what === undefined) result.fits.push(release);
		else result.lacking.push({ release, what });
	}
	return result;
}

/** Nordic's SoftDevice is the same on every board that has one, whatever board its header names (rule of `checkRelease`). */
function boardsOf({ prefix }: ParsedModule, platform: Platform): Platform[] {
	if (prefix.function !== ModuleFunction.radioStack) return [platform];
	return platforms.filter((p) => p.mcu === platform.mcu && slotOf(p, prefix) !== undefined);
}

/** What a release lacks of what the module needs; undefined: nothing. */
function lackOf(
	platform: Platform,
	module: ParsedModule,
	slot: ModuleSlot | undefined,
	release: ReleaseEntry,
): string | undefined {
	if (!slot) return 'a place for it';
	if (!inRange(slot.versions, release.moduleVersion)) return `the ${slot.name} slot`;
	for (const d of module.dependencies) {
		const what = unmetIn(platform, d, release);
		if (what !== undefined) return what;
	}
	const assets = module.prefix.function === ModuleFunction.user && requiredAssets(module).length > 0;
	if (assets && (release.moduleVersion < firstSystemWithAssets() || !assetStore(platform, release.moduleVersion)))
		return 'a store for assets';
	return undefined;
}

function unmetIn(platform: Platform, d: ModuleDependency, release: ReleaseEntry): string | undefined {
	const there = expectedModules(platform, release.version).find((m) => keyOf(m) === keyOf(d))?.version;
	if (there !== undefined && there >= d.version) return undefined;
	if (there === undefined) {
		// Made for each chip, or inside of the system part: no release lists it, and the board has it.
		if (slotOf(platform, d)?.encrypted) return undefined;
		const embedded = d.function === ModuleFunction.bootloader && rulesOf('embedded-bootloader', platform).length > 0;
		if (embedded) return undefined;
		// A further system part that was merged into the first has the number of all of them.
		const further = d.function === ModuleFunction.system && keyOf(d) !== keyOf(bootFacts(platform).startModule);
		if (further && release.moduleVersion >= d.version) return undefined;
	}
	const needed = d.function === ModuleFunction.system ? releaseByModuleVersion(platform, d.version) : undefined;
	return needed ? `Device OS ${needed.version}` : `${moduleLabel(d)} ${d.version}`;
}
