/** The server's side of `node-fs.ts`: a plugin of Vite that hands out files and lists of folders of this repository, on this machine only. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { Plugin } from 'vite';

const PREFIX = '/@repository';

/** `mounted`: files and folders from elsewhere, by the path at which tests find them in the repository. */
export function repositoryFiles(root: string, mounted: Readonly<Record<string, string>>): Plugin {
	function place(path: string): string {
		const mount = Object.keys(mounted).find((at) => path === at || path.startsWith(`${at}/`));
		return mount === undefined ? join(root, path) : join(mounted[mount]!, path.slice(mount.length));
	}
	return {
		name: 'linac-repository-files',
		configureServer(server) {
			server.middlewares.use((request, response, next) => {
				const { pathname } = new URL(request.url ?? '/', 'http://tests');
				if (!pathname.startsWith(`${PREFIX}/`)) return next();
				const path = place(normalize(decodeURI(pathname.slice(PREFIX.length))).replace(/\/$/, ''));
				const stats = statSync(path, { throwIfNoEntry: false });
				// A folder is asked for with a slash at the end.
				const wanted = pathname.endsWith('/') ? stats?.isDirectory() : stats?.isFile();
				response.statusCode = wanted ? 200 : 404;
				response.end(wanted ? (stats?.isDirectory() ? JSON.stringify(readdirSync(path)) : readFileSync(path)) : '');
			});
		},
	};
}
