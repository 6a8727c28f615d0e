/**
 * Takes an image apart that somebody has: the modules in it, what stands there without a module header (MBR, SoftDevice, registers,
 * settings), blank bytes, and what nobody knows. Every byte gets a part, nothing is lost, and everything that is wrong gets a sentence.
 * Not for opening files (open-image.ts) and not for the question whether a board would start with it (verify-image.ts).
 */
import {
	guardFacts,
	inRange,
	type ModuleSlot,
	mbrFacts,
	type Platform,
	platformById,
	platforms,
	releaseByModuleVersion,
	rulesOf,
	slotOf,
	uicrFacts,
} from '@linac/catalog';
import { address, type Digests, type Problem, portableDigests, problem } from '@linac/core';
import {
	contentKind,
	declaredSize,
	type ImageModule,
	type MemoryImage,
	ModuleFlag,
	ModuleFunction,
	type ModulePrefix,
	moduleLabel,
	plausiblePrefix,
	prefixOffsets,
	readPrefix,
	type Segment,
} from '@linac/firmware';
import { bootFacts, isMonolithic } from '@linac/planner';
import { findMbr } from '../mbr.js';
import { isBlank, Pieces, splitBlank } from './pieces.js';
import { takeSoftDevice } from './softdevice.js';
import { type ImageOverlap, type ImageReading, isError, type ReadPart, worstFirst } from './types.js';
import { takeUicr } from './uicr.js';

export interface ReadOptions {
	/** What it should be for. Default: what its modules say. */
	platform?: Platform;
	digests?: Digests;
	/** For messages. */
	file?: string;
	/** Ranges that the file gives twice, where it was opened by somebody who knows (open-image.ts). */
	overlaps?: readonly ImageOverlap[];
}

/** Reads an image. Never throws, whatever is in it. */
export function readImage(image: MemoryImage, options: ReadOptions = {}): ImageReading {
	const digests = options.digests ?? portableDigests;
	const located = image.locateModules(digests);
	const { platform, candidates } = platformOf(located.modules, options.platform);
	const moduleVersion = platform && systemVersion(platform, located.modules);
	const release = platform && moduleVersion !== undefined ? releaseByModuleVersion(platform, moduleVersion) : undefined;
	const parts = located.modules.map((m) => modulePart(m, platform, moduleVersion));
	const pieces = new Pieces(located.others);
	// Without modules the chip is still known where something has the marks of it.
	const chip = platform ?? likelyChip(image, digests);
	if (chip) {
		parts.push(...takeMbr(pieces, image, chip, digests));
		parts.push(...takeSoftDevice(pieces, chip, digests).parts);
		parts.push(...takeUicr(pieces, chip, moduleVersion));
	}
	if (platform) {
		parts.push(...takeCutShort(pieces, platform, moduleVersion));
		parts.push(...takeSettings(pieces, platform));
		if (moduleVersion !== undefined) parts.push(...takeGuard(pieces, platform, moduleVersion));
	}
	for (const segment of pieces.rest) parts.push(...plainParts(segment, platform, moduleVersion));
	parts.sort((a, b) => a.start - b.start);
	const overlaps = [...(options.overlaps ?? [])];
	const problems = worstFirst([
		...overlaps.map(overlapProblem),
		...platformProblems(located.modules, platform, candidates),
		...parts.flatMap((p) => p.problems),
	]).map((p) => (options.file === undefined ? p : { ...p, file: options.file }));
	return {
		...(options.file === undefined ? {} : { file: options.file }),
		image,
		...(platform === undefined ? {} : { platform }),
		candidates,
		...(moduleVersion === undefined ? {} : { moduleVersion }),
		...(release === undefined ? {} : { release }),
		parts,
		overlaps,
		problems,
	};
}

/** Modules in the order in which their word counts: what is started first knows best what board it is for, and what is whole knows better. */
function platformOf(
	modules: readonly ImageModule[],
	asked: Platform | undefined,
): { platform?: Platform; candidates: Platform[] } {
	const order: (readonly number[])[] = [
		[ModuleFunction.system, ModuleFunction.monolithic],
		[ModuleFunction.bootloader],
		[ModuleFunction.user],
		[ModuleFunction.ncp, ModuleFunction.radioStack],
	];
	for (const sound of [true, false]) {
		for (const functions of order) {
			const named = modules
				.filter((m) => m.module.crc.ok === sound && functions.includes(m.module.prefix.function))
				.map((m) => platformById(m.module.prefix.platformId))
				.filter((p) => p !== undefined);
			const candidates = [...new Set(named)];
			if (candidates.length === 0) continue;
			const platform = asked ?? (candidates.length === 1 ? candidates[0] : undefined);
			return { ...(platform ? { platform } : {}), candidates };
		}
	}
	return { ...(asked ? { platform: asked } : {}), candidates: [] };
}

function systemVersion(platform: Platform, modules: readonly ImageModule[]): number | undefined {
	const { startModule } = bootFacts(platform);
	const there = modules.filter(
		({ module: { prefix } }) => prefix.function === startModule.function && prefix.index === startModule.index,
	);
	return (there.find((m) => m.module.crc.ok) ?? there[0])?.module.prefix.version;
}

function platformProblems(
	modules: readonly ImageModule[],
	platform: Platform | undefined,
	candidates: readonly Platform[],
): Problem[] {
	if (platform) return [];
	if (candidates.length > 1) {
		const names = candidates.map((p) => p.displayName).join(', ');
		const message = `The modules in it are for different boards: ${names}. An image is for one of them; name it with the platform to see what is wrong.`;
		return [problem('IMAGE_SEVERAL_PLATFORMS', message, { field: 'prefix.platformId' })];
	}
	if (modules.length === 0) {
		const message = 'There is no Particle module in it. An image for a board holds at least a bootloader and a system part.';
		return [problem('IMAGE_WITHOUT_MODULES', message)];
	}
	const ids = [...new Set(modules.map((m) => m.module.prefix.platformId))].join(', ');
	return [
		problem('PLATFORM_UNKNOWN', `Platform ${ids} is not known here. linac cannot judge this image.`, {
			field: 'prefix.platformId',
		}),
	];
}

function overlapProblem(o: ImageOverlap): Problem {
	const size = o.end - o.start;
	const names = (list: readonly string[]) => list.join(', ');
	const message =
		`${address(o.start)} to ${address(o.end)} (${size} bytes) is given twice with different bytes: from line ${o.lines[0]} on by ${names(o.first)}, ` +
		`from line ${o.lines[1]} on by ${names(o.second)}. Some programmers refuse such a file, others keep one of the two. Fetch a corrected file, or make one with linac hex.`;
	return problem('IMAGE_OVERLAP', message, { field: 'address', found: address(o.start) });
}

// ---- modules

function modulePart(
	{ start, end, module }: ImageModule,
	platform: Platform | undefined,
	moduleVersion: number | undefined,
): ReadPart {
	const { prefix } = module;
	const slot = platform && slotOf(platform, prefix);
	const name = slot?.name ?? moduleLabel(prefix);
	const what = `${name} ${prefix.version} at ${address(start)}`;
	const problems = module.problems.map((p) => ({ ...p, message: `${what}: ${p.message}` }));
	if (platform) problems.push(...placeProblems(what, prefix, { start, end }, platform, slot, moduleVersion));
	return {
		kind: 'module',
		name,
		start,
		end,
		bytes: module.bytes,
		version: prefix.version,
		module,
		prefix,
		state: problems.some(isError) ? 'damaged' : 'sound',
		problems,
	};
}

/** Whether a module belongs where it stands, on this board, with this release. */
function placeProblems(
	what: string,
	prefix: ModulePrefix,
	at: { start: number; end: number },
	platform: Platform,
	slot: ModuleSlot | undefined,
	moduleVersion: number | undefined,
): Problem[] {
	const problems: Problem[] = [];
	const shared = rulesOf('shared-module', platform).some(
		(r) => r.function === prefix.function && r.platformIds.includes(prefix.platformId),
	);
	if (prefix.platformId !== platform.id && !shared) {
		const other = platformById(prefix.platformId)?.displayName ?? `platform ${prefix.platformId}`;
		const message = `${what} is for the ${other}, not for the ${platform.displayName}. Put the one for this board in its place.`;
		problems.push(
			problem('MODULE_OTHER_PLATFORM', message, { field: 'prefix.platformId', expected: platform.id, found: prefix.platformId }),
		);
	}
	if (!slot) {
		const message = `${what} has no place on a ${platform.displayName}. It must not be in an image for it.`;
		return [...problems, problem('MODULE_WITHOUT_PLACE', message, { field: 'prefix.function', found: prefix.function })];
	}
	if (slot.encrypted) {
		const message = `${what} is made for one single chip. On any other it does not start, and no USB tool could repair that. Take it out of the image.`;
		return [...problems, problem('MODULE_OF_ONE_CHIP', message, { field: 'prefix.index', found: prefix.index })];
	}
	if (slot.region === undefined) {
		const message = `${what} is the firmware of another chip on the board and does not belong into this one's flash. Some published images have this fault (Tracker 4.2.0, 5.5.0, 5.6.0). Do not use this image.`;
		return [...problems, problem('MODULE_OF_OTHER_CHIP', message, { field: 'prefix.function', found: prefix.function })];
	}
	if (prefix.flags & (ModuleFlag.compressed | ModuleFlag.combined)) {
		const message = `${what} is packed for an update over the air, and cannot run as it is. Put the plain module in its place.`;
		problems.push(problem('MODULE_PACKED', message, { field: 'prefix.flags', found: prefix.flags }));
	}
	if (moduleVersion !== undefined && !inRange(slot.versions, moduleVersion)) {
		const message = `${what} is in a place that the release of this image (system part ${moduleVersion}) does not have. Build it for this release.`;
		return [...problems, problem('MODULE_PLACE_MISSING', message, { field: 'prefix.index', found: prefix.index })];
	}
	const regions = platform.memory.filter(
		(r) => r.name === slot.region && (moduleVersion === undefined || inRange(r.versions, moduleVersion)),
	);
	// Applications of RTL872x end at the end of their slot, everything else begins at the beginning.
	const fits = regions.some((r) => at.start >= r.start && at.end <= r.end && (at.start === r.start || at.end === r.end));
	const region = regions[0];
	if (!fits && region) {
		const message = `${what} ends at ${address(at.end)}; ${slot.name} of this release has ${address(region.start)} to ${address(region.end)}. It was built for another layout, or something else was put in its place.`;
		problems.push(problem('ADDRESS_OUTSIDE', message, { field: 'prefix.start', expected: region.start, found: at.start }));
	}
	return problems;
}

/** Modules of which the header is there, at the beginning of a slot, and not all of the rest. */
function takeCutShort(pieces: Pieces, platform: Platform, moduleVersion: number | undefined): ReadPart[] {
	const parts: ReadPart[] = [];
	for (const slot of platform.modules) {
		for (const region of platform.memory) {
			if (region.name !== slot.region || (moduleVersion !== undefined && !inRange(region.versions, moduleVersion))) continue;
			const piece = pieces.at(region.start);
			if (!piece) continue;
			const bytes = piece.bytes.subarray(region.start - piece.start);
			for (const offset of prefixOffsets) {
				const size = plausiblePrefix(bytes, offset);
				if (size <= bytes.length) continue;
				const prefix = readPrefix(bytes, offset);
				const isSlot = prefix.function === slot.function && prefix.index === slot.index;
				if (prefix.start !== region.start || !isSlot || declaredSize(prefix) !== size) continue;
				const [segment] = pieces.take({ start: region.start, end: Math.min(piece.end, region.start + size) });
				if (!segment) continue;
				const message = `${slot.name} ${prefix.version} at ${address(region.start)} has ${size} bytes by its header; only ${segment.bytes.length} of them are in the image. It is cut short.`;
				parts.push({
					...segment,
					kind: 'module',
					name: slot.name,
					version: prefix.version,
					prefix,
					state: 'damaged',
					note: 'cut short',
					problems: [problem('MODULE_CUT_SHORT', message, { field: 'prefix.end', expected: size, found: segment.bytes.length })],
				});
				break;
			}
		}
	}
	return parts;
}

// ---- what stands there without a header

/** The first platform of the chip whose marks the image has: an MBR or registers at their places. */
function likelyChip(image: MemoryImage, digests: Digests): Platform | undefined {
	return platforms.find((p) => {
		const uicr = uicrFacts(p);
		if (uicr && image.segments.some((s) => s.start < uicr.start + uicr.size && s.end > uicr.start)) return true;
		return mbrFacts(p) !== undefined && findMbr(image, p, { file: 'the image', digests }).ok;
	});
}

function takeMbr(pieces: Pieces, image: MemoryImage, chip: Platform, digests: Digests): ReadPart[] {
	const facts = mbrFacts(chip);
	if (!facts) return [];
	const range = { start: facts.start, end: facts.start + facts.size };
	if (!pieces.rest.some((s) => s.start < range.end && s.end > range.start)) return [];
	const found = findMbr(image, chip, { file: 'the image', digests });
	if (!found.ok && found.problems.every((p) => p.code !== 'MBR_DAMAGED')) return [];
	// Only what no module covers: a module at address 0 is told of by itself.
	const taken = pieces.take(range);
	return taken.map((segment, i): ReadPart => {
		const known = found.ok && found.value.name !== undefined;
		if (isBlank(segment.bytes) && !found.ok) return plain(segment, 'blank', 'blank', 'sound');
		return {
			...segment,
			kind: found.ok ? 'mbr' : 'unknown',
			name: found.ok ? 'mbr' : 'unknown',
			state: known ? 'sound' : found.ok ? 'unproven' : 'damaged',
			note: found.ok ? (found.value.name ?? 'none that is known') : 'in the place of mbr',
			// One MBR in several pieces is one MBR.
			problems: i === 0 ? [...found.problems] : [],
		};
	});
}

function takeSettings(pieces: Pieces, platform: Platform): ReadPart[] {
	const region = platform.memory.find((r) => r.name === 'dct-pages' && r.storage === 'internal');
	if (!region) return [];
	return pieces
		.take(region)
		.map((segment) =>
			isBlank(segment.bytes)
				? plain(segment, 'blank', 'blank', 'sound', 'in the place of the settings (DCT)')
				: plain(segment, 'dct', 'dct', 'unproven', 'settings of one unit'),
		);
}

/** Blank bytes at the beginning of the former application slot are there for a reason. */
function takeGuard(pieces: Pieces, platform: Platform, moduleVersion: number): ReadPart[] {
	const facts = guardFacts(platform, moduleVersion);
	if (!facts) return [];
	const range = { start: facts.start, end: facts.start + facts.length };
	const there = pieces.rest.filter((s) => s.start < range.end && s.end > range.start);
	const whole = there.flatMap((s) => [s.bytes.subarray(Math.max(0, range.start - s.start), Math.max(0, range.end - s.start))]);
	if (whole.length === 0 || !whole.every(isBlank)) return [];
	return pieces.take(range).map((segment) => plain(segment, 'guard', 'guard', 'sound', facts.name));
}

function plainParts(segment: Segment, platform: Platform | undefined, moduleVersion: number | undefined): ReadPart[] {
	if (contentKind(segment.bytes) === 'html') {
		const message = `${segment.bytes.length} bytes at ${address(segment.start)} are a web page (HTML) in place of firmware: somebody saved an error message. The images published for 6.0.0 have this fault. Do not use this image.`;
		return [
			{ ...plain(segment, 'unknown', 'web-page', 'damaged', 'a web page (HTML)'), problems: [problem('HTML_PAGE', message)] },
		];
	}
	return splitBlank(segment).map(({ blank, segment: s }) => {
		const place = placeOf(s, platform, moduleVersion);
		const outside = platform && outsideChip(s, platform);
		if (outside) {
			const message = `${s.bytes.length} bytes at ${address(s.start)}: the chip of a ${platform.displayName} has no memory there, and a programmer will refuse the file. Take the image from another source.`;
			const about = problem('IMAGE_OUTSIDE_CHIP', message, { field: 'address', found: address(s.start) });
			return { ...plain(s, 'unknown', 'unknown', 'damaged', 'outside of the chip'), problems: [about] };
		}
		if (blank) return plain(s, 'blank', 'blank', 'sound', place);
		const message = `${s.bytes.length} bytes at ${address(s.start)} belong to nothing that linac knows${place === undefined ? '' : `; they stand ${place}`}.`;
		return {
			...plain(s, 'unknown', 'unknown', 'unproven', place),
			problems: [problem('REGION_UNKNOWN', message, { severity: 'warning', field: 'address', found: address(s.start) })],
		};
	});
}

function placeOf(segment: Segment, platform: Platform | undefined, moduleVersion: number | undefined): string | undefined {
	if (!platform) return undefined;
	const there = platform.memory.filter(
		(r) =>
			r.storage === 'internal' &&
			r.start < segment.end &&
			r.end > segment.start &&
			(moduleVersion === undefined || inRange(r.versions, moduleVersion)) &&
			(r.name !== 'monolithic' || isMonolithic(platform)),
	);
	const names = [...new Set(there.map((r) => platform.modules.find((m) => m.region === r.name)?.name ?? r.name))];
	if (names.length === 0) return undefined;
	return `in the place of ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''}`;
}

/** Not only in part: what sticks out of the flash at its end is told by its module. */
function outsideChip(segment: Segment, platform: Platform): boolean {
	const chip = platform.flash.find((f) => f.storage === 'internal');
	return chip !== undefined && (segment.end <= chip.base || segment.start >= chip.base + chip.size);
}

function plain(segment: Segment, kind: ReadPart['kind'], name: string, state: ReadPart['state'], note?: string): ReadPart {
	return { ...segment, kind, name, state, ...(note === undefined ? {} : { note }), problems: [] };
}
