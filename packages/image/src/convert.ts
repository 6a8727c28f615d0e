/**
 * Images from one form into another: plain bytes from one address on, a folder of module files with what has no header as small hex files,
 * and back. Conversions judge only what they must: whether an image is good is for `verifyImage` to say.
 */
import { platformById, slotOf } from '@linac/catalog';
import { address, bad, type Digests, good, type Problem, portableDigests, problem, type Verdict } from '@linac/core';
import {
	contentKind,
	flattenImage,
	MemoryImage,
	ModuleFlag,
	moduleLabel,
	type ParsedModule,
	PREFIX_SIZE,
	parseIntelHex,
	parseModule,
	type Region,
	writeIntelHexBytes,
} from '@linac/firmware';
import { cut } from './read/pieces.js';
import { type ImageReading, isError, type ReadPart } from './read/types.js';

export interface FlatOptions {
	/** Only this range, from its first address on; `end` is exclusive. Default: from the first to the last byte of the image. */
	range?: Region;
	/** The byte between the pieces, 0 to 255. Default 0xFF, as an erased chip has it. */
	fill?: number;
	/** Most bytes that are made. Default 16 MiB: twice the largest chip. */
	limit?: number;
}

export interface FlatImage {
	/** Address of the first byte. */
	base: number;
	bytes: Uint8Array;
	/** How many of the bytes are filler. */
	filler: number;
}

const MOST_FLAT = 16 * 1024 * 1024;
const TOP = 0x1_0000_0000;

/** An image as plain bytes. Bad when it is empty, or spans more than the limit (flash at 0 and UICR registers at 0x10001000 do). */
export function imageToFlat(image: MemoryImage, options: FlatOptions = {}): Verdict<FlatImage> {
	const fill = options.fill ?? 0xff;
	const limit = options.limit ?? MOST_FLAT;
	const part = options.range ? selectRange(image, options.range) : good(image);
	if (!part.ok) return part;
	const { segments } = part.value;
	const range = options.range ?? { start: segments[0]?.start ?? 0, end: segments.at(-1)?.end ?? 0 };
	const size = range.end - range.start;
	if (segments.length === 0) return bad(problem('IMAGE_EMPTY', 'There is not one byte in the image.'));
	if (size > limit) {
		const where = segments.map((s) => `${address(s.start)} to ${address(s.end)}`);
		const shown = where.length > 4 ? [...where.slice(0, 2), '...', where.at(-1)!] : where;
		const first = nearestTo(segments);
		const message = `The image spans ${size} bytes (${shown.join(', ')}), and almost all of it would be filler; the limit is ${limit}. Say which range is meant, for example ${address(first.start)} to ${address(first.end)}.`;
		return bad(problem('IMAGE_TOO_SPARSE', message, { field: 'range', expected: limit, found: size }));
	}
	// Blank ends are part of the range.
	const edges = [...segments.map((s) => ({ start: s.start, bytes: s.bytes }))];
	if (segments[0]!.start > range.start) edges.push({ start: range.start, bytes: Uint8Array.of(fill) });
	if (segments.at(-1)!.end < range.end) edges.push({ start: range.end - 1, bytes: Uint8Array.of(fill) });
	const whole = MemoryImage.from(edges);
	if (!whole.ok) return whole;
	const flat = flattenImage(whole.value, limit, fill);
	return flat.ok ? good({ base: range.start, bytes: flat.value, filler: size - part.value.size }) : flat;
}

/** The first pieces, up to the widest gap: what is meant where something lies far away. */
function nearestTo(segments: readonly Region[]): Region {
	let widest = 0;
	let end = segments[0]!.end;
	for (const [i, s] of segments.entries()) {
		const next = segments[i + 1];
		if (next && next.start - s.end > widest) {
			widest = next.start - s.end;
			end = s.end;
		}
	}
	return { start: segments[0]!.start, end };
}

/** What of an image lies in a range. Bad when the range is none, or nothing lies in it. */
export function selectRange(image: MemoryImage, range: Region): Verdict<MemoryImage> {
	if (!(range.start >= 0 && range.end <= TOP && range.start < range.end)) {
		const message = `${address(range.start)} to ${address(range.end)} is no range: the second address is the first one behind it, and addresses have 32 bits.`;
		return bad(problem('RANGE_INVALID', message, { field: 'range' }));
	}
	const inside = image.segments
		.filter((s) => s.start < range.end && s.end > range.start)
		.map((s) => cut(s, Math.max(s.start, range.start), Math.min(s.end, range.end)));
	if (inside.length === 0) {
		const message = `The image has nothing from ${address(range.start)} to ${address(range.end)}.`;
		return bad(problem('RANGE_EMPTY', message, { field: 'range' }));
	}
	return MemoryImage.from(inside);
}

export interface FolderFile {
	/** `boron-bootloader@1101.bin`: board, slot and version of the module; `.hex` for what has no header to say its address. */
	name: string;
	bytes: Uint8Array;
	/** What should be known about it. */
	note?: string;
}

/**
 * The pieces of an image as files: modules as `.bin`, whole and as they were built; what has no module header as `.hex`, so that its address is
 * not lost. Blank and stray bytes without a meaning are left out, which a problem of severity `info` says. `filesToImage` puts them together again.
 */
export function imageToFiles(reading: ImageReading): Verdict<FolderFile[]> {
	const board = reading.platform?.name ?? 'image';
	const files = new Map<string, FolderFile>();
	const pieces = new Map<string, { parts: ReadPart[]; note?: string }>();
	let left = 0;
	for (const part of reading.parts) {
		if (part.kind === 'blank' || part.kind === 'stray') {
			left += part.bytes.length;
			continue;
		}
		const version = part.version === undefined ? '' : `@${part.version}`;
		if (part.kind === 'module' && part.module) {
			let name = `${board}-${part.name}${version}.bin`;
			// Two modules for one slot are a fault, but none may get lost.
			if (files.has(name)) name = `${board}-${part.name}${version}-${address(part.start)}.bin`;
			files.set(name, { name, bytes: part.bytes, ...(part.module.sound ? {} : { note: 'damaged' }) });
			continue;
		}
		const where = part.kind === 'unknown' || part.kind === 'module' ? `-${address(part.start)}` : '';
		const name = `${board}-${part.name}${version}${where}.hex`;
		const piece = pieces.get(name) ?? { parts: [], ...noteOf(part) };
		piece.parts.push(part);
		pieces.set(name, piece);
	}
	for (const [name, { parts, note }] of pieces) {
		const bytes = writeIntelHexBytes(parts);
		files.set(name, { name, bytes, ...(note === undefined ? {} : { note }) });
	}
	if (files.size === 0) return bad(problem('IMAGE_EMPTY', 'There is nothing in the image that could be put into a file.'));
	const problems: Problem[] = [];
	if (left > 0) {
		const message = `${left} blank or stray bytes that nothing reads are in none of the files.`;
		problems.push(problem('BLANK_LEFT_OUT', message, { severity: 'info' }));
	}
	const sorted = [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	return good(sorted, problems);
}

function noteOf(part: ReadPart): { note?: string } {
	if (part.kind === 'softdevice') {
		return { note: 'as it stands in flash: the header of its module is not in an image and cannot be had back from it' };
	}
	if (part.kind === 'module') return { note: 'cut short' };
	return part.kind === 'unknown' ? { note: part.note ?? 'not known' } : {};
}

/**
 * Module files and hex files as one image, each module at the address that its header says, a SoftDevice without its header. Bad when one is
 * damaged or is no firmware, or when two overlap. It is no restore image by itself: it holds what the files hold and no more.
 */
export function filesToImage(
	files: readonly { name: string; bytes: Uint8Array }[],
	digests: Digests = portableDigests,
): Verdict<MemoryImage> {
	const problems: Problem[] = [];
	const pieces: { name: string; start: number; bytes: Uint8Array }[] = [];
	for (const { name, bytes } of files) {
		if (contentKind(bytes) === 'intel-hex') {
			const hex = parseIntelHex(bytes, { file: name });
			problems.push(...hex.problems);
			if (hex.ok) for (const s of hex.value.image.segments) pieces.push({ name, start: s.start, bytes: s.bytes });
			continue;
		}
		const parsed = parseModule(bytes, { file: name, digests });
		problems.push(...parsed.problems);
		if (!parsed.ok) continue;
		const placed = placeModule(name, parsed.value);
		problems.push(...placed.problems);
		if (placed.ok && placed.value) pieces.push(placed.value);
	}
	pieces.sort((a, b) => a.start - b.start || (a.name < b.name ? -1 : 1));
	for (const [i, piece] of pieces.entries()) {
		const next = pieces[i + 1];
		const end = piece.start + piece.bytes.length;
		if (!next || next.start >= end) continue;
		const message = `${piece.name} and ${next.name} both fill ${address(next.start)} to ${address(Math.min(end, next.start + next.bytes.length))}. Take one of them away.`;
		problems.push(problem('FILES_OVERLAP', message, { file: next.name, field: 'address', found: next.start }));
	}
	if (problems.some(isError)) return bad(...problems.filter(isError));
	if (pieces.length === 0)
		return bad(problem('IMAGE_EMPTY', 'None of the files has anything for the flash of a board.'), ...problems);
	const image = MemoryImage.from(pieces);
	return image.ok ? good(image.value, problems) : image;
}

/** Undefined for modules that do not belong into this flash; a problem says so. */
function placeModule(
	name: string,
	module: ParsedModule,
): Verdict<{ name: string; start: number; bytes: Uint8Array } | undefined> {
	const { prefix } = module;
	const what = `${name} (${moduleLabel(prefix)} ${prefix.version})`;
	const platform = platformById(prefix.platformId);
	const slot = platform && slotOf(platform, prefix);
	if (slot && (slot.region === undefined || slot.encrypted)) {
		const why = slot.encrypted ? 'is made for one single chip' : 'belongs into another chip of the board';
		const message = `${what} ${why}, and was left out.`;
		return good(undefined, [problem('MODULE_LEFT_OUT', message, { severity: 'warning', file: name })]);
	}
	if (module.compressed || module.combined) {
		const message = `${what} is packed for an update over the air. Give the plain module.`;
		return bad(problem('MODULE_PACKED', message, { file: name, field: 'prefix.flags', found: prefix.flags }));
	}
	const dropped = (prefix.flags & ModuleFlag.dropModuleInfo) !== 0;
	const bytes = dropped ? module.bytes.subarray(PREFIX_SIZE, module.bodyEnd) : module.bytes;
	return good({ name, start: prefix.start, bytes });
}
