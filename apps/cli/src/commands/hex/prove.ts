/**
 * The last look at a file before it is written: read as a programmer's loader reads it, compared with what was meant, and judged as a blank
 * board would see it. What is found wrong here is our own bug; what is worth knowing is told.
 */
import { address, assert, equalBytes } from '@linac/core';
import type { MemoryImage } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type ImageVerdict, openImage, verifyImage } from '@linac/image';

export interface ProveOptions {
	/** More may be in it than was meant: the stray bytes of the classic layout. */
	strays?: boolean;
	/** The MBR was taken although it is not known. */
	unknownMbr?: boolean;
}

/** What a blank board does with the file. */
export function prove(file: string, text: Uint8Array, meant: MemoryImage, options: ProveOptions = {}): ImageVerdict {
	const opened = openImage(file, text, { digests: nodeDigests });
	assert(opened.ok, 'the file that was made can be read');
	const { reading } = opened.value;
	for (const s of meant.segments) {
		const bytes = reading.image.read(s.start, s.bytes.length);
		assert(bytes && equalBytes(bytes, s.bytes), `what was written at ${address(s.start)} is what was meant`);
	}
	assert(options.strays || reading.image.size === meant.size, 'nothing was written that was not meant');
	return verifyImage(reading, options.unknownMbr ? { allow: ['unknown-mbr', 'unknown-softdevice'] } : {});
}
