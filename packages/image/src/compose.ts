/**
 * Puts together everything that a blank chip of a platform needs to start with a release: bootloader, system parts, SoftDevice, MBR, UICR
 * registers, the guard of the former application slot, and the application. Everything is checked before anything is made. Not for the
 * text that it is written as: that is Intel HEX (`writeIntelHex`), or `classicHex` for the layout of published files.
 * What belongs into an image, and why: docs/hex.md.
 */
import {
	guardFacts,
	mbrFacts,
	type Platform,
	type ReleaseSet,
	regionOf,
	type SourcedModule,
	uicrFacts,
	uicrRegisters,
} from '@linac/catalog';
import { address, bad, type Digests, good, type Problem, portableDigests, problem, putU32le, type Verdict } from '@linac/core';
import { MemoryImage, ModuleFlag, ModuleFunction, type ParsedModule, PREFIX_SIZE } from '@linac/firmware';
import { judgeApplication, surroundingsOfRelease } from './application.js';
import { chipModules } from './chip-modules.js';
import { freeOf } from './free-space.js';
import { judgeMbr } from './mbr.js';
import type { ComposedImage, ImagePart } from './types.js';

export interface ComposeOptions {
	platform: Platform;
	release: ReleaseSet;
	/** Judged against the release here. Absent: an image without an application, with which a board starts in safe mode. */
	application?: SourcedModule;
	/** Nordic's MBR, 4096 bytes. Needed where `needsMbr(platform)`. */
	mbr?: Uint8Array;
	/** Take an MBR that is not among the known ones. */
	allowUnknownMbr?: boolean;
	/** Without the UICR registers: for boards whose registers are set already. Default: with them. */
	uicr?: boolean;
	/** What the two NFC pins are. Default: as published for the platform (`nfc`, on E SoM X `gpio`). */
	nfcPins?: 'gpio' | 'nfc';
	/** Sectors with the settings of one unit, where they live in internal flash. */
	dct?: readonly { start: number; bytes: Uint8Array }[];
	digests?: Digests;
}

const SIZE_OF_CRC = 4;

/** Bad with every reason at once; nothing is made then. */
export function composeImage(options: ComposeOptions): Verdict<ComposedImage> {
	const { platform, release, application } = options;
	const digests = options.digests ?? portableDigests;
	const problems: Problem[] = [];
	const modules = chipModules(platform, release, digests);
	problems.push(...missingModules(platform, release, modules));
	const surroundings = surroundingsOfRelease(platform, { ...release, modules });
	if (application) problems.push(...judgeApplication(application, application.origin, surroundings));
	else problems.push(withoutApplication(platform));

	const parts: ImagePart[] = modules.flatMap((source) => {
		const part = modulePart(platform, source);
		return part ? [part] : [];
	});
	const mbr = mbrPart(options, digests);
	problems.push(...mbr.problems);
	if (mbr.ok && mbr.value) parts.push(mbr.value);
	if (options.uicr !== false) parts.push(...uicrParts(platform, release.moduleVersion, options.nfcPins));
	else if (options.nfcPins) {
		problems.push(
			problem('NFC_PINS_IN_UICR', 'What the NFC pins are is set in the UICR, which was left out. Ask for only one of the two.', {
				field: 'nfcPins',
			}),
		);
	}
	if (options.nfcPins && !uicrFacts(platform)) {
		problems.push(
			problem('NFC_PINS_NOT_THERE', `A ${platform.displayName} has no NFC pins to choose for.`, { field: 'nfcPins' }),
		);
	}
	if (application) parts.push({ ...modulePart(platform, application)!, name: application.slot });
	for (const sector of options.dct ?? []) {
		parts.push({ kind: 'dct', name: 'dct', start: sector.start, end: sector.start + sector.bytes.length, bytes: sector.bytes });
	}
	parts.push(...guardParts(platform, release.moduleVersion, parts));
	parts.sort((a, b) => a.start - b.start);
	problems.push(...outside(platform, release.moduleVersion, parts));
	const image = MemoryImage.from(parts);
	if (!image.ok) problems.push(...image.problems);
	if (!image.ok || problems.some((p) => p.severity === 'error')) return bad(...problems.filter((p) => p.severity === 'error'));
	return good(
		{
			platform: platform.name,
			version: release.version,
			moduleVersion: release.moduleVersion,
			parts,
			image: image.value,
			notes: problems,
		},
		problems,
	);
}

function missingModules(platform: Platform, release: ReleaseSet, modules: readonly SourcedModule[]): Problem[] {
	return platform.modules
		.filter((s) => s.required && s.region !== undefined && !s.encrypted && regionOf(platform, s.region, release.moduleVersion))
		.filter((s) => !modules.some((m) => m.slot === s.name))
		.map((s) => {
			const message = `Release ${release.version} has no ${s.name} for the ${platform.displayName}, and a blank chip does not start without it. Take the release from another source.`;
			return problem('IMAGE_MODULE_MISSING', message, { field: s.name });
		});
}

function withoutApplication(platform: Platform): Problem {
	const message = `The image has no application. The ${platform.displayName} starts with it in safe mode and waits for one.`;
	return problem('IMAGE_WITHOUT_APPLICATION', message, { severity: 'warning' });
}

/**
 * A module as it stands in an image; undefined for one that lies in another chip (NCP). A SoftDevice stands there without its 24-byte header
 * and without its suffix, as Nordic made it.
 */
export function modulePart(platform: Platform, source: SourcedModule): ImagePart | undefined {
	const { module } = source;
	const slot = platform.modules.find((s) => s.name === source.slot);
	if (slot?.region === undefined) return undefined;
	const dropped = (module.prefix.flags & ModuleFlag.dropModuleInfo) !== 0;
	const bytes = dropped ? payloadOf(module) : module.bytes;
	const { start, version } = module.prefix;
	return {
		kind: dropped ? 'softdevice' : 'module',
		name: source.slot,
		start,
		end: start + bytes.length,
		bytes,
		version,
		module,
		origin: source.origin,
	};
}

function payloadOf(module: ParsedModule): Uint8Array {
	return module.bytes.subarray(PREFIX_SIZE, module.bodyEnd);
}

function mbrPart(options: ComposeOptions, digests: Digests): Verdict<ImagePart | undefined> {
	const { platform, mbr } = options;
	const facts = mbrFacts(platform);
	if (!facts) return good(undefined);
	if (!mbr) {
		const message =
			`A blank ${platform.displayName} does not start without Nordic's MBR (the first ${facts.size} bytes of its flash), which no Device OS release holds. ` +
			'linac learns it once from any restore image of an nRF52840 board, or from any hex file that holds it. ' +
			"Particle's documentation site has restore images, for example https://docs.particle.io/assets/files/device-restore/4.0.1/boron.hex, and Nordic publishes the MBR in the hex file of SoftDevice S140 7.0.1.";
		return bad(problem('MBR_NEEDED', message, { field: 'mbr' }));
	}
	const judged = judgeMbr(mbr, platform, { file: 'the given MBR', digests });
	if (!judged.ok) return judged;
	if (judged.value.name === undefined && !options.allowUnknownMbr) {
		return bad(...judged.problems.map((p) => ({ ...p, severity: 'error' as const })));
	}
	const part: ImagePart = {
		kind: 'mbr',
		name: 'mbr',
		start: facts.start,
		end: facts.start + facts.size,
		bytes: mbr,
		origin: judged.value.name ?? 'unknown MBR',
	};
	return good(part, judged.problems);
}

/** The registers as one page: 0xFF, which changes nothing, between those that are set. */
function uicrParts(platform: Platform, moduleVersion: number, nfcPins: ComposeOptions['nfcPins']): ImagePart[] {
	const facts = uicrFacts(platform);
	if (!facts) return [];
	const bytes = new Uint8Array(facts.size).fill(0xff);
	for (const register of uicrRegisters(platform, moduleVersion)) putU32le(bytes, register.address - facts.start, register.value);
	if (nfcPins) putU32le(bytes, facts.nfcPins.address - facts.start, facts.nfcPins[nfcPins]);
	return [{ kind: 'uicr', name: 'uicr', start: facts.start, end: facts.start + facts.size, bytes }];
}

/** The guard, as far as nothing else stands there: where the application does, the former one is gone anyway. */
export function guardParts(platform: Platform, moduleVersion: number, parts: readonly ImagePart[]): ImagePart[] {
	const facts = guardFacts(platform, moduleVersion);
	if (!facts) return [];
	const free = freeOf({ start: facts.start, end: facts.start + facts.length }, parts);
	return free.map((f) => ({ kind: 'guard', name: 'guard', ...f, bytes: new Uint8Array(f.end - f.start).fill(0xff) }));
}

/** Every module has been judged by itself; this is the last look at where all of it lies together. */
function outside(platform: Platform, moduleVersion: number, parts: readonly ImagePart[]): Problem[] {
	const problems: Problem[] = [];
	for (const part of parts) {
		if (part.kind !== 'module' && part.kind !== 'softdevice') continue;
		const slot = platform.modules.find((s) => s.name === part.name);
		const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, moduleVersion);
		if (!region || slot?.function === ModuleFunction.user) continue;
		const last = part.module ? part.module.prefix.end + SIZE_OF_CRC : part.end;
		if (part.start >= region.start && last <= region.end) continue;
		const message = `${part.origin ?? part.name} stands at ${address(part.start)} to ${address(last)}; ${part.name} of this release has ${address(region.start)} to ${address(region.end)}.`;
		problems.push(problem('ADDRESS_OUTSIDE', message, { field: 'prefix.start', expected: region.start, found: part.start }));
	}
	return problems;
}
