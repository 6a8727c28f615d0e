/**
 * What the hex generator asks: images, images of units, exports and bundles, made by `@linac/image` as on the command line. What somebody gave wrong comes
 * back as problems with their fields; only a broken world throws.
 */
import { asPlatform, type ProgrammingTool } from '@linac/catalog';
import { toHex, type Verdict } from '@linac/core';
import { writeZip } from '@linac/firmware';
import {
	blankBoardHeadline,
	exportFolderName,
	type MadeHex,
	makeBaseHex,
	makeExport,
	makeHex,
	memoryMap,
	needsImage,
	openApplicationFile,
	openBase,
	openImage,
	renderMapSvg,
	surroundingsOf,
} from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { type FieldProblem, placed, placedByField } from './field-problems.js';
import { readGivenFile } from './given-file.js';
import { type ImageRequest, openChoices } from './image-choices.js';
import { type PlatformShown, platformsShown, type ReleasesShown, releasesShown } from './image-facts.js';
import { learnQuietly } from './kept-mbr.js';
import { type ShownMap, shownMap } from './shown-map.js';
import { world } from './world.js';

/** What was made, or why not. Problems that are no errors come with both. */
export type Outcome<T> = { made?: T; problems: FieldProblem[] };

export interface HexShown {
	file: string;
	bytes: Uint8Array<ArrayBuffer>;
	/** Hex. */
	sha256: string;
	title: string;
	map: ShownMap;
	/** The same map as a drawing to save. */
	svg: string;
	blankBoard: BlankBoardShown;
	/** Names of the applications that gave way. */
	replaced: string[];
	/** Where the MBR came from, where one is in it. */
	mbrFrom?: string;
}

export interface BlankBoardShown {
	ok: boolean;
	headline: string;
	reasons: string[];
}

/** An image that was given as base, before anything is made of it. */
export interface BaseShown {
	title: string;
	map: ShownMap;
	/** It is whole, and an application can be put into it. */
	usable: boolean;
}

export interface ExportShown {
	folder: string;
	zip: Uint8Array<ArrayBuffer>;
	files: { path: string; size: number; sha256: string }[];
}

export const imageMethods = {
	'image.platforms': async (): Promise<PlatformShown[]> => platformsShown(),

	'image.releases': ({ platform }: { platform: string }, { signal }: CallContext): Promise<ReleasesShown> =>
		releasesShown(asPlatform(platform), signal),

	/** An image of a release. */
	async 'image.hex'(request: ImageRequest, { signal }: CallContext): Promise<Outcome<HexShown>> {
		const { choices, mbrFrom, problems } = await openChoices(request, signal);
		if (!choices) return { problems };
		const made = makeHex({ ...choices, ...(request.layout ? { layout: request.layout } : {}) });
		const outcome = hexOutcome(made, problems);
		if (outcome.made && mbrFrom !== undefined) outcome.made.mbrFrom = mbrFrom;
		return outcome;
	},

	/** What is in a base image, and whether it can be one. Its MBR is kept where there is none yet. */
	async 'image.base'({ base }: { base: File }, { signal }: CallContext): Promise<Outcome<BaseShown>> {
		const file = await readGivenFile(base, signal);
		const opened = file.ok ? openImage(file.value.name, file.value.bytes, { digests: world.digests }) : file;
		if (!file.ok || !opened.ok) return { problems: placed(opened.problems, 'base') };
		const { reading } = opened.value;
		const whole = openBase(file.value, { digests: world.digests });
		if (whole.ok) await learnQuietly(whole.value.platform, base.name, reading.image, signal);
		const map = memoryMap(reading);
		return {
			made: { title: `${base.name}: ${map.subtitle}`, map: shownMap(map), usable: whole.ok },
			problems: placed(whole.problems, 'base'),
		};
	},

	/** Another application in an image that somebody has. */
	async 'image.rebase'(
		{ base, application }: { base: File; application: File },
		{ signal }: CallContext,
	): Promise<Outcome<HexShown>> {
		const { digests } = world;
		const file = await readGivenFile(base, signal);
		const opened = file.ok ? openBase(file.value, { digests }) : file;
		if (!opened.ok) return { problems: placed(opened.problems, 'base') };
		const own = await readGivenFile(application, signal);
		const judged = own.ok ? openApplicationFile(own.value, surroundingsOf(opened.value), digests) : own;
		if (!judged.ok) return { problems: placed(judged.problems, 'application') };
		const made = makeBaseHex({ base: opened.value, application: judged.value, digests });
		if (made.ok) await learnQuietly(opened.value.platform, base.name, made.value.image, signal);
		return hexOutcome(made, placed(opened.problems, 'base'));
	},

	/** A folder for another programmer, as one zip. */
	async 'image.export'(
		{ tool, ...request }: ImageRequest & { tool: ProgrammingTool },
		{ signal }: CallContext,
	): Promise<Outcome<ExportShown>> {
		const { choices, problems } = await openChoices(request, signal, { withoutMbr: !needsImage(tool) });
		if (!choices) return { problems };
		const made = makeExport(tool, choices);
		problems.push(...placedByField(made.problems));
		if (!made.ok) return { problems };
		const folder = exportFolderName(choices, tool);
		const zip = writeZip(
			made.value.map(({ path, bytes }) => ({ name: `${folder}/${path}`, bytes })),
			{ method: 'deflate', digests: world.digests },
		);
		const files = made.value.map(({ path, bytes }) => ({
			path,
			size: bytes.length,
			sha256: toHex(world.digests.sha256(bytes)),
		}));
		return handOver({ made: { folder, zip, files }, problems }, [zip]);
	},
};

function hexOutcome(made: Verdict<MadeHex>, before: readonly FieldProblem[]): Outcome<HexShown> {
	const problems = [...before, ...placedByField(made.problems)];
	if (!made.ok) return { problems };
	const { file, bytes, platform, version, parts, replaced, reading, verdict } = made.value;
	const map = memoryMap(reading);
	const shown: HexShown = {
		file,
		bytes,
		sha256: toHex(world.digests.sha256(bytes)),
		title: `Device OS ${version} for the ${platform.displayName}`,
		map: shownMap(map, parts),
		svg: renderMapSvg(map),
		blankBoard: { ok: verdict.ok, headline: blankBoardHeadline(platform, verdict), reasons: verdict.reasons },
		replaced: replaced.map((p) => (p.version === undefined ? p.name : `${p.name} ${p.version}`)),
	};
	return handOver({ made: shown, problems }, [bytes]);
}
