/**
 * Downloads over HTTP(S): leaves a server that cannot be reached after three seconds, a silent one after ten, follows redirects, continues
 * what has arrived before by Range, and takes nothing that is shorter or longer than announced. Implements the catalogue's `Download`.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Download, DownloadRequest, DownloadResult } from '@linac/catalog';
import { asLinacError, type Clock, cancelled, LinacError, systemClock, throwIfCancelled } from '@linac/core';
import { openPartialFile, type PartIdentity } from './partial-file.js';

export interface DownloadOptions {
	/** Where parts of downloads are kept; without it only in memory, and a new run begins anew. */
	partialFolder?: string;
	/** Milliseconds to get a connection, name look-up and TLS included. */
	connectMs?: number;
	/** Milliseconds without a single byte. */
	stallMs?: number;
	/** How often a transfer that broke off is continued at once, as long as each attempt brought something. */
	continuations?: number;
	clock?: Clock;
}

const MOST_REDIRECTS = 5;
const DEFAULT_LIMIT = 128 * 1024 * 1024;
const USER_AGENT = 'linac';

export function createDownload(options: DownloadOptions = {}): Download {
	const settings = {
		connectMs: options.connectMs ?? 3000,
		stallMs: options.stallMs ?? 10_000,
		continuations: options.continuations ?? 3,
		clock: options.clock ?? systemClock,
	};
	let senders: Promise<Senders> | undefined;
	return async (request, signal, onProgress) => {
		const part = openPartialFile(options.partialFolder, request.url);
		try {
			for (let attempt = 0; ; attempt++) {
				throwIfCancelled(signal);
				const before = part.size();
				try {
					return await attemptDownload(request);
				} catch (error) {
					const failure = asLinacError(error, 'HTTP_ERROR');
					const brokeOff = failure.code === 'DOWNLOAD_TRUNCATED' && part.resume() !== undefined && part.size() > before;
					if (!brokeOff || attempt >= settings.continuations) throw failure;
				}
			}
		} catch (error) {
			part.leave();
			throw error;
		}

		async function attemptDownload(wanted: DownloadRequest): Promise<DownloadResult> {
			const resume = part.resume();
			const headers: Record<string, string> = {
				'user-agent': USER_AGENT,
				accept: '*/*',
				'accept-encoding': 'identity',
				...wanted.headers,
			};
			if (resume) {
				headers.range = `bytes=${resume.size}-`;
				headers['if-range'] = resume.identity.validator;
			}
			senders ??= loadSenders();
			const { response, url, abort } = await follow(wanted.url, headers, await senders, settings, signal);
			const limit = wanted.limit ?? DEFAULT_LIMIT;
			let total: number | undefined;
			try {
				if (response.statusCode === 416 && resume) {
					// The content has become shorter than the part: it is another content.
					part.restart(undefined);
					throw new LinacError('DOWNLOAD_RESTART', 'The file on the server has changed.', { retry: 'step' });
				}
				throwForStatus(response, url);
				const length = Number(response.headers['content-length'] ?? Number.NaN);
				const continued = response.statusCode === 206 && resume !== undefined && rangeStart(response) === resume.size;
				if (response.statusCode === 206 && !continued) throw httpError(url, 206, 'a range that was not asked for');
				total = Number.isFinite(length) ? length + (continued ? resume.size : 0) : undefined;
				if (!continued) part.restart(identityOf(response, total));
				if ((total ?? 0) > limit) {
					throw new LinacError('DOWNLOAD_TOO_LARGE', `${url} has ${total} bytes; at most ${limit} are expected.`, {
						details: { url },
					});
				}
				await receive(response, url, settings, signal, (chunk) => {
					part.append(chunk);
					const done = part.size();
					if (done > limit)
						throw new LinacError('DOWNLOAD_TOO_LARGE', `${url} is longer than the ${limit} bytes that are expected.`, {
							details: { url },
						});
					onProgress?.(done, total ?? wanted.size);
				});
			} catch (error) {
				abort();
				if (error instanceof LinacError && error.code === 'DOWNLOAD_RESTART') return attemptDownload(wanted);
				if (error instanceof LinacError && error.code === 'DOWNLOAD_TOO_LARGE') part.discard();
				throw error;
			}
			const expected = total ?? wanted.size;
			if (expected !== undefined && part.size() < expected) throw truncated(url, part.size(), expected);
			if ((wanted.size !== undefined && part.size() !== wanted.size) || (total !== undefined && part.size() !== total)) {
				const found = part.size();
				part.discard();
				throw new LinacError(
					'DOWNLOAD_LENGTH_WRONG',
					`${url} came with ${found} bytes; ${wanted.size ?? total} were announced.`,
					{ retry: 'job', details: { url, found } },
				);
			}
			return { bytes: part.take(), url, contentType: response.headers['content-type'] };
		}
	};
}

interface Settings {
	connectMs: number;
	stallMs: number;
	clock: Clock;
}
type Senders = Record<'http:' | 'https:', (url: URL, headers: Record<string, string>) => ClientRequest>;

/** Loaded with the first download only: Node takes longer to load its HTTP than most commands need, and many need none. */
async function loadSenders(): Promise<Senders> {
	const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
	const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
	return {
		'http:': (url, headers) => http.request(url, { headers, agent: agents.http }),
		'https:': (url, headers) => https.request(url, { headers, agent: agents.https }),
	};
}

async function follow(
	first: string,
	headers: Record<string, string>,
	senders: Senders,
	settings: Settings,
	signal: AbortSignal | undefined,
) {
	let url = new URL(first);
	let sent = headers;
	for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
		const { response, abort } = await send(url, sent, senders, settings, signal);
		const location = response.headers.location;
		if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined)
			return { response, url: url.href, abort };
		response.resume();
		const next = new URL(location, url);
		if (next.protocol !== 'https:' && !(next.protocol === 'http:' && url.protocol === 'http:')) {
			throw new LinacError('HTTP_ERROR', `${url.href} redirects to ${next.href}, which is not secure. It is not followed.`, {
				details: { url: url.href },
			});
		}
		if (next.origin !== url.origin) {
			// A token for one server must not reach another.
			sent = { ...sent };
			delete sent.authorization;
		}
		url = next;
	}
	throw new LinacError('HTTP_ERROR', `${first} redirects more than ${MOST_REDIRECTS} times.`, { details: { url: first } });
}

function send(url: URL, headers: Record<string, string>, senders: Senders, settings: Settings, signal: AbortSignal | undefined) {
	return new Promise<{ response: IncomingMessage; abort(): void }>((resolve, reject) => {
		if (url.protocol !== 'http:' && url.protocol !== 'https:') {
			reject(new LinacError('HTTP_ERROR', `${url.href} is no http or https address.`));
			return;
		}
		const secure = url.protocol === 'https:';
		const request = senders[url.protocol](url, headers);
		const timer = new AbortController();
		const late = (ms: number, error: () => LinacError) => {
			settings.clock.sleep(ms, timer.signal).then(
				() => fail(error()),
				() => {},
			);
		};
		let waiting = timer;
		const fail = (error: unknown) => {
			waiting.abort();
			timer.abort();
			signal?.removeEventListener('abort', stop);
			request.destroy();
			reject(error instanceof LinacError ? error : unreachable(url, error));
		};
		const stop = () => fail(cancelled(signal?.reason));
		if (signal?.aborted) {
			stop();
			return;
		}
		signal?.addEventListener('abort', stop, { once: true });
		late(settings.connectMs, () => unreachable(url, `no connection within ${settings.connectMs / 1000} seconds`));
		const connected = () => {
			timer.abort();
			waiting = new AbortController();
			settings.clock.sleep(settings.stallMs, waiting.signal).then(
				() => fail(stalled(url.href, settings.stallMs)),
				() => {},
			);
		};
		request.on('socket', (socket) => {
			if (!socket.connecting) connected();
			else socket.once(secure ? 'secureConnect' : 'connect', connected);
		});
		request.on('error', fail);
		request.on('response', (response) => {
			waiting.abort();
			timer.abort();
			signal?.removeEventListener('abort', stop);
			resolve({ response, abort: () => request.destroy() });
		});
		request.end();
	});
}

/** Hands every chunk on; ends when the body is whole. */
async function receive(
	response: IncomingMessage,
	url: string,
	settings: Settings,
	signal: AbortSignal | undefined,
	onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
	const watch = new AbortController();
	let last = settings.clock.now();
	let failure: LinacError | undefined;
	const giveUp = (error: LinacError) => {
		failure ??= error;
		response.destroy();
	};
	const watchdog = async () => {
		for (;;) {
			const left = settings.stallMs - (settings.clock.now() - last);
			if (left <= 0) return giveUp(stalled(url, settings.stallMs));
			await settings.clock.sleep(left, watch.signal);
		}
	};
	watchdog().catch(() => {});
	const stop = () => giveUp(cancelled(signal?.reason));
	if (signal?.aborted) stop();
	signal?.addEventListener('abort', stop, { once: true });
	try {
		for await (const chunk of response) {
			last = settings.clock.now();
			onChunk(chunk as Uint8Array);
		}
	} catch (error) {
		if (failure) throw failure;
		if (error instanceof LinacError) throw error;
		throw truncated(url, undefined, undefined, error);
	} finally {
		watch.abort();
		signal?.removeEventListener('abort', stop);
	}
	if (failure) throw failure;
	if (!response.complete) throw truncated(url);
}

function throwForStatus(response: IncomingMessage, url: string): void {
	const status = response.statusCode ?? 0;
	if (status === 200 || status === 206) return;
	const { headers } = response;
	if (status === 404 || status === 410) {
		throw new LinacError('HTTP_NOT_FOUND', `${url} is not there (status ${status}).`, { details: { url, status } });
	}
	if (status === 429 || (status === 403 && headers['x-ratelimit-remaining'] === '0')) {
		throw new LinacError('RATE_LIMITED', `${new URL(url).host} takes no more questions for now${whenAgain(headers)}.`, {
			retry: 'operator',
			details: { url, status },
			hint: 'Wait, or give a token (GITHUB_TOKEN for GitHub).',
		});
	}
	throw httpError(url, status, response.statusMessage);
}

function whenAgain(headers: IncomingMessage['headers']): string {
	const after = headers['retry-after'];
	if (after !== undefined && /^\d+$/.test(after)) return `; it says to wait ${after} seconds`;
	const reset = Number(headers['x-ratelimit-reset']);
	return Number.isFinite(reset) && reset > 0 ? `; again from ${new Date(reset * 1000).toISOString()}` : '';
}

function httpError(url: string, status: number, text: string | undefined): LinacError {
	return new LinacError('HTTP_ERROR', `${url} answered with status ${status}${text ? ` (${text})` : ''}.`, {
		retry: status >= 500 ? 'job' : 'never',
		details: { url, status },
	});
}

function rangeStart(response: IncomingMessage): number | undefined {
	const match = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
	return match ? Number(match[1]) : undefined;
}

/** A weak ETag may stand for other bytes, so only a strong one or a date will do. */
function identityOf(response: IncomingMessage, total: number | undefined): PartIdentity | undefined {
	const { etag } = response.headers;
	const validator = etag !== undefined && !etag.startsWith('W/') ? etag : response.headers['last-modified'];
	return validator === undefined ? undefined : { validator, total };
}

function unreachable(url: URL, cause: unknown): LinacError {
	const code = (cause as { code?: string } | undefined)?.code;
	const why = typeof cause === 'string' ? cause : (code ?? (cause instanceof Error ? cause.message : String(cause)));
	return new LinacError('SOURCE_UNREACHABLE', `${url.host} cannot be reached (${why}).`, {
		retry: 'job',
		details: { host: url.host, reason: why },
		cause,
		hint: 'Check the network, or give a folder with the files of the release.',
	});
}

function stalled(url: string, ms: number): LinacError {
	return new LinacError('DOWNLOAD_STALLED', `${url} sent nothing for ${ms / 1000} seconds.`, {
		retry: 'job',
		details: { url },
		hint: 'Run the command again; what has arrived is kept.',
	});
}

function truncated(url: string, found?: number, expected?: number, cause?: unknown): LinacError {
	const sizes = found !== undefined && expected !== undefined ? ` after ${found} of ${expected} bytes` : '';
	return new LinacError('DOWNLOAD_TRUNCATED', `The download of ${url} broke off${sizes}.`, {
		retry: 'job',
		details: { url },
		cause,
		hint: 'Run the command again; what has arrived is kept.',
	});
}
