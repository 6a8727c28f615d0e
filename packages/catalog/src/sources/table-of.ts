/** What a source that publishes every release says that it has: the download table. Whether a file is really there shows when it is opened. */
import { releases } from '../releases.js';
import type { ReleaseSummary } from '../types.js';

export function tableOf(source: string): ReleaseSummary[] {
	return releases.flatMap((r) => r.platforms.map((platform) => ({ version: r.version, platform, source, offline: false })));
}
