/** Asset bundles: an application and its assets, measured as the board will store them, and the archive when they fit. */
import { releaseByModuleVersion, releaseRunsText } from '@linac/catalog';
import { type BundleAsset, isBystander } from '@linac/firmware';
import { bundleFileName, planBundle, writePlannedBundle } from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { type FieldProblem, placed } from './field-problems.js';
import { readGivenFile } from './given-file.js';
import type { Outcome } from './image-methods.js';
import { world } from './world.js';

export interface BundleShown {
	/** Name of the archive. */
	file: string;
	/** Absent: it does not fit. */
	zip?: Uint8Array<ArrayBuffer>;
	board: string;
	/** `Device OS 5.8.0`. */
	needs: string;
	/** Bytes. */
	application: { size: number; slot: number };
	assets: { name: string; size: number; moduleSize: number; storeSize: number }[];
	/** Of each store that the application may meet: releases, and bytes. */
	stores: { releases: string; room: number; used: number; free: number }[];
	/** Files that are no assets, and were left out. */
	leftOut: string[];
}

export const bundleMethods = {
	async 'image.bundle'(
		{ application, assets }: { application: File; assets: File[] },
		{ signal }: CallContext,
	): Promise<Outcome<BundleShown>> {
		const app = await readGivenFile(application, signal);
		if (!app.ok) return { problems: placed(app.problems, 'application') };
		const problems: FieldProblem[] = [];
		const taken: BundleAsset[] = [];
		const leftOut: string[] = [];
		for (const file of assets) {
			if (isBystander(file.name)) {
				leftOut.push(file.name);
				continue;
			}
			const read = await readGivenFile(file, signal);
			if (read.ok) taken.push(read.value);
			else problems.push(...placed(read.problems, 'assets'));
		}
		if (problems.length > 0) return { problems };
		const planned = planBundle(app.value, taken, { digests: world.digests });
		problems.push(
			...planned.problems.map((p): FieldProblem => ({ ...p, at: p.file === app.value.name ? 'application' : 'assets' })),
		);
		if (!planned.ok) return { problems };
		const plan = planned.value;
		const { module, needsSystem, slot } = plan.application;
		const release = releaseByModuleVersion(plan.platform, needsSystem)?.version;
		const zip = plan.fits ? writePlannedBundle(plan, world.digests) : undefined;
		const made: BundleShown = {
			file: bundleFileName(app.value.name),
			...(zip ? { zip } : {}),
			board: plan.platform.displayName,
			needs: release === undefined ? `system part ${needsSystem}` : `Device OS ${release}`,
			application: { size: module.bytes.length, slot: slot.size },
			assets: plan.assets.map(({ name, bytes, moduleSize, storeSize }) => ({ name, size: bytes.length, moduleSize, storeSize })),
			stores: plan.stores.map(({ releases, store, used, free }) => ({
				releases: releases.length === 0 ? 'a newer Device OS' : releaseRunsText(plan.platform, releases),
				room: store.usable,
				used,
				free,
			})),
			leftOut,
		};
		return handOver({ made, problems }, zip ? [zip] : []);
	},
};
