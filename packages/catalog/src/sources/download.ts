/**
 * The seam to the network, and what all sources behind it have in common. The host implements `Download` (resume, time limits, redirects); the
 * sources say what to ask for. Failures of the network are thrown, so that the next source is asked; an answer that is wrong is a refused verdict.
 */
import { bad, LinacError, type Problem, problem, type Verdict } from '@linac/core';
import { contentKind } from '@linac/firmware';

export interface DownloadRequest {
	url: string;
	headers?: Record<string, string>;
	/** Refused with `DOWNLOAD_TOO_LARGE` beyond this many bytes. */
	limit?: number;
	/** Size that the other side announced elsewhere (a manifest); the download must have it. */
	size?: number;
}

export interface DownloadResult {
	bytes: Uint8Array;
	/** After redirects. */
	url: string;
	contentType: string | undefined;
}

/**
 * Fetches one file whole. Throws `SOURCE_UNREACHABLE` (no connection in time), `DOWNLOAD_STALLED`, `DOWNLOAD_TRUNCATED`, `DOWNLOAD_TOO_LARGE`,
 * `HTTP_NOT_FOUND`, `RATE_LIMITED`, `HTTP_ERROR`, `CANCELLED`.
 */
export type Download = (
	request: DownloadRequest,
	signal?: AbortSignal,
	onProgress?: (done: number, total: number | undefined) => void,
) => Promise<DownloadResult>;

/** Reads an answer that ought to be JSON. An HTML page with status 200 gets a sentence of its own. */
export function readJson(result: DownloadResult, source: string): Verdict<unknown> {
	const text = new TextDecoder().decode(result.bytes);
	const kind = contentKind(result.bytes);
	if (kind === 'html') {
		return bad(
			problem(
				'ANSWER_IS_WEB_PAGE',
				`${source} answered ${result.url} with a web page instead of data. A proxy or a log-in page may be in between.`,
			),
		);
	}
	try {
		return { ok: true, value: JSON.parse(text) as unknown, problems: [] };
	} catch {
		return bad(
			problem(
				'ANSWER_NOT_JSON',
				`${source} answered ${result.url} with something that is not JSON (${result.bytes.length} bytes).`,
			),
		);
	}
}

/** A 404 means "not here", which is an answer; everything else goes on up. */
export function notThere(error: unknown, source: string, what: string): Problem {
	if (error instanceof LinacError && error.code === 'HTTP_NOT_FOUND') {
		return problem('RELEASE_NOT_AT_SOURCE', `${source} does not have ${what}.`, { field: 'version' });
	}
	throw error;
}

/** A file name from an answer, or nothing when it is none: no folders, no way out of one. */
export function plainFileName(value: unknown): string | undefined {
	return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9@+._-]{0,199}$/.test(value) ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
