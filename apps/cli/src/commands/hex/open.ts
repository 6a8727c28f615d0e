/** How the commands that look at images open one: a file of plain bytes or Intel HEX, for a board that may be named. */
import { addressFromText, problem } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type OpenedImage, openImage } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNamed } from '../../facts.js';
import { refused, usage } from '../../failure.js';
import { readInputs } from '../../inputs.js';

export interface OpenOptions {
	platform?: string;
	base?: string;
}

/** Throws what is wrong with the file itself (exit code 3). What is wrong inside of it stands in the reading. */
export async function openNamed(context: Context, file: string, options: OpenOptions): Promise<OpenedImage> {
	const platform = options.platform === undefined ? undefined : platformNamed(options.platform);
	const base = options.base === undefined ? undefined : parseAddress(options.base, '--base');
	const inputs = await readInputs([file], context.cwd);
	const input = inputs[0];
	if (inputs.length !== 1 || !input || input.fromFolder) {
		const message = `${file} is a folder. Give one image file; "linac hex convert" makes one of a folder.`;
		throw refused(ExitCode.inputRefused, [problem('FILE_IS_FOLDER', message, { file })]);
	}
	if (input.bytes === undefined) throw refused(ExitCode.inputRefused, input.problems);
	const opened = openImage(file, input.bytes, {
		digests: nodeDigests,
		...(platform ? { platform } : {}),
		...(base === undefined ? {} : { base }),
	});
	if (!opened.ok) throw refused(ExitCode.inputRefused, opened.problems);
	return opened.value;
}

/** `0x30000` or `196608`. Throws `USAGE`. */
export function parseAddress(text: string, option: string): number {
	const value = addressFromText(text);
	if (value !== undefined) return value;
	throw usage(`${option} ${text} is no address. Write it as 0x30000 or 196608.`);
}
