/** Nordic's MBR in this browser: learned once from a file that somebody gave, and there for every image after that. */
import type { Platform } from '@linac/catalog';
import type { MemoryImage } from '@linac/firmware';
import { findMbr, needsMbr } from '@linac/image';
import { keepFurther } from './kept-releases.js';
import { openFurther } from './sources.js';
import { world } from './world.js';

/** Keeps one that is known. */
export function keepMbr(platform: Pick<Platform, 'mcu'>, bytes: Uint8Array, origin: string): Promise<void> {
	return keepFurther('mbr', platform.mcu, { bytes, origin });
}

/** The MBR of an image that is read anyway, kept without a word when it is a known one and none is there yet. */
export async function learnQuietly(platform: Platform, file: string, image: MemoryImage, signal: AbortSignal): Promise<void> {
	if (!needsMbr(platform) || (await openFurther({ kind: 'mbr', mcu: platform.mcu }, signal)) !== undefined) return;
	const found = findMbr(image, platform, { file, digests: world.digests });
	if (found.ok && found.value.name !== undefined) await keepMbr(platform, found.value.bytes, file);
}
