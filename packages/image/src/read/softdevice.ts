/**
 * A SoftDevice in an image. It stands there without module header, as Nordic made it, so it is known by its hash; or, where it is none of
 * the known ones, by Nordic's information structure. Published images carry a few bytes of the module's suffix behind it.
 *
 * The structure lies 0x2000 behind the SoftDevice's start: at +4 the magic number 0x51B1E5DB, at +8 the address behind the SoftDevice, at
 * +12 the firmware id that is also the version of its module (Nordic nrf_sdm.h: SOFTDEVICE_INFO_STRUCT_OFFSET, SD_SIZE_OFFSET,
 * SD_FWID_OFFSET; device-os v6.2.0: hal/src/nRF52840/platform_radio_stack.cpp).
 */
import { classicFacts, knownSoftDevices, type MemoryRegion, type Platform, regionOf, slotOf } from '@linac/catalog';
import { address, type Digests, equalBytes, type Problem, problem, toHex, u16le, u32le } from '@linac/core';
import { ModuleFlag, ModuleFunction, PREFIX_SIZE, parseModuleAt, plausiblePrefix, type Segment } from '@linac/firmware';
import { cut, type Pieces } from './pieces.js';
import type { ReadPart } from './types.js';

const INFO = 0x2000;
const INFO_SIZE = 16;
const MAGIC = 0x51b1e5db;
/** u16 reserved, SHA-256 of the payload, u16 size, CRC-32: what stands behind the payload in a SoftDevice's module. */
const SUFFIX_AND_CRC = 40;

interface Found {
	end: number;
	version: number;
	state: ReadPart['state'];
	note: string;
	problems: Problem[];
}

/** Takes the SoftDevice, and what is left of its suffix behind it, out of the pieces. */
export function takeSoftDevice(
	pieces: Pieces,
	platform: Pick<Platform, 'mcu' | 'name'>,
	digests: Digests,
): { parts: ReadPart[]; isThere: boolean } {
	const slot = slotOf(platform as Platform, { function: ModuleFunction.radioStack, index: 0 });
	const region = slot?.region === undefined ? undefined : regionOf(platform as Platform, slot.region);
	if (!slot || !region) return { parts: [], isThere: false };
	const piece = pieces.at(region.start);
	if (!piece) return { parts: [], isThere: false };
	const withHeader = headed(pieces, piece, region, slot.name, digests);
	if (withHeader) return { parts: [withHeader], isThere: true };
	const here = cut(piece, region.start, piece.end);
	const found = judge(here, platform, region, digests);
	if (!found) return { parts: [], isThere: false };
	const [softDevice] = pieces.take({ start: region.start, end: found.end });
	const parts: ReadPart[] = [
		{
			...softDevice!,
			kind: 'softdevice',
			name: slot.name,
			version: found.version,
			state: found.state,
			note: found.note,
			problems: found.problems,
		},
	];
	const stray = strayLength(here, found.end - region.start, softDevice!.bytes, digests);
	if (stray > 0) {
		const [bytes] = pieces.take({ start: found.end, end: found.end + stray });
		const message = `The ${stray} bytes at ${address(found.end)} are left over from the suffix of the SoftDevice's module, as published images have them. Nothing reads them.`;
		parts.push({
			...bytes!,
			kind: 'stray',
			name: 'stray',
			state: 'sound',
			note: 'left over from its suffix',
			problems: [problem('SOFTDEVICE_STRAY', message, { severity: 'info' })],
		});
	}
	return { parts, isThere: true };
}

function judge(here: Segment, platform: Pick<Platform, 'mcu'>, region: MemoryRegion, digests: Digests): Found | undefined {
	const known = knownSoftDevices(platform).filter((k) => k.start === here.start);
	for (const k of known) {
		if (here.bytes.length < k.size || toHex(digests.sha256(here.bytes.subarray(0, k.size))) !== k.sha256) continue;
		return { end: here.start + k.size, version: k.firmwareId, state: 'sound', note: k.name, problems: [] };
	}
	if (here.bytes.length < INFO + INFO_SIZE || u32le(here.bytes, INFO + 4) !== MAGIC) return undefined;
	const version = u16le(here.bytes, INFO + 12);
	const same = known.find((k) => k.firmwareId === version);
	if (same) {
		const size = Math.min(here.bytes.length, same.size);
		const what =
			here.bytes.length < same.size
				? `is cut short: ${here.bytes.length} bytes of ${same.size}`
				: `is not what ${same.name} is (SHA-256 ${same.sha256.slice(0, 12)}...)`;
		const message = `The SoftDevice at ${address(here.start)} calls itself ${same.name} and ${what}. It is damaged; take the image from another source.`;
		return {
			end: here.start + size,
			version,
			state: 'damaged',
			note: same.name,
			problems: [problem('SOFTDEVICE_DAMAGED', message, { field: 'sha256', expected: same.sha256 })],
		};
	}
	const declared = u32le(here.bytes, INFO + 8);
	const end = Math.min(declared > here.start + INFO && declared <= region.end ? declared : region.end, here.end);
	// Its module's suffix may stand behind it, and proves it.
	const payload = provedBySuffix(here, end - here.start, digests);
	if (payload > 0) return { end: here.start + payload, version, state: 'sound', note: `firmware id ${version}`, problems: [] };
	const message = `The SoftDevice at ${address(here.start)} (firmware id ${version}) is none that linac knows. Nobody can tell whether it is whole.`;
	return {
		end,
		version,
		state: 'unproven',
		note: `firmware id ${version}`,
		problems: [problem('SOFTDEVICE_UNKNOWN', message, { severity: 'warning', found: version })],
	};
}

/** Length of the payload when the module's own suffix behind it says that it is right, else 0. */
function provedBySuffix(here: Segment, limit: number, digests: Digests): number {
	let used = Math.min(limit, here.bytes.length);
	while (used > 0 && here.bytes[used - 1] === 0xff) used--;
	// The last used byte belongs to the CRC, of which up to four bytes may be 0xFF.
	for (let length = used; length <= Math.min(used + 4, here.bytes.length); length++) {
		const payload = length - SUFFIX_AND_CRC;
		if (payload < INFO + INFO_SIZE || u16le(here.bytes, length - 6) !== SUFFIX_AND_CRC - 4) continue;
		if (equalBytes(digests.sha256(here.bytes.subarray(0, payload)), here.bytes.subarray(payload + 2, payload + 34)))
			return payload;
	}
	return 0;
}

/** How many bytes behind the SoftDevice are the beginning of its module's suffix: all of it, as a device writes it, or what published files have. */
function strayLength(here: Segment, size: number, payload: Uint8Array, digests: Digests): number {
	const behind = here.bytes.subarray(size, size + SUFFIX_AND_CRC);
	for (const length of [SUFFIX_AND_CRC, classicFacts().strayAfterSoftDevice]) {
		if (behind.length < length || u16le(behind, 0) !== 0) continue;
		const hash = Math.min(length - 2, 32);
		if (equalBytes(behind.subarray(2, 2 + hash), digests.sha256(payload).subarray(0, hash))) return length;
	}
	return 0;
}

/** A SoftDevice's module written as a file, header and all: every address in it is wrong by the length of the header then. */
function headed(pieces: Pieces, piece: Segment, region: MemoryRegion, name: string, digests: Digests): ReadPart | undefined {
	const here = cut(piece, region.start, piece.end);
	const size = plausiblePrefix(here.bytes, 0);
	if (size === 0 || size > here.bytes.length || !(here.bytes[9]! & ModuleFlag.dropModuleInfo)) return undefined;
	const parsed = parseModuleAt(here.bytes.subarray(0, size), 0, size, { digests });
	if (!parsed.ok || parsed.value.prefix.function !== ModuleFunction.radioStack) return undefined;
	const [segment] = pieces.take({ start: region.start, end: region.start + size });
	const message = `The SoftDevice at ${address(region.start)} stands there with the ${PREFIX_SIZE} bytes of its module header in front, so that it cannot run. Only what is behind the header belongs into flash. Make the image with a tool that knows this, such as linac hex.`;
	return {
		...segment!,
		kind: 'module',
		name,
		version: parsed.value.prefix.version,
		module: parsed.value,
		prefix: parsed.value.prefix,
		state: 'damaged',
		note: 'with its header, which does not belong there',
		problems: [problem('SOFTDEVICE_WITH_HEADER', message, { field: 'prefix.flags' })],
	};
}
