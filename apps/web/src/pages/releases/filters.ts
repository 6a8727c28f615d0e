/** Which releases are shown: what was chosen, how it stands in the address, and what of the table is left. Pure. */
import type { TableRelease } from '../../engine/release-table.js';

export interface Filters {
	/** Name of a platform; empty: all. */
	platform: string;
	/** Kind of line; `latest`: the latest of every line, whatever its kind; empty: all. */
	line: '' | 'lts' | 'preview' | 'legacy' | 'latest';
	channel: '' | 'release' | 'rc' | 'beta' | 'alpha' | 'special';
	/** Only what can be had here. */
	here: boolean;
}

export const lineNames: Record<Exclude<Filters['line'], ''>, string> = {
	latest: 'Latest in line',
	lts: 'LTS (long-term support)',
	preview: 'Preview',
	legacy: 'Legacy',
};

export const channelNames: Record<Exclude<Filters['channel'], ''>, string> = {
	release: 'Release',
	rc: 'Release candidate (rc)',
	beta: 'Beta',
	alpha: 'Alpha',
	special: 'Special',
};

/** From the part of the address behind `?`. What is not known there counts as not said. */
export function filtersOf(query: URLSearchParams, platforms: readonly string[]): Filters {
	const platform = query.get('platform') ?? '';
	const line = query.get('line') ?? '';
	const channel = query.get('channel') ?? '';
	return {
		platform: platforms.includes(platform) ? platform : '',
		line: Object.hasOwn(lineNames, line) ? (line as Filters['line']) : '',
		channel: Object.hasOwn(channelNames, channel) ? (channel as Filters['channel']) : '',
		here: query.get('here') === 'yes',
	};
}

/** The same as an address has it; nothing for what was not chosen. */
export function queryOf({ platform, line, channel, here }: Filters): Record<string, string> {
	return {
		...(platform === '' ? {} : { platform }),
		...(line === '' ? {} : { line }),
		...(channel === '' ? {} : { channel }),
		...(here ? { here: 'yes' } : {}),
	};
}

/** The rows that are left, in their order. */
export function filterReleases(releases: readonly TableRelease[], filters: Filters): TableRelease[] {
	const { platform, line, channel, here } = filters;
	const own = (names: readonly string[]) => (platform === '' ? names.length > 0 : names.includes(platform));
	return releases.filter(
		(r) =>
			own(r.platforms) &&
			(line === '' || (line === 'latest' ? own(r.latestFor) : r.line === line)) &&
			(channel === '' || r.channel === channel) &&
			(!here || own(r.here)),
	);
}
