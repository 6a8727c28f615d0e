/** Virtual boards in the page, and asking boards who they are. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { readableEverywhere } from './page-checks.js';
import { describeSite, goTo, screenshot } from './site.js';

async function plugIn(page: Page, start = 'healthy', platform = 'boron'): Promise<void> {
	await page.getByLabel('Board', { exact: true }).selectOption(platform);
	await page.getByLabel('Its state').selectOption(start);
	await page.getByRole('button', { name: 'Plug in' }).click();
}

const board = (page: Page, name: string): Locator => page.getByTestId(`board-${name}`);
const mode = (page: Page, name: string): Locator => board(page, name).getByTestId('mode');

async function shows(locator: Locator, text: string | RegExp): Promise<void> {
	await expect.poll(() => locator.textContent(), { timeout: 20_000 }).toMatch(text);
}

/** Keeps, in `standing`, every height at which the heading of the boards stood in any frame that was shown. Scrolling does not count. */
const keepWhereBoardsStand = `globalThis.standing = new Set();
	(function look() {
		const heading = [...document.querySelectorAll('h2')].find((h) => h.textContent === 'Virtual boards');
		if (heading) standing.add(Math.round(heading.getBoundingClientRect().top + scrollY));
		requestAnimationFrame(look);
	})();`;

describeSite('virtual boards', (site) => {
	it('a board with a half-written system waits in DFU mode, obeys cable and buttons, and is the same after a reload', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'half-written');
		await shows(mode(page, 'boron'), /DFU mode: The bootloader found no whole system part/);
		await shows(board(page, 'boron'), /LED blinks yellow/);
		await shows(board(page, 'boron'), /system-part1 4005 damaged/);
		const id = await board(page, 'boron').locator('code').first().textContent();
		await board(page, 'boron').getByRole('button', { name: 'Pull the cable' }).click();
		await shows(mode(page, 'boron'), 'cable out');
		// It is said when it is kept, too.
		await shows(page.locator('.only-spoken'), /boron: the cable is out/);
		await expect.poll(() => board(page, 'boron').getByRole('button', { name: 'RESET', exact: true }).isDisabled()).toBe(true);

		// On every other page the cable can be worked too.
		await goTo(page, 'Restore');
		const strip = page.getByRole('complementary', { name: 'Virtual boards' });
		await shows(strip, /1 virtual board, 1 cable out/);
		await page.reload();
		await strip.getByRole('button', { name: /cables and buttons/ }).click();
		await strip.getByRole('button', { name: 'Put the cable in: boron' }).click();
		await shows(strip, /LED blinks yellow \(DFU mode\)/);
		await strip.getByRole('link', { name: 'All about the virtual boards' }).click();
		await shows(board(page, 'boron').locator('code').first(), id!);

		// A healthy one beside it, and what the buttons do with it.
		await plugIn(page, 'healthy', 'photon');
		await shows(mode(page, 'photon'), /^runs/);
		await board(page, 'photon')
			.getByRole('button', { name: /listening mode/ })
			.click();
		await shows(mode(page, 'photon'), /listening mode/);
		await board(page, 'photon').getByText('Let something go wrong').click();
		await board(page, 'photon').getByLabel('What').selectOption('restart');
		await board(page, 'photon').getByRole('button', { name: 'Order it' }).click();
		await shows(board(page, 'photon'), /The cable comes out at the next restart/);
		await board(page, 'photon').getByRole('button', { name: 'RESET', exact: true }).click();
		await shows(mode(page, 'photon'), 'cable out');
		await board(page, 'photon').getByRole('button', { name: 'Remove' }).click();
		await board(page, 'boron').getByRole('button', { name: 'Remove' }).click();
		await page.getByTestId('no-boards').waitFor();
		await page.reload();
		await page.getByTestId('no-boards').waitFor();
	});

	it('boards, and the strip with their cables on every other page, can be read and worked on every screen', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'softdevice-damaged');
		await shows(mode(page, 'boron'), /crashes again and again/);
		await board(page, 'boron').getByText('Let something go wrong').click();
		await readableEverywhere(page, 'try-boards');
		await goTo(page, 'Identify');
		await page.getByRole('complementary', { name: 'Virtual boards' }).getByRole('button').click();
		await shows(page.locator('.virtual-panel'), /LED blinks red: SOS/);
		await readableEverywhere(page, 'virtual-strip');
	});

	it('nothing moves away under the pointer while the page finds out what there is, at the first visit and on the way back', async () => {
		const page = await site.openPage('#/try', { before: keepWhereBoardsStand });
		await plugIn(page);
		await shows(mode(page, 'boron'), /^runs/);
		const places = () => page.evaluate<number[]>('[...standing]');
		expect(await places()).toHaveLength(1);
		await goTo(page, 'Restore');
		await page.evaluate('standing.clear()');
		await goTo(page, 'Try without hardware');
		await board(page, 'boron').getByText('Let something go wrong').click();
		await board(page, 'boron').getByLabel('What').selectOption('restart');
		expect(await places()).toHaveLength(1);
	});

	it('sixteen boards stand side by side, and a seventeenth is refused', async () => {
		const page = await site.openPage('#/try?platform=p2');
		await page.getByLabel('How many').selectOption('16');
		await page.getByRole('button', { name: 'Plug in' }).click();
		await expect.poll(() => page.getByTestId(/^board-p2/).count(), { timeout: 60_000 }).toBe(16);
		await shows(mode(page, 'p2-16'), /^runs/);
		await shows(page.locator('.try-form'), /There is room for 0 more/);
		await screenshot(page, 'try-sixteen');
	});
});

describeSite('Identify', (site) => {
	it('a line of boards is asked one after the other, and the table is a file', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'listening');
		await plugIn(page, 'dfu', 'argon');
		await shows(mode(page, 'boron'), /listening mode/);
		await shows(mode(page, 'argon'), /DFU mode/);
		await board(page, 'boron').getByText('Identify it').click();
		await page.getByRole('button', { name: 'Identify: virtual Boron' }).click();
		const answer = page.getByTestId('answer');
		await shows(answer, /Modem \(IMEI\)\s*\d{15}/);
		await shows(answer, /Modelistening mode.*Device OS4\.0\.1/);
		await page.getByRole('button', { name: 'Identify: virtual Argon' }).click();
		await shows(answer, /DFU mode, where it tells only its device id\. Press RESET to start it/);
		await screenshot(page, 'identify-answers');
		await page.getByRole('button', { name: 'Identify: virtual Boron' }).click();
		await shows(answer, /Modem/);
		const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
		expect(file.suggestedFilename()).toMatch(/^boards-[\d-]+\.csv$/);
		const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
		expect(lines[0]).toBe('deviceId,platform,mode,osVersion,serialNumber,imei,iccid,ncpVersion,ncpModuleVersion');
		// Asked again, it has its one line all the same, behind the one that was asked in between.
		expect(lines[1]).toMatch(/^e00fce68[0-9a-f]{16},argon,dfu,,,,,,$/);
		expect(lines[2]).toMatch(/^e00fce68[0-9a-f]{16},boron,listening,4\.0\.1,P013LINAC[0-9A-F]{6},\d{15},8901\d{15},,$/);
		expect(lines.slice(3)).toEqual(['']);
	});

	it('a browser without Web Serial is told what to use, and virtual boards can be asked all the same', async () => {
		const page = await site.openPage('#/identify', { before: 'delete Navigator.prototype.serial' });
		await shows(page.getByTestId('no-web-serial'), /Chrome, Edge or Opera.*linac serial identify/);
	});
});
