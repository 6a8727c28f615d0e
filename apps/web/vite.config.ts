// Builds the site into `dist`: static files with relative addresses, so that any host and any folder will do.
import { defineConfig } from 'vite';

// The `source` condition takes the engine from the same TypeScript sources that the command line is built of.
const conditions = ['source', 'import', 'module', 'browser', 'default'];

export default defineConfig({
	root: import.meta.dirname,
	base: './',
	resolve: { conditions },
	oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
	worker: { format: 'es' },
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
	},
});
