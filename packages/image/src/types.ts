/**
 * The nouns of an image for a programmer: the pieces that a blank chip needs, where they stand and what they were made from. One vocabulary
 * for images that are composed here and for those that are read from somebody's file.
 */
import type { Problem } from '@linac/core';
import type { MemoryImage, ParsedModule, Segment } from '@linac/firmware';

/**
 * - `module`: a whole module with its header.
 * - `softdevice`: a SoftDevice without header and suffix, as it stands in flash.
 * - `mbr`, `uicr`: Nordic's master boot record; the chip's own registers.
 * - `guard`: 0xFF that keep a forgotten application in the former slot from being started.
 * - `dct`: a sector of settings of one unit (STM32F2).
 * - `stray`: bytes of a suffix that published images carry behind the SoftDevice.
 * - `blank`: 0xFF without a meaning that is known. `unknown`: anything else.
 */
export type PartKind = 'module' | 'softdevice' | 'mbr' | 'uicr' | 'guard' | 'dct' | 'stray' | 'blank' | 'unknown';

/** A piece of an image. `start` and `end` (exclusive) are addresses of the chip. */
export interface ImagePart extends Segment {
	kind: PartKind;
	/** A slot's name (`bootloader`, `system-part1`, `softdevice`, `user-part`), or the kind. */
	name: string;
	/** Of modules and of SoftDevices that are known: the number that dependencies ask for. */
	version?: number;
	/** What the piece is, taken apart. For a composed SoftDevice: the module that its bytes were taken from. */
	module?: ParsedModule;
	/** Where it came from, for people: `particle-cli 3.6.0: boron-bootloader@4.0.1.bin`. */
	origin?: string;
}

/** A restore image made here. */
export interface ComposedImage {
	/** Name of the platform. */
	platform: string;
	/** Device OS version. */
	version: string;
	/** Number of the system parts. */
	moduleVersion: number;
	/** By address; no two overlap. */
	parts: ImagePart[];
	/** The same bytes without their meaning: touching pieces are one segment. */
	image: MemoryImage;
	/** What is worth knowing and was no reason to refuse. */
	notes: Problem[];
}
