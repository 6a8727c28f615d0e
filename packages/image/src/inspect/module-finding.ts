/** One module, as it is found: what it is, what it needs, on what it would run, and every field. Whether it is right was said by `parseModule`. */
import { type Platform, platformById, releaseByModuleVersion, releaseRunsText, slotOf } from '@linac/catalog';
import { type Digests, type Problem, toHex } from '@linac/core';
import {
	assetOf,
	dependencyLabel,
	flagWords,
	ModuleFunction,
	moduleFields,
	moduleLabel,
	type ParsedModule,
	type PlatformNames,
	requiredAssets,
} from '@linac/firmware';
import { type RunsOn, runsOn } from '@linac/planner';
import type { ModuleFinding, PlatformName, RunsOnFinding } from './finding.js';

export const platformNames: PlatformNames = { get: (id) => platformById(id)?.name };

export function platformName({ id, name, displayName }: Platform): PlatformName {
	return { id, name, displayName };
}

/** `problems` are those of the module in its place; default: its own. */
export function moduleFinding(
	file: string,
	module: ParsedModule,
	digests: Digests,
	problems: readonly Problem[] = module.problems,
): ModuleFinding {
	const { prefix, suffix } = module;
	const where = runsOn(module);
	const asset = prefix.function === ModuleFunction.asset ? assetOf(module) : undefined;
	const product = suffix.productId === undefined && suffix.productVersion === undefined;
	return {
		file,
		name: where.slot?.name ?? moduleLabel(prefix),
		function: prefix.function,
		index: prefix.index,
		version: prefix.version,
		...(where.platform ? { platform: platformName(where.platform) } : {}),
		platformId: prefix.platformId,
		sound: problems.every((p) => p.severity !== 'error'),
		size: module.bytes.length,
		sha256: toHex(digests.sha256(module.bytes)),
		start: prefix.start,
		end: prefix.end,
		crcOk: module.crc.ok,
		shaOk: module.sha.ok,
		...(product ? {} : { product: { id: suffix.productId ?? null, version: suffix.productVersion ?? null } }),
		flags: flagWords(prefix.flags),
		needs: module.dependencies.map((d) => {
			const known = d.function === ModuleFunction.system && where.platform;
			const release = known ? releaseByModuleVersion(known, d.version)?.version : undefined;
			const slot = where.platform && slotOf(where.platform, d)?.name;
			const text = slot === undefined ? dependencyLabel(d) : `${slot} ${d.version} or newer`;
			return { text, ...(release === undefined ? {} : { release }) };
		}),
		assets: requiredAssets(module).map((a) => ({ name: a.name, sha256: toHex(a.hash) })),
		...(asset ? { asset: { name: asset.name, sha256: toHex(asset.hash) } } : {}),
		runsOn: runsOnFinding(module, where),
		fields: moduleFields(module, { platforms: platformNames }),
		problems: [...problems],
	};
}

/** `system-part1 4005`. */
export function moduleTitle(module: Pick<ModuleFinding, 'name' | 'version' | 'asset'>): string {
	return module.asset ? `asset "${module.asset.name}"` : `${module.name} ${module.version}`;
}

function runsOnFinding(module: ParsedModule, where: RunsOn): RunsOnFinding {
	const { platform } = where;
	const fitsText = platform ? releaseRunsText(platform, where.fits) : '';
	return {
		text: runsOnText(module, where, fitsText),
		boards: where.platforms.map(platformName),
		partOf: where.partOf.map((r) => r.version),
		fits: where.fits.map((r) => r.version),
		fitsText,
		lacking: where.lacking.map(({ release, what }) => ({ version: release.version, what })),
	};
}

function runsOnText(module: ParsedModule, where: RunsOn, fits: string): string {
	const { prefix } = module;
	const { platform, platforms, slot, partOf } = where;
	if (prefix.function === ModuleFunction.asset)
		return 'Every board that keeps assets takes it, once its application asks for it by name and hash.';
	if (!platform) return `Platform ${prefix.platformId} is not known here, so no board that linac programs takes it.`;
	const board = platform.displayName;
	if (!slot) return `A ${board} has no place for ${moduleLabel(prefix)}.`;
	if (prefix.function === ModuleFunction.monolithic) return `It is system and application in one, for the ${board}.`;
	if (prefix.function === ModuleFunction.user) {
		if (fits !== '') return `On the ${board} with Device OS ${fits}.`;
		const newest = where.lacking[0];
		const why = newest ? ` The newest, ${newest.release.version}, lacks ${newest.what}.` : '';
		return `On no Device OS for the ${board} that is known here.${why}`;
	}
	const boards = platforms.length > 1 ? 'every board with the same chip' : `the ${board}`;
	const own =
		partOf.length > 0
			? `It is a part of Device OS ${releaseRunsText(platform, partOf)} for ${boards}.`
			: `It is for ${boards}, and a part of no release that is known here.`;
	if (module.dependencies.length === 0) return own;
	return `${own} What it needs comes with ${fits === '' ? 'no release that is known here' : `Device OS ${fits}`}.`;
}
