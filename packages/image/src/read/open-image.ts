/**
 * Opens a file that holds an image, Intel HEX or plain bytes, and reads it. A hex file whose pieces overlap is opened all the same, so
 * that it can be said what contradicts what; it is never good for a programmer. What a file is, is read from its contents.
 */
import { address, bad, type Digests, equalBytes, good, type Problem, portableDigests, problem, type Verdict } from '@linac/core';
import { contentKind, type HexLayer, MemoryImage, parseHexLayers, parseIntelHex, parseModule } from '@linac/firmware';
import { knownBase } from './flat-base.js';
import { type ReadOptions, readImage } from './read-image.js';
import { type ImageOverlap, type ImageReading, worstFirst } from './types.js';

export interface OpenImageOptions extends Omit<ReadOptions, 'file' | 'overlaps'> {
	/** Address of the first byte, for files of plain bytes. Default: where a module or an MBR at the beginning says that it stands. */
	base?: number;
}

export interface OpenedImage {
	kind: 'intel-hex' | 'binary';
	reading: ImageReading;
}

/** At most so many contradictions are told; a real file has one or two. */
const MOST_OVERLAPS = 20;
const TOP = 0x1_0000_0000;

/** Bad only where there is no image at all. What is wrong inside stands in `reading.problems`, the faults of the hex file itself included. */
export function openImage(file: string, bytes: Uint8Array, options: OpenImageOptions = {}): Verdict<OpenedImage> {
	const digests = options.digests ?? portableDigests;
	const kind = contentKind(bytes);
	if (kind === 'intel-hex') return openHex(file, bytes, { ...options, digests });
	if (kind === 'binary' || kind === 'blank') return openBinary(file, bytes, { ...options, digests });
	const whole = parseModule(bytes, { file, digests });
	if (whole.ok) return openBinary(file, bytes, { ...options, digests });
	return bad(...whole.problems);
}

function openHex(file: string, bytes: Uint8Array, options: ReadOptions & { base?: number }): Verdict<OpenedImage> {
	if (options.base !== undefined) {
		const message = `${file} is an Intel HEX file and has its addresses in it. Leave out the base address.`;
		return bad(problem('BASE_NOT_NEEDED', message, { file, field: 'base' }));
	}
	const hex = parseIntelHex(bytes, { file });
	if (hex.ok) {
		const reading = readImage(hex.value.image, { ...options, file });
		return good({ kind: 'intel-hex', reading: { ...reading, problems: worstFirst([...hex.problems, ...reading.problems]) } });
	}
	if (!hex.problems.some((p) => p.code === 'HEX_OVERLAP')) return hex;
	const layers = parseHexLayers(bytes, { file });
	return layers.ok ? openOverlapping(file, layers.value, layers.problems, options) : layers;
}

/** The image that the last of the pieces gives, as most programmers would write it, and the places where pieces contradict each other. */
function openOverlapping(
	file: string,
	layers: readonly HexLayer[],
	problems: readonly Problem[],
	options: ReadOptions,
): Verdict<OpenedImage> {
	let pieces: { start: number; bytes: Uint8Array }[] = [];
	const overlaps: ImageOverlap[] = [];
	layers.forEach((layer, i) => {
		const end = layer.start + layer.bytes.length;
		for (const before of layers.slice(0, i)) {
			const from = Math.max(before.start, layer.start);
			const to = Math.min(before.start + before.bytes.length, end);
			if (from >= to || overlaps.length >= MOST_OVERLAPS) continue;
			const same = equalBytes(
				layer.bytes.subarray(from - layer.start, to - layer.start),
				before.bytes.subarray(from - before.start, to - before.start),
			);
			if (same) continue;
			const within = { start: from, end: to };
			overlaps.push({
				...within,
				first: namesIn(before, within, options),
				second: namesIn(layer, within, options),
				lines: [before.line, layer.line],
			});
		}
		pieces = pieces.flatMap((p) => {
			const pieceEnd = p.start + p.bytes.length;
			if (pieceEnd <= layer.start || p.start >= end) return [p];
			return [
				{ start: p.start, bytes: p.bytes.subarray(0, Math.max(0, layer.start - p.start)) },
				{ start: end, bytes: p.bytes.subarray(Math.min(p.bytes.length, end - p.start)) },
			].filter((r) => r.bytes.length > 0);
		});
		pieces.push(layer);
	});
	const image = MemoryImage.from(pieces);
	if (!image.ok) return image;
	const reading = readImage(image.value, { ...options, file, overlaps });
	return good({ kind: 'intel-hex', reading: { ...reading, problems: worstFirst([...problems, ...reading.problems]) } });
}

/** What a piece by itself has in a range. */
function namesIn(layer: HexLayer, within: { start: number; end: number }, options: ReadOptions): string[] {
	const alone = MemoryImage.from([layer]);
	if (!alone.ok) return ['unknown bytes'];
	const { parts } = readImage(alone.value, options);
	const there = parts.filter((p) => p.start < within.end && p.end > within.start);
	const names = there.map((p) => {
		if (p.kind === 'blank' || p.kind === 'guard') return 'blank bytes (0xFF)';
		if (p.kind === 'unknown') return p.name === 'web-page' ? 'a web page' : 'unknown bytes';
		return p.version === undefined ? p.name : `${p.name} ${p.version}`;
	});
	return [...new Set(names)];
}

function openBinary(
	file: string,
	bytes: Uint8Array,
	options: ReadOptions & { base?: number; digests: Digests },
): Verdict<OpenedImage> {
	const base = options.base ?? knownBase(bytes, options);
	if (base === undefined) {
		const message = `${file} is a file of plain bytes, which does not say where they stand. Give the address of its first byte (--base 0x...).`;
		return bad(problem('BASE_NEEDED', message, { file, field: 'base' }));
	}
	if (!Number.isInteger(base) || base < 0 || base + bytes.length > TOP) {
		const message = `${file} with ${bytes.length} bytes does not fit behind ${base >= 0 && base < TOP ? address(base) : base}: addresses have 32 bits. Give the address of its first byte.`;
		return bad(problem('BASE_INVALID', message, { file, field: 'base', found: base }));
	}
	const image = MemoryImage.from([{ start: base, bytes }]);
	if (!image.ok) return image;
	return good({ kind: 'binary', reading: readImage(image.value, { ...options, file }) });
}
