/**
 * Another application in a restore image that somebody has: the base is opened and checked whole, the application is judged against what is in
 * it and takes the place of the one that was there, and the finished file is read back. What changes and what stays: replace-application.ts.
 */
import type { Platform, SourcedModule } from '@linac/catalog';
import { bad, type Digests, good, portableDigests, problem, type Verdict } from '@linac/core';
import { openImage } from '../read/open-image.js';
import { isError } from '../read/types.js';
import { type BaseImage, replaceApplication } from '../replace-application.js';
import { finishHex, hexFileName, type MadeHex } from './make-hex.js';

export interface OpenedBase extends BaseImage {
	/** Device OS version; where its number is not in the catalogue, the number. */
	version: string;
}

/** Opens and checks a restore image. Bad when anything in it is damaged, or when it cannot be told for which board and Device OS it is. */
export function openBase(
	file: { name: string; bytes: Uint8Array },
	options: { platform?: Platform; digests?: Digests } = {},
): Verdict<OpenedBase> {
	const opened = openImage(file.name, file.bytes, options);
	if (!opened.ok) return opened;
	const { platform, moduleVersion, parts, problems, release } = opened.value.reading;
	if (problems.some(isError)) return bad(...problems);
	if (!platform || moduleVersion === undefined) {
		const message = `${file.name} has no system part, so it cannot be told for which board and Device OS it is. Give a whole restore image.`;
		return bad(problem('BASE_NOT_AN_IMAGE', message, { file: file.name, field: 'base' }));
	}
	const version = release?.version ?? String(moduleVersion);
	return good({ file: file.name, platform, moduleVersion, parts, version }, problems);
}

export interface BaseHexChoices {
	base: OpenedBase;
	/** Judged against `surroundingsOf(base)` here. */
	application: SourcedModule;
	/** Name of the file, for messages. Default: as `hexFileName` has it. */
	file?: string;
	/** Judge a blank board as if an MBR that is not known were right. */
	allowUnknownMbr?: boolean;
	digests?: Digests;
}

/** Bad with what `replaceApplication` refuses. */
export function makeBaseHex(choices: BaseHexChoices): Verdict<MadeHex> {
	const { base, application, digests = portableDigests } = choices;
	const rebased = replaceApplication(base, application);
	if (!rebased.ok) return rebased;
	const { parts, image, replaced } = rebased.value;
	const { platform, version } = base;
	const file = choices.file ?? hexFileName(platform, version);
	const made = { file, platform, version, parts, image, replaced, problems: rebased.problems };
	return good(finishHex(made, { digests, ...(choices.allowUnknownMbr ? { unknownMbr: true } : {}) }), rebased.problems);
}
