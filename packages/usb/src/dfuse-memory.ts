/**
 * The memory that an alternate setting offers, as its DfuSe interface string describes it (ST UM0424 section 10.3.2), e.g.
 * `@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg`. Only text and numbers; talking to the device is in `dfu.ts`.
 */
import { bad, good, problem, type Verdict } from '@linac/core';

/** A run of equal erase sectors. Addresses in bytes; `end` is exclusive and may be 2^32. */
export interface DfuSegment {
	start: number;
	end: number;
	sectorSize: number;
	readable: boolean;
	erasable: boolean;
	writable: boolean;
}

export interface DfuMemory {
	name: string;
	segments: DfuSegment[];
}

const units: Record<string, number> = { '': 1, B: 1, K: 1024, M: 1024 * 1024 };
/** More runs than any chip has: a longer string is not a memory map. */
const MOST_SEGMENTS = 128;

/** Reads a DfuSe interface string. The verdict's problem is `DFU_BAD_MEMORY_STRING`. */
export function parseDfuMemory(text: string): Verdict<DfuMemory> {
	const refuse = (why: string) =>
		bad<DfuMemory>(
			problem('DFU_BAD_MEMORY_STRING', `The DfuSe interface string "${text.slice(0, 120)}" cannot be read: ${why}.`, {
				field: 'interface string',
				found: text.slice(0, 120),
				expected: '@name/0xADDRESS/count*sizeUNITletter,...',
			}),
		);
	if (!text.startsWith('@')) return refuse('it does not begin with "@"');
	const [name, ...rest] = text.slice(1).split('/');
	if (rest.length === 0 || rest.length % 2 !== 0) return refuse('an address without sectors, or sectors without an address');
	const segments: DfuSegment[] = [];
	for (let i = 0; i < rest.length; i += 2) {
		const start = /^\s*0x([0-9a-f]{1,8})\s*$/i.exec(rest[i]!);
		if (!start) return refuse(`"${rest[i]}" is not an address`);
		let at = Number.parseInt(start[1]!, 16);
		for (const run of rest[i + 1]!.split(',')) {
			const match = /^\s*(\d{1,5})\s*\*\s*(\d{1,5})\s*([ BKM]?)\s*([a-g])\s*$/.exec(run);
			if (!match) return refuse(`"${run}" is not a run of sectors`);
			const count = Number(match[1]);
			const sectorSize = Number(match[2]) * units[match[3]!.trim()]!;
			// Letters a to g are the bits 1 readable, 2 erasable, 4 writable.
			const bits = match[4]!.charCodeAt(0) - 0x60;
			const end = at + count * sectorSize;
			if (count === 0 || sectorSize === 0 || end > 0x1_0000_0000) return refuse(`"${run}" is empty or beyond 4 GB`);
			if (segments.length === MOST_SEGMENTS) return refuse(`more than ${MOST_SEGMENTS} runs of sectors`);
			segments.push({
				start: at,
				end,
				sectorSize,
				readable: (bits & 1) !== 0,
				erasable: (bits & 2) !== 0,
				writable: (bits & 4) !== 0,
			});
			at = end;
		}
	}
	return good({ name: name!.trim(), segments });
}

/** First address in `from` ... `from + length` that no segment with this property covers; `undefined` when all of it is covered. */
export function firstOutside(
	segments: readonly DfuSegment[],
	from: number,
	length: number,
	property?: 'readable' | 'erasable' | 'writable',
): number | undefined {
	let at = from;
	const end = from + length;
	while (at < end) {
		const segment = segments.find((s) => s.start <= at && at < s.end && (property === undefined || s[property]));
		if (!segment) return at;
		at = segment.end;
	}
	return undefined;
}

/** The erase sectors that a range touches, in order. The range must lie in `segments`. */
export function sectorsOf(
	segments: readonly DfuSegment[],
	from: number,
	length: number,
): { start: number; end: number; erasable: boolean }[] {
	const sectors: { start: number; end: number; erasable: boolean }[] = [];
	const end = from + length;
	for (let at = from; at < end; ) {
		const segment = segments.find((s) => s.start <= at && at < s.end);
		if (!segment) break;
		const start = at - ((at - segment.start) % segment.sectorSize);
		sectors.push({ start, end: start + segment.sectorSize, erasable: segment.erasable });
		at = start + segment.sectorSize;
	}
	return sectors;
}
