/**
 * `linac web` as a source: what the computer that serves this page has in its cache and can fetch. Its answers are judged here as if they came from
 * anywhere else. Addresses and forms: docs/web.md.
 */
import {
	type FurtherQuery,
	judgeFile,
	openReleaseZip,
	type Platform,
	type ReleaseSummary,
	type SourcedModule,
} from '@linac/catalog';
import { bad, LinacError, portableDigests, problem, type RetryClass, systemClock, toHex } from '@linac/core';
import type { OnProgress, ReleasePlace } from './release-place.js';
import { fetchFromSite } from './site.js';

const NAME = 'linac web';
/** Between two questions how far a download is, in milliseconds. */
const ASK_AGAIN_MS = 500;

/** `base` ends with a slash. */
export function linacServer(base: string): ReleasePlace {
	async function get(path: string, signal?: AbortSignal): Promise<Response> {
		const response = await fetchFromSite(new URL(path, base), 'no-store', signal);
		if (response.ok) return response;
		throw await failureIn(response);
	}

	const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

	return {
		name: NAME,
		async list(signal) {
			const { releases } = (await (await get('releases', signal)).json()) as { releases: ReleaseSummary[] };
			return releases;
		},
		async open(query, signal, onProgress) {
			const { platform, version } = query;
			onProgress?.({ source: NAME, what: `Device OS ${version} for ${platform}`, done: 0 });
			const watch = new AbortController();
			if (onProgress) void tellDownloads(get, watch.signal, onProgress);
			try {
				const response = await get(`releases/${encodeURIComponent(platform)}/${encodeURIComponent(version)}.zip`, signal);
				return openReleaseZip(await bytesOf(response), query, { name: NAME });
			} catch (error) {
				if (isAnswer(error)) return bad(problem(error.code, [error.message, error.hint].filter(Boolean).join(' ')));
				throw error;
			} finally {
				watch.abort();
			}
		},
		async application(platform, fits, signal) {
			const refused: string[] = [];
			let unfit: SourcedModule | undefined;
			for (;;) {
				const application = await nextApplication(platform, refused, signal);
				if (!application || refused.includes(application.sha256)) return unfit;
				if (fits(application)) return application;
				unfit ??= application;
				refused.push(application.sha256);
			}
		},
		async further({ kind, mcu }: FurtherQuery, signal) {
			try {
				const response = await get(`further/${encodeURIComponent(mcu)}-${encodeURIComponent(kind)}.bin`, signal);
				return { bytes: await bytesOf(response), origin: `${NAME}: ${mcu}-${kind}.bin` };
			} catch (error) {
				if (isAnswer(error)) return undefined;
				throw error;
			}
		},
	};

	async function nextApplication(
		platform: Platform,
		refused: readonly string[],
		signal?: AbortSignal,
	): Promise<SourcedModule | undefined> {
		let response: Response;
		try {
			const query = refused.length === 0 ? '' : `?not=${refused.join(',')}`;
			response = await get(`applications/${platform.name}.bin${query}`, signal);
		} catch (error) {
			if (isAnswer(error)) return undefined;
			throw error;
		}
		const bytes = await bytesOf(response);
		return applicationOf(platform, bytes, decodeURIComponent(response.headers.get('x-linac-origin') ?? NAME));
	}
}

/** The file as a default application for the platform; undefined when it is none. */
export function applicationOf(platform: Platform, bytes: Uint8Array, origin: string): SourcedModule | undefined {
	const { role, module, slot } = judgeFile({ name: origin, bytes }, platform);
	if (role !== 'application' || !module || !slot) return undefined;
	return { slot: slot.name, origin, module, sha256: toHex(portableDigests.sha256(bytes)) };
}

/** Until the signal is raised. That it cannot be told is no failure: the download itself says what is wrong. */
async function tellDownloads(
	get: (path: string, signal: AbortSignal) => Promise<Response>,
	signal: AbortSignal,
	onProgress: OnProgress,
): Promise<void> {
	try {
		for (;;) {
			await systemClock.sleep(ASK_AGAIN_MS, signal);
			const { downloads } = (await (await get('downloads', signal)).json()) as { downloads: Parameters<OnProgress>[0][] };
			for (const download of downloads) if (!signal.aborted) onProgress(download);
		}
	} catch {}
}

/** What the server said; not that it could not be reached. */
class ServerAnswer extends LinacError {}

function isAnswer(error: unknown): error is ServerAnswer {
	return error instanceof ServerAnswer;
}

async function failureIn(response: Response): Promise<LinacError> {
	try {
		const { code, message, hint, retry } = (await response.json()) as Record<string, string | undefined>;
		if (code !== undefined && message !== undefined) {
			return new ServerAnswer(code, message, { retry: (retry ?? 'job') as RetryClass, ...(hint === undefined ? {} : { hint }) });
		}
	} catch {}
	return new LinacError('SOURCE_UNREACHABLE', `${NAME}: the server answers ${response.status}.`, { retry: 'job' });
}
