/**
 * The modules of a release as a blank chip needs them. They are those of the release, but for Electron before 2.0.0: its bootloader was
 * published in no file of its own, since the running system brings it along, and a blank chip cannot wait for that.
 */
import { type Platform, type ReleaseSet, regionOf, rulesOf, type SourcedModule, slotByName } from '@linac/catalog';
import { type Digests, portableDigests, toHex } from '@linac/core';
import { findEmbeddedModule, ModuleFunction } from '@linac/firmware';

/** The release's modules; where its bootloader is inside a system part (Electron before 2.0.0), that one too. */
export function chipModules(platform: Platform, release: ReleaseSet, digests: Digests = portableDigests): SourcedModule[] {
	const there = release.modules.some((m) => m.module.prefix.function === ModuleFunction.bootloader);
	const slot = slotByName(platform, 'bootloader');
	const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, release.moduleVersion);
	if (there || !slot || !region || rulesOf('embedded-bootloader', platform).length === 0) return [...release.modules];
	for (const source of release.modules) {
		if (source.module.prefix.function !== ModuleFunction.system) continue;
		const wanted = { function: slot.function, index: slot.index, platformId: platform.id, start: region.start };
		const found = findEmbeddedModule(source.module, wanted, digests);
		if (!found) continue;
		const sha256 = toHex(digests.sha256(found.bytes));
		return [{ slot: slot.name, origin: `inside ${source.origin}`, module: found, sha256 }, ...release.modules];
	}
	return [...release.modules];
}
