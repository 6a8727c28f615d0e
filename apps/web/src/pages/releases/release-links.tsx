/** What else can be done with a release. */
import { address } from '../../shell/router.js';

export interface ReleaseLinksProps {
	platform: string;
	version: string;
	/** Of which board, where several stand beside each other. */
	board?: string;
}

export function ReleaseLinks({ platform, version, board }: ReleaseLinksProps) {
	const of = board === undefined ? {} : { 'aria-label': `Restore the ${board} with ${version}` };
	const hexOf = board === undefined ? {} : { 'aria-label': `Hex file of ${version} for the ${board}` };
	return (
		<span class="releases-links">
			<a href={address('restore', { platform, version })} {...of}>
				Restore
			</a>
			<a href={address('hex', { platform, version })} {...hexOf}>
				Hex file
			</a>
		</span>
	);
}
