/** What the page asks about files that somebody drops on it. They are read here, in the worker, and go nowhere else. */
import { type Platform, platformByName, platforms } from '@linac/catalog';
import { addressFromText, LinacError, unwrap } from '@linac/core';
import { compareFiles, type FileComparison, type FileFinding, type InspectFileOptions, inspectFile } from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { readGivenFile } from './given-file.js';
import { type ShownMap, shownMap } from './shown-map.js';
import { world } from './world.js';

/** A file, and what somebody knows about it. */
export interface InspectedFile {
	file: File;
	/** For messages, where it is more than the name: `boron/4.0.1/boron-bootloader@4.0.1.bin`. */
	name?: string;
	/** Name of the board that an image is for. */
	platform?: string;
	/** Address of the first byte of plain bytes, as it was typed: `0x08000000`. */
	base?: string;
}

/** A finding as far as anybody reads it; the whole of it is in the JSON. */
export interface ShownFinding extends Omit<FileFinding, 'image'> {
	image?: ShownImage;
	/** How many are left out. */
	more: { modules: number; members: number; parts: number; problems: number };
}

type ImageFinding = NonNullable<FileFinding['image']>;

export interface ShownImage extends Omit<ImageFinding, 'map'> {
	map: ShownMap;
}

export interface ShownComparison extends FileComparison {
	more: { members: number; ranges: number };
}

/** A file made to be slow to draw has more; real ones have fewer than a tenth. */
const MOST = { modules: 200, members: 400, parts: 400, problems: 100, ranges: 200 };

export const inspectMethods = {
	/** Boards that an image may be for. */
	'inspect.platforms': async (): Promise<{ name: string; displayName: string }[]> =>
		platforms.map(({ name, displayName }) => ({ name, displayName })),

	/** Throws `FILE_TOO_LARGE`, `FILE_UNREADABLE`, `ADDRESS_INVALID`. What is wrong with its content stands in the finding. */
	async 'inspect.file'(params: InspectedFile, { signal }: CallContext): Promise<ShownFinding> {
		return shown(await find(params, signal));
	},

	/** The whole finding as JSON, in UTF-8. */
	async 'inspect.json'(params: InspectedFile, { signal }: CallContext): Promise<{ bytes: Uint8Array }> {
		return jsonOf(await find(params, signal));
	},

	async 'inspect.compare'({ a, b }: { a: InspectedFile; b: InspectedFile }, { signal }: CallContext): Promise<ShownComparison> {
		const whole = await compare(a, b, signal);
		const { members, image } = whole;
		return {
			...whole,
			...(members ? { members: members.slice(0, MOST.members) } : {}),
			...(image ? { image: { ...image, memory: [], rangeRows: image.rangeRows.slice(0, MOST.ranges) } } : {}),
			more: { members: beyond(members, MOST.members), ranges: beyond(image?.rangeRows, MOST.ranges) },
		};
	},

	/** The whole comparison as JSON, in UTF-8. */
	async 'inspect.compareJson'(
		{ a, b }: { a: InspectedFile; b: InspectedFile },
		{ signal }: CallContext,
	): Promise<{ bytes: Uint8Array }> {
		return jsonOf(await compare(a, b, signal));
	},
};

async function find(params: InspectedFile, signal: AbortSignal): Promise<FileFinding> {
	const { file, bytes } = await read(params, signal);
	return inspectFile(file, bytes, optionsOf(params));
}

async function compare(a: InspectedFile, b: InspectedFile, signal: AbortSignal): Promise<FileComparison> {
	const sides: { file: string; bytes: Uint8Array; options: InspectFileOptions }[] = [];
	for (const side of [a, b]) {
		sides.push({ ...(await read(side, signal)), options: optionsOf(side) });
	}
	return compareFiles(sides[0]!, sides[1]!, world.digests);
}

function optionsOf({ platform, base }: InspectedFile): InspectFileOptions {
	const board: Platform | undefined = platform === undefined ? undefined : platformByName(platform);
	const address = base === undefined || base.trim() === '' ? undefined : addressFromText(base);
	if (base !== undefined && base.trim() !== '' && address === undefined) {
		throw new LinacError('ADDRESS_INVALID', `${base} is no address. Write it as 0x08000000 or 134217728.`, { retry: 'operator' });
	}
	return {
		digests: world.digests,
		...(board ? { platform: board } : {}),
		...(address === undefined ? {} : { base: address }),
	};
}

async function read({ file, name }: InspectedFile, signal: AbortSignal): Promise<{ file: string; bytes: Uint8Array }> {
	const given = await readGivenFile(file, signal);
	const wrong = given.ok ? undefined : given.problems[0]!;
	if (wrong) throw new LinacError(wrong.code, wrong.message, { retry: 'operator' });
	return { file: name ?? file.name, bytes: unwrap(given).bytes };
}

function shown(finding: FileFinding): ShownFinding {
	const { image, ...rest } = finding;
	const { modules, members, problems } = rest;
	return {
		...rest,
		modules: modules.slice(0, MOST.modules),
		...(members ? { members: members.slice(0, MOST.members) } : {}),
		...(image ? { image: shownImage(image) } : {}),
		problems: problems.slice(0, MOST.problems),
		more: {
			modules: beyond(modules, MOST.modules),
			members: beyond(members, MOST.members),
			parts: beyond(image?.parts, MOST.parts),
			problems: beyond(problems, MOST.problems),
		},
	};
}

function shownImage(image: ImageFinding): ShownImage {
	return { ...image, gaps: [], parts: image.parts.slice(0, MOST.parts), map: shownMap(image.map) };
}

function beyond(list: readonly unknown[] | undefined, most: number): number {
	return Math.max(0, (list?.length ?? 0) - most);
}

function jsonOf(value: FileFinding | FileComparison): { bytes: Uint8Array } {
	const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, '\t')}\n`);
	return handOver({ bytes }, [bytes]);
}
