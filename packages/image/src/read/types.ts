/**
 * What is found in somebody's image: the nouns of reading. Every byte of the image is in exactly one part, so that putting the parts
 * together gives the image again.
 */
import type { Platform, ReleaseEntry } from '@linac/catalog';
import type { Problem } from '@linac/core';
import type { MemoryImage, ModulePrefix, Region } from '@linac/firmware';
import type { ImagePart } from '../types.js';

/**
 * - `sound`: proved by a CRC or a known hash, or blank.
 * - `damaged`: it should be something, and is not.
 * - `unproven`: nobody can tell (an MBR or SoftDevice that is not known, unknown bytes, registers, settings).
 */
export type PartState = 'sound' | 'damaged' | 'unproven';

/** One register of the UICR that is not blank. */
export interface RegisterReading {
	address: number;
	value: number;
	/** Undefined for registers of which nothing is known here. */
	name?: string;
	/** What its right value says. */
	meaning?: string;
	/** The value that this platform needs; undefined: none. */
	expected?: number;
}

export interface ReadPart extends ImagePart {
	state: PartState;
	/** A few words beyond name and version, for people: `S140 7.0.1`, `a web page`, `in the place of system-part1`. */
	note?: string;
	/** Header of a module, also of one whose bytes are not all there; then `module` is absent. */
	prefix?: ModulePrefix;
	/** Of `uicr`: the registers in it that are not blank. */
	registers?: RegisterReading[];
	/** What was noticed about this part. Also in `problems` of the whole. */
	problems: Problem[];
}

/** A range that the file gives more than once, with different bytes. */
export interface ImageOverlap extends Region {
	/** Names of what stands there by the piece that comes first in the file, and by the later one. */
	first: string[];
	second: string[];
	/** Lines of the file where the two pieces begin. */
	lines: [number, number];
}

export interface ImageReading {
	/** For messages, as it was named. */
	file?: string;
	image: MemoryImage;
	/** By its modules, or as asked for. Undefined: there are no modules, or they contradict each other. */
	platform?: Platform;
	/** Platforms that the modules name, where there is more than one answer. */
	candidates: Platform[];
	/** Number of the system part. */
	moduleVersion?: number;
	/** Device OS release with that number. */
	release?: ReleaseEntry;
	/** Every byte of the image, by address. */
	parts: ReadPart[];
	/** Ranges given twice with different bytes; the image then has those that come last in the file. */
	overlaps: ImageOverlap[];
	/** Everything that was noticed, worst first. */
	problems: Problem[];
}

export function isError(problem: Problem): boolean {
	return problem.severity === 'error';
}

/** Worst first, otherwise in the order given. */
export function worstFirst(problems: readonly Problem[]): Problem[] {
	const rank = { error: 0, warning: 1, info: 2 };
	return [...problems].sort((a, b) => rank[a.severity] - rank[b.severity]);
}
