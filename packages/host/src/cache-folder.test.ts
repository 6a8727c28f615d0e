import { expect, test } from 'vitest';
import { cacheFolder } from './cache-folder.js';

test('LINAC_CACHE names the folder; without it the place is that of the platform', () => {
	expect(cacheFolder({ LINAC_CACHE: '/some/where' })).toBe('/some/where');
	expect(cacheFolder({ LINAC_CACHE: '' })).toMatch(/linac/);
});
