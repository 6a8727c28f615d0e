/**
 * linac's sources of releases for the page that `linac web` serves: the same cache, folders, mirrors and downloads as every other command has, so
 * that the page asks nobody but its own server. The page judges all of it again. Addresses and forms: docs/web.md.
 */

import type { ReleaseQuery, ReleaseSet, ReleaseSummary, SourceProgress } from '@linac/catalog';
import { isVersion, mbrFacts, normalizeVersion, type Platform, platformByName, platforms, releaseZip } from '@linac/catalog';
import { asLinacError, LinacError, SharedWork, throwIfCancelled, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type Context as Call, Hono } from 'hono';
import type { Sources } from '../sources.js';

export interface ReleaseApiOptions {
	/** Makes the sources; `told` hears of downloads. */
	open(told: (progress: SourceProgress) => void): Promise<Sources>;
	/** The MBR that was learned on this computer. */
	keptMbr(mcu: string): Promise<Uint8Array | undefined>;
	/** The server's end. */
	signal: AbortSignal;
}

export async function releaseApi(options: ReleaseApiOptions): Promise<Hono> {
	let download: SourceProgress | undefined;
	const sources = await options.open((progress) => {
		download = progress;
	});
	// What was named and cannot be read is told before anybody opens the page.
	await sources.offline(options.signal);
	const opening = new SharedWork<ReleaseSet>();
	let queue: Promise<unknown> = Promise.resolve();

	/** One download after the other: often the next release is in the package that is being fetched. */
	function inTurn<T>(work: () => Promise<T>): Promise<T> {
		const turn = queue.then(work).finally(() => {
			download = undefined;
		});
		queue = turn.catch(() => {});
		return turn;
	}

	async function openOnce(query: ReleaseQuery, signal: AbortSignal): Promise<ReleaseSet> {
		const here = await sources.offline(signal);
		if (here.some((r) => r.platform === query.platform && r.version === query.version)) return sources.open(query, signal);
		return inTurn(() => {
			throwIfCancelled(signal);
			return sources.open(query, signal);
		});
	}

	const api = new Hono();

	api.get('/releases', async (call) => {
		const releases = await sources.all(signalOf(call, options.signal));
		return call.json({ format: 'linac-web/1', releases: firstOfEach(releases) }, 200, { 'cache-control': 'no-store' });
	});

	api.get('/downloads', (call) => {
		return call.json({ downloads: download === undefined ? [] : [download] }, 200, { 'cache-control': 'no-store' });
	});

	api.get('/releases/:platform/:file{.+\\.zip}', async (call) => {
		const platform = platformOf(call.req.param('platform'));
		const version = normalizeVersion(call.req.param('file').slice(0, -'.zip'.length));
		if (!isVersion(version)) throw notFound(`${version} is no version of Device OS.`);
		const query = { platform: platform.name, version };
		const set = await opening.do(`${platform.name} ${version}`, (s) => openOnce(query, s), signalOf(call, options.signal));
		return file(call, releaseZip(set), 'application/zip', `${platform.name}-${version}.zip`);
	});

	// `not`: SHA-256 of those that the page had before and that did not fit, separated by commas.
	api.get('/applications/:file{.+\\.bin}', async (call) => {
		const platform = platformOf(call.req.param('file').slice(0, -'.bin'.length));
		const refused = (call.req.query('not') ?? '').split(',');
		const signal = signalOf(call, options.signal);
		const fits = ({ sha256 }: { sha256: string }) => !refused.includes(sha256);
		const found = await inTurn(() => sources.application(platform, '', signal, fits));
		if (!found || !fits(found)) {
			throw new LinacError(
				'APPLICATION_NOT_AVAILABLE',
				`No further default application for ${platform.displayName} can be had.`,
				{
					hint: 'Give an application of your own.',
				},
			);
		}
		call.header('x-linac-origin', encodeURIComponent(found.origin));
		return file(call, new Uint8Array(found.module.bytes), 'application/octet-stream', `${platform.name}-tinker.bin`);
	});

	api.get('/further/:file{.+-mbr\\.bin}', async (call) => {
		const mcu = call.req.param('file').slice(0, -'-mbr.bin'.length);
		const family = platforms.find((p) => p.mcu === mcu);
		if (!family || !mbrFacts(family)) throw notFound(`There is no MBR for "${mcu}".`);
		const query = { kind: 'mbr', mcu };
		const kept = await options.keptMbr(mcu);
		const bytes = kept ?? (await sources.mirrorFile(query, signalOf(call, options.signal)))?.bytes;
		if (bytes === undefined) {
			throw notFound(
				`linac does not have the MBR of the ${mcu} yet.`,
				'Learn it once from a restore image: linac hex learn restore.hex.',
			);
		}
		return file(call, new Uint8Array(bytes), 'application/octet-stream', `${mcu}-mbr.bin`);
	});

	return api;
}

/** Raised when the browser does not want the answer any more, and when the server ends. */
function signalOf(call: Call, server: AbortSignal): AbortSignal {
	return AbortSignal.any([call.req.raw.signal, server]);
}

function platformOf(name: string): Platform {
	const platform = platformByName(name);
	if (!platform) throw new LinacError('PLATFORM_UNKNOWN', `No platform is named ${name}.`);
	return platform;
}

/** Of several sources with the same release, the first is asked first. */
function firstOfEach(releases: readonly ReleaseSummary[]): ReleaseSummary[] {
	const first = new Map<string, ReleaseSummary>();
	for (const r of releases) {
		const key = `${r.platform} ${r.version}`;
		if (!first.has(key)) first.set(key, r);
	}
	return [...first.values()];
}

function file(call: Call, bytes: Uint8Array<ArrayBuffer>, type: string, name: string): Response {
	return call.body(bytes, 200, {
		'content-type': type,
		'content-length': String(bytes.length),
		'content-disposition': `attachment; filename="${name}"`,
		// The same address may have other bytes tomorrow, when another source was named.
		'cache-control': 'no-store',
		'x-linac-sha256': toHex(nodeDigests.sha256(bytes)),
	});
}

function notFound(message: string, hint?: string): LinacError {
	return new LinacError('WEB_NOT_FOUND', message, { ...(hint === undefined ? {} : { hint }) });
}

const absent = new Set([
	'WEB_NOT_FOUND',
	'PLATFORM_UNKNOWN',
	'RELEASE_UNKNOWN',
	'RELEASE_NOT_AVAILABLE',
	'APPLICATION_NOT_AVAILABLE',
]);

/** Every failure, as the page is told. */
export function failureAnswer(caught: unknown): Response {
	const { code, message, hint, retry } = asLinacError(caught);
	const status =
		code === 'WEB_OTHER_HOST' || code === 'WEB_OTHER_SITE'
			? 403
			: code === 'WEB_METHOD'
				? 405
				: absent.has(code)
					? 404
					: code === 'INTERNAL'
						? 500
						: 502;
	return Response.json(
		{ code, message, retry, ...(hint === undefined ? {} : { hint }) },
		{ status, headers: { 'cache-control': 'no-store' } },
	);
}
