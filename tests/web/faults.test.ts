/** The site where something is missing: a browser without devices, an address that is wrong, files that the host does not give. */
import { expect, it } from 'vitest';
import { readableEverywhere } from './page-checks.js';
import { describeSite } from './site.js';

/** As in Firefox and Safari, whose pages have neither. */
const withoutDevices = `for (const name of ['usb', 'serial']) delete Object.getPrototypeOf(navigator)[name];`;

describeSite('the web app where something is missing', (site) => {
	/** The file of the site whose name begins like this, as its path. */
	const fileOf = async (name: string): Promise<string> => {
		const list = await (await fetch(`${site.host.address}service-worker.js`)).text();
		return new RegExp(`assets/${name}-[\\w-]+\\.js`).exec(list)![0];
	};

	it('a browser without WebUSB and Web Serial is told what works in it, and what to use for the rest', async () => {
		const page = await site.openPage('', { before: withoutDevices });
		await page.getByText('This browser has no WebUSB.').waitFor();
		await readableEverywhere(page, 'start-without-devices');
		for (const [name, title] of [
			['restore', 'This browser has no WebUSB'],
			['identify', 'This browser has no Web Serial'],
		] as const) {
			await page.goto(`${site.host.address}#/${name}`);
			await page.getByRole('heading', { name: title }).waitFor();
			await readableEverywhere(page, `${name}-without-devices`);
		}
	});

	it('an address that names no page says so, and the way back', async () => {
		const page = await site.openPage('#/nothing');
		await readableEverywhere(page, 'no-such-page');
		await page.getByRole('link', { name: 'Go to the start.' }).click();
		await page.getByRole('heading', { level: 1, name: /Device OS/ }).waitFor();
	});

	it('a page whose file the host does not give says so instead of staying empty', async () => {
		site.host.broken.set(await fileOf('inspect-page'), 503);
		const page = await site.openPage('', { expected: [/503/, /dynamically imported module/] });
		await page.getByRole('link', { name: 'Inspector' }).first().click();
		await page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
		await readableEverywhere(page, 'page-not-loaded');
		await page.getByRole('link', { name: 'Releases' }).first().click();
		await page.getByRole('heading', { level: 1, name: 'Releases' }).waitFor();
	});

	it('an engine that the host does not give is told on the page that needs it', async () => {
		site.host.broken.set(await fileOf('engine-worker'), 503);
		const page = await site.openPage('#/releases', { expected: [/503/] });
		await page.getByRole('alert').getByText('The engine of this page has stopped').waitFor();
		await readableEverywhere(page, 'engine-not-loaded');
	});

	it('a mirror that cannot be read leaves everything that needs no release', async () => {
		site.host.broken.set('mirror/linac-mirror.json', 503);
		const page = await site.openPage('#/releases?platform=boron', { expected: [/503/] });
		await page.getByText('No source of this page has a release').waitFor();
		await readableEverywhere(page, 'mirror-not-readable');
		await page.goto(`${site.host.address}#/try`);
		await page.getByRole('button', { name: 'Plug in' }).click();
		await page.getByRole('list', { name: 'Virtual boards' }).getByRole('listitem').first().waitFor();
		expect(site.host.requests).toContain('/mirror/linac-mirror.json');
	});
});
