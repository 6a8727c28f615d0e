/** A bundle that somebody has, against what a device needs of it: whether its application can have assets, and whether they fit into the store. */
import type { Digests, Problem } from '@linac/core';
import type { AssetBundle } from '@linac/firmware';
import { type MeasuredAssets, measureAssets } from './measure-assets.js';
import { judgeForAssets } from './plan-bundle.js';

export interface LookedAtBundle {
	/** Undefined where the application is damaged or can have no assets: there is no store then to hold them against. */
	measured?: MeasuredAssets;
	/** Those of `found`, and what comes to light here. */
	problems: Problem[];
}

/** `file` is for messages; `found` is what `readBundle` or `parseModule` said. */
export function lookAtBundle(bundle: AssetBundle, file: string, found: readonly Problem[], digests: Digests): LookedAtBundle {
	const { module, name } = bundle.application;
	if (!module.sound) return { problems: [...found] };
	const able = judgeForAssets(module, `${file}/${name}`);
	if (!able.ok) {
		const known = new Set(found.map((p) => p.code));
		return { problems: [...found, ...able.problems.filter((p) => !known.has(p.code))] };
	}
	const measured = measureAssets(able.value.platform, able.value.needsSystem, bundle.assets, digests);
	return { measured, problems: [...found, ...measured.problems] };
}
