/** Opens what `list`, `verify` and `strip` are given: a bundle of any tool, or an application alone. */
import { platformById } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { type AssetBundle, contentKind, parseModule, readBundle } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNames } from '../../facts.js';
import { refused, usage } from '../../failure.js';
import { readInputs } from '../../inputs.js';

export interface OpenedBundle extends AssetBundle {
	file: string;
	/** Not an archive: the application alone. */
	alone: boolean;
	problems: Problem[];
}

/** Throws with exit code 3 what is neither. */
export async function openBundle(context: Context, file: string): Promise<OpenedBundle> {
	const [input, ...more] = await readInputs([file], context.cwd);
	if (input === undefined || input.fromFolder || more.length > 0)
		throw usage(`${file} is a folder. Give one bundle or application.`);
	if (input.bytes === undefined) throw refused(ExitCode.inputRefused, input.problems);
	const options = { digests: nodeDigests, platforms: platformNames };
	if (contentKind(input.bytes) === 'zip') {
		const read = readBundle(file, input.bytes, options);
		if (!read.ok) throw refused(ExitCode.inputRefused, read.problems);
		return { ...read.value, file, alone: false, problems: read.problems };
	}
	const parsed = parseModule(input.bytes, { file, ...options });
	if (!parsed.ok) throw refused(ExitCode.inputRefused, parsed.problems);
	const name = file.replace(/^.*[\\/]/, '');
	return { file, alone: true, application: { name, module: parsed.value }, assets: [], problems: parsed.problems };
}

export function boardName(bundle: AssetBundle): string {
	const { platformId } = bundle.application.module.prefix;
	return platformById(platformId)?.displayName ?? `platform ${platformId}`;
}
