/** Releases opened from real module files or stand-ins, and images composed of them, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asPlatform, checkRelease, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { toHex, type Verdict } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type ComposedImage, type ComposeOptions, composeImage, needsMbr } from '@linac/image';
import { standInApplication } from '@linac/virtual';
import { realMbr, standInMbr } from './nordic-mbr.js';
import { cliOfRelease, particleCli, realTinker } from './real-firmware.js';

const opened = new Map<string, ReleaseSet>();

export function value<T>(verdict: Verdict<T>): T {
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join('\n'));
	return verdict.value;
}

/** A real release for a platform, from npm's packages. */
export function realRelease(platform: string, version: string): ReleaseSet {
	const key = `${platform} ${version}`;
	let set = opened.get(key);
	if (!set) {
		const folder = join(particleCli(cliOfRelease[version]!), 'assets', 'updates');
		const files = readdirSync(folder)
			.filter((name) => name.startsWith(`${platform}-`))
			.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
		set = value(checkRelease(files, { platform: asPlatform(platform), version, source: 'npm', digests: nodeDigests }));
		opened.set(key, set);
	}
	return set;
}

/** The real Tinker where its slot exists in that release, else a stand-in application. */
export function applicationFor(platform: string, version: string): SourcedModule {
	const facts = asPlatform(platform);
	const is256 = facts.mcu === 'nrf52840' && realRelease(platform, version).moduleVersion >= 3102;
	if (is256 || platform === 'asom') return standInApplication(facts, version);
	const bytes = realTinker(platform);
	const module = value(parseModule(bytes, { digests: nodeDigests }));
	return { slot: 'user-part', origin: 'tinker.bin', module, sha256: toHex(nodeDigests.sha256(bytes)) };
}

/** A whole image of real modules; with the real MBR where it is at hand, else with a stand-in. */
export function realImage(platform: string, version: string, more: Partial<ComposeOptions> = {}): ComposedImage {
	const facts = asPlatform(platform);
	const mbr = needsMbr(facts) ? { mbr: realMbr() ?? standInMbr(), allowUnknownMbr: true } : {};
	return value(
		composeImage({
			platform: facts,
			release: realRelease(platform, version),
			application: applicationFor(platform, version),
			digests: nodeDigests,
			...mbr,
			...more,
		}),
	);
}

const nrf = ['argon', 'boron', 'bsom', 'b5som'];

/** Every release and platform of the packages that all tests fetch. */
export const everyRealImage: [platform: string, version: string][] = [
	['asom', '1.4.4'],
	...[...nrf, 'xenon', 'photon', 'p1', 'electron'].map((p): [string, string] => [p, '1.5.2']),
	...[...nrf, 'tracker', 'photon', 'p1', 'electron'].map((p): [string, string] => [p, '2.2.0']),
	...['photon', 'p1', 'electron'].map((p): [string, string] => [p, '2.3.1']),
	...[...nrf, 'esomx', 'tracker'].map((p): [string, string] => [p, '4.0.1']),
];
