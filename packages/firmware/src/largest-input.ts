/** How large a file may be that somebody gives. Larger ones are not even read. */
import { type Problem, problem } from '@linac/core';

/** Larger than the flash of every platform, and than every bundle: reading on would only fill memory. Bytes. */
export const LARGEST_INPUT = 64 * 1024 * 1024;

/** `FILE_TOO_LARGE`, or undefined for a file that may be read. */
export function tooLargeInput(file: string, size: number): Problem | undefined {
	if (size <= LARGEST_INPUT) return undefined;
	const message = `${file} has ${Math.round(size / 1024 / 1024)} MB; no firmware is larger than ${LARGEST_INPUT / 1024 / 1024} MB, so it was not read.`;
	return problem('FILE_TOO_LARGE', message, { file, found: size });
}
