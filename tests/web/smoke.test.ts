/** Every page at every size in light and dark: nothing that a person with a screen reader, a phone or a keyboard would stumble over. */
import { expect, it } from 'vitest';
import { axeViolations, notReachedByKeyboard, stickingOut } from './page-checks.js';
import { describeSite, type Size, schemes, screenshot, sizes } from './site.js';

const pages = ['', 'restore', 'hex', 'inspect', 'releases', 'identify', 'try'];

describeSite('the web app', (site) => {
	for (const name of pages) {
		it(`shows ${name || 'the start page'} readably at every size, in light and dark`, async () => {
			for (const size of Object.keys(sizes) as Size[]) {
				for (const scheme of schemes) {
					const page = await site.openPage(`#/${name}`, { size, scheme });
					await screenshot(page, name || 'start');
					expect(await axeViolations(page), `axe, ${size} ${scheme}`).toEqual([]);
					expect(await stickingOut(page), `${size} ${scheme}`).toEqual([]);
					if (scheme === 'light') expect(await notReachedByKeyboard(page), `keyboard, ${size}`).toEqual([]);
				}
			}
		});
	}
});
