/** What a blank board does with an image, in one sentence, the same wherever it is said. Why, stands in the verdict's reasons. */
import type { Platform } from '@linac/catalog';
import type { ImageVerdict } from './verify-image.js';

/** It ends with a colon where reasons have to follow. */
export function blankBoardHeadline(platform: Platform | undefined, verdict: ImageVerdict): string {
	if (!platform) return 'It cannot be told whether a blank board starts with it:';
	const board = `A blank ${platform.displayName}`;
	if (verdict.ok)
		return verdict.boots === 'listening'
			? `${board} starts with it, into listening mode.`
			: `${board} starts with it, into its application.`;
	switch (verdict.boots) {
		case 'normal':
		case 'listening':
			return `${board} may start with it, but that is not proved:`;
		case 'safe':
			return `${board} starts with it, but not its application (safe mode):`;
		case 'dfu':
			return `${board} does not start with it, it stays in DFU mode:`;
		default:
			return `${board} does not start with it:`;
	}
}
