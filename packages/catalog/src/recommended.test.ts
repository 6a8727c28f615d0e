/** Which release is recommended, which is the latest, and how releases are told as ranges. */
import { describe, expect, it } from 'vitest';
import {
	compareVersions,
	isLatestInLine,
	platforms,
	recommendedRelease,
	releaseByVersion,
	releaseRunsText,
	releases,
	releasesFor,
} from './index.js';

describe('the recommended release', () => {
	it('is the latest of the newest LTS line that the board has, and the reason names a newer preview', () => {
		expect(recommendedRelease('boron')).toMatchObject({ release: { version: '6.2.1' }, why: expect.stringContaining('6.2.x') });
		const photon = recommendedRelease('photon');
		expect(photon?.release.version).toBe('2.3.1');
		expect(photon?.why).toContain('3.3.1');
	});

	it('is the newest where a board has no LTS line, and the reason says so', () => {
		expect(recommendedRelease('xenon')).toMatchObject({
			release: { version: '1.5.2' },
			why: expect.stringContaining('no long-term support (LTS) line'),
		});
	});

	it('is none for a board without releases', () => {
		expect(recommendedRelease('core')).toBeUndefined();
	});

	it('is never a pre-release, and always one that the board has', () => {
		for (const platform of platforms) {
			const recommended = recommendedRelease(platform);
			if (!recommended) continue;
			expect(recommended.release.channel, platform.name).toBe('release');
			expect(recommended.release.platforms, platform.name).toContain(platform.name);
		}
	});
});

describe('the latest of a line', () => {
	it('is one for each line of a board that has a final release', () => {
		for (const platform of platforms) {
			const own = releasesFor(platform);
			const lines = new Set(own.filter((r) => r.channel === 'release').map((r) => r.lineName));
			const latest = own.filter((r) => isLatestInLine(r, platform));
			expect(latest.map((r) => r.lineName).sort(), platform.name).toEqual([...lines].sort());
		}
	});

	it('is told by the catalogue where no board is named', () => {
		for (const release of releases) expect(isLatestInLine(release)).toBe(release.latestInLine);
	});
});

describe('releases as ranges', () => {
	const named = (...versions: string[]) => versions.map((v) => releaseByVersion(v)!);

	it('join neighbours, the newest first, whatever the order they come in', () => {
		expect(releaseRunsText('boron', named('4.0.0', '4.0.1', '4.0.1-rc.1', '4.0.2', '2.3.1', '3.0.0'))).toBe(
			'4.0.0 to 4.0.2, 2.3.1 to 3.0.0',
		);
	});

	it('name a single one once, and nothing for none', () => {
		expect(releaseRunsText('boron', named('4.0.1'))).toBe('4.0.1');
		expect(releaseRunsText('boron', [])).toBe('');
	});

	it('are one range for all releases of a board', () => {
		for (const platform of platforms) {
			const own = releasesFor(platform).sort((a, b) => compareVersions(a.version, b.version));
			if (own.length < 2) continue;
			expect(releaseRunsText(platform, own)).toBe(`${own[0]!.version} to ${own.at(-1)!.version}`);
		}
	});
});
