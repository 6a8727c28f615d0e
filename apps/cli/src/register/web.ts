/** `linac web`: the same engine in a browser. */
import type { WebOptions } from '../commands/web.js';
import { collect, examples, type Registrar, withOutput, withSources } from '../registration.js';

export function registerWeb({ add, runs }: Registrar): void {
	examples(
		withSources(
			withOutput(
				add(
					'web',
					'serve the web app: restore, make hex files, inspect, in the browser',
					'Serves linac as a page of this computer until Ctrl-C: the same engine, in the browser, with the releases that linac has in its cache ' +
						'and can fetch. Only this computer reaches it, unless --listen says otherwise. Nothing is sent to anybody else.',
				),
			)
				.optionsGroup('Where:')
				.option('--listen <host:port>', 'where to serve; port 0 takes any free one', '127.0.0.1:4242')
				.option(
					'--host-name <name>',
					'answer also when the browser asks for this name, as behind a proxy (may be given several times)',
					collect,
				)
				.option('--open', 'show it in the browser')
				.option('--site <folder>', 'serve this built site; default: the one that "npm run web" builds'),
		),
		['linac web --open', 'serve it, and show it'],
		['linac web --source mirror/ --offline', 'with the releases of a mirror and the cache, and no network'],
	).action(runs<WebOptions>(async () => (await import('../commands/web.js')).web));
}
