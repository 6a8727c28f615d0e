/**
 * The server of `linac web`: the built site, and under `api/` what the releases are. For this computer unless told otherwise: it knows no passwords,
 * reads only, and answers no question that was meant for another server.
 */
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { LinacError } from '@linac/core';
import { Hono } from 'hono';
import { failureAnswer } from './release-api.js';
import { readSiteFile } from './site-files.js';
import { headersFor, isFromAnotherSite, isOwnHost } from './site-headers.js';

export interface WebServerOptions {
	/** Of the built site. */
	folder: string;
	/** Answers everything under `api/`. */
	api: Hono;
	host: string;
	/** 0: any free one. */
	port: number;
	/** Names besides `localhost` that the server is reached by. */
	hostNames: readonly string[];
}

export interface WebServer {
	port: number;
	close(): Promise<void>;
}

/** What the page asks first: whether there is an API, and where a mirror would be. On any other host the site has a file of this name. */
const aboutSite = JSON.stringify({ format: 'linac-site/1', api: 'api/', mirror: null });

/** Throws `WEB_LISTEN` when the address cannot be used, `WEB_NOT_BUILT` when the folder holds no site of linac. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
	const { folder, api, host, port } = options;
	const headers = headersFor(await readFile(join(folder, 'index.html'), 'utf8'), folder);
	const app = siteApp(options, headers, api);
	const server = createAdaptorServer({ fetch: app.fetch, hostname: host }) as Server;
	await new Promise<void>((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) => {
			const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message;
			reject(
				new LinacError('WEB_LISTEN', `Cannot serve the site at ${host}:${port}: ${why}.`, {
					retry: 'operator',
					hint: 'Perhaps linac web runs already. Else choose another place with --listen, e.g. --listen 127.0.0.1:0 for any free port.',
					details: { host, port },
					cause: error,
				}),
			);
		});
		server.listen(port, host, resolve);
	});
	const address = server.address();
	return {
		port: typeof address === 'object' && address ? address.port : port,
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				// Browsers keep connections open for later.
				server.closeAllConnections();
			}),
	};
}

function siteApp({ folder, hostNames }: WebServerOptions, headers: Record<string, string>, api: Hono): Hono {
	const app = new Hono();
	app.use(async (call, next) => {
		const refusal = refusalOf(call.req.method, (name) => call.req.header(name), call.req.path, hostNames);
		if (refusal) call.res = failureAnswer(refusal);
		else await next();
		for (const [name, value] of Object.entries(headers)) call.res.headers.set(name, value);
	});
	app.onError((error) => failureAnswer(error));
	app.route('/api', api);
	app.get('/site.json', (call) =>
		call.body(aboutSite, 200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }),
	);
	app.get('*', async (call) => {
		const file = await readSiteFile(folder, call.req.path.slice(1));
		if (!file) throw new LinacError('WEB_NOT_FOUND', `There is no ${call.req.path} here.`);
		if (call.req.header('if-none-match') === file.headers.etag) return call.body(null, 304, file.headers);
		return call.body(file.bytes, 200, file.headers);
	});
	return app;
}

function refusalOf(
	method: string,
	header: (name: string) => string | undefined,
	path: string,
	hostNames: readonly string[],
): LinacError | undefined {
	const host = header('host');
	if (!isOwnHost(host, hostNames)) {
		return new LinacError('WEB_OTHER_HOST', `This server does not answer for "${host ?? ''}".`, {
			hint: 'Use localhost or the address in numbers, or start "linac web" with --host-name.',
		});
	}
	if (method !== 'GET' && method !== 'HEAD')
		return new LinacError('WEB_METHOD', `Only GET and HEAD are answered, not ${method}.`);
	if (path.startsWith('/api/') && isFromAnotherSite(header('sec-fetch-site')))
		return new LinacError('WEB_OTHER_SITE', 'Only the page of this server may ask for releases.');
	return undefined;
}
