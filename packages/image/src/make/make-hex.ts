/**
 * From choices to the finished file: one function for the command line, the web page and whoever else makes restore images, so that the same
 * choices give the same bytes everywhere. Opening the release, the application and the MBR is the caller's, because it needs the world.
 */
import type { Platform } from '@linac/catalog';
import { bad, type Digests, good, type Problem, portableDigests, type Verdict } from '@linac/core';
import { type MemoryImage, writeIntelHexBytes } from '@linac/firmware';
import { classicHex } from '../classic-hex.js';
import { type ComposeOptions, composeImage } from '../compose.js';
import { buildDct } from '../dct/build-dct.js';
import type { UnitFields } from '../dct/fields.js';
import type { ImageReading } from '../read/types.js';
import type { ImageVerdict } from '../read/verify-image.js';
import type { ComposedImage, ImagePart } from '../types.js';
import { proveHex } from './prove-hex.js';

/** `sorted`: by address, as every programmer takes it. `classic`: as published files are laid out. */
export const hexLayouts = ['sorted', 'classic'] as const;
export type HexLayout = (typeof hexLayouts)[number];

/** Everything that decides what is in an image of a release. */
export interface ImageChoices extends Omit<ComposeOptions, 'dct'> {
	/** The settings of one unit. Absent: the image leaves the settings of the board alone. */
	fields?: UnitFields;
}

export interface HexChoices extends ImageChoices {
	/** Default: `sorted`. */
	layout?: HexLayout;
	/** Name of the file, for messages. Default: as `hexFileName` has it. */
	file?: string;
}

/** A finished file, and what is in it. */
export interface MadeHex {
	/** Name of the file. */
	file: string;
	bytes: Uint8Array<ArrayBuffer>;
	layout: HexLayout;
	platform: Platform;
	/** Device OS version, as far as its number is known. */
	version: string;
	/** By address. */
	parts: readonly ImagePart[];
	image: MemoryImage;
	/** The applications that gave way, where the image was made from another one. */
	replaced: readonly ImagePart[];
	/** The finished bytes, read again as somebody else's file. */
	reading: ImageReading;
	/** What a blank board does with it. */
	verdict: ImageVerdict;
	/** What is worth knowing and was no reason to refuse. */
	problems: Problem[];
}

/** `boron-4.0.1.hex`. */
export function hexFileName(platform: Pick<Platform, 'name'>, version: string): string {
	return `${platform.name}-${version}.hex`;
}

/** The image with the settings of a unit in it. Bad with every reason at once; each problem's `field` names the choice that it concerns. */
export function composeChoices(choices: ImageChoices): Verdict<ComposedImage> {
	const { fields, ...options } = choices;
	const dct = fields && buildDct(options.platform, options.release.moduleVersion, fields);
	const composed = composeImage({ ...options, ...(dct?.ok ? { dct: dct.value } : {}) });
	if (dct && !dct.ok) return bad(...dct.problems, ...(composed.ok ? [] : composed.problems));
	if (!composed.ok || !dct) return composed;
	return good(composed.value, [...dct.problems, ...composed.problems]);
}

/**
 * Composes the image, writes it, reads it back and judges it. Bad with what `composeImage`, `buildDct` and `classicHex` refuse; the `field` of each
 * problem names the choice that it concerns.
 */
export function makeHex(choices: HexChoices): Verdict<MadeHex> {
	const { layout = 'sorted', platform, digests = portableDigests } = choices;
	const composed = composeChoices(choices);
	if (!composed.ok) return composed;
	const { image, parts, version } = composed.value;
	const text = layout === 'classic' ? classicHex(composed.value) : undefined;
	if (text && !text.ok) return text;
	const bytes = text ? new TextEncoder().encode(text.value) : writeIntelHexBytes(image);
	const file = choices.file ?? hexFileName(platform, version);
	const proved = proveHex(file, bytes, image, {
		digests,
		strays: layout === 'classic',
		unknownMbr: choices.allowUnknownMbr === true,
	});
	const problems = [...composed.problems, ...(text?.problems ?? [])];
	return good({ file, bytes, layout, platform, version, parts, image, replaced: [], ...proved, problems }, problems);
}

/** What a file that was made from another image has in common with one of a release. */
export function finishHex(
	made: Omit<MadeHex, 'bytes' | 'layout' | 'reading' | 'verdict'>,
	options: { digests: Digests; unknownMbr?: boolean },
): MadeHex {
	const bytes = writeIntelHexBytes(made.image);
	return { ...made, bytes, layout: 'sorted', ...proveHex(made.file, bytes, made.image, options) };
}
