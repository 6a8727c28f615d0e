/**
 * A file that somebody gave, as the planner wants it: every module in it with its hash and the slot it belongs in, every part that is no module with the
 * reason. Pure: reading files is the caller's. Not for deciding what becomes of them (plan.ts).
 */
import { platformById, type SourcedModule, slotOf } from '@linac/catalog';
import { type Digests, problem, toHex, unwrap } from '@linac/core';
import {
	createAssetModule,
	ENV_ASSET_NAME,
	type InspectedAsset,
	inspectInput,
	moduleLabel,
	type ParsedModule,
	parseModule,
	whyNoAssetName,
} from '@linac/firmware';
import type { GoalFile } from './types.js';

export interface GoalFileOptions {
	digests: Digests;
	/** It was found in a folder that was named, and not named itself: then a note or a checksum is left out instead of being an error. */
	fromFolder?: boolean;
}

/** A module file, a hex file or a zip (also an asset bundle) in its parts. Empty only for an archive without anything in it. */
export function goalFilesOf(name: string, bytes: Uint8Array, options: GoalFileOptions): GoalFile[] {
	const { digests } = options;
	const platforms = { get: (id: number) => platformById(id)?.name };
	const found = inspectInput(name, bytes, { platforms, digests });
	if (!found.ok) {
		if (options.fromFolder && isBystander(name)) return [leftOut(name, 'NOT_FIRMWARE', 'is no firmware')];
		return [{ name, problems: found.problems }];
	}
	const files: GoalFile[] = [];
	for (const { file, module, problems } of found.value.modules)
		files.push({ name: file, module: sourcedModule(file, module, digests), problems });
	for (const other of found.value.others) {
		if (other.problem.severity === 'error' && !isBystander(other.file))
			files.push({ name: other.file, problems: [other.problem] });
		else files.push(leftOut(other.file, other.problem.code, 'is no module'));
	}
	files.push(...found.value.assets.map((asset) => assetFile(asset, digests)));
	const errors = found.value.problems.filter((p) => p.severity === 'error');
	if (errors.length > 0) files.push({ name, problems: errors });
	return files;
}

/** An asset of a bundle as the module that a device gets of it. */
function assetFile({ file, name, bytes }: InspectedAsset, digests: Digests): GoalFile {
	const why = name === ENV_ASSET_NAME ? undefined : whyNoAssetName(name);
	if (why !== undefined)
		return {
			name: file,
			problems: [problem('ASSET_NAME_INVALID', `${file} cannot be an asset: ${why}. Rename the file.`, { file })],
		};
	const module = unwrap(parseModule(createAssetModule(name, bytes, digests), { digests }));
	return { name: file, module: sourcedModule(file, module, digests), problems: [] };
}

/** A file that is passed over with good reason: it gets a verdict like every other. */
function leftOut(name: string, code: string, why: string): GoalFile {
	return { name, problems: [problem(code, `${name} ${why} and is left out.`, { severity: 'info', file: name })] };
}

/** Notes and checksums stand in folders of firmware with good reason. What is called firmware and is none is a fault, though. */
function isBystander(name: string): boolean {
	// `.DS_Store`, and the `._NAME.bin` that macOS puts beside or (in __MACOSX/) into a zip: notes about files, named like them.
	if (/(^|[\\/])\.[^\\/.][^\\/]*$|(^|[\\/])__MACOSX[\\/]/.test(name)) return true;
	return !/\.(bin|hex|zip)$/i.test(name);
}

function sourcedModule(origin: string, module: ParsedModule, digests: Digests): SourcedModule {
	const platform = platformById(module.prefix.platformId);
	const slot = platform === undefined ? undefined : slotOf(platform, module.prefix);
	return { slot: slot?.name ?? moduleLabel(module.prefix), origin, module, sha256: toHex(digests.sha256(module.bytes)) };
}
