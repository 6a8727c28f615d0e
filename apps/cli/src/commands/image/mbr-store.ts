/**
 * Nordic's MBR on this computer: learned once, kept in the cache, and found again by every command that makes images. A cache that is
 * copied to a machine without a network takes it along. What an MBR is and which are known: `@linac/image`.
 */
import { resolve } from 'node:path';
import type { Platform } from '@linac/catalog';
import type { MemoryImage } from '@linac/firmware';
import { cacheFolder, nodeDigests, openCache } from '@linac/host';
import { type FoundMbr, findMbr, mbrOfFile } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused } from '../../failure.js';
import { readInputs } from '../../inputs.js';

const keptAs = (platform: Pick<Platform, 'mcu'>) => `${platform.mcu}-mbr`;

/** The MBR in a hex file, or in a binary of exactly its size. Throws what is wrong with it. */
export async function readMbr(
	context: Context,
	path: string,
	platform: Pick<Platform, 'mcu'>,
): Promise<FoundMbr & { warnings: string[] }> {
	const [input] = await readInputs([path], context.cwd);
	if (input?.bytes === undefined) throw refused(ExitCode.inputRefused, input?.problems ?? []);
	const verdict = mbrOfFile({ name: path, bytes: input.bytes }, platform, nodeDigests);
	if (!verdict.ok) throw refused(ExitCode.inputRefused, verdict.problems);
	return { ...verdict.value, warnings: verdict.problems.map((p) => p.message) };
}

/** Keeps it in the cache. Throws `CACHE_NOT_WRITABLE`. */
export async function keepMbr(context: Context, platform: Pick<Platform, 'mcu'>, mbr: Uint8Array): Promise<string> {
	const cache = openCache(cacheFolder(context.env));
	await cache.keep(keptAs(platform), mbr);
	return resolve(cache.folder);
}

/** The one that was learned, or undefined. */
export async function keptMbr(context: Context, platform: Pick<Platform, 'mcu'>): Promise<Uint8Array | undefined> {
	return openCache(cacheFolder(context.env)).kept(keptAs(platform));
}

/** The MBR of an image that is being read anyway, kept without a word when it is a known one and none is there yet. */
export async function learnQuietly(
	context: Context,
	platform: Pick<Platform, 'mcu'>,
	file: string,
	image: MemoryImage,
): Promise<boolean> {
	if ((await keptMbr(context, platform)) !== undefined) return false;
	const found = findMbr(image, platform, { file, digests: nodeDigests });
	if (!found.ok || found.value.name === undefined) return false;
	// A cache that may only be read is no reason to fail: nobody asked to learn anything.
	return keepMbr(context, platform, found.value.bytes).then(
		() => true,
		() => false,
	);
}
