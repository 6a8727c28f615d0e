/**
 * From choices to the folder for somebody else's programmer, the same for the command line and the web page: tools over SWD take the whole image,
 * dfu-util takes module by module and writes the settings through alternate setting 1. What is in the folder: ../export.
 */
import type { ProgrammingTool } from '@linac/catalog';
import { bad, good, portableDigests, type Verdict } from '@linac/core';
import { judgeApplication, surroundingsOfRelease } from '../application.js';
import { dctWrites } from '../dct/encode.js';
import { exportFor, needsImage, unfitTool } from '../export/export.js';
import type { ExportedFile } from '../export/types.js';
import { isError } from '../read/types.js';
import { composeChoices, type ImageChoices } from './make-hex.js';

/** `boron-4.0.1-jlink`. */
export function exportFolderName(choices: Pick<ImageChoices, 'platform' | 'release'>, tool: ProgrammingTool): string {
	return `${choices.platform.name}-${choices.release.version}-${tool}`;
}

/** Bad with what `composeImage`, `dctWrites`, `judgeApplication` and `exportFor` refuse; good with what is worth knowing in `problems`. */
export function makeExport(tool: ProgrammingTool, choices: ImageChoices): Verdict<ExportedFile[]> {
	const { platform, release, application, fields, digests = portableDigests } = choices;
	const unfit = unfitTool(tool, platform);
	if (unfit) return bad(unfit);
	const common = { release, ...(application ? { application } : {}), digests };
	if (needsImage(tool)) {
		const composed = composeChoices(choices);
		if (!composed.ok) return composed;
		const files = exportFor(tool, { ...common, composed: composed.value });
		return files.ok ? good(files.value, [...composed.problems, ...files.problems]) : files;
	}
	// Over DFU the settings are written through alternate setting 1, which reaches them on every platform.
	const dct = fields && dctWrites(platform, fields, release.moduleVersion);
	const judged = application ? judgeApplication(application, application.origin, surroundingsOfRelease(platform, release)) : [];
	const problems = [...(dct?.problems ?? []), ...judged];
	if (problems.some(isError)) return bad(...problems);
	const files = exportFor(tool, { ...common, ...(dct?.ok ? { dct: dct.value } : {}) });
	return files.ok ? good(files.value, [...problems, ...files.problems]) : files;
}
