/**
 * A folder for somebody else's programmer: the images, a script for sh and one for Windows, a page for the operator, and a manifest. Pure: the same
 * input gives the same bytes. What each tool is told stands in the files beside this one; docs/export.md is the page for people.
 */
import { asPlatform, type Platform, type ProgrammingTool, toolFacts, toolsFor } from '@linac/catalog';
import { bad, good, type Problem, portableDigests, problem, toHex, type Verdict } from '@linac/core';
import { dfuUtilDraft } from './dfu-util.js';
import { openocdDraft } from './openocd.js';
import { readme } from './readme.js';
import { scripts } from './script.js';
import type { ExportDraft, ExportedFile, ExportManifest, ExportOptions } from './types.js';
import { cubeProgrammerDraft, jlinkDraft, nrfjprogDraft } from './vendor-tools.js';

const drafts = {
	'dfu-util': dfuUtilDraft,
	openocd: openocdDraft,
	jlink: jlinkDraft,
	nrfjprog: nrfjprogDraft,
	stm32cubeprogrammer: cubeProgrammerDraft,
} as const;

/** Whether `composed` has to be given: the tools over SWD write the whole image at once. */
export function needsImage(tool: ProgrammingTool): boolean {
	return toolFacts(tool).over === 'swd';
}

/** Why a tool cannot program a platform, with those that can; undefined when it can. */
export function unfitTool(tool: ProgrammingTool, platform: Platform): Problem | undefined {
	const facts = toolFacts(tool);
	if (facts.mcus.includes(platform.mcu)) return undefined;
	const others = toolsFor(platform);
	const message = `${facts.name} is no way to program a ${platform.displayName}. ${facts.whyNot}${others.length > 0 ? ` There is: ${others.join(', ')}.` : ''}`;
	return problem('EXPORT_NOT_FOR_PLATFORM', message, { field: 'for', found: tool, expected: others });
}

/**
 * The files of the folder, in the order of the manifest. Bad when the tool cannot program the platform (the problem names those that can), when
 * the image touches what must never be touched, or when a module does not fit where it has to go.
 */
export function exportFor(tool: ProgrammingTool, options: ExportOptions): Verdict<ExportedFile[]> {
	const platform = asPlatform(options.release.platform);
	const unfit = unfitTool(tool, platform);
	if (unfit) return bad(unfit);
	const draft = drafts[tool](platform, options);
	if (!draft.ok) return bad(...draft.problems);
	const digests = options.digests ?? portableDigests;
	const described = (file: ExportedFile) => ({
		path: file.path,
		size: file.bytes.length,
		sha256: toHex(digests.sha256(file.bytes)),
	});
	const images = draft.value.files.map(described);
	const made = [...draft.value.files, ...scripts(draft.value.script, images)];
	const files = [...made, readme(platform, tool, options, draft.value, made.map(described))];
	return good([...files, manifest(tool, options, draft.value, files.map(described))], draft.value.notes);
}

function manifest(
	tool: ProgrammingTool,
	options: ExportOptions,
	draft: ExportDraft,
	files: ExportManifest['files'],
): ExportedFile {
	const { release, application } = options;
	const value: ExportManifest = {
		format: 'linac-export/1',
		tool,
		platform: release.platform,
		version: release.version,
		moduleVersion: release.moduleVersion,
		...(application ? { application: { version: application.module.prefix.version, sha256: application.sha256 } } : {}),
		...(draft.passes
			? {
					passes: draft.passes.map((pass) => ({
						...(pass.applies ? { applies: pass.applies } : {}),
						writes: pass.writes.map(({ alternate, address, path, bytes, leave }) => ({
							alternate,
							address,
							path,
							length: bytes.length,
							leave,
						})),
					})),
				}
			: {}),
		files,
	};
	return { path: 'manifest.json', bytes: new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`) };
}
