/**
 * Opens a release for a platform: from files at hand, from the cache, else from each source in turn. What was fetched is kept. When nobody has
 * it, the error says what every source answered and what can be done. How sources are chosen: docs/releases.md.
 */
import {
	deviceOsApiSource,
	docsSource,
	githubSource,
	isVersion,
	latestInLine,
	normalizeVersion,
	type Platform,
	platformByName,
	type ReleaseSet,
	type ReleaseSource,
	releasesFor,
	type SourcedModule,
	type SourceProgress,
} from '@linac/catalog';
import { asLinacError, type Clock, type Json, LinacError, type Problem, throwIfCancelled } from '@linac/core';
import { nodeDigests } from '../digests.js';
import { readMirrorKeys } from '../mirror/mirror-keys.js';
import { isFinal, isPathSource, type PathSourceOptions, pathSource } from '../mirror/path-source.js';
import { openCache, type ReleaseCache } from './cache.js';
import { cacheSource } from './cache-source.js';
import { createDownload } from './download.js';
import { npmSource } from './npm-source.js';

export interface StandardSourcesOptions {
	/** Folders, zips or packages that come before everything else; also those of `LINAC_MIRROR` (separated as in PATH). */
	paths?: readonly string[];
	/**
	 * A file with public keys, or `ed25519:BASE64`; also `LINAC_MIRROR_KEY`. When given, everything in `paths` and `LINAC_MIRROR` must be a mirror that
	 * one of them signed, or the search ends.
	 */
	mirrorKey?: string;
	/** Told once of every mirror that was read and believed. */
	onMirror?: PathSourceOptions['onMirror'];
	cache?: ReleaseCache;
	/** No network: `--offline` or `LINAC_OFFLINE=1`. */
	offline?: boolean;
	/** For tests and mirrors: other addresses, without a trailing slash. */
	deviceOsApiUrl?: string;
	githubUrl?: string;
	docsUrl?: string;
	/** Milliseconds to get a connection (3000) and without a byte (10000). */
	connectMs?: number;
	stallMs?: number;
	clock?: Clock;
	environment?: Record<string, string | undefined>;
}

/** Files at hand, the cache, npm, Particle's Device OS API, GitHub, the docs site: in this order. */
export function standardSources(options: StandardSourcesOptions = {}): ReleaseSource[] {
	const environment = options.environment ?? process.env;
	const cache = options.cache ?? openCache();
	const mirrors = (environment.LINAC_MIRROR ?? '').split(process.platform === 'win32' ? ';' : ':').filter((p) => p !== '');
	const { onMirror } = options;
	const trustedKeys = keysOf(options.mirrorKey ?? environment.LINAC_MIRROR_KEY);
	const local = [
		...(options.paths ?? []).map((path) => pathSource(path, { trustedKeys, onMirror, strict: true })),
		...mirrors.map((path) => pathSource(path, { trustedKeys, onMirror, strict: trustedKeys !== undefined })),
	];
	const sources = [...local, cacheSource(cache)];
	if (options.offline ?? isOn(environment.LINAC_OFFLINE)) return sources;
	const { connectMs, stallMs, clock } = options;
	const download = createDownload({ partialFolder: cache.partialFolder, connectMs, stallMs, clock });
	const digests = nodeDigests;
	return [
		...sources,
		npmSource({ download, cache, connectMs, clock }),
		deviceOsApiSource({ download, digests, baseUrl: options.deviceOsApiUrl }),
		githubSource({ download, digests, baseUrl: options.githubUrl, token: environment.GITHUB_TOKEN }),
		docsSource({ download, digests, baseUrl: options.docsUrl }),
	];
}

/** Read when a mirror is first asked, and once. */
function keysOf(named: string | undefined): PathSourceOptions['trustedKeys'] {
	if (named === undefined || named === '') return undefined;
	let keys: Promise<readonly Uint8Array[]> | undefined;
	return () => {
		keys ??= readMirrorKeys(named);
		return keys;
	};
}

function isOn(value: string | undefined): boolean {
	return value !== undefined && !['', '0', 'false', 'no'].includes(value.toLowerCase());
}

export interface OpenReleaseOptions {
	/** Name or alias of a platform. */
	platform: string;
	/** A version, or a line: `latest`, `lts`, `preview`, `4.x`, `2.3.x`. */
	version: string;
	/** Default: `standardSources()`. */
	sources?: readonly ReleaseSource[];
	/** Where what was fetched is kept. Default: the one of the standard place. `false` keeps nothing. */
	cache?: ReleaseCache | false;
	signal?: AbortSignal;
	onProgress?: (progress: SourceProgress) => void;
}

/** What one source answered. */
export interface TriedSource {
	source: string;
	code: string;
	message: string;
	problems: Problem[];
}

export interface OpenedRelease {
	release: ReleaseSet;
	/** Warnings and notes about its files. */
	problems: Problem[];
	/** Sources that did not have it, in the order in which they were asked. */
	tried: TriedSource[];
}

/**
 * Throws `PLATFORM_UNKNOWN`, `RELEASE_UNKNOWN` (a line that has no release for the platform), `RELEASE_NOT_AVAILABLE` (nobody has it; `details.tried`
 * says why), what a mirror that was named or has to be signed is refused for (`MIRROR_...`), `CACHE_NOT_WRITABLE` (before anything is fetched; what is at hand or in the cache is still opened) and `CANCELLED`.
 */
export async function openRelease(options: OpenReleaseOptions): Promise<OpenedRelease> {
	const platform = platformByName(options.platform);
	if (!platform) throw unknownPlatform(options.platform);
	const version = resolveVersion(platform, options.version);
	const cache = options.cache === false ? undefined : (options.cache ?? openCache());
	const sources = options.sources ?? standardSources({ cache });
	// The network cannot have what was never published; files at hand may be anything.
	const published = releasesFor(platform);
	const known = published.length === 0 ? undefined : published.some((r) => r.version === version);
	const tried: TriedSource[] = [];
	for (const source of sources) {
		throwIfCancelled(options.signal);
		try {
			if (source.offline !== true) await cache?.ensureWritable();
			const verdict = await source.open({ platform: platform.name, version }, options.signal, options.onProgress);
			if (verdict.ok) {
				if (cache && source.offline !== true) await cache.put(verdict.value);
				return { release: verdict.value, problems: verdict.problems, tried };
			}
			const worst = verdict.problems.filter((p) => p.severity === 'error');
			tried.push({
				source: source.name,
				code: worst[0]?.code ?? 'REFUSED',
				message: (worst.length > 0 ? worst : verdict.problems).map((p) => p.message).join(' '),
				problems: verdict.problems,
			});
		} catch (error) {
			const failure = asLinacError(error, 'SOURCE_FAILED');
			if (endsEverything(failure) || isFinal(source, failure)) throw failure;
			tried.push({ source: source.name, code: failure.code, message: failure.message, problems: [] });
		}
	}
	throw notAvailable(platform, version, known, tried);
}

/** No other source helps: somebody has stopped it, or nothing that is fetched could be kept. */
function endsEverything(failure: LinacError): boolean {
	return failure.code === 'CANCELLED' || failure.code === 'CACHE_NOT_WRITABLE';
}

/** `4.0.1` as it is; `latest`, `lts`, `4.x` become the newest final release of that line for the platform. */
export function resolveVersion(platform: Platform, wanted: string): string {
	const version = normalizeVersion(wanted);
	if (isVersion(version)) return version;
	const latest = latestInLine(platform, version);
	if (latest) return latest.version;
	throw new LinacError('RELEASE_UNKNOWN', `There is no release ${wanted} for ${platform.displayName}.`, {
		hint: `Say a version such as 4.0.1, or one of: latest, lts, preview, ${[...new Set(releasesFor(platform).map((r) => r.lineName))].join(', ')}.`,
	});
}

function notAvailable(
	platform: Platform,
	version: string,
	known: boolean | undefined,
	tried: readonly TriedSource[],
): LinacError {
	const about = tried.map((t) => `${t.source}: ${t.message}`).join('\n  ');
	const there = releasesFor(platform)
		.slice(0, 8)
		.map((r) => r.version)
		.join(', ');
	const hint =
		known === false
			? `The download table has no ${version} for ${platform.displayName}. It has ${there}, ...: see \`linac releases\`.`
			: `Give a folder or zip with the modules of the release, set LINAC_MIRROR to one, or connect to the network. \`linac releases\` shows what can be had offline.`;
	return new LinacError(
		'RELEASE_NOT_AVAILABLE',
		`Release ${version} for ${platform.displayName} could not be had from ${tried.length === 1 ? 'the one source' : `any of ${tried.length} sources`}.\n  ${about}`,
		{
			retry: tried.some((t) => t.code === 'SOURCE_UNREACHABLE') ? 'job' : 'never',
			hint,
			details: { platform: platform.name, version, tried: tried as unknown as Json },
		},
	);
}

export interface OpenApplicationOptions {
	platform: string;
	/** Mirrors among them are asked first. Default: those of `LINAC_MIRROR`. */
	sources?: readonly ReleaseSource[];
	cache?: ReleaseCache;
	/** Without the network only what is in the cache can be had. */
	offline?: boolean;
	signal?: AbortSignal;
	onProgress?: (progress: SourceProgress) => void;
	environment?: Record<string, string | undefined>;
}

/**
 * The default application (Tinker) for a platform: one of a mirror, or one that came with a release in the cache, else from npm's packages,
 * those that are kept first.
 * Throws what a mirror that has to be signed is refused for (`MIRROR_...`), `PLATFORM_UNKNOWN`, `APPLICATION_NOT_AVAILABLE`, `CACHE_NOT_WRITABLE`, `CANCELLED`.
 */
export async function openApplication(options: OpenApplicationOptions): Promise<SourcedModule> {
	const platform = platformByName(options.platform);
	if (!platform) throw unknownPlatform(options.platform);
	const cache = options.cache ?? openCache();
	for (const source of options.sources ?? standardSources({ cache, environment: options.environment, offline: true })) {
		if (!isPathSource(source)) continue;
		try {
			const verdict = await source.openApplication(platform.name, options.signal);
			if (verdict.ok) return verdict.value;
		} catch (error) {
			const failure = asLinacError(error, 'SOURCE_FAILED');
			if (endsEverything(failure) || isFinal(source, failure)) throw failure;
		}
	}
	for (const entry of await cache.list()) {
		throwIfCancelled(options.signal);
		if (entry.platform !== platform.name) continue;
		const application = (await cache.get(entry))?.application;
		if (application) return application;
	}
	const kept = await cacheSource(cache).openApplication(platform.name, options.signal);
	if (kept.ok) return kept.value;
	let why = 'the network is turned off';
	if (!(options.offline ?? isOn((options.environment ?? process.env).LINAC_OFFLINE))) {
		const source = npmSource({ download: createDownload({ partialFolder: cache.partialFolder }), cache });
		try {
			const verdict = await source.openApplication(platform.name, options.signal, options.onProgress);
			if (verdict.ok) return verdict.value;
			why = verdict.problems.map((p) => p.message).join(' ');
		} catch (error) {
			const failure = asLinacError(error, 'SOURCE_FAILED');
			if (endsEverything(failure)) throw failure;
			why = failure.message;
		}
	}
	throw new LinacError('APPLICATION_NOT_AVAILABLE', `No default application for ${platform.displayName} could be had: ${why}.`, {
		retry: 'job',
		hint: 'Give an application of your own.',
	});
}

function unknownPlatform(name: string): LinacError {
	return new LinacError('PLATFORM_UNKNOWN', `No platform is named ${name}.`, { hint: 'See `linac releases` for the names.' });
}
