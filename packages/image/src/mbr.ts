/**
 * Nordic's master boot record, which nRF52840 boards have at address 0 and no module file holds: found in any image that has it, and
 * recognised by its hash. It is Nordic's and not handed out here; whoever has one restore image has it.
 */
import { mbrFacts, type Platform } from '@linac/catalog';
import { bad, type Digests, good, portableDigests, problem, toHex, u32le, type Verdict } from '@linac/core';
import { type MemoryImage, parseIntelHex } from '@linac/firmware';

export interface FoundMbr {
	bytes: Uint8Array;
	/** Hex, over all of it. */
	sha256: string;
	/** `Nordic MBR of S140 7.0.1`; undefined: it looks like one, and is not known here. */
	name: string | undefined;
}

/** RAM of an nRF52840: an MBR's first vector points into it. */
const RAM_START = 0x2000_0000;
const RAM_END = 0x2004_0000;

/** Whether images for this platform need an MBR. */
export function needsMbr(platform: Pick<Platform, 'mcu'>): boolean {
	return mbrFacts(platform) !== undefined;
}

/**
 * The MBR in an image. `file` is for messages. Bad when there is nothing at its place, or something that no processor could start; an MBR
 * that is not known is good, with its `name` undefined and the warning `MBR_UNKNOWN`.
 */
export function findMbr(
	image: MemoryImage,
	platform: Pick<Platform, 'mcu'>,
	options: { file: string; digests?: Digests },
): Verdict<FoundMbr> {
	const facts = mbrFacts(platform);
	const { file } = options;
	if (!facts) return bad(problem('MBR_NOT_NEEDED', 'Images for this platform need no MBR.', { file }));
	// Nordic's own files leave out what is blank behind it.
	const bytes = new Uint8Array(facts.size).fill(0xff);
	let filled = 0;
	for (const s of image.segments) {
		const from = Math.max(s.start, facts.start);
		const to = Math.min(s.end, facts.start + facts.size);
		if (from >= to) continue;
		bytes.set(s.bytes.subarray(from - s.start, to - s.start), from - facts.start);
		filled += to - from;
	}
	if (filled === 0) {
		const message = `${file} holds nothing at address 0, where the MBR stands. Give a restore image of an nRF52840 board, or Nordic's hex file of SoftDevice S140 7.0.1.`;
		return bad(problem('MBR_NOT_THERE', message, { file, field: 'address', expected: facts.start }));
	}
	return judgeMbr(bytes, platform, options);
}

const COLON = 0x3a;

/** The MBR in a hex file, or in a binary of exactly its size, as some programmers save it. Otherwise as `findMbr`. */
export function mbrOfFile(
	file: { name: string; bytes: Uint8Array },
	platform: Pick<Platform, 'mcu'>,
	digests: Digests = portableDigests,
): Verdict<FoundMbr> {
	const options = { file: file.name, digests };
	if (file.bytes[0] !== COLON && file.bytes.length === mbrFacts(platform)?.size) return judgeMbr(file.bytes, platform, options);
	const hex = parseIntelHex(file.bytes, { file: file.name });
	return hex.ok ? findMbr(hex.value.image, platform, options) : hex;
}

/** Judges bytes as an MBR: known, unknown but plausible (a warning), or none. */
export function judgeMbr(
	bytes: Uint8Array,
	platform: Pick<Platform, 'mcu'>,
	options: { file: string; digests?: Digests },
): Verdict<FoundMbr> {
	const facts = mbrFacts(platform);
	const digests = options.digests ?? portableDigests;
	const { file } = options;
	if (!facts || bytes.length !== facts.size) {
		const expected = facts?.size ?? 0;
		return bad(
			problem('MBR_SIZE', `The MBR in ${file} has ${bytes.length} bytes; it has ${expected}.`, {
				file,
				expected,
				found: bytes.length,
			}),
		);
	}
	const stack = u32le(bytes, 0);
	const reset = u32le(bytes, 4);
	if (stack < RAM_START || stack > RAM_END || reset % 2 !== 1 || reset >= facts.size) {
		const message = `What stands at address 0 in ${file} is no MBR: its vectors (0x${stack.toString(16)}, 0x${reset.toString(16)}) do not point into RAM and into itself. Give a restore image of an nRF52840 board.`;
		return bad(problem('MBR_DAMAGED', message, { file, offset: 0, field: 'vectors', found: stack }));
	}
	const sha256 = toHex(digests.sha256(bytes));
	const known = facts.known.find((k) => k.sha256 === sha256);
	if (known) return good({ bytes, sha256, name: known.name });
	const message = `The MBR in ${file} (SHA-256 ${sha256}) is none that linac knows. It may be another version, or damaged.`;
	return good({ bytes, sha256, name: undefined }, [
		problem('MBR_UNKNOWN', message, { severity: 'warning', file, found: sha256 }),
	]);
}
