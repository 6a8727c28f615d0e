/** What the page does with files of Device OS that are kept in this browser. */
import type { ReleaseQuery } from '@linac/catalog';
import { forgetRelease, keptReleases } from './kept-releases.js';
import { type AddedFiles, addOwnFiles, type GivenFile, ownFiles, removeOwnFiles } from './own-files.js';
import type { KeptRelease, OwnSet } from './release-shelves.js';

export interface HeldReleases {
	/** Newest first. */
	own: OwnSet[];
	/** Opened here before, from a server. */
	kept: KeptRelease[];
}

export const ownReleaseMethods = {
	'own.list': async (): Promise<HeldReleases> => ({ own: await ownFiles(), kept: await keptReleases() }),
	'own.add': ({ files }: { files: GivenFile[] }): Promise<AddedFiles> => addOwnFiles(files),
	'own.remove': ({ key }: { key: string }): Promise<void> => removeOwnFiles(key),
	/** It is fetched again when it is needed again. */
	'own.forget': (query: ReleaseQuery): Promise<void> => forgetRelease(query),
};
