/**
 * Where the page's Device OS comes from: the person's own files, `linac web`'s API where that serves the page, a mirror folder beside the site, and what
 * was opened here before. Nothing is asked of anybody else. Everything is judged by `@linac/catalog` before it is used.
 */
import type {
	FurtherQuery,
	Platform,
	ReleaseQuery,
	ReleaseSet,
	ReleaseSummary,
	SourcedModule,
	SourceProgress,
} from '@linac/catalog';
import { asLinacError, LinacError, SharedWork, throwIfCancelled, unwrap } from '@linac/core';
import { judgeMbr } from '@linac/image';
import { tellFetching } from '../link/engine-link.js';
import { httpMirror } from './http-mirror.js';
import { keepApplication, keepFurther, keepRelease, keptPlace } from './kept-releases.js';
import { linacServer } from './linac-server.js';
import { ownPlace } from './own-files.js';
import type { OnProgress, ReleasePlace } from './release-place.js';
import { aboutSite } from './site.js';

const servers = new Map<string, ReleasePlace>();

function serverAt(base: string, make: (base: string) => ReleasePlace): ReleasePlace {
	const made = servers.get(base) ?? make(base);
	servers.set(base, made);
	return made;
}

/** In the order in which they are asked. */
async function places(): Promise<ReleasePlace[]> {
	const { api, mirror } = await aboutSite();
	return [
		ownPlace,
		...(api === undefined ? [] : [serverAt(api, linacServer)]),
		...(mirror === undefined ? [] : [serverAt(mirror, httpMirror)]),
		keptPlace,
	];
}

const isHere = (place: ReleasePlace) => place === ownPlace || place === keptPlace;

const opening = new SharedWork<ReleaseSet>();
const watching = new Map<string, Set<OnProgress>>();
/** How far each is that is being fetched. */
const fetching = new Map<string, SourceProgress>();

/**
 * Throws `RELEASE_NOT_AVAILABLE` with what every source answered. What is asked for several times at once is fetched once. A release that came from a
 * server is kept, so that it is here without a network.
 */
export async function openRelease(query: ReleaseQuery, signal?: AbortSignal, onProgress?: OnProgress): Promise<ReleaseSet> {
	const key = `${query.platform} ${query.version}`;
	const told = watching.get(key) ?? new Set();
	watching.set(key, told);
	if (onProgress) told.add(onProgress);
	const tell = (progress: SourceProgress) => {
		fetching.set(key, progress);
		tellFetching([...fetching.values()]);
		for (const one of watching.get(key) ?? []) one(progress);
	};
	try {
		return await opening.do(key, (s) => openOnce(query, s, tell).finally(() => fetched(key)), signal);
	} finally {
		if (onProgress) told.delete(onProgress);
		if (told.size === 0) watching.delete(key);
	}
}

function fetched(key: string): void {
	if (fetching.delete(key)) tellFetching([...fetching.values()]);
}

async function openOnce(query: ReleaseQuery, signal: AbortSignal, onProgress: OnProgress): Promise<ReleaseSet> {
	const answers: string[] = [];
	for (const place of await places()) {
		throwIfCancelled(signal);
		try {
			const set = unwrap(await place.open(query, signal, onProgress));
			if (!isHere(place)) await keepRelease(set);
			return set;
		} catch (error) {
			const e = asLinacError(error);
			if (e.code === 'CANCELLED') throw e;
			answers.push(e.message);
		}
	}
	throw new LinacError(
		'RELEASE_NOT_AVAILABLE',
		`Device OS ${query.version} for ${query.platform} is not here. ${answers.join(' ')}`,
		{
			retry: 'operator',
			hint: 'Choose a release that is marked as being here, or add a zip or folder that has it to your own files.',
		},
	);
}

/** The default application (Tinker), preferably one that `fits`; undefined when none can be had. */
export async function openApplication(
	platform: Platform,
	signal?: AbortSignal,
	fits: (application: SourcedModule) => boolean = () => true,
): Promise<SourcedModule | undefined> {
	let unfit: SourcedModule | undefined;
	for (const place of await places()) {
		throwIfCancelled(signal);
		const found = await orNothing(place.application(platform, fits, signal));
		if (!found) continue;
		if (!isHere(place)) await keepApplication(platform.name, found);
		if (fits(found)) return found;
		unfit ??= found;
	}
	return unfit;
}

/** A file that is no module, e.g. `{ kind: 'mbr', mcu: 'nrf52840' }`: the MBR that images for blank boards need. Undefined when none can be had. */
export async function openFurther(
	query: FurtherQuery,
	signal?: AbortSignal,
): Promise<{ bytes: Uint8Array; origin: string } | undefined> {
	for (const place of await places()) {
		throwIfCancelled(signal);
		const found = await orNothing(place.further(query, signal));
		if (!found || !judgeMbr(found.bytes, query as Pick<Platform, 'mcu'>, { file: found.origin }).ok) continue;
		if (!isHere(place)) await keepFurther(query.kind, query.mcu, found);
		return found;
	}
	return undefined;
}

/**
 * What can be had, each release for a platform once, from the source that is asked first. `offline`: it is here without a network, or the computer
 * that serves the page has it. A source that cannot be read has nothing.
 */
export async function listReleases(signal?: AbortSignal): Promise<ReleaseSummary[]> {
	const lists = await Promise.all((await places()).map((place) => orNothing(place.list(signal))));
	const first = new Map<string, ReleaseSummary>();
	for (const r of lists.flatMap((list) => list ?? [])) {
		const key = `${r.platform} ${r.version}`;
		const before = first.get(key);
		first.set(key, before ? { ...before, offline: before.offline || r.offline } : r);
	}
	return [...first.values()];
}

/** Undefined when the source cannot be read or refuses. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
	try {
		return await work;
	} catch (error) {
		if (asLinacError(error).code === 'CANCELLED') throw error;
		return undefined;
	}
}
