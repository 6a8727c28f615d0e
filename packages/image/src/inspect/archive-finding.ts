/** A zip archive, as it is found: every file in it, the release that its modules are, or the bundle of an application with its assets. */
import { checkRelease, type Platform, platformById, releaseByModuleVersion, releaseRunsText, unpackZip } from '@linac/catalog';
import { type Digests, type Problem, toHex } from '@linac/core';
import {
	BUNDLE_ASSETS,
	isEnvText,
	ModuleFunction,
	type ParsedModule,
	readBundle,
	readZip,
	requiredAssets,
} from '@linac/firmware';
import { bootFacts } from '@linac/planner';
import { lookAtBundle } from '../bundle/look-at-bundle.js';
import type { BundleFinding, MemberFinding, ModuleFinding, ReleaseFinding } from './finding.js';
import { moduleTitle, platformName, platformNames } from './module-finding.js';

/** Every file of the archive. `modules` and `problems` are what was found in it, with its name and a slash before those of its files. */
export function memberFindings(
	file: string,
	bytes: Uint8Array,
	found: { modules: readonly ModuleFinding[]; problems: readonly Problem[]; bundle: boolean },
	digests: Digests,
): MemberFinding[] {
	const listed = readZip(bytes, { file, digests });
	if (!listed.ok) return [];
	return listed.value
		.filter((e) => !e.isFolder)
		.map((entry): MemberFinding => {
			const label = `${file}/${entry.name}`;
			const data = entry.read();
			const of = (name: string | undefined) => name === label || name?.startsWith(`${label}@`) === true;
			const modules = found.modules.filter((m) => of(m.file));
			const problems = found.problems.filter((p) => of(p.file));
			const asset = found.bundle && entry.name.startsWith(BUNDLE_ASSETS);
			const what = asset
				? 'asset'
				: modules.length > 0
					? modules.map(moduleTitle).join(', ')
					: isEnvText(entry.name)
						? 'environment variables'
						: 'no module';
			return {
				name: entry.name,
				size: entry.size,
				...(data.ok ? { sha256: toHex(digests.sha256(data.value)) } : {}),
				what,
				sound: data.ok && problems.every((p) => p.severity !== 'error') && modules.every((m) => m.sound),
			};
		});
}

/** The release that the modules of an archive are, by the board of all of them and the number of their system part. Undefined: by that, none. */
export function releaseFinding(
	file: string,
	bytes: Uint8Array,
	modules: readonly ParsedModule[],
	digests: Digests,
): ReleaseFinding | undefined {
	const platform = boardOf(modules);
	const start = platform && bootFacts(platform).startModule;
	const system = start && modules.find(({ prefix: p }) => p.function === start.function && p.index === start.index);
	const release = system && releaseByModuleVersion(platform, system.prefix.version);
	if (!release) return undefined;
	const files = unpackZip(bytes, { file, digests });
	const named = { version: release.version, platform: platformName(platform) };
	if (!files.ok) return { ...named, complete: false, problems: files.problems };
	const checked = checkRelease(files.value, { platform, version: release.version, source: file, digests });
	// What is merely beside it (an application, the network processor) says nothing about the release.
	const problems = checked.problems.filter((p) => p.severity !== 'info');
	return { ...named, complete: checked.ok, problems };
}

function boardOf(modules: readonly ParsedModule[]): Platform | undefined {
	// A SoftDevice may name another board than its own.
	const own = modules.filter((m) => m.prefix.function !== ModuleFunction.radioStack);
	const ids = new Set(own.map((m) => m.prefix.platformId));
	return ids.size === 1 ? platformById([...ids][0]!) : undefined;
}

/** Undefined when it is no bundle after all; then the problems say why. */
export function bundleFinding(
	file: string,
	bytes: Uint8Array,
	digests: Digests,
): { bundle?: BundleFinding; problems: Problem[] } {
	const read = readBundle(file, bytes, { digests, platforms: platformNames });
	if (!read.ok) return { problems: read.problems };
	const { application, assets, env } = read.value;
	const { measured, problems } = lookAtBundle(read.value, file, read.problems, digests);
	const wanted = new Map(requiredAssets(application.module).map((a) => [a.name, toHex(a.hash)]));
	const platform = platformById(application.module.prefix.platformId);
	const bundle: BundleFinding = {
		application: application.name,
		assets: assets.map(({ name, bytes: raw }) => {
			const sha256 = toHex(digests.sha256(raw));
			const sizes = measured?.assets.find((a) => a.name === name);
			return {
				name,
				size: raw.length,
				sha256,
				right: wanted.get(name) === sha256,
				...(sizes ? { moduleSize: sizes.moduleSize, storeSize: sizes.storeSize } : {}),
			};
		}),
		stores: (measured?.stores ?? []).map(({ releases, store, used, free }) => ({
			releases: platform && releases.length > 0 ? releaseRunsText(platform, releases) : 'newer than any known here',
			usable: store.usable,
			used,
			free,
		})),
		...(env ? { environment: env.name } : {}),
	};
	return { bundle, problems };
}
