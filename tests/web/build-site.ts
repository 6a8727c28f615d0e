/**
 * The site as it is shipped, for tests: built by Vite once for each state of the sources, and kept under `node_modules/.cache`. Not for watching
 * while somebody works on it: that is `npx vite apps/web`.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Old builds are thrown away after this, so that no run takes them from under another one. */
const KEPT_MS = 24 * 60 * 60_000;

/** The folder with `index.html`. Throws with what Vite said when the site cannot be built. */
export function builtSite(): string {
	const base = join(root, 'node_modules/.cache/linac-site');
	const folder = join(base, stateOfSources());
	if (existsSync(folder)) return folder;
	mkdirSync(base, { recursive: true });
	const work = mkdtempSync(join(base, '.build-'));
	try {
		const vite = join(root, 'node_modules/vite/bin/vite.js');
		const args = [vite, 'build', 'apps/web', '--outDir', join(work, 'site'), '--emptyOutDir', '--logLevel', 'warn'];
		// Not the tests' own NODE_ENV: with that Vite would build the variant for development.
		const build = spawnSync(process.execPath, args, {
			cwd: root,
			encoding: 'utf8',
			env: { ...process.env, NODE_ENV: 'production' },
		});
		if (build.status !== 0) throw new Error(`The site cannot be built.\n${build.stdout}${build.stderr}`);
		for (const old of readdirSync(base)) {
			if (Date.now() - statSync(join(base, old)).mtimeMs > KEPT_MS) rmSync(join(base, old), { recursive: true, force: true });
		}
		try {
			renameSync(join(work, 'site'), folder);
		} catch (error) {
			// Another test process may have been faster; then its build is as good.
			if (!existsSync(folder)) throw error;
		}
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
	return folder;
}

/** A digest of everything that the site is built of. */
function stateOfSources(): string {
	const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
	const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'src'));
	for (const folder of ['apps/web/src', 'apps/web/public', ...packages].sort()) {
		for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
			const path = join(root, folder, name);
			if (name.includes('.test.') || !statSync(path).isFile()) continue;
			hash.update(`${folder}/${name}\n`).update(readFileSync(path));
		}
	}
	for (const name of readdirSync(join(root, 'apps/web')).sort()) {
		const path = join(root, 'apps/web', name);
		if (statSync(path).isFile() && !name.endsWith('.tsbuildinfo')) hash.update(`${name}\n`).update(readFileSync(path));
	}
	return hash.digest('hex').slice(0, 16);
}
