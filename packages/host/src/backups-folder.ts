/** Where backups of devices are kept when nobody says otherwise: with the user's data, not in a cache that may be cleared. */
import { join } from 'node:path';
import envPaths from 'env-paths';

/** `LINAC_BACKUPS`, or `backups` where the system keeps data (`~/.local/share/linac`, `~/Library/Application Support/linac`, `%LOCALAPPDATA%\linac\Data`). */
export function backupsFolder(environment: Record<string, string | undefined> = process.env): string {
	const named = environment.LINAC_BACKUPS;
	return named !== undefined && named !== '' ? named : join(envPaths('linac', { suffix: '' }).data, 'backups');
}
