/** Typed access to `data/`: what a platform is, which releases there are, which rules hold. Facts only; no device, no file, no network. */
import type { Verdict } from '@linac/core';
import type { ModuleDependency, ParsedModule } from '@linac/firmware';

/** A value with the place where it was read. In `data/*.json` every fact has one, or stands under one. */
export interface Sourced {
	source: string;
}

export type McuFamily = 'stm32f1' | 'stm32f2' | 'nrf52840' | 'rtl872x';

/** Half-open range of Device OS module versions (numbers such as 2202), both optional. `from` is included, `before` is not. */
export interface VersionRange {
	from?: number;
	before?: number;
}

/** Which storage a region lies in; `dct` is addressed from 0, `external` as the flash chip itself has it (from 0). */
export type Storage = 'internal' | 'dct' | 'external';

/** A region of a memory map, valid for a range of *system* module versions. Bytes; `end` is exclusive. */
export interface MemoryRegion extends Sourced {
	/** `bootloader`, `system-part-1`, `user-part-1` (128 KB slot), `user-part-2` (256 KB slot), `radio-stack`, `ota`, `factory`, `assets`, ... */
	name: string;
	storage: Storage;
	start: number;
	end: number;
	versions?: VersionRange;
	note?: string;
}

export interface DfuAlternate extends Sourced {
	number: number;
	storage: Storage;
	/** The exact interface string of the bootloader. */
	name: string;
	/** Added to a storage address to get the DFU address: 0x80000000 for nRF52840's external flash, else 0. */
	addressOffset: number;
}

/** A kind of module that a platform can hold. */
export interface ModuleSlot extends Sourced {
	/** `bootloader`, `system-part1`, `softdevice`, `ncp`, `tinker`, `prebootloader-part1`, `prebootloader-mbr`, `user-part`: the stem of published file names. */
	name: string;
	function: number;
	index: number;
	/** Region that the module must lie in, or undefined when it is not in the main chip's flash (NCP). */
	region?: string;
	versions?: VersionRange;
	encrypted?: boolean;
	/** A device without it does not start normally. */
	required: boolean;
	/** How a module of this kind may travel (Particle's "file by mode" table, and what its tools do). */
	transports: Transport[];
}

/** `dfu`: written by the bootloader to its final place. `control`: given to the running Device OS by control requests 250/253/251. */
export type Transport = 'dfu' | 'control' | 'serial';

export interface Platform {
	id: number;
	/** Particle's name in file names: `boron`, `esomx`, `bsom`, `b5som`, `tracker`, `p2`, ... */
	name: string;
	displayName: string;
	aliases: string[];
	generation: number;
	mcu: McuFamily;
	usb: { vendorId: number; productId: number; dfuProductId: number };
	memory: MemoryRegion[];
	alternates: DfuAlternate[];
	modules: ModuleSlot[];
	/** Particle's component table: how many system parts, and which of the others; with its notes (`ncpNote` stands at the NCP). */
	components: {
		systemParts: number;
		bootloader: boolean;
		softDevice: boolean;
		ncp: boolean;
		cellular: boolean;
		/** Has a Wi-Fi interface, and so a MAC address (HAL_PLATFORM_WIFI). Not a column of that table. */
		wifi: boolean;
		notes: string[];
		ncpNote?: string;
	};
	/** Byte offsets in the DCT (alternate setting 1). `setupDone` only where such a flag exists. */
	dct: { size: number; setupDone?: number; otaFlag: number; moduleSlots: number; [field: string]: number | undefined };
	/** The device wants a data stage even where there is nothing to send. */
	quirks: { controlOutNeedsDataStage: boolean };
	flash: FlashGeometry[];
	/** First 12 hex digits of the device ids where they are fixed (`e00fce68` on nRF52840), else empty. */
	deviceIdPrefix: string;
	sources: string[];
}

/** Flash hardware of one storage, with datasheet typical times. */
export interface FlashGeometry extends Sourced {
	storage: 'internal' | 'external';
	base: number;
	size: number;
	/** Consecutive runs of equal erase sectors. */
	sectors: { count: number; size: number; eraseMs: number }[];
	/** Time to program `programUnit` bytes, in microseconds. */
	programUnit: number;
	programUs: number;
}

export type ReleaseLine = 'legacy' | 'lts' | 'preview';
export type ReleaseChannel = 'release' | 'rc' | 'beta' | 'alpha' | 'special';

/** What one release holds for one platform, from the headers of its modules or its source tree. */
export interface ReleaseModule {
	slot: string;
	function: number;
	index: number;
	version: number;
	dependencies: ModuleDependency[];
	/** True when the facts were read from a real module's header; false when from the source tree. */
	real: boolean;
	/** Which file or source tree. */
	source?: string;
}

export interface ReleaseEntry {
	/** Semantic version as published: `4.0.1`, `5.0.0-alpha.2`, `3.2.1-p2.3`. */
	version: string;
	/** Version number of the system parts, from the table: it cannot be computed. */
	moduleVersion: number;
	line: ReleaseLine;
	channel: ReleaseChannel;
	/** `1.5.x`, `4.0.x` ... of which this may be the latest. */
	lineName: string;
	latestInLine: boolean;
	/** Names of the platforms that it was published for. */
	platforms: string[];
	/** Those of them that have no cell in the download table: their files were published elsewhere. */
	beyondTable: string[];
	source: string;
}

/** A module file of an opened release. It has been parsed and is sound, or it is not here. */
export interface SourcedModule {
	slot: string;
	/** Where it came from, for people: `particle-cli 3.6.0: boron-bootloader@4.0.1.bin`. */
	origin: string;
	module: ParsedModule;
	/** SHA-256 of the whole file, hex. */
	sha256: string;
	/** Made by linac's own builder because no real one can be had. */
	standIn?: boolean;
}

/** One release for one platform, opened and checked module by module. */
export interface ReleaseSet {
	platform: string;
	version: string;
	moduleVersion: number;
	modules: SourcedModule[];
	/** The source that it came from. */
	source: string;
	/** The default application (Tinker) that the source had for this platform. It is no part of Device OS and only installed when asked for. */
	application?: SourcedModule;
}

/** How far a source is. `total` is missing when the other side does not say. Bytes. */
export interface SourceProgress {
	source: string;
	what: string;
	done: number;
	total?: number;
}

export interface ReleaseQuery {
	platform: string;
	version: string;
}

export interface ReleaseSummary {
	version: string;
	platform: string;
	source: string;
	/** Needs no network. */
	offline: boolean;
}

/** Somewhere that releases come from: a folder, a zip, an npm tarball, an API, the cache. */
export interface ReleaseSource {
	readonly name: string;
	/** Needs no network: asked first, and also when the network is turned off. */
	readonly offline?: boolean;
	/** It is used or nothing is: what is wrong with it as a whole (`MIRROR_...`, `KEY_...`) ends the search instead of passing it over. */
	readonly strict?: boolean;
	list(signal?: AbortSignal): Promise<ReleaseSummary[]>;
	/** Throws `SOURCE_UNREACHABLE` when the next source should be asked; a refused verdict says what is wrong with what it has. */
	open(query: ReleaseQuery, signal?: AbortSignal, onProgress?: (progress: SourceProgress) => void): Promise<Verdict<ReleaseSet>>;
}
