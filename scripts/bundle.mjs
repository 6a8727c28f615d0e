// Makes apps/cli/bundle of the built command line: the same modules in a few files, so that a command starts in less than half the time. Made anew only
// when something was built since. `npm run linac` runs it; tests and packages run `dist`.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'apps', 'cli', 'bundle');

function newestIn(folder) {
	let newest = 0;
	for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
		if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
	}
	return newest;
}

/** A module and all that it imports at once. */
function reached(id, infoOf, found = new Set()) {
	if (found.has(id)) return found;
	found.add(id);
	for (const next of infoOf(id)?.importedIds ?? []) reached(next, infoOf, found);
	return found;
}

/** One character beyond ASCII makes Node keep a file with two bytes for each of its characters. What is left of comments and names has none; texts do. */
const ascii = {
	name: 'ascii',
	generateBundle(_options, files) {
		for (const file of Object.values(files)) {
			if (file.type !== 'chunk') continue;
			file.code = file.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
		}
	},
};

const built = ['apps', 'packages'].flatMap((group) =>
	readdirSync(join(root, group)).map((name) => join(root, group, name, 'dist')),
);
const newest = Math.max(...built.filter(existsSync).map(newestIn), statSync(fileURLToPath(import.meta.url)).mtimeMs);
const main = join(out, 'main.cjs');
if (!existsSync(main) || statSync(main).mtimeMs < newest) {
	// Loaded only when there is something to do: it takes longer than most commands.
	const { build } = await import('vite');
	const cli = join(root, 'apps', 'cli', 'dist');
	const reachedFrom = (name) => {
		let found;
		return (id, graph) => {
			found ??= reached(join(cli, name), (one) => graph.getModuleInfo(one));
			return found.has(id);
		};
	};
	const first = reachedFrom('compiled-code.js');
	const start = reachedFrom('run.js');
	const program = reachedFrom(join('commands', 'flash.js'));
	await build({
		configFile: false,
		root,
		logLevel: 'warn',
		ssr: { noExternal: true },
		plugins: [ascii],
		build: {
			ssr: true,
			outDir: out,
			emptyOutDir: true,
			// Node reads and compiles all of a file before it runs any of it: a shorter one starts sooner.
			minify: 'oxc',
			target: 'node20',
			rolldownOptions: {
				input: { main: join(cli, 'main.js') },
				// Beside main.cjs, as in `dist`: package.json is looked for one folder above. The two packages bring native modules.
				output: {
					// CommonJS, which Node finds and loads in less time, and whose built-in modules it need not wrap. The same names every time, because Node
					// keeps what it has compiled under them.
					format: 'cjs',
					entryFileNames: '[name].cjs',
					chunkFileNames: '[name].cjs',
					// Few files, because Node takes longer to find one than to read it: what every command needs, and what several share.
					codeSplitting: {
						groups: [
							{ debugName: 'first', priority: 2, name: (id, graph) => (first(id, graph) ? 'compiled-code' : null) },
							{ debugName: 'start', priority: 1, name: (id, graph) => (start(id, graph) ? 'start' : null) },
							{ debugName: 'program', priority: 1, name: (id, graph) => (program(id, graph) ? 'program' : null) },
							{ name: 'shared', minShareCount: 2 },
						],
					},
				},
				external: ['usb', /^@serialport\//, /^node:/],
			},
		},
	});
}
