// Builds the site into `dist`: static files with relative addresses, so that any host and any folder will do.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

// The `source` condition takes the engine from the same TypeScript sources that the command line is built of.
const conditions = ['source', 'import', 'module', 'browser', 'default'];

const serviceWorker = 'service-worker';
/** What stands in src/service-worker.ts for the list of files. */
const placeholder = /(["'`])__LINAC_SITE__\1/;

/** Tells the service worker which files there are, with their digests, once all of them are written. */
function listOfFiles(): Plugin {
	let folder = '';
	return {
		name: 'linac-list-of-files',
		apply: 'build',
		configResolved(config) {
			folder = resolve(config.root, config.build.outDir);
		},
		closeBundle() {
			const worker = join(folder, `${serviceWorker}.js`);
			const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
				.map((path) => path.replaceAll('\\', '/'))
				.filter((path) => statSync(join(folder, path)).isFile())
				// site.json is the host's; the worker itself is the browser's business.
				.filter((path) => path !== 'site.json' && path !== `${serviceWorker}.js`)
				.sort();
			const files = paths.map((path) => [path === 'index.html' ? '' : path, sha256(readFileSync(join(folder, path)))]);
			const code = readFileSync(worker, 'utf8');
			if (!placeholder.test(code)) throw new Error(`${serviceWorker}.js has no place for the list of files.`);
			const version = sha256(JSON.stringify([code, files])).slice(0, 16);
			const list = JSON.stringify(JSON.stringify({ version, files }));
			writeFileSync(
				worker,
				code.replace(placeholder, () => list),
			);
		},
	};
}

function sha256(content: string | Uint8Array): string {
	return createHash('sha256').update(content).digest('hex');
}

export default defineConfig({
	root: import.meta.dirname,
	base: './',
	resolve: { conditions },
	oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
	worker: { format: 'es' },
	plugins: [listOfFiles()],
	build: {
		outDir: 'dist',
		emptyOutDir: true,
		target: 'es2022',
		// The first that know `light-dark()`, which the colours are made with.
		cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
		// Whatever stands beside the page is a file of its own: the content security policy allows no `data:`.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
		rolldownOptions: {
			input: {
				index: join(import.meta.dirname, 'index.html'),
				[serviceWorker]: join(import.meta.dirname, `src/${serviceWorker}.ts`),
			},
			// The service worker keeps its address: that is how a browser finds the next version.
			output: { entryFileNames: (chunk) => (chunk.name === serviceWorker ? '[name].js' : 'assets/[name]-[hash].js') },
		},
	},
});
