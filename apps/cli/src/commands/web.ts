/** `linac web`: serves the web app, with this computer's releases, until Ctrl-C. The server itself is in web/. */
import { cacheFolder, openCache } from '@linac/host';
import type { Context, SourceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { parseHostPort } from '../host-port.js';
import { siteFolder } from '../site-folder.js';
import { openSources } from '../sources.js';
import { openBrowser } from '../web/open-browser.js';
import { releaseApi } from '../web/release-api.js';
import { startWebServer } from '../web/web-server.js';

export interface WebOptions extends SourceOptions {
	listen: string;
	hostName?: string[];
	open?: boolean;
	site?: string;
}

/** Where the page is unless another place is named. A browser keeps permissions and files by address, so it is always the same. */
export const webPort = 4242;

export async function web(context: Context, options: WebOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const { host, port } = parseHostPort(options.listen, '--listen', webPort);
	const folder = await siteFolder(options.site, context.cwd);
	const cache = openCache(cacheFolder(context.env));
	const api = await releaseApi({
		open: (told) => openSources(context, options, told),
		keptMbr: (mcu) => cache.kept(`${mcu}-mbr`),
		signal,
	});
	const hostNames = [...(options.hostName ?? []), ...(isName(host) ? [host] : [])];
	const server = await startWebServer({ folder, api, host, port, hostNames });
	try {
		const url = urlOf(host, server.port);
		const local = isLoopback(host);
		output.document({ url, listening: { host, port: server.port }, site: folder, onlyThisComputer: local });
		output.print(output.colors.bold(`linac's web app: ${url}`));
		output.paragraph(
			'Open it in Chrome, Edge or Opera to restore and identify boards; everything else works in Firefox and Safari too. Ctrl-C ends.',
			'  ',
		);
		if (!local) {
			output.paragraph(
				'It is reachable from other computers, without a password. Browsers give a page USB and serial ports only at localhost or by https, so ' +
					'boards can be used from this computer only, unless a proxy with https stands in front.',
				'  ',
			);
		}
		if (options.open && !(await openBrowser(url))) output.note(`No browser could be opened. Open ${url} yourself.`);
		await ended(signal);
		return ExitCode.ok;
	} finally {
		await server.close();
	}
}

function ended(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener('abort', () => resolve(), { once: true });
	});
}

function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function isName(host: string): boolean {
	return !/^[0-9.]+$/.test(host) && !host.includes(':');
}

/** The address to open on this computer. 127.0.0.1 and localhost are different places for a browser; the one that was asked for counts. */
function urlOf(host: string, port: number): string {
	const everywhere = host === '0.0.0.0' || host === '::';
	const shown = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
	return `http://${shown}:${port}/`;
}
