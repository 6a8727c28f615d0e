/** How bundles look, on a terminal and as JSON: an application, its assets with their sizes, and the stores that they go into. */
import type { Problem } from '@linac/core';
import type { MeasuredAssets, PlannedAsset, StoreUse } from '@linac/image';
import { count, formatBytes, shortenHashes } from '../../format.js';
import type { Output } from '../../output.js';

/** One asset as `--json` has it. */
export function assetJson({ name, bytes, sha256, moduleSize, storeSize }: PlannedAsset) {
	return { name, size: bytes.length, sha256, moduleSize, storeSize };
}

/** One store as `--json` has it. Bytes. */
export function storeJson({ platform, releases, store, used, free }: StoreUse) {
	return {
		platform,
		releases: releases.map((r) => r.version),
		blocks: store.blocks,
		blockSize: store.blockSize,
		usable: store.usable,
		largest: store.largest,
		used,
		free,
	};
}

export function showAssets(output: Output, assets: readonly PlannedAsset[], state?: (asset: PlannedAsset) => string): void {
	const sum = (size: (a: PlannedAsset) => number) => formatBytes(assets.reduce((total, a) => total + size(a), 0));
	const rows = assets.map((a) => [
		a.name,
		formatBytes(a.bytes.length),
		formatBytes(a.moduleSize),
		formatBytes(a.storeSize),
		...(state ? [state(a)] : []),
	]);
	if (assets.length > 1) {
		rows.push([
			output.colors.bold(`${assets.length} assets`),
			sum((a) => a.bytes.length),
			sum((a) => a.moduleSize),
			sum((a) => a.storeSize),
			...(state ? [''] : []),
		]);
	}
	output.table(
		[
			{ title: 'Asset', wrap: 'late' },
			{ title: 'Size', align: 'right' },
			{ title: 'Compressed', align: 'right' },
			{ title: 'In the store', align: 'right' },
			...(state ? [{ title: '' }] : []),
		],
		rows,
		'  ',
	);
}

export function showStores(output: Output, displayName: string, stores: readonly StoreUse[]): void {
	output.table(
		[
			{ title: 'Store of', wrap: true },
			{ title: 'Room', align: 'right' },
			{ title: 'Used', align: 'right' },
			{ title: 'Free', align: 'right' },
		],
		stores.map((use) => [
			`${displayName}, ${releasesText(use)}`,
			formatBytes(use.store.usable),
			`${formatBytes(use.used)} (${percent(use.used, use)} %)`,
			use.free < 0
				? output.colors.red(`${formatBytes(-use.free)} too much`)
				: `${formatBytes(use.free)} (${100 - percent(use.used, use)} %)`,
		]),
		'  ',
	);
}

/** Never a rounded 0 or 100 where that would be untrue. */
function percent(part: number, { store }: StoreUse): number {
	const exact = (100 * part) / store.usable;
	if (exact > 0 && exact < 1) return 1;
	return exact < 100 ? Math.min(99, Math.round(exact)) : Math.ceil(exact);
}

function releasesText({ releases }: StoreUse): string {
	const first = releases[0]?.version;
	const last = releases.at(-1)?.version;
	if (first === undefined) return 'Device OS newer than any known here';
	return first === last ? `Device OS ${first}` : `Device OS ${first} to ${last}`;
}

export function showProblems(output: Output, problems: readonly Problem[]): void {
	const c = output.colors;
	for (const p of problems) {
		const label = p.severity === 'error' ? c.red('Fault:') : p.severity === 'warning' ? c.yellow('Mind: ') : c.cyan('Note: ');
		output.paragraph(`${label} ${shortenHashes(p.message)} [${p.code}]`, '  ');
	}
}

/** `2 assets, 40.0 KB in the store`. */
export function summary(measured: Pick<MeasuredAssets, 'assets' | 'stores'>): string {
	return `${count(measured.assets.length, 'asset')}, ${formatBytes(measured.stores[0]?.used ?? 0)} in the store`;
}
