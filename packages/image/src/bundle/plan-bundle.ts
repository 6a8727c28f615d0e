/**
 * Decides what becomes of an application and its assets before anything is written: whether the application can have assets at all, how large
 * each asset is as its device stores it, and whether all of them fit into the store under every Device OS that the application can run on.
 * The archive itself: `writeBundle` of `@linac/firmware`. Nothing here reads files.
 *
 * Sizes are exact for modules made by `createAssetModule`, which is what linac sends. Other tools compress with another Deflate, and get a few
 * per cent more or less: hence the warning where it is that tight.
 */
import {
	type AssetStore,
	assetDependencyForm,
	assetStore,
	firstSystemWithAssets,
	type Platform,
	platformById,
	type ReleaseEntry,
	regionOf,
	releaseByModuleVersion,
	releasesFor,
	slotOf,
} from '@linac/catalog';
import { assert, bad, type Digests, good, type Problem, portableDigests, problem, toHex, type Verdict } from '@linac/core';
import {
	type BundleAsset,
	contentKind,
	createAssetModule,
	hiddenAssets,
	ModuleFunction,
	moduleLabel,
	type ParsedModule,
	parseModule,
	requiredAssets,
	sortAssets,
	whyNoAssetName,
	withAssets,
	writeBundle,
} from '@linac/firmware';
import { placeProblems } from '../application.js';

/** How much larger a module may get that another tool compresses. Measured against zlib at its default level: at most 2.2 %. */
const OTHER_DEFLATE = 0.03;

export interface PlannedAsset extends BundleAsset {
	/** Of the raw bytes, hex. */
	sha256: string;
	/** Bytes of the compressed module that is sent. */
	moduleSize: number;
	/** Bytes that it takes in the store: whole blocks. */
	storeSize: number;
}

/** All assets in the store of one kind of device, under releases with the same store. */
export interface StoreUse {
	platform: string;
	/** Oldest first. Empty: the application needs a newer Device OS than any that is known here, and the newest store counts. */
	releases: ReleaseEntry[];
	store: AssetStore;
	/** Bytes of whole blocks. */
	used: number;
	/** `usable - used`; negative when they do not fit. */
	free: number;
}

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
	const judged = judgeApplication(application, digests);
	if (!judged.ok) return judged;
	const { module, platform, form, needsSystem } = judged.value;
	const names = judgeNames(application.name, assets);
	if (names.length > 0) return bad(...names);

	const stores = storesOf(platform, needsSystem);
	const planned = sortAssets(assets).map((a): PlannedAsset => {
		const moduleSize = createAssetModule(a.name, a.bytes, digests).length;
		const storeSize = stores[0]!.store.takes(moduleSize);
		return { ...a, sha256: toHex(digests.sha256(a.bytes)), moduleSize, storeSize };
	});
	const needed = planned.map((a) => ({ name: a.name, sha256: digests.sha256(a.bytes) }));
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
	problems.push(...slot.problems);
	const used = planned.reduce((sum, a) => sum + a.storeSize, 0);
	const uses = stores.map((s): StoreUse => ({ ...s, used, free: s.store.usable - used }));
	for (const use of uses) problems.push(...tooLarge(platform, use, planned));
	const plan: BundlePlan = {
		platform,
		application: { name: application.name, module: result.value, needsSystem, slot: { size: slot.size, used: slot.used } },
		assets: planned,
		replaced,
		stores: uses,
		fits: problems.every((p) => p.severity !== 'error'),
	};
	return good(plan, problems);
}

/** The archive of a plan that fits. */
export function writePlannedBundle(plan: BundlePlan, digests?: Digests): Uint8Array<ArrayBuffer> {
	assert(plan.fits, 'a bundle that is too large is not written');
	return writeBundle({ name: plan.application.name, bytes: plan.application.module.bytes }, plan.assets, digests);
}

interface Judged {
	module: ParsedModule;
	platform: Platform;
	form: 'prefix' | 'suffix';
	needsSystem: number;
}

function judgeApplication({ name, bytes }: { name: string; bytes: Uint8Array }, digests: Digests): Verdict<Judged> {
	const refuse = (code: string, message: string) => bad<Judged>(problem(code, message, { file: name }));
	if (contentKind(bytes) === 'zip') {
		return refuse(
			'BUNDLE_OF_BUNDLE',
			`${name} is an archive, probably a bundle already. "linac bundle strip ${name} -o app.bin" takes the application out of it.`,
		);
	}
	const parsed = parseModule(bytes, { file: name, digests });
	if (!parsed.ok) return parsed;
	const module = parsed.value;
	if (!module.sound) return bad(...module.problems);
	const { prefix } = module;
	if (prefix.function !== ModuleFunction.user) {
		return refuse(
			'NOT_AN_APPLICATION',
			`${name} is ${moduleLabel(prefix)} ${prefix.version}, and a bundle needs an application (user-part). Give the .bin file of your own firmware.`,
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
		const built = releaseByModuleVersion(platform, needsSystem)?.version ?? `system-part ${needsSystem}`;
		const lowest = lowestRelease(platform, first);
		return refuse(
			'BUNDLE_SYSTEM_TOO_OLD',
			`${name} is built for Device OS ${built}, and assets need ${lowest} or newer. Compile it again for that: ` +
				`particle compile ${platform.name} --target ${lowest}`,
		);
	}
	const hidden = hiddenAssets(module);
	if (hidden.length > 0) {
		return refuse(
			'ASSET_DEPENDENCIES_HIDDEN',
			`${name} has a list of assets (${hidden.join(', ')}) where no device looks: a tool bundled it twice. Give the file that the compiler made.`,
		);
	}
	return good({ module, platform, form, needsSystem }, module.problems);
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

/** The stores under all releases that the application runs on, neighbours with the same store together. At least one. */
function storesOf(platform: Platform, needsSystem: number): { platform: string; releases: ReleaseEntry[]; store: AssetStore }[] {
	const out: { platform: string; releases: ReleaseEntry[]; store: AssetStore }[] = [];
	const releases = releasesFor(platform).filter((r) => r.moduleVersion >= needsSystem);
	for (const release of releases.sort((a, b) => a.moduleVersion - b.moduleVersion)) {
		const store = assetStore(platform, release.moduleVersion);
		if (!store) continue;
		const last = out.at(-1);
		if (last && last.store.usable === store.usable && last.store.largest === store.largest) last.releases.push(release);
		else out.push({ platform: platform.name, releases: [release], store });
	}
	if (out.length === 0) {
		const store = assetStore(platform, needsSystem);
		assert(store, 'a platform that has a store keeps it');
		out.push({ platform: platform.name, releases: [], store });
	}
	return out;
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

function tooLarge(platform: Platform, { store, used, free }: StoreUse, assets: readonly PlannedAsset[]): Problem[] {
	const problems: Problem[] = [];
	const board = platform.displayName;
	for (const { name, moduleSize } of assets) {
		if (moduleSize > store.largest) {
			problems.push(
				problem(
					'ASSET_TOO_LARGE',
					`The asset "${name}" has ${moduleSize} bytes when compressed; a ${board} can receive ${store.largest}. Split it into several files.`,
					{ file: name, field: 'moduleSize', expected: store.largest, found: moduleSize },
				),
			);
		} else if (moduleSize * (1 + OTHER_DEFLATE) > store.largest) problems.push(tight(`The asset "${name}"`, name));
	}
	if (free < 0) {
		problems.push(
			problem(
				'BUNDLE_TOO_LARGE',
				`The assets take ${used} bytes in the store of a ${board}, ${-free} more than the ${store.usable} that it has. Leave some out, or make them smaller.`,
				{
					field: 'assets',
					expected: store.usable,
					found: Object.fromEntries(assets.map((a) => [a.name, { moduleSize: a.moduleSize, storeSize: a.storeSize }])),
				},
			),
		);
	} else if (assets.reduce((sum, a) => sum + store.takes(Math.ceil(a.moduleSize * (1 + OTHER_DEFLATE))), 0) > store.usable)
		problems.push(tight('The bundle'));
	return problems;
}

function tight(what: string, file?: string): Problem {
	return problem(
		'BUNDLE_NEARLY_FULL',
		`${what} just fits. Tools that compress less well (Particle's cloud and command line) may need up to 3 % more, and then it would not.`,
		{ severity: 'warning', ...(file === undefined ? {} : { file }) },
	);
}
