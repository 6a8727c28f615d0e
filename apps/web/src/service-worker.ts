/**
 * Keeps the files of the site in the browser, so that it opens without a network after the first visit. One cache for each build; a page that was loaded
 * from the build before still finds its files. Releases are not kept here: the engine keeps them, and judges them. The list of files is put in when the
 * site is built (vite.config.ts).
 */

/** The part of a service worker's world that is used here: the page's own types are in force in this package. */
interface WorkerEvent extends Event {
	waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
	readonly request: Request;
	respondWith(answer: Promise<Response>): void;
}
interface WorkerScope {
	readonly registration: { readonly scope: string };
	readonly clients: { claim(): Promise<void> };
	skipWaiting(): Promise<void>;
	addEventListener(type: 'install' | 'activate', listener: (event: WorkerEvent) => void): void;
	addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
	addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

interface BuiltSite {
	/** Digest of all files. */
	version: string;
	/** Path from the site's folder and SHA-256 in hex. '' is the page itself. */
	files: [path: string, sha256: string][];
}

const scope = globalThis as unknown as WorkerScope;
const site = JSON.parse('__LINAC_SITE__') as BuiltSite;
const PREFIX = 'linac-site-';
const cacheName = PREFIX + site.version;
const precached = new Set(site.files.map(([path]) => path));
/** The host's words about itself: `linac web` says something else than the built file. */
const ABOUT = 'site.json';

const address = (path: string) => new URL(path, scope.registration.scope).href;

scope.addEventListener('install', (event) => event.waitUntil(precache()));
scope.addEventListener('activate', (event) => event.waitUntil(takeOver()));
scope.addEventListener('message', (event) => {
	// The person has said yes to the new version.
	if (event.data === 'use-now') void scope.skipWaiting();
});
scope.addEventListener('fetch', (event) => {
	const answer = answerFor(event.request);
	if (answer) event.respondWith(answer);
});

/** All or nothing: when one file is not the one that was built, this version is not installed, and the browser tries again another time. */
async function precache(): Promise<void> {
	const fetched = await Promise.all([...site.files.map(([path, sha256]) => fetchBuilt(path, sha256)), fetchAbout()]);
	const cache = await caches.open(cacheName);
	for (const [path, response] of fetched) await cache.put(address(path), response);
}

async function fetchBuilt(path: string, sha256: string): Promise<[string, Response]> {
	const response = await fetch(address(path), { cache: 'no-cache' });
	const bytes = await response.arrayBuffer();
	const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
	const found = [...digest].map((b) => b.toString(16).padStart(2, '0')).join('');
	if (!response.ok || found !== sha256) throw new Error(`${path === '' ? 'The page' : path} is not the file that was built.`);
	return [path, plainResponse(bytes, response.headers)];
}

async function fetchAbout(): Promise<[string, Response]> {
	const response = await fetch(address(ABOUT), { cache: 'no-cache' });
	if (!response.ok) throw new Error(`${ABOUT} is not there.`);
	return [ABOUT, response];
}

/** A page that came by a redirect could not be shown again, and the bytes are not compressed any more. */
function plainResponse(bytes: ArrayBuffer, from: Headers): Response {
	const headers = new Headers(from);
	headers.delete('content-encoding');
	headers.delete('content-length');
	return new Response(bytes, { headers });
}

/** The build before this one stays: pages that are open still belong to it. */
async function takeOver(): Promise<void> {
	const builds = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== cacheName);
	await Promise.all(builds.slice(0, -1).map((name) => caches.delete(name)));
	await scope.clients.claim();
}

/** Undefined: not a file of the site, so the browser asks as always. */
function answerFor(request: Request): Promise<Response> | undefined {
	const url = new URL(request.url);
	const base = new URL(scope.registration.scope);
	if (request.method !== 'GET' || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return undefined;
	const path = url.pathname.slice(base.pathname.length);
	if (path.startsWith('api/') || path.startsWith('mirror/')) return undefined;
	if (path === ABOUT) return about(request);
	if (request.mode === 'navigate')
		return path === '' || !path.includes('.') || path === 'index.html' ? kept('', request) : undefined;
	if (precached.has(path)) return kept(path, request);
	// A file of another build, for a page that was loaded before.
	return path.startsWith('assets/') ? kept(path, request) : undefined;
}

async function kept(path: string, request: Request): Promise<Response> {
	const own = await (await caches.open(cacheName)).match(address(path));
	return own ?? (await caches.match(address(path))) ?? fetch(request);
}

async function about(request: Request): Promise<Response> {
	const cache = await caches.open(cacheName);
	try {
		const response = await fetch(request);
		if (response.ok) await cache.put(address(ABOUT), response.clone());
		return response;
	} catch (error) {
		const before = await cache.match(address(ABOUT));
		if (before) return before;
		throw error;
	}
}
