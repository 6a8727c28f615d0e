/**
 * Measures assets as devices store them, and holds them against the store of every Device OS that an application can run on.
 *
 * Sizes are exact for modules made by `createAssetModule`, which is what linac sends. Other tools compress with another Deflate, and get a few
 * per cent more or less: hence the warning where it is that tight.
 */
import { type AssetStore, assetStore, type Platform, type ReleaseEntry, releasesFor } from '@linac/catalog';
import { assert, type Digests, type Problem, portableDigests, problem, toHex } from '@linac/core';
import { type BundleAsset, createAssetModule, sortAssets } from '@linac/firmware';

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

/** Assets with their sizes, by name, and what they take of every store. */
export interface MeasuredAssets {
	assets: PlannedAsset[];
	stores: StoreUse[];
	/** What is too large for what, or nearly so. */
	problems: Problem[];
}

/**
 * Compresses every asset and adds up what they take, under every release for `platform` from the number `needsSystem` of the system part on.
 * The platform must have a store.
 */
export function measureAssets(
	platform: Platform,
	needsSystem: number,
	assets: readonly BundleAsset[],
	digests: Digests = portableDigests,
): MeasuredAssets {
	const stores = storesOf(platform, needsSystem);
	const planned = sortAssets(assets).map((a): PlannedAsset => {
		const moduleSize = createAssetModule(a.name, a.bytes, digests).length;
		const storeSize = stores[0]!.store.takes(moduleSize);
		return { ...a, sha256: toHex(digests.sha256(a.bytes)), moduleSize, storeSize };
	});
	const used = planned.reduce((sum, a) => sum + a.storeSize, 0);
	const uses = stores.map((s): StoreUse => ({ ...s, used, free: s.store.usable - used }));
	return { assets: planned, stores: uses, problems: uses.flatMap((use) => tooLarge(platform, use, planned)) };
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

function tooLarge(platform: Platform, { store, used, free }: StoreUse, assets: readonly PlannedAsset[]): Problem[] {
	const problems: Problem[] = [];
	const board = platform.displayName;
	for (const { name, moduleSize } of assets) {
		if (moduleSize > store.largest) {
			problems.push(
				problem(
					'ASSET_TOO_LARGE',
					`The asset "${name}" has ${moduleSize} bytes when compressed; the ${board} can receive ${store.largest}. Split it into several files.`,
					{ file: name, field: 'moduleSize', expected: store.largest, found: moduleSize },
				),
			);
		} else if (moduleSize * (1 + OTHER_DEFLATE) > store.largest) problems.push(tight(`The asset "${name}"`, name));
	}
	if (free < 0) {
		problems.push(
			problem(
				'BUNDLE_TOO_LARGE',
				`The assets take ${used} bytes in the store of the ${board}, ${-free} more than the ${store.usable} that it has. Leave some out, or make them smaller.`,
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
