import { asPlatform, expectedModules, releaseByVersion, releasesFor } from '@linac/catalog';
import { createModule, type ParsedModule, parseModule, readBundle } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { describe, expect, it } from 'vitest';
import { assetApplication } from '../../../tests/support/asset-applications.js';
import { bundleFile } from '../../../tests/support/asset-bundles.js';
import { realFiles, realModule, realTinker } from '../../../tests/support/real-firmware.js';
import { everyRealImage, realRelease } from '../../../tests/support/release-files.js';
import { runsOn, unmetBy } from './index.js';

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes, { digests: nodeDigests });
	if (!verdict.ok) throw new Error(verdict.problems[0]?.message);
	return verdict.value;
}

const versions = (list: readonly { version: string }[]) => list.map((r) => r.version);

describe('on what a module would run', () => {
	it('is told of real applications as the planner tells it of a release whose files are at hand', () => {
		let compared = 0;
		for (const [name, version] of everyRealImage) {
			const platform = asPlatform(name);
			const release = realRelease(name, version);
			for (const tinker of ['3.6.0', '3.51.0'] as const) {
				let module: ParsedModule;
				try {
					module = parsed(realTinker(name, tinker));
				} catch {
					continue;
				}
				const lacks = unmetBy(platform, { ...module.prefix, dependencies: module.dependencies }, release);
				expect(versions(runsOn(module).fits).includes(version), `${name} ${version} ${lacks ?? ''}`).toBe(lacks === undefined);
				compared++;
			}
		}
		expect(compared).toBeGreaterThan(25);
	});

	it('has for each real module of a release that release: it is a part of it, and finds there what it needs', () => {
		for (const [name, version] of everyRealImage) {
			for (const { module, slot } of realRelease(name, version).modules) {
				// The network processor is in none of the tables; a SoftDevice may name another board.
				if (module.prefix.platformId !== asPlatform(name).id || module.prefix.function === 7) continue;
				const where = runsOn(module);
				expect(versions(where.partOf), `${name} ${version} ${slot}`).toContain(version);
				expect(versions(where.fits), `${name} ${version} ${slot}`).toContain(version);
			}
		}
	});

	it('begins with the release that an application was built for', () => {
		const tinker = runsOn(parsed(realTinker('b5som')));
		expect(tinker.fits.at(-1)?.version).toBe('1.5.2');
		const where = runsOn(parsed(assetApplication('boron', { needs: 4005 })));
		expect(where.fits.at(-1)?.version).toBe('4.0.1');
		expect(where.lacking[0]).toEqual({ release: releaseByVersion('4.0.1-rc.1'), what: 'Device OS 4.0.1' });
	});

	it('begins with the release that has the slot, where that came later', () => {
		const boron = asPlatform('boron');
		const module = parsed(
			createModule({ platformId: boron.id, function: 5, index: 2, version: 6, start: 0xb4000, body: new Uint8Array(100) }),
		);
		const where = runsOn(module);
		expect(where.fits.at(-1)?.version).toBe('3.1.0-rc.1');
		expect(where.lacking[0]).toMatchObject({ release: { version: '3.0.0' }, what: 'the user-part2 slot' });
	});

	it('asks for a store where an application has assets', () => {
		const bare = runsOn(parsed(assetApplication('boron', { needs: 4000 })));
		expect(versions(bare.fits)).toContain('4.0.1');
		const module = bundledApplication();
		expect(runsOn(module).fits.every((r) => r.moduleVersion >= 5500)).toBe(true);
		expect(runsOn(module).fits.length).toBeGreaterThan(3);
	});

	it('is every board with the same chip for a SoftDevice, whatever board it names', () => {
		const where = runsOn(parsed(realModule('boron-softdevice@4.0.1.bin')));
		expect(where.platforms.map((p) => p.name)).toEqual(expect.arrayContaining(['argon', 'boron', 'xenon', 'b5som', 'tracker']));
		expect(where.platforms.map((p) => p.name)).not.toContain('photon');
	});

	it('is nothing for a platform that nobody knows, and nothing that a board has no place for', () => {
		const stranger = parsed(
			createModule({ platformId: 77, function: 5, index: 1, version: 1, start: 0, body: new Uint8Array(100) }),
		);
		expect(runsOn(stranger)).toEqual({ platforms: [], partOf: [], fits: [], lacking: [] });
		const odd = parsed(createModule({ platformId: 13, function: 4, index: 7, version: 1, start: 0, body: new Uint8Array(100) }));
		expect(runsOn(odd).fits).toEqual([]);
		expect(runsOn(odd).lacking.length).toBe(releasesFor('boron').length);
	});

	it('does not hold against an Electron that its old releases list no bootloader', () => {
		expect(expectedModules('electron', '1.5.2').some((m) => m.function === 2)).toBe(false);
		const module = parsed(realModule('electron-system-part1@1.5.2.bin'));
		expect(versions(runsOn(module).fits)).toContain('1.5.2');
	});

	it('is answered for every real module without a word that is not for people', () => {
		for (const { bytes, name } of realFiles('3.6.0')) {
			const verdict = parseModule(bytes, { digests: nodeDigests });
			if (verdict.ok) for (const { what } of runsOn(verdict.value).lacking) expect(what, name).not.toMatch(/undefined|NaN|\[/);
		}
	});
});

/** The application of a bundle: it asks for three assets. */
function bundledApplication(): ParsedModule {
	const bundle = readBundle('bundle.zip', bundleFile('boron'), { digests: nodeDigests });
	if (!bundle.ok) throw new Error(bundle.problems[0]?.message);
	return bundle.value.application.module;
}
