/** How much a browser fetches before the first page is shown, measured on the built site. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { builtSite } from './build-site.js';

const folder = builtSite();

/** Scripts that the page loads by itself, with all that they import at once. What they import later is not among them. */
function eagerScripts(): string[] {
	const html = readFileSync(join(folder, 'index.html'), 'utf8');
	const found = [...html.matchAll(/<(?:script|link)[^>]+(?:src|href)="\.\/([^"]+\.js)"/g)].map((m) => m[1]!);
	for (let i = 0; i < found.length; i++) {
		const code = readFileSync(join(folder, found[i]!), 'utf8');
		for (const [, name] of code.matchAll(
			/(?:^|[;}\s])(?:import|export)\s*(?:[\w*{}\s,$]+\s*from\s*)?["'`](\.[^"'`]+\.js)["'`]/g,
		)) {
			const path = join(dirname(found[i]!), name!);
			if (!found.includes(path)) found.push(path);
		}
	}
	return found;
}

test('the first load is at most 100 KB of compressed script, the part that keeps the site included', () => {
	const scripts = [...eagerScripts(), 'service-worker.js'];
	const sizes = scripts.map((path) => gzipSync(readFileSync(join(folder, path))).length);
	expect(scripts.length).toBeGreaterThan(1);
	expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100_000);
	// The engine is loaded when it is needed.
	expect(scripts.filter((path) => path.includes('engine'))).toEqual([]);
});
