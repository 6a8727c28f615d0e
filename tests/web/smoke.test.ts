/** Every page at every size in light and dark: nothing that a person with a screen reader, a phone or a keyboard would stumble over. */
import { it } from 'vitest';
import { readableEverywhere } from './page-checks.js';
import { describeSite } from './site.js';

const pages = ['', 'restore', 'hex', 'inspect', 'releases', 'identify', 'try'];

describeSite('the web app', (site) => {
	for (const name of pages) {
		it(`shows ${name || 'the start page'} readably at every size, in light and dark`, async () => {
			await readableEverywhere(await site.openPage(`#/${name}`), name || 'start');
		});
	}
});
