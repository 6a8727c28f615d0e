/**
 * Decides what becomes of an application and its assets before anything is written: whether the application can have assets at all, how large
 * each asset is as its device stores it, and whether all of them fit into the store under every Device OS that the application can run on.
 * The archive itself: `writeBundle` of `@linac/firmware`. Nothing here reads files.
 */
import {
	assetDependencyForm,
	assetStore,
	firstSystemWithAssets,
	type Platform,
	platformById,
	regionOf,
	releaseByModuleVersion,
	releasesFor,
	slotOf,
} from '@linac/catalog';
import { assert, bad, type Digests, good, type Problem, portableDigests, problem, type Verdict } from '@linac/core';
import {
	type BundleAsset,
	contentKind,
	hiddenAssets,
	ModuleFunction,
	moduleLabel,
	type ParsedModule,
	parseModule,
	requiredAssets,
	whyNoAssetName,
	withAssets,
	writeBundle,
} from '@linac/firmware';
import { placeProblems } from '../application.js';
import { measureAssets, type PlannedAsset, type StoreUse } from './measure-assets.js';

export interface BundlePlan {
	platform: Platform;
	application: {
		name: string;
		/** With the list of its assets. */
		module: ParsedModule;
		/** Lowest number of the system part that it runs on. */
		needsSystem: number;
		/** What the slot has room for, and what the application takes of it. Bytes. */
		slot: { size: number; used: number };
	};
	/** By name. */
	assets: PlannedAsset[];
	/** Names that the application asked for before, in place of which it asks for `assets`. */
	replaced: string[];
	stores: StoreUse[];
	/** No problem is an error: the bundle may be written. */
	fits: boolean;
}

export interface BundlePlanOptions {
	digests?: Digests;
}

/**
 * Bad when there can be no such bundle, whatever the sizes: a damaged or wrong application, illegal names, no assets. A good verdict has all
 * sizes; with `fits` false, its problems say what is too large for what.
 */
export function planBundle(
	application: { name: string; bytes: Uint8Array },
	assets: readonly BundleAsset[],
	options: BundlePlanOptions = {},
): Verdict<BundlePlan> {
	const digests = options.digests ?? portableDigests;
	const judged = openApplication(application, digests);
	if (!judged.ok) return judged;
	const { module, platform, form, needsSystem } = judged.value;
	const names = judgeNames(application.name, assets);
	if (names.length > 0) return bad(...names);

	const measured = measureAssets(platform, needsSystem, assets, digests);
	const needed = measured.assets.map((a) => ({ name: a.name, sha256: digests.sha256(a.bytes) }));
	const listed = withAssets(module, needed, { form, digests, file: application.name });
	if (!listed.ok) return listed;
	const result = parseModule(listed.value, { file: application.name, digests });
	assert(result.ok && result.value.sound, 'an application with a new list of assets is sound');

	const replaced = requiredAssets(module).map((a) => a.name);
	const problems = [...judged.problems];
	if (replaced.length > 0) {
		problems.push(
			problem(
				'BUNDLE_ASSETS_REPLACED',
				`${application.name} asked for ${replaced.length} ${replaced.length === 1 ? 'asset' : 'assets'} before (${replaced.join(', ')}); now it asks for those of this bundle only.`,
				{ severity: 'info', file: application.name },
			),
		);
	}
	const slot = slotUse(platform, result.value, application.name, needsSystem);
	problems.push(...slot.problems, ...measured.problems);
	const plan: BundlePlan = {
		platform,
		application: { name: application.name, module: result.value, needsSystem, slot: { size: slot.size, used: slot.used } },
		assets: measured.assets,
		replaced,
		stores: measured.stores,
		fits: problems.every((p) => p.severity !== 'error'),
	};
	return good(plan, problems);
}

/** `bundle_firmware.zip` for `folder/firmware.bin`: the same for the same application, with no time in it. */
export function bundleFileName(application: string): string {
	const base = application.replace(/^.*[\\/]/, '').replace(/\.bin$/i, '');
	return `bundle_${base}.zip`;
}

/** The archive of a plan that fits. */
export function writePlannedBundle(plan: BundlePlan, digests?: Digests): Uint8Array<ArrayBuffer> {
	assert(plan.fits, 'a bundle that is too large is not written');
	return writeBundle({ name: plan.application.name, bytes: plan.application.module.bytes }, plan.assets, digests);
}

/** An application that can have assets. */
export interface Able {
	platform: Platform;
	/** Where it lists them. */
	form: 'prefix' | 'suffix';
	/** Lowest number of the system part that it runs on. */
	needsSystem: number;
}

type Opened = Able & { module: ParsedModule };

function openApplication({ name, bytes }: { name: string; bytes: Uint8Array }, digests: Digests): Verdict<Opened> {
	if (contentKind(bytes) === 'zip') {
		return bad(
			problem(
				'BUNDLE_OF_BUNDLE',
				`${name} is an archive, probably a bundle already. "linac bundle strip ${name} -o app.bin" takes the application out of it.`,
				{ file: name },
			),
		);
	}
	const parsed = parseModule(bytes, { file: name, digests });
	if (!parsed.ok) return parsed;
	const module = parsed.value;
	if (!module.sound) return bad(...module.problems);
	const able = judgeForAssets(module, name);
	return able.ok ? good({ module, ...able.value }, module.problems) : able;
}

/** Whether this module is an application that can have assets: for a platform with a store, built for a Device OS that knows assets. */
export function judgeForAssets(module: ParsedModule, name: string): Verdict<Able> {
	const refuse = (code: string, message: string) => bad<Able>(problem(code, message, { file: name }));
	const { prefix } = module;
	if (prefix.function !== ModuleFunction.user) {
		return refuse(
			'NOT_AN_APPLICATION',
			`${name} is ${moduleLabel(prefix)} ${prefix.version}, and a bundle needs an application (user-part). Give the file that your compiler made of your program.`,
		);
	}
	const platform = platformById(prefix.platformId);
	if (!platform)
		return refuse('BUNDLE_PLATFORM_UNKNOWN', `${name} is for platform ${prefix.platformId}, which is not known here.`);
	const form = assetDependencyForm(platform);
	if (!form || !assetStore(platform)) {
		return refuse(
			'BUNDLE_NO_STORE',
			`${name} is for the ${platform.displayName}, which keeps no assets. Put the data into the application, or send them in another way.`,
		);
	}
	const needsSystem = Math.max(
		0,
		...module.dependencies.filter((d) => d.function === ModuleFunction.system).map((d) => d.version),
	);
	const first = firstSystemWithAssets();
	if (needsSystem < first) {
		const built = releaseByModuleVersion(platform, needsSystem)?.version;
		const lowest = lowestRelease(platform, first);
		return refuse(
			'BUNDLE_SYSTEM_TOO_OLD',
			`${name} is built for ${built === undefined ? `system-part ${needsSystem}` : `Device OS ${built}`}, and assets need Device OS ${lowest} or newer. ` +
				`Compile it again for that: particle compile ${platform.name} --target ${lowest}`,
		);
	}
	const hidden = hiddenAssets(module);
	if (hidden.length > 0) {
		return refuse(
			'ASSET_DEPENDENCIES_HIDDEN',
			`${name} has a list of assets (${hidden.join(', ')}) where no device looks: a tool bundled it twice. Give the file that the compiler made.`,
		);
	}
	return good({ platform, form, needsSystem });
}

function lowestRelease(platform: Platform, first: number): string {
	const final = releasesFor(platform).filter((r) => r.moduleVersion >= first && r.channel === 'release');
	return final.reduce((low, r) => (r.moduleVersion < low.moduleVersion ? r : low), final[0]!).version;
}

function judgeNames(application: string, assets: readonly BundleAsset[]): Problem[] {
	const problems: Problem[] = [];
	if (assets.length === 0) {
		problems.push(
			problem(
				'BUNDLE_WITHOUT_ASSETS',
				`There is no asset to bundle with ${application}. Put files into the folder, or name another one.`,
			),
		);
	}
	const seen = new Set<string>();
	for (const { name } of assets) {
		const why = whyNoAssetName(name);
		if (why !== undefined) {
			const message = `The asset "${name}" cannot have this name: ${why}. Rename the file.`;
			problems.push(problem('ASSET_NAME_INVALID', message, { file: name, field: 'name' }));
		}
		if (seen.has(name))
			problems.push(problem('ASSET_NAME_TWICE', `There are two assets called "${name}".`, { file: name, field: 'name' }));
		seen.add(name);
	}
	return problems;
}

function slotUse(
	platform: Platform,
	module: ParsedModule,
	name: string,
	needsSystem: number,
): { size: number; used: number; problems: Problem[] } {
	const used = module.bytes.length;
	const slot = slotOf(platform, module.prefix);
	const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, needsSystem);
	const problems = slot
		? placeProblems(module, slot, `${name} (with the list of its assets)`, {
				platform,
				moduleVersion: needsSystem,
				name: `Device OS ${releaseByModuleVersion(platform, needsSystem)?.version ?? `with system-part ${needsSystem}`}`,
			})
		: [problem('NOT_AN_APPLICATION', `${name} has no place on a ${platform.displayName}.`, { file: name })];
	return { size: region ? region.end - region.start : used, used, problems };
}
