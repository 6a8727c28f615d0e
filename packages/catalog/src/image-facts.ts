/**
 * Typed access to data/images.json: what a restore image holds besides the modules of a release (MBR, UICR registers, the guard of the
 * former application slot), how the parts without a module header are recognised, and how published files are laid out. Facts only;
 * what is made of them is the business of `@linac/image`.
 */
import { imagesText } from './generated/images.js';
import { inRange } from './platforms.js';
import type { McuFamily, Platform, Sourced, VersionRange } from './types.js';

/** The master boot record: it starts what the UICR names, and can be had from no module file. */
export interface MbrFacts extends Sourced {
	start: number;
	size: number;
	/** MBRs by the SHA-256 (hex) of all `size` bytes, with 0xFF behind the `used` ones. */
	known: readonly (Sourced & { name: string; used: number; sha256: string })[];
}

/** A SoftDevice as it stands in flash, without header and suffix. */
export interface SoftDeviceFacts extends Sourced {
	name: string;
	/** Nordic's firmware id, at 0x200C of the SoftDevice; also the version of its module. */
	firmwareId: number;
	start: number;
	size: number;
	/** Hex. */
	sha256: string;
}

export interface UicrRegister extends Sourced {
	name: string;
	address: number;
	value: number;
	meaning: string;
	/** Names; absent: all of the MCU. */
	platforms?: string[];
	/** Of the system part. */
	versions?: VersionRange;
}

export interface UicrFacts {
	start: number;
	size: number;
	registers: readonly UicrRegister[];
	/** The register that turns the two NFC pins into ordinary ones. It can only be cleared, never set again without erasing the chip. */
	nfcPins: Sourced & { name: string; address: number; gpio: number; nfc: number };
}

/** Bytes of 0xFF that keep a forgotten application from being started. */
export interface GuardFacts extends Sourced {
	mcu: McuFamily;
	name: string;
	start: number;
	length: number;
	versions: VersionRange;
	meaning: string;
}

/** One way in which published files were laid out. */
export interface ClassicEra extends Sourced {
	mcus: McuFamily[];
	platforms?: string[];
	/** Releases; absent: all that no earlier era names. */
	versions?: string[];
	/** Slots, and `uicr`, `mbr`, `guard`, `application`. */
	order: string[];
	uicrExceptPlatforms?: string[];
	/** Form of the JSON beside the zip: `extended` has `prefixSize` and the extensions of prefix and suffix too. */
	manifest: 'plain' | 'extended';
}

interface ImageFacts {
	format: 'linac-images/1';
	mbr: Partial<Record<McuFamily, MbrFacts>>;
	softDevices: Partial<Record<McuFamily, SoftDeviceFacts[]>>;
	uicr: Partial<Record<McuFamily, UicrFacts>>;
	guard: GuardFacts[];
	classic: {
		guardExceptPlatforms: string[];
		/** Bytes of the SoftDevice module's suffix that published files carry behind its payload. */
		strayAfterSoftDevice: number;
		/** Platforms whose files have an empty line behind the UICR. */
		uicrBlankLine: string[];
		/** What the application is called in zips and manifests, where that is not `tinker`. */
		applicationNames: Record<string, string>;
		manifestSource: string;
		eras: ClassicEra[];
	};
}

let parsed: ImageFacts | undefined;

function facts(): ImageFacts {
	parsed ??= JSON.parse(imagesText) as ImageFacts;
	return parsed;
}

/** Undefined where a chip has no MBR: all but nRF52840. */
export function mbrFacts(platform: Pick<Platform, 'mcu'>): MbrFacts | undefined {
	return facts().mbr[platform.mcu];
}

/** SoftDevices that can be recognised without a header. */
export function knownSoftDevices(platform: Pick<Platform, 'mcu'>): readonly SoftDeviceFacts[] {
	return facts().softDevices[platform.mcu] ?? [];
}

/** Undefined where there are no such registers. */
export function uicrFacts(platform: Pick<Platform, 'mcu'>): UicrFacts | undefined {
	return facts().uicr[platform.mcu];
}

/** The registers that a blank chip of this platform needs set, for a system part of this number. */
export function uicrRegisters(platform: Pick<Platform, 'mcu' | 'name'>, moduleVersion: number): UicrRegister[] {
	return (uicrFacts(platform)?.registers ?? []).filter(
		(r) => (r.platforms === undefined || r.platforms.includes(platform.name)) && inRange(r.versions, moduleVersion),
	);
}

/** The guard that images with a system part of this number carry, if any. */
export function guardFacts(platform: Pick<Platform, 'mcu'>, moduleVersion: number): GuardFacts | undefined {
	return facts().guard.find((g) => g.mcu === platform.mcu && inRange(g.versions, moduleVersion));
}

/** How a published file of this release for this platform is laid out. Undefined when none was published (Core). */
export function classicEra(platform: Pick<Platform, 'mcu' | 'name'>, version: string): ClassicEra | undefined {
	return facts().classic.eras.find(
		(e) =>
			e.mcus.includes(platform.mcu) &&
			(e.platforms === undefined || e.platforms.includes(platform.name)) &&
			(e.versions === undefined || e.versions.includes(version)),
	);
}

/** Peculiarities of the published files that hold for all eras. */
export function classicFacts(): Omit<ImageFacts['classic'], 'eras'> {
	return facts().classic;
}
