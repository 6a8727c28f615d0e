/** Where this page comes from: its folder, what its host says of itself (`site.json`, docs/web.md), and asking that host for files. */
import { cancelled, LinacError } from '@linac/core';

export interface AboutSite {
	/** Of `linac web`'s API, ending with a slash. Undefined on any other host. */
	api?: string;
	/** Of a mirror's folder, ending with a slash. */
	mirror?: string;
}

/** The folder of the site: the worker's file lies in `assets` in it. */
export function siteAddress(): string {
	return new URL(import.meta.env.DEV ? '/' : '../', globalThis.location.href).href;
}

/** Throws `SOURCE_UNREACHABLE` when there is no network or no server, and `CANCELLED`. What the server answers is for the caller. */
export async function fetchFromSite(url: URL, cache: RequestCache, signal?: AbortSignal): Promise<Response> {
	try {
		return await fetch(url, { signal: signal ?? null, cache });
	} catch (error) {
		if (signal?.aborted) throw cancelled(signal.reason);
		throw new LinacError('SOURCE_UNREACHABLE', 'The server of this page cannot be reached.', { retry: 'job', cause: error });
	}
}

let asked: Promise<AboutSite> | undefined;

/** Asked once. A host that says nothing has no API, and perhaps a mirror in the usual place. */
export function aboutSite(): Promise<AboutSite> {
	asked ??= ask().catch(() => {
		// Perhaps the network comes back.
		asked = undefined;
		return { mirror: new URL('mirror/', siteAddress()).href };
	});
	return asked;
}

async function ask(): Promise<AboutSite> {
	const base = siteAddress();
	const response = await fetchFromSite(new URL('site.json', base), 'no-cache');
	if (!response.ok)
		throw new LinacError('SOURCE_UNREACHABLE', `site.json: the server answers ${response.status}.`, { retry: 'job' });
	const { api, mirror } = (await response.json()) as { api?: unknown; mirror?: unknown };
	return { ...folder('api', api, base), ...folder('mirror', mirror, base) };
}

/** Only below the page's own origin: the policy of the page allows nothing else. */
function folder<K extends 'api' | 'mirror'>(key: K, value: unknown, base: string): { [P in K]?: string } {
	if (typeof value !== 'string' || !value.endsWith('/')) return {};
	const url = new URL(value, base);
	return url.origin === new URL(base).origin ? ({ [key]: url.href } as { [P in K]: string }) : {};
}
