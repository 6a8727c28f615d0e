/** Where linac keeps what it can get again. By itself, because a command asks for it before anything else is loaded. */
import envPaths from 'env-paths';

/** `LINAC_CACHE`, or where the platform keeps caches (`~/.cache/linac`, `~/Library/Caches/linac`, `%LOCALAPPDATA%\linac\Cache`). */
export function cacheFolder(environment: Record<string, string | undefined> = process.env): string {
	const named = environment.LINAC_CACHE;
	return named !== undefined && named !== '' ? named : envPaths('linac', { suffix: '' }).cache;
}
