/** Bundles for tests, and what a user's `linac flash bundle.zip` makes of them: goal files of the application and of every asset. */
import { seededRandom, toHex } from '@linac/core';
import { createAssetModule, inspectInput, parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { planBundle, writePlannedBundle } from '@linac/image';
import type { GoalFile } from '@linac/planner';
import { assetApplication } from './asset-applications.js';

export interface TestAsset {
	name: string;
	bytes: Uint8Array;
}

const text = (s: string) => new TextEncoder().encode(s);

/** One that compresses well, one that does not and takes several blocks, and an empty one with a name that is not ASCII. */
export const someAssets: readonly TestAsset[] = [
	{ name: 'cat.txt', bytes: text('meow '.repeat(3000)) },
	{ name: 'leer-ä', bytes: new Uint8Array(0) },
	{ name: 'song.wav', bytes: seededRandom(7).bytes(20_000) },
];

/** The bundle as a file. Throws when linac refuses to make it. */
export function bundleFile(
	platform: string,
	assets: readonly TestAsset[] = someAssets,
	application: Uint8Array = assetApplication(platform),
): Uint8Array {
	const plan = planBundle({ name: 'app.bin', bytes: application }, assets);
	if (!plan.ok) throw new Error(plan.problems[0]?.message);
	return writePlannedBundle(plan.value);
}

/** What the command line makes of a bundle: every module in it, and every asset as the module that is sent. */
export function bundleGoal(bytes: Uint8Array, name = 'bundle.zip'): GoalFile[] {
	const input = inspectInput(name, bytes, { digests: nodeDigests });
	if (!input.ok) throw new Error(input.problems[0]?.message);
	return [
		...input.value.modules.map(({ file, module, problems }) => ({ name: file, module: sourced(file, module), problems })),
		...input.value.assets.map((a) => assetGoal(a, a.file)),
	];
}

/** One asset alone. */
export function assetGoal(asset: TestAsset, file = `${asset.name}.bin`): GoalFile {
	const module = parseModule(createAssetModule(asset.name, asset.bytes, nodeDigests), { digests: nodeDigests });
	if (!module.ok) throw new Error(module.problems[0]?.message);
	return { name: file, module: sourced(file, module.value), problems: [] };
}

function sourced(origin: string, module: NonNullable<GoalFile['module']>['module']) {
	return { slot: 'of a bundle', origin, module, sha256: toHex(nodeDigests.sha256(module.bytes)) };
}
