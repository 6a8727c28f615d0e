/**
 * Releases that were opened here before, so that they are here without a network: kept in this browser when they came, judged again when they are
 * read. What is damaged is removed. Asked last: a server or mirror that can be reached may have been told of other files.
 */
import {
	openReleaseZip,
	type Platform,
	type ReleaseQuery,
	type ReleaseSet,
	releaseZip,
	type SourcedModule,
} from '@linac/catalog';
import { bad, equalBytes, problem } from '@linac/core';
import { applicationOf } from './linac-server.js';
import type { ReleasePlace } from './release-place.js';
import { type KeptRelease, releaseShelves as shelf } from './release-shelves.js';

const NAME = 'kept in this browser';
const keyOf = ({ platform, version }: ReleaseQuery) => `${platform} ${version}`;

/** Keeps what was opened. That there is no room is no reason to fail: it was opened. */
export async function keepRelease(set: ReleaseSet): Promise<void> {
	const key = keyOf(set);
	const zip = releaseZip(set);
	try {
		const before = await shelf.zips.get(key);
		if (before && equalBytes(before.zip, zip)) return;
		// The list last: it never names what is not there.
		await shelf.zips.put({ key, zip });
		const { platform, version, source } = set;
		await shelf.releases.put({ key, platform, version, source, size: zip.length });
		if (set.application) await keepApplication(platform, set.application);
	} catch {
		await forgetRelease(set).catch(() => {});
	}
}

/** As `keepRelease`. */
export async function keepApplication(platform: string, { sha256, origin, module }: SourcedModule): Promise<void> {
	await shelf.applications.put({ key: sha256, platform, origin, bytes: module.bytes }).catch(() => {});
}

/** As `keepRelease`. */
export async function keepFurther(kind: string, mcu: string, found: { bytes: Uint8Array; origin: string }): Promise<void> {
	await shelf.further.put({ key: `${kind} ${mcu}`, ...found }).catch(() => {});
}

/** Newest of a platform first is for who shows them; here they stand by name. */
export function keptReleases(): Promise<KeptRelease[]> {
	return shelf.releases.all();
}

export async function forgetRelease(query: ReleaseQuery): Promise<void> {
	await shelf.releases.remove(keyOf(query));
	await shelf.zips.remove(keyOf(query));
}

export const keptPlace: ReleasePlace = {
	name: NAME,
	list: async () => (await keptReleases()).map(({ platform, version, source }) => ({ platform, version, source, offline: true })),
	async open(query) {
		const kept = await shelf.zips.get(keyOf(query));
		if (!kept) return bad(problem('RELEASE_NOT_AT_SOURCE', 'It is not kept in this browser either.', { field: 'version' }));
		const verdict = openReleaseZip(kept.zip, query, { name: NAME });
		if (!verdict.ok) await forgetRelease(query);
		return verdict;
	},
	async application(platform: Platform, fits) {
		let unfit: SourcedModule | undefined;
		for (const kept of await shelf.applications.all()) {
			if (kept.platform !== platform.name) continue;
			const application = applicationOf(platform, kept.bytes, kept.origin);
			if (application?.sha256 !== kept.key) await shelf.applications.remove(kept.key);
			else if (fits(application)) return application;
			else unfit ??= application;
		}
		return unfit;
	},
	further: async ({ kind, mcu }) => shelf.further.get(`${kind} ${mcu}`),
};
