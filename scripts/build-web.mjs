// Builds the web app into apps/web/dist, where `linac web` finds it. Made anew only when a source of it changed since. `npm run web` runs it.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const web = join(root, 'apps', 'web');

function newestIn(folder) {
	let newest = 0;
	for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
		if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
	}
	return newest;
}

// The engine is built from the sources of the packages, not from their `dist`.
const folders = [join(web, 'src'), join(web, 'public')].concat(
	readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'src')),
);
const files = [
	join(web, 'index.html'),
	join(web, 'vite.config.ts'),
	join(root, 'package-lock.json'),
	fileURLToPath(import.meta.url),
];
const newest = Math.max(...folders.filter(existsSync).map(newestIn), ...files.map((file) => statSync(file).mtimeMs));
// The last file that a build writes.
const last = join(web, 'dist', 'service-worker.js');
if (!existsSync(last) || statSync(last).mtimeMs < newest) {
	console.error('linac: building the web app ...');
	// Loaded only when there is something to do.
	const { build } = await import('vite');
	await build({ root: web, configFile: join(web, 'vite.config.ts'), logLevel: 'warn' });
}
