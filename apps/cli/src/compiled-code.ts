/** Lets Node keep what it has compiled, so that the next command starts sooner. By itself, because it comes before everything that is to be kept. */
import module from 'node:module';
import { join } from 'node:path';
import { cacheFolder } from '@linac/host/cache-folder';

/** Since Node 22.8.0 (nodejs.org/api/module.html). Fails without a word where the folder cannot be written. */
const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => unknown };

/** Not in Node's own place, a folder in that for temporary files: what is kept there is run, and others may write there. */
export function keepCompiledCode(environment: Record<string, string | undefined>): void {
	enableCompileCache?.(join(cacheFolder(environment), 'compiled'));
}
