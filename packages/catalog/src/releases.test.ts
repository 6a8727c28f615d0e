import { parseModule } from '@linac/firmware';
import { expect, test } from 'vitest';
import { type ParticleCliVersion, particleCliVersions, realFiles } from '../../../tests/support/real-firmware.js';
import {
	expectedModules,
	latestInLine,
	platformById,
	platforms,
	releaseByModuleVersion,
	releaseByVersion,
	releases,
	releasesFor,
	slotByName,
	slotOf,
	tarballsWith,
} from './index.js';

test('the table has 53 releases and 393 cells, and the A SoM has files that were published beside it', () => {
	expect(releases.length).toBe(53);
	expect(releases.reduce((sum, r) => sum + r.platforms.length - r.beyondTable.length, 0)).toBe(393);
	expect(releases.filter((r) => r.beyondTable.length > 0).map((r) => [r.version, r.beyondTable])).toEqual([['1.4.4', ['asom']]]);
	expect(latestInLine('asom')?.version).toBe('1.4.4');
	expect(tarballsWith('asom', '1.4.4').length).toBeGreaterThan(0);
	expect(new Set(releases.map((r) => r.version)).size).toBe(53);
});

test('columns have as many entries as the published table', () => {
	const count = Object.fromEntries(platforms.map((p) => [p.name, releasesFor(p).length]));
	expect(count).toMatchObject({ electron: 19, photon: 19, p1: 19, xenon: 1, tracker: 49, trackerm: 19, msom: 10 });
	expect(releasesFor('xenon')[0]?.version).toBe('1.5.2');
	expect(releaseByVersion('6.1.1')?.platforms).toEqual(['argon', 'boron', 'esomx', 'bsom', 'b5som', 'tracker']);
});

test('even majors from 2 on are long-term support, odd ones previews, and below lies the legacy', () => {
	for (const r of releases) {
		const major = Number(r.version.split('.')[0]);
		expect(r.line).toBe(major < 2 ? 'legacy' : major % 2 === 0 ? 'lts' : 'preview');
	}
	expect(releaseByVersion('4.0.1-rc.1')?.channel).toBe('rc');
	expect(releaseByVersion('3.2.1-p2.3')?.channel).toBe('special');
	expect(releaseByVersion('4.0.0-beta.1')?.channel).toBe('beta');
});

test('the latest of a line is its highest final release for that platform', () => {
	expect(latestInLine('boron')?.version).toBe('6.2.1');
	expect(latestInLine('boron', '4.0.x')?.version).toBe('4.0.2');
	expect(latestInLine('boron', '4')?.version).toBe('4.2.0');
	expect(latestInLine('boron', '1.5.x')?.version).toBe('1.5.2');
	expect(latestInLine('photon', 'lts')?.version).toBe('2.3.1');
	expect(latestInLine('photon')?.version).toBe('3.3.1');
	expect(latestInLine('p2', '3.2.x')).toBeUndefined();
	expect(latestInLine('p2', '6.1.x')).toBeUndefined();
	expect(latestInLine('core')).toBeUndefined();
	// One latest for each line that has a final release.
	const lines = new Set(releases.filter((r) => r.channel === 'release').map((r) => r.lineName));
	expect(releases.filter((r) => r.latestInLine).length).toBe(lines.size);
});

test('module numbers name one release each, and the table is what says which', () => {
	expect(new Set(releases.map((r) => r.moduleVersion)).size).toBe(53);
	expect(releaseByModuleVersion('boron', 2202)?.version).toBe('2.2.0');
	expect(releaseByModuleVersion('boron', 4005)?.version).toBe('4.0.1');
	expect(releaseByModuleVersion('photon', 4005)).toBeUndefined();
	expect(releaseByModuleVersion('tracker', 5501)?.version).toBe('5.5.0');
});

test('every cell says what the release consists of, with every system part at the release number', () => {
	for (const r of releases) {
		for (const name of r.platforms) {
			const modules = expectedModules(name, r.version);
			const parts = modules.filter((m) => m.function === 4);
			const platform = platforms.find((p) => p.name === name)!;
			expect(parts.length, `${name} ${r.version}`).toBe(platform.components.systemParts);
			expect(new Set(parts.map((m) => m.version)), `${name} ${r.version}`).toEqual(new Set([r.moduleVersion]));
			const embedded = name === 'electron' && r.line === 'legacy';
			expect(
				modules.some((m) => m.slot === 'bootloader'),
				`${name} ${r.version}`,
			).toBe(!embedded);
			for (const m of modules) {
				expect(slotByName(name, m.slot), `${name} ${m.slot}`).toMatchObject({ function: m.function, index: m.index });
				expect(m.source?.length).toBeGreaterThan(10);
			}
		}
	}
	expect(expectedModules('photon', '4.0.1')).toEqual([]);
});

test('within a release every declared dependency is met by the release itself, or by what the device must have had before', () => {
	for (const r of releases) {
		for (const name of r.platforms) {
			const modules = expectedModules(name, r.version);
			for (const m of modules) {
				for (const d of m.dependencies) {
					const met = modules.find((o) => o.function === d.function && o.index === d.index);
					// Electron before 2.0.0 carries its bootloader inside the system parts.
					if (!met && name === 'electron' && d.function === 2) continue;
					expect(met?.version ?? -1, `${name} ${r.version}: ${m.slot} needs ${JSON.stringify(d)}`).toBeGreaterThanOrEqual(
						d.version,
					);
				}
			}
		}
	}
});

test.each(particleCliVersions.map((v) => [v] as [ParticleCliVersion]))(
	'numbers and dependencies are those of every real module in particle-cli %s',
	(version) => {
		let checked = 0;
		for (const file of realFiles(version)) {
			const release = /@(\d+\.\d+\.\d+)(\+lto)?\.bin$/.exec(file.name)?.[1];
			const parsed = parseModule(file.bytes, { file: file.name });
			if (release === undefined || !parsed.ok) continue;
			const { prefix, dependencies } = parsed.value;
			const platform = platformById(prefix.platformId)!;
			const expected = expectedModules(platform, release).find((m) => m.slot === slotOf(platform, prefix)?.name);
			if (!expected) continue;
			checked++;
			expect(expected.real, file.name).toBe(true);
			expect(expected.version, file.name).toBe(prefix.version);
			expect(expected.dependencies, file.name).toEqual(dependencies.map((d) => ({ ...d })));
		}
		const withModules = ['2.8.0', '2.16.0', '3.6.0'];
		if (version === '2.3.0') expect(checked).toBeGreaterThanOrEqual(3);
		if (withModules.includes(version)) expect(checked).toBeGreaterThan(20);
	},
);

test('it is known which packages have a release', () => {
	expect(tarballsWith('boron', '2.2.0')).toContain('2.16.0');
	expect(tarballsWith('esomx', '4.0.1')).toEqual(['3.6.0']);
	expect(tarballsWith('boron', '5.4.1')).toEqual([]);
});
