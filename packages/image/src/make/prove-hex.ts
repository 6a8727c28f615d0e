/**
 * The last look at a file before it is given away: read as a programmer's loader reads it, compared with what was meant, and judged as a blank
 * board would see it. What is found wrong here is our own bug; what is worth knowing is told.
 */
import { address, assert, type Digests, equalBytes } from '@linac/core';
import type { MemoryImage } from '@linac/firmware';
import { openImage } from '../read/open-image.js';
import type { ImageReading } from '../read/types.js';
import { type ImageVerdict, verifyImage } from '../read/verify-image.js';

export interface ProveOptions {
	digests: Digests;
	/** More may be in it than was meant: the stray bytes of the classic layout. */
	strays?: boolean;
	/** The MBR was taken although it is not known. */
	unknownMbr?: boolean;
}

/** The file as it was read again, and what a blank board does with it. `file` is for messages. */
export function proveHex(
	file: string,
	bytes: Uint8Array,
	meant: MemoryImage,
	options: ProveOptions,
): { reading: ImageReading; verdict: ImageVerdict } {
	const opened = openImage(file, bytes, { digests: options.digests });
	assert(opened.ok, 'the file that was made can be read');
	const { reading } = opened.value;
	for (const s of meant.segments) {
		const read = reading.image.read(s.start, s.bytes.length);
		assert(read && equalBytes(read, s.bytes), `what was written at ${address(s.start)} is what was meant`);
	}
	assert(options.strays || reading.image.size === meant.size, 'nothing was written that was not meant');
	const verdict = verifyImage(reading, options.unknownMbr ? { allow: ['unknown-mbr', 'unknown-softdevice'] } : {});
	return { reading, verdict };
}
