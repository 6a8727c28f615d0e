/** What the forms of the hex generator offer: boards, their releases, the programmers and settings that a board has. Not for making anything. */
import {
	classicEra,
	dctStoreOf,
	isLatestInLine,
	type Platform,
	type ProgrammingTool,
	platforms,
	programmingTools,
	type ReleaseEntry,
	recommendedRelease,
	releasesFor,
	toolFacts,
	toolsFor,
	uicrFacts,
} from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { describeUnitFields, needsImage, needsMbr, type UnitFieldHelp } from '@linac/image';
import { listReleases } from './sources.js';

export interface ToolShown {
	tool: ProgrammingTool;
	name: string;
	/** It takes the whole image, and so the MBR, registers and what else only a blank chip needs. */
	wholeImage: boolean;
}

export interface PlatformShown {
	name: string;
	displayName: string;
	/** Images need Nordic's MBR. */
	mbr: boolean;
	/** It has registers that an image sets. */
	registers: boolean;
	tools: ToolShown[];
	/** Settings of one unit that the board has. */
	fields: UnitFieldHelp[];
	/** Why there are no images for it. */
	without?: string;
}

export function platformsShown(): PlatformShown[] {
	return platforms.map((platform) => {
		const without = whyWithout(platform);
		return {
			name: platform.name,
			displayName: platform.displayName,
			mbr: needsMbr(platform),
			registers: uicrFacts(platform) !== undefined,
			tools: programmingTools
				.filter((tool) => toolsFor(platform).includes(tool))
				.map((tool) => ({ tool, name: toolFacts(tool).name, wholeImage: needsImage(tool) })),
			fields: describeUnitFields(platform).filter((f) => f.range !== undefined),
			...(without === undefined ? {} : { without }),
		};
	});
}

function whyWithout(platform: Platform): string | undefined {
	if (releasesFor(platform).length > 0) return undefined;
	const whole = platform.modules.some((m) => m.function === ModuleFunction.monolithic);
	const there = `There is no Device OS release for the ${platform.displayName} that an image could be made of.`;
	return whole
		? `${there} An application for it holds the system too: "linac hex convert firmware.bin -o ${platform.name}.hex" makes a hex file of it.`
		: there;
}

export interface ReleaseShown {
	version: string;
	line: ReleaseEntry['line'];
	/** `4.0.x`. */
	lineName: string;
	latestInLine: boolean;
	/** A pre-release, or of a line of previews: not shown until it is asked for. */
	preview: boolean;
	/** Its images can hold the settings of a unit. */
	settings: boolean;
	/** Files of it were published in the classic layout. */
	classic: boolean;
}

export interface ReleasesShown {
	/** Those that can be had here, newest first. */
	here: ReleaseShown[];
	/** How many more there are that no source has. */
	elsewhere: number;
	/** The one that is taken when nobody chooses: the recommended one where it is here, else the newest that is no preview. */
	first?: string;
	/** Why that one, where it is the recommended one. */
	why?: string;
}

export async function releasesShown(platform: Platform, signal?: AbortSignal): Promise<ReleasesShown> {
	const listed = new Set((await listReleases(signal)).filter((r) => r.platform === platform.name).map((r) => r.version));
	const all = releasesFor(platform);
	const here = all
		.filter((r) => listed.has(r.version))
		.map((r) => ({
			version: r.version,
			line: r.line,
			lineName: r.lineName,
			latestInLine: isLatestInLine(r, platform),
			preview: r.line === 'preview' || r.channel !== 'release',
			settings: dctStoreOf(platform, r.moduleVersion) !== undefined,
			classic: classicEra(platform, r.version) !== undefined,
		}));
	const recommended = recommendedRelease(platform);
	const best = here.find((r) => r.version === recommended?.release.version);
	const first = best ?? here.find((r) => r.line === 'lts' && !r.preview) ?? here.find((r) => !r.preview) ?? here[0];
	return {
		here,
		elsewhere: all.length - here.length,
		...(first ? { first: first.version } : {}),
		...(best && recommended ? { why: recommended.why } : {}),
	};
}
