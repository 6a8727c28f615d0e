import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareVersions, isVersion, normalizeVersion, releases } from './index.js';

test('versions order as their release dates within a line: alpha, beta, release candidate, final', () => {
	const ordered = [
		'1.4.4',
		'1.5.2',
		'2.0.1',
		'2.2.0-rc.1',
		'2.2.0-rc.2',
		'2.2.0',
		'3.2.1-p2.2',
		'3.2.1-p2.3',
		'4.0.0-alpha.1',
		'4.0.0-alpha.2',
		'4.0.0-beta.1',
		'4.0.0',
		'4.0.1-rc.1',
		'4.0.1',
		'4.0.2',
		'5.5.0-rc.1',
		'5.5.0',
		'6.2.1',
	];
	const shuffled = [...ordered].reverse();
	expect(shuffled.sort(compareVersions)).toEqual(ordered);
	expect(compareVersions('2.10.0', '2.9.0')).toBeGreaterThan(0);
});

test('the download table is in falling order by this comparison', () => {
	const listed = releases.map((r) => r.version);
	expect([...listed].sort((a, b) => compareVersions(b, a))).toEqual(listed);
});

test('comparison is a total order on everything that is released', () => {
	const version = fc.constantFrom(...releases.map((r) => r.version));
	fc.assert(
		fc.property(version, version, version, (a, b, c) => {
			expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
			expect(compareVersions(a, b) === 0).toBe(a === b);
			if (compareVersions(a, b) < 0 && compareVersions(b, c) < 0) expect(compareVersions(a, c)).toBeLessThan(0);
		}),
	);
});

test('a leading v and spaces do not matter, and text that is no version is recognised', () => {
	expect(normalizeVersion(' v4.0.1 ')).toBe('4.0.1');
	expect(isVersion('v5.0.0-alpha.2')).toBe(true);
	for (const text of ['', 'latest', '4', '4.0', '4.0.x', '4005', 'boron']) expect(isVersion(text)).toBe(false);
});
