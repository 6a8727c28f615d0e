/** The lab's cache, outside of the repository: the guest's kernel, and npm's packages that are tested with. `LINAC_LAB_CACHE` names another folder. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const cacheFolder =
	process.env.LINAC_LAB_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'linac-usb-lab');

/** The folder of this name in the cache. When it is not there `make` fills an empty one, which appears only once it is complete. */
export function madeOnce(name: string, make: (folder: string) => void): string {
	const folder = join(cacheFolder, name);
	if (existsSync(folder)) return folder;
	mkdirSync(cacheFolder, { recursive: true });
	const work = mkdtempSync(join(cacheFolder, '.making-'));
	try {
		make(work);
		renameSync(work, folder);
	} catch (error) {
		// Another process may have been faster; then its copy is as good.
		if (!existsSync(folder)) throw error;
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
	return folder;
}
