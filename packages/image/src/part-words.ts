/** Where a part of an image comes from, in the words of every table that shows parts. */
import type { ImagePart } from './types.js';

/** Without the folders of a path; for what has no file, what it is. */
export function originWords(part: Pick<ImagePart, 'kind' | 'origin'>): string {
	if (part.origin !== undefined) return part.origin.replace(/(?:[A-Za-z]:)?[\\/](?:[^\\/]+[\\/])*/, '');
	switch (part.kind) {
		case 'uicr':
			return 'registers of the chip';
		case 'guard':
			return 'blank: no application may be left in the former slot';
		case 'dct':
			return 'settings of the unit';
		default:
			return '';
	}
}
