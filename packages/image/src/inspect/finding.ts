/**
 * What is found in a file that somebody gives, as plain JSON: the nouns of inspecting. The same value is what a page shows and what is saved beside
 * a file. Made by `inspectFile`; what differs between two files is `compare-files.ts`.
 */
import type { Problem } from '@linac/core';
import type { ModuleField, Region } from '@linac/firmware';
import type { DctFieldState } from '../dct/read-dct.js';
import type { MemoryMap } from '../map/memory-map.js';
import type { ImageOverlap, PartState, RegisterReading } from '../read/types.js';
import type { ImageVerdict } from '../read/verify-image.js';
import type { PartKind } from '../types.js';

/**
 * - `sound`: everything in it is proved by its CRC or by a known hash.
 * - `unproven`: nothing is known to be wrong, and there is something that nobody can prove.
 * - `damaged`: something in it is wrong.
 * - `not-firmware`: there is nothing in it that a board could use.
 */
export type FindingState = 'sound' | 'unproven' | 'damaged' | 'not-firmware';

export interface FileFinding {
	format: 'linac-finding/1';
	file: string;
	/** Bytes of the file, and its SHA-256 in hex. */
	size: number;
	sha256: string;
	/** `modules`: several in one file. `image`: memory with addresses, Intel HEX or plain bytes. */
	kind: 'module' | 'modules' | 'zip' | 'asset-bundle' | 'image' | 'none';
	/** What it is, in one sentence. */
	headline: string;
	state: FindingState;
	/** Whether it is sound, in one sentence. */
	verdict: string;
	/** All modules in it, in their order; also those of an image and an archive. */
	modules: ModuleFinding[];
	/** Of `image`. */
	image?: ImageFinding;
	/** Of `zip` and `asset-bundle`: every file in it. */
	members?: MemberFinding[];
	/** Of `zip`: the release that its modules are, where they are one. */
	release?: ReleaseFinding;
	/** Of `asset-bundle`. */
	bundle?: BundleFinding;
	/** Everything that was noticed, worst first. */
	problems: Problem[];
}

export interface PlatformName {
	id: number;
	name: string;
	displayName: string;
}

export interface ModuleFinding {
	/** `file.bin`, `archive.zip/entry.bin`, `image.hex@0x00030000`. */
	file: string;
	/** `system-part1`, `bootloader`, `softdevice`: its place on its board, or what its header says. */
	name: string;
	/** The format's numbers. */
	function: number;
	index: number;
	version: number;
	/** Undefined: not known here, or for any board. */
	platform?: PlatformName;
	platformId: number;
	/** Whether a device would accept it, as far as it alone tells. */
	sound: boolean;
	size: number;
	sha256: string;
	start: number;
	end: number;
	crcOk: boolean;
	shaOk: boolean;
	product?: { id: number | null; version: number | null };
	/** Marks of its header, in words. */
	flags: string[];
	/** What it needs besides itself, in words: `system-part1 4005 or newer`; `release` where that number is one of Device OS. */
	needs: { text: string; release?: string }[];
	/** Assets that it asks for. */
	assets: { name: string; sha256: string }[];
	/** Of an asset: the name by which applications ask for it, and the hash of its raw bytes. */
	asset?: { name: string; sha256: string };
	runsOn: RunsOnFinding;
	/** Every field of its header and its end. */
	fields: ModuleField[];
	problems: Problem[];
}

export interface RunsOnFinding {
	/** One or two sentences. */
	text: string;
	boards: PlatformName[];
	/** Versions of Device OS of which it is a part, newest first. */
	partOf: string[];
	/** Versions that have everything that it asks for, newest first; and the same as ranges: `4.0.0 to 6.2.1`. */
	fits: string[];
	fitsText: string;
	/** The other ones, with what they lack. */
	lacking: { version: string; what: string }[];
}

export interface ImageFinding {
	kind: 'intel-hex' | 'binary';
	platform?: PlatformName;
	/** Boards that its modules name, where that is more than one. */
	candidates: PlatformName[];
	moduleVersion?: number;
	release?: string;
	/** Bytes, without gaps, and in how many pieces they come. */
	bytes: number;
	pieces: number;
	parts: PartFinding[];
	/** Memory between its pieces that it leaves alone. */
	gaps: Region[];
	overlaps: ImageOverlap[];
	/** Settings of one unit in it, where it has the sectors for them. Secrets are told as set or not set. */
	settings?: DctFieldState[];
	/** What a blank board would do with it. */
	blankBoard: Pick<ImageVerdict, 'ok' | 'boots' | 'reasons' | 'missing'> & { headline: string };
	map: MemoryMap;
}

export interface PartFinding extends Region {
	name: string;
	kind: PartKind;
	version?: number;
	size: number;
	sha256: string;
	state: PartState;
	note?: string;
	registers?: RegisterReading[];
}

export interface MemberFinding {
	/** Path in the archive. */
	name: string;
	size: number;
	/** Undefined where it could not be read. */
	sha256?: string;
	/** What it is, in a few words: `bootloader 1101`, `asset`, `a web page`. */
	what: string;
	sound: boolean;
}

export interface ReleaseFinding {
	version: string;
	platform: PlatformName;
	/** Every module of that release is there, and right. */
	complete: boolean;
	/** What keeps it from being that. */
	problems: Problem[];
}

export interface BundleFinding {
	/** Name of the application in the archive. */
	application: string;
	assets: {
		name: string;
		size: number;
		sha256: string;
		/** It is the one that the application asks for. */
		right: boolean;
		/** Bytes of the module that is sent, and in the store of the device. Undefined where the application can have no assets. */
		moduleSize?: number;
		storeSize?: number;
	}[];
	/** The stores that they go into, by ranges of Device OS: `5.5.0 to 6.2.1`. Bytes. */
	stores: { releases: string; usable: number; used: number; free: number }[];
	/** Name of the file with environment variables. */
	environment?: string;
}
