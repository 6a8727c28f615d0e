/** What the page asks about releases. */

import type { ReleaseSummary } from '@linac/catalog';
import type { CallContext } from '../link/messages.js';
import { listReleases } from './sources.js';

export const releaseMethods = {
	/** Every release that can be had here, each for one platform. */
	'releases.list': (_: undefined, { signal }: CallContext): Promise<ReleaseSummary[]> => listReleases(signal),
};
