import { describe, expect, it } from 'vitest';
import { releaseTable } from '../../engine/release-table.js';
import { filterReleases, filtersOf, queryOf } from './filters.js';

const none = { platform: '', line: '', channel: '', here: false } as const;

/** The real table, with one release at hand. */
const { releases } = releaseTable([{ version: '4.0.1', platform: 'boron', source: 'a folder', offline: true }]);

describe('the releases that are shown', () => {
	it('are all of the download table when nothing was chosen', () => {
		expect(filterReleases(releases, none)).toEqual(releases);
		expect(releases.length).toBeGreaterThan(50);
	});

	it('are those of one board, with the latest of its own lines: an Electron has no 6.x, and its latest LTS is 2.3.1', () => {
		const versions = filterReleases(releases, { ...none, platform: 'electron', line: 'latest' }).map((r) => r.version);
		expect(versions[0]).toBe('3.3.1');
		expect(versions).toContain('2.3.1');
		expect(versions).not.toContain('2.3.0');
		expect(versions).not.toContain('6.2.1');
	});

	it('are narrowed by all that was chosen together', () => {
		const rows = filterReleases(releases, { ...none, platform: 'boron', line: 'lts', channel: 'rc' });
		expect(rows.map((r) => r.version)).toEqual(['4.0.1-rc.1', '2.3.0-rc.1', '2.2.0-rc.2', '2.2.0-rc.1']);
	});

	it('are only those that a source has, for the board that was chosen, when that is wanted', () => {
		expect(filterReleases(releases, { ...none, here: true }).map((r) => r.version)).toEqual(['4.0.1']);
		expect(filterReleases(releases, { ...none, platform: 'argon', here: true })).toEqual([]);
	});
});

describe('the address of the page', () => {
	it('brings back what was chosen', () => {
		const filters = { platform: 'boron', line: 'lts', channel: 'release', here: true } as const;
		expect(filtersOf(new URLSearchParams(queryOf(filters)), ['boron'])).toEqual(filters);
		expect(queryOf(none)).toEqual({});
	});

	it('may hold anything: what is not known counts as not chosen', () => {
		const odd = new URLSearchParams('platform=toaster&line=toString&channel=__proto__&here=1');
		expect(filtersOf(odd, ['boron'])).toEqual(none);
	});
});
