/**
 * Snapshot of a device + goal + release -> plan, or a refusal with reasons. Everything here is plain JSON except the bytes of the
 * module files, which stand beside the plan in `PlanInputs` and are found by their SHA-256.
 */

import type { ReleaseSet, SourcedModule, Storage, Transport } from '@linac/catalog';
import type { Json, Problem } from '@linac/core';
import type { ModuleDependency } from '@linac/firmware';

export type DeviceMode = 'normal' | 'listening' | 'safe' | 'dfu';

/** What is known of one module on a device. */
export interface InstalledModule {
	function: number;
	index: number;
	version: number;
	/** The device or a read-back found it whole and in the right place. */
	valid: boolean;
	/** SHA-256 over the bytes `start` ... end + 4 as they stand in flash (of the payload, where the header was dropped), hex; known only when read back, or told by Device OS >= 5.6.0. */
	contentSha256?: string;
	start?: number;
	size?: number;
	dependencies?: ModuleDependency[];
	/** Dependencies are met, as far as the device said. */
	dependenciesMet?: boolean;
	productId?: number;
	productVersion?: number;
	/** Assets that an application asks for, where they could be read: in DFU, or from Device OS >= 5.6.0. */
	assets?: readonly AssetRef[];
	/** Address of a second header in a system part, for older bootloaders; `null`: read, and there is none. */
	secondStart?: number | null;
	/** Platform in its header, where that is not the device's: then it is not `valid`. */
	platformId?: number;
}

/** An asset by what a device knows it by: its name, and the SHA-256 of its own bytes, hex. */
export interface AssetRef {
	name: string;
	sha256: string;
}

export interface StoredAsset extends AssetRef {
	/** Bytes of the asset, and of the module that is stored of it. */
	size?: number;
	storageSize?: number;
}

export interface ExpectedAsset extends AssetRef {
	/** Bytes of the module as it is stored. */
	storageSize: number;
}

/** A module whose header says that it belongs somewhere else, or to another kind of device, found at `at`. */
export interface StrayModule {
	function: number;
	index: number;
	version: number;
	platformId: number;
	/** Address for which it was made, and where it stands. */
	start: number;
	at: number;
}

export interface DeviceSnapshot {
	/** Name of the platform, from the USB product id (and, in DFU, confirmed by the module headers). */
	platform: string;
	deviceId?: string;
	location?: string;
	mode: DeviceMode;
	/** Device OS as the device says it, e.g. `2.2.0`; in DFU derived from the module number by the catalogue. */
	osVersion?: string;
	/** `undefined` means that it could not be read: never that it is empty. */
	modules?: InstalledModule[];
	/** How deep the look was: `reported` by the running system (versions and flags), or `read` back from flash. */
	depth: 'reported' | 'read';
	setupDone?: boolean;
	/** Assets, as Device OS >= 5.6.0 tells them; `undefined`: not known. */
	assets?: { available: StoredAsset[]; required: AssetRef[] };
	/** Modules that stand where they do not belong; looked for in DFU mode only. */
	strays?: StrayModule[];
	/** Orders in the DCT that the next start would carry out, read in DFU mode; `undefined`: not looked for, or they could not be read. */
	pending?: PendingUpdate[];
	/** The DCT asks the bootloader for a factory reset at its next start; read in DFU mode, `undefined`: not read. */
	factoryReset?: boolean;
	/** Device protection, Device OS >= 6. */
	protection?: 'open' | 'service' | 'protected';
	via: 'usb' | 'serial' | 'swd' | 'ota';
}

/** Something that is wrong with a device. `message` says what; `hint` what to do about it, in one or two sentences. */
export interface Finding extends Problem {
	hint: string;
}

/** An order that stands in the DCT: the OTA flag, or a module slot. */
export interface PendingUpdate {
	way: Exclude<BootloaderWay, 'control'>;
	/** Number of the module slot, 1 to 4. */
	slot?: number;
	/** Where in the DCT, and the bytes that stand there, hex. */
	offset: number;
	bytes: string;
	/** What it would copy: a module with a header, where there is one at its source. */
	module?: { function: number; index: number; version: number };
	/** First address that it would write to, and how many bytes; of a module slot. */
	destination?: number;
	length?: number;
}

/** Acts that can lose something and are only done when allowed by name. */
export type Permission = 'downgrade' | 'experimental';

/**
 * How a bootloader (or another module that DFU does not write to its final place) gets there. `control`: control requests to the running Device OS.
 * `ota-slot`: DFU writes it where the running system looks for an update, and sets the OTA flag; the system applies it when it starts. `module-slot`:
 * DFU writes it and an entry of the DCT's module slots; the bootloader applies it at the next start, whether or not the system runs (needs the
 * permission `experimental`: nobody has tried it on a board).
 */
export type BootloaderWay = 'control' | 'ota-slot' | 'module-slot';

export interface Goal {
	/** Release to install; undefined: leave Device OS alone unless the application needs a newer one. */
	target?: string;
	/** Files given by the user, already parsed: applications, or any other modules. */
	files: GoalFile[];
	/** Write nothing but the application. */
	applicationOnly: boolean;
	/** Set the setup-done mark where the system that the device then has asks for it, also when that system is not written now. */
	setupDone?: boolean;
	allow: Permission[];
	/** Default: the plan chooses, `ota-slot` where one DFU session is enough for everything and nothing is less safe by it, else `control`. */
	bootloaderWay?: BootloaderWay;
	/** A stepping stone on the way to another release: an application that does not run on it may stay where it is. */
	onTheWay?: boolean;
}

export interface GoalFile {
	/** As the user named it, e.g. `firmware.bin` or `set.zip/boron-bootloader.bin`. */
	name: string;
	/** Undefined when the file is no module; `problems` then say why. Without an error among them it is left out, and the job goes on. */
	module?: SourcedModule;
	problems: Problem[];
}

/** What became of one input: nothing that was given is passed over in silence. */
export interface FileVerdict {
	name: string;
	verdict: 'write' | 'already-there' | 'refused' | 'not-needed';
	reason: string;
	code: string;
	/** Steps that concern it. */
	steps: string[];
}

/** How the device would be if power or cable failed at the worst moment of a step. */
export interface Recovery {
	/** `none`: only SWD could help. */
	way: 'same-command' | 'same-command-after-button' | 'none';
	/** Plain words. */
	why: string;
}

/** State of the device that the simulation expects after a step. */
export interface SimulatedState {
	boots: 'normal' | 'listening' | 'safe' | 'dfu' | 'dead';
	why: string;
	/** `slot name -> version`, what is then on the device. */
	modules: { slot: string; version: number; valid: boolean }[];
}

export type StepAction =
	/** Bring the device into a mode and see it come back with the same id at the same place. */
	| { kind: 'enter-mode'; mode: 'dfu' | 'listening' | 'normal' }
	/**
	 * Write a module over DFU and read it back. `skipBytes` of the file are left out (24 with a dropped header). `headLast`: everything is
	 * erased first, and this many bytes at the beginning are written after all the others, because the bootloader judges the module by its
	 * header alone; without it, bytes are written in ascending order.
	 */
	| {
			kind: 'write-dfu';
			sha256: string;
			alternate: number;
			address: number;
			skipBytes: number;
			length: number;
			headLast?: number;
	  }
	/**
	 * Give a module to the running Device OS by control requests; it restarts to apply it. `enoughFrom`: skipped when the device reports a
	 * valid module of this version or a newer one (its version could not be known when the plan was made). `asset`: the module is this asset,
	 * which the device stores; skipped when the device tells that it is stored.
	 */
	| { kind: 'update-control'; sha256: string; length: number; enoughFrom?: number; asset?: AssetRef }
	/** Give a module to a listening Device OS over its serial port (YMODEM); it restarts by itself to apply it. */
	| { kind: 'update-serial'; sha256: string; length: number }
	/** Overwrite bytes so that a module there is not valid any more. `fill` 0xFF. */
	| { kind: 'invalidate'; alternate: number; address: number; length: number; module: { function: number; index: number } }
	/** Write a module, whole and unchanged, to where whoever installs it will look for it, and read it back. It is not in its place then. */
	| { kind: 'stage-update'; sha256: string; alternate: number; address: number; length: number }
	/**
	 * Have a staged module installed at the next start: once it has been read back there, these bytes (hex) are written into the DCT at `offset`, and
	 * read back. `ota-slot`: the OTA flag, for Device OS. `module-slot`: a record for the bootloader.
	 */
	| {
			kind: 'request-update';
			way: Exclude<BootloaderWay, 'control'>;
			sha256: string;
			staged: { alternate: number; address: number; length: number };
			offset: number;
			bytes: string;
	  }
	/** Take an order out of the DCT that is not a part of this job. `found` are the bytes that were read there, hex. */
	| { kind: 'clear-request'; way: Exclude<BootloaderWay, 'control'>; offset: number; found: string; bytes: string }
	/**
	 * Leave DFU, let the requested modules be installed, and see that they are: asked of the running device (`then: 'run'`), or read back from their
	 * place in DFU mode (`then: 'dfu'`).
	 */
	| { kind: 'apply-update'; way: Exclude<BootloaderWay, 'control'>; modules: AppliedModule[]; then: 'run' | 'dfu' }
	/** One byte of the DCT, without erase. */
	| { kind: 'write-dct'; offset: number; value: number; meaning: string }
	/** Leave DFU or reset, and wait until the same device runs. */
	| { kind: 'restart' }
	/**
	 * Compare what the device then has with the plan. Where `normal` is expected, listening mode is as good: a device without Wi-Fi
	 * credentials waits there, and no plan can know that.
	 */
	| {
			kind: 'verify';
			modules: ExpectedModule[];
			assets?: ExpectedAsset[];
			osVersion?: string;
			expectMode: 'normal' | 'listening' | 'safe';
	  };

/** A module that is to be in its place after a start. */
export interface AppliedModule {
	slot: string;
	function: number;
	index: number;
	version: number;
	/** SHA-256 of the file, hex. */
	sha256: string;
}

export interface ExpectedModule {
	slot: string;
	function: number;
	index: number;
	version: number;
	/** SHA-256 of the bytes that stand in flash, hex; absent where it cannot be read back (NCP). */
	contentSha256?: string;
	storage?: Storage;
	address?: number;
	length?: number;
	/** Why what is there stays, although the release has another; absent where the release's own module is expected. */
	stays?: string;
}

export interface Step {
	/** `step-1`, `step-2` ... */
	id: string;
	title: string;
	/** Why it is there and why here, in plain words. */
	because: string[];
	action: StepAction;
	/** Which module it is about, for people: `system-part1 4005`. */
	module?: { slot: string; version: number; from?: number };
	transport?: Transport;
	/** Slots and versions that must be on the device before. Their reasons stand in `because`. */
	needs: string[];
	after: SimulatedState;
	ifInterrupted: Recovery;
	/** Expected duration in milliseconds from flash datasheet times and USB rates. */
	estimateMs: number;
}

export interface Plan {
	format: 'linac-plan/1';
	platform: string;
	deviceId?: string;
	location?: string;
	from: { osVersion?: string; modules: { slot: string; version: number; valid: boolean }[] };
	/** `assets` is absent where none were given. */
	to: { osVersion?: string; modules: ExpectedModule[]; assets?: ExpectedAsset[] };
	steps: Step[];
	files: FileVerdict[];
	/** Things worth knowing that did not stop the plan: hazards named, choices made. */
	notes: Problem[];
	/** `true` when there is nothing to do, which is never called success of a write. */
	empty: boolean;
	estimateMs: number;
	/** Hash of everything above, so that a stored plan can be recognised. */
	id: string;
}

/** A refusal names the rule; `route` are the stepping stones that would work instead. */
export interface Refusal extends Problem {
	rule?: string;
	route?: string[];
	details?: Json;
}

/** The bytes that a plan speaks of. */
export interface PlanInputs {
	release?: ReleaseSet;
	/** By SHA-256 of the file, hex. */
	modules: Map<string, SourcedModule>;
}
