/**
 * Files of the command line as the planner wants them: every module with its hash and the slot it belongs in, every file that is no
 * module with the reason. A file that was named must be firmware; in a folder that was named, other files are left out, and the
 * plan says so in their verdict.
 */
import { platformById, type SourcedModule, slotOf } from '@linac/catalog';
import { problem, toHex, unwrap } from '@linac/core';
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
import { nodeDigests } from '@linac/host';
import type { GoalFile } from '@linac/planner';
import { platformNames } from './facts.js';
import { type ReadOptions, readInputs } from './inputs.js';

export async function readGoalFiles(names: readonly string[], cwd: string, options: ReadOptions = {}): Promise<GoalFile[]> {
	const files: GoalFile[] = [];
	for (const input of await readInputs(names, cwd, options)) {
		if (input.bytes === undefined) {
			files.push({ name: input.name, problems: input.problems });
			continue;
		}
		const found = inspectInput(input.name, input.bytes, { platforms: platformNames, digests: nodeDigests });
		if (!found.ok) {
			if (input.fromFolder && isBystander(input.name)) files.push(leftOut(input.name, 'NOT_FIRMWARE', 'is no firmware'));
			else files.push({ name: input.name, problems: found.problems });
			continue;
		}
		for (const { file, module, problems } of found.value.modules)
			files.push({ name: file, module: sourced(file, module), problems });
		for (const other of found.value.others) {
			if (other.problem.severity === 'error' && !isBystander(other.file))
				files.push({ name: other.file, problems: [other.problem] });
			else files.push(leftOut(other.file, other.problem.code, 'is no module'));
		}
		files.push(...found.value.assets.map(assetFile));
		const errors = found.value.problems.filter((p) => p.severity === 'error');
		if (errors.length > 0) files.push({ name: input.name, problems: errors });
	}
	return files;
}

/** An asset of a bundle as the module that a device gets of it. */
function assetFile({ file, name, bytes }: InspectedAsset): GoalFile {
	const why = name === ENV_ASSET_NAME ? undefined : whyNoAssetName(name);
	if (why !== undefined)
		return {
			name: file,
			problems: [problem('ASSET_NAME_INVALID', `${file} cannot be an asset: ${why}. Rename the file.`, { file })],
		};
	return {
		name: file,
		module: sourced(file, unwrap(parseModule(createAssetModule(name, bytes, nodeDigests), { digests: nodeDigests }))),
		problems: [],
	};
}

/** A file that is passed over with good reason: it gets a verdict like every other. */
export function leftOut(name: string, code: string, why: string): GoalFile {
	return { name, problems: [problem(code, `${name} ${why} and is left out.`, { severity: 'info', file: name })] };
}

/** Notes and checksums stand in folders of firmware with good reason. What is called firmware and is none is a fault, though. */
function isBystander(name: string): boolean {
	// `.DS_Store`, and the `._NAME.bin` that macOS puts beside or (in __MACOSX/) into a zip: notes about files, named like them.
	if (/(^|[\\/])\.[^\\/.][^\\/]*$|(^|[\\/])__MACOSX[\\/]/.test(name)) return true;
	return !/\.(bin|hex|zip)$/i.test(name);
}

export function sourced(origin: string, module: ParsedModule): SourcedModule {
	const platform = platformById(module.prefix.platformId);
	const slot = platform === undefined ? undefined : slotOf(platform, module.prefix);
	return {
		slot: slot?.name ?? moduleLabel(module.prefix),
		origin,
		module,
		sha256: toHex(nodeDigests.sha256(module.bytes)),
	};
}
