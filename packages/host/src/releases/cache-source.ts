/**
 * The cache as a source: it is asked like any other, only that it needs no network. It has the releases that were opened before, and all
 * that lies in the particle-cli packages that were fetched for them: for other platforms, other releases, and the default applications.
 */
import {
	asPlatform,
	type ReleaseSet,
	type ReleaseSummary,
	tarballs,
	tarballsWith,
	tarballsWithApplication,
} from '@linac/catalog';
import { bad, good, problem, throwIfCancelled, type Verdict } from '@linac/core';
import type { ReleaseCache } from './cache.js';
import type { NpmSource } from './npm-source.js';
import { NAME, packageName, releaseIn, tinkerIn } from './particle-cli-package.js';

export function cacheSource(cache: ReleaseCache): NpmSource {
	/** The kept ones of these packages, one at a time: each has tens of megabytes. */
	async function* keptOf(versions: readonly string[], signal: AbortSignal | undefined) {
		for (const version of versions) {
			throwIfCancelled(signal);
			const bytes = await cache.kept(packageName(version));
			if (bytes) yield { version, bytes };
		}
	}

	return {
		name: 'cache',
		offline: true,
		async list() {
			const out: ReleaseSummary[] = (await cache.list()).map(({ platform, version, source }) => ({
				platform,
				version,
				source,
				offline: true,
			}));
			const seen = new Set(out.map((r) => `${r.platform} ${r.version}`));
			for (const { particleCli, releases } of [...tarballs].reverse()) {
				if (!(await cache.isKept(packageName(particleCli)))) continue;
				for (const [version, platforms] of Object.entries(releases)) {
					for (const platform of platforms) {
						if (seen.has(`${platform} ${version}`)) continue;
						seen.add(`${platform} ${version}`);
						out.push({ platform, version, source: `${NAME} ${particleCli}`, offline: true });
					}
				}
			}
			return out;
		},
		async open(query, signal): Promise<Verdict<ReleaseSet>> {
			throwIfCancelled(signal);
			const set = await cache.get(query);
			if (set) return good(set);
			for await (const fetched of keptOf(tarballsWith(query.platform, query.version).reverse(), signal)) {
				const verdict = releaseIn(fetched, asPlatform(query.platform), query.version);
				if (!verdict.ok) continue;
				// So that it need not be unpacked the next time. A cache that may only be read serves it all the same.
				await cache.put(verdict.value).catch(() => {});
				return verdict;
			}
			return bad(
				problem('RELEASE_NOT_AT_SOURCE', `The cache does not have release ${query.version} for ${query.platform}.`, {
					field: 'version',
				}),
			);
		},
		async openApplication(platform, signal, _onProgress, fits = () => true) {
			for await (const fetched of keptOf(tarballsWithApplication(platform), signal)) {
				const application = tinkerIn(fetched, asPlatform(platform));
				if (application && fits(application)) return good(application);
			}
			return bad(problem('APPLICATION_NOT_AT_SOURCE', `The cache does not have a default application for ${platform}.`));
		},
	};
}
