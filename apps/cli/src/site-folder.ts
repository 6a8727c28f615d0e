/** Where the built site is that `linac web` serves. Stands beside main.ts: the place is found from there, in `dist` and in `bundle` alike. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LinacError } from '@linac/core';

const workspaceSite = fileURLToPath(new URL('../../web/dist', import.meta.url));

/** The folder that was named, else that of the workspace. Throws `WEB_NOT_BUILT` when there is no site in it. */
export async function siteFolder(named: string | undefined, cwd: string): Promise<string> {
	const folder = named === undefined ? workspaceSite : resolve(cwd, named);
	const index = await stat(join(folder, 'index.html')).catch(() => undefined);
	if (index?.isFile()) return folder;
	throw new LinacError('WEB_NOT_BUILT', `There is no built site in ${folder}: index.html is missing.`, {
		retry: 'operator',
		details: { path: folder },
		hint: 'Run "npm run web" in the folder of linac: it builds the site and serves it. Or name the folder of a built site with --site.',
	});
}
