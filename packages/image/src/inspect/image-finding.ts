/** An image, as it is found: every part with its address, what stands twice or is missing, and what a blank board would do with it. */
import { dctStoreOf } from '@linac/catalog';
import { concatBytes, type Digests, toHex } from '@linac/core';
import { type DctContents, readDct } from '../dct/read-dct.js';
import { memoryMap } from '../map/memory-map.js';
import { blankBoardHeadline } from '../read/blank-board.js';
import type { OpenedImage } from '../read/open-image.js';
import type { ImageReading, ReadPart } from '../read/types.js';
import { type ImageVerdict, verifyImage } from '../read/verify-image.js';
import type { ImageFinding, PartFinding } from './finding.js';
import { platformName } from './module-finding.js';

/** The settings of one unit that an image holds, as the device would read them; undefined when it holds none. */
export function settingsOf(reading: ImageReading): DctContents | undefined {
	const store = reading.platform && dctStoreOf(reading.platform, reading.moduleVersion);
	if (!reading.platform || !store) return undefined;
	const sectors = store.sectors.map((start) => reading.image.read(start, store.sectorSize));
	if (sectors.some((s) => s === undefined)) return undefined;
	const contents = readDct(reading.platform, concatBytes(sectors as Uint8Array[]));
	return contents.ok ? contents.value : undefined;
}

export function imageFinding({ kind, reading }: OpenedImage, digests: Digests): { image: ImageFinding; verdict: ImageVerdict } {
	const { platform, candidates, moduleVersion, release, image } = reading;
	const verdict = verifyImage(reading);
	const { ok, boots, reasons, missing } = verdict;
	const settings = settingsOf(reading);
	return {
		verdict,
		image: {
			kind,
			...(platform ? { platform: platformName(platform) } : {}),
			candidates: candidates.length > 1 ? candidates.map(platformName) : [],
			...(moduleVersion === undefined ? {} : { moduleVersion }),
			...(release ? { release: release.version } : {}),
			bytes: image.size,
			pieces: image.segments.length,
			parts: reading.parts.map((p) => partFinding(p, digests)),
			gaps: image.gaps(),
			overlaps: reading.overlaps,
			...(settings ? { settings: settings.fields } : {}),
			blankBoard: { ok, boots, reasons, missing, headline: blankBoardHeadline(platform, verdict) },
			map: memoryMap(reading),
		},
	};
}

function partFinding(part: ReadPart, digests: Digests): PartFinding {
	const { name, kind, version, start, end, bytes, state, note, registers } = part;
	return {
		name,
		kind,
		...(version === undefined ? {} : { version }),
		start,
		end,
		size: bytes.length,
		sha256: toHex(digests.sha256(bytes)),
		state,
		...(note === undefined ? {} : { note }),
		...(registers ? { registers } : {}),
	};
}

/** `Image for Boron, Device OS 4.0.1, Intel HEX.` */
export function imageHeadline({ kind, platform, release, moduleVersion, candidates }: ImageFinding): string {
	const form = kind === 'intel-hex' ? 'Intel HEX' : 'plain bytes';
	const board = platform
		? `for the ${platform.displayName}`
		: candidates.length > 0
			? `with modules for ${candidates.map((c) => c.displayName).join(' and ')}`
			: 'for a board that cannot be told';
	const os =
		release !== undefined ? `, Device OS ${release}` : moduleVersion === undefined ? '' : `, with system part ${moduleVersion}`;
	return `A memory image ${board}${os} (${form}).`;
}
