/**
 * What a backup of a device holds, and the hook by which a job hands it over before it changes anything. Where it is kept is for the caller
 * to decide; how it looks as a file stands in backup-file.ts.
 */
import type { Storage } from '@linac/catalog';
import type { DeviceSnapshot } from '@linac/planner';

/**
 * `dct`: the settings from offset 0 on. `dct-sectors`: both flash sectors in which an STM32F2 keeps them, with what else stands there (Wi-Fi
 * networks of Photon and P1). `application`: a module as it stands in flash (Core: the one image). `server-key`, `device-key`: places of a Core.
 */
export const backupPartKinds = ['dct', 'dct-sectors', 'application', 'server-key', 'device-key'] as const;
export type BackupPartKind = (typeof backupPartKinds)[number];

export interface BackupPart {
	kind: BackupPartKind;
	storage: Storage;
	/** In that storage, without the offset that DFU adds. */
	address: number;
	bytes: Uint8Array;
	/** Of an application: what its header says, and whether it is whole. */
	module?: { function: number; index: number; version: number; whole: boolean };
}

/** Something that belongs into a backup and could not be had, with the reason: the backup is good without it. */
export interface BackupMissing {
	kind: BackupPartKind;
	code: string;
	message: string;
}

export interface BackupContents {
	platform: string;
	deviceId?: string;
	/** Device OS as it was told, or derived from the modules. */
	osVersion?: string;
	/** What was known of the device just before. */
	device: DeviceSnapshot;
	parts: BackupPart[];
	missing: BackupMissing[];
	/** Worth knowing about how it was read. */
	notes: string[];
	/** Whether the bootloader gives and takes the DCT at alternate setting 1: not on a Photon whose system parts are damaged. Not kept in files. */
	dctAccess: boolean;
}

/** What became of a backup. */
export interface BackupRecord {
	/** Where it is, as the user can name it. */
	file: string;
	/** Of the file, hex. */
	sha256?: string;
	/** A backup of the same device from before, worth knowing because this one shows a device that was left half written. */
	earlier?: string;
	/** Parts that it lacks, each with the reason. */
	missing?: BackupMissing[];
}

/** Every application in it is whole, and there is one: such a backup is worth more than a later one of a device that was left half written. */
export function hasWholeApplication({ parts }: Pick<BackupContents, 'parts'>): boolean {
	const applications = parts.filter((p) => p.kind === 'application');
	return applications.length > 0 && applications.every((p) => p.module?.whole === true);
}

/** Keeps a backup. Only when it has resolved does a job change anything; when it throws, the job ends. */
export type BackupHook = (contents: BackupContents) => Promise<BackupRecord | undefined>;

export function partOf(contents: Pick<BackupContents, 'parts'>, kind: BackupPartKind): BackupPart | undefined {
	return contents.parts.find((p) => p.kind === kind);
}
