/** What is kept of Device OS in this browser: releases that were opened here, and files that the person gave. Only the forms; reading and judging is elsewhere. */
import { shelves } from './shelves.js';

/** A release that was opened here. Its bytes lie on another shelf, so that a list does not read them. */
export interface KeptRelease {
	/** `PLATFORM VERSION`, also of its bytes. */
	key: string;
	platform: string;
	version: string;
	/** Where it came from. */
	source: string;
	/** Bytes. */
	size: number;
}

interface KeptZip {
	key: string;
	/** As `releaseZip` makes it. */
	zip: Uint8Array;
}

/** A default application (Tinker). */
interface KeptApplication {
	/** SHA-256 of the file, hex. */
	key: string;
	platform: string;
	origin: string;
	bytes: Uint8Array;
}

interface KeptFurther {
	/** `mbr nrf52840`. */
	key: string;
	origin: string;
	bytes: Uint8Array;
}

/** A folder, zip or heap of files that the person gave. */
export interface OwnSet {
	key: string;
	/** Of the zip or folder. */
	name: string;
	/** Complete releases in it. */
	releases: { platform: string; version: string }[];
	files: number;
	/** Bytes. */
	size: number;
	/** ISO 8601. */
	added: string;
}

interface OwnFiles {
	/** That of its set. */
	key: string;
	files: { name: string; bytes: Uint8Array }[];
}

export const releaseShelves = shelves<{
	releases: KeptRelease;
	zips: KeptZip;
	applications: KeptApplication;
	further: KeptFurther;
	own: OwnSet;
	ownFiles: OwnFiles;
}>('linac-releases', ['releases', 'zips', 'applications', 'further', 'own', 'ownFiles']);
