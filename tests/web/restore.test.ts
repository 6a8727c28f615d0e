/** The page Restore with virtual boards, as a person works it: the plan, the second permission, the proof; and everything that may come in between. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { axeViolations, stickingOut } from './page-checks.js';
import { describeSite, goTo, screenshot, showAs } from './site.js';

/** For a computer that does much besides, ms. */
const SLOW_MS = 90_000;

/** Plugs in virtual boards whose time passes quickly, and goes to the page. */
async function plugIn(page: Page, platform: string, version: string, speed = 30): Promise<void> {
	page.context().setDefaultTimeout(SLOW_MS);
	await page.getByLabel('Board', { exact: true }).selectOption(platform);
	await page.getByLabel('Device OS on it').selectOption(version);
	await page.getByRole('button', { name: 'Plug in', exact: true }).click();
	await page.getByLabel('Time passes').selectOption(String(speed));
	await goTo(page, 'Restore');
}

/** Orders on the page of virtual boards that the cable comes out after the next step of the job. `andPlug`: puts it in, and waits until it is out again. */
async function orderPull(page: Page, andPlug = false): Promise<void> {
	await goTo(page, 'Try without hardware');
	const summary = page.getByText('Let something go wrong');
	await summary.click();
	await page.getByLabel('What', { exact: true }).selectOption('step');
	await page.getByRole('button', { name: 'Order it' }).click();
	const ordered = page.getByText('comes out after the next step');
	await ordered.waitFor();
	if (andPlug) {
		await page.getByRole('button', { name: 'Put the cable in', exact: true }).click();
		await ordered.waitFor({ state: 'detached' });
	}
	await goTo(page, 'Restore');
}

/** Goes to a control with Tab, and presses this on it; or types it, where it is no name of a key. */
async function press(page: Page, control: Locator, key: string): Promise<void> {
	await control.waitFor();
	for (let tabs = 0; !(await control.evaluate((e) => e === document.activeElement)); tabs++) {
		if (tabs > 150) throw new Error(`Tab does not come to ${control}.`);
		await page.keyboard.press('Tab');
	}
	if (['Enter', 'Space'].includes(key)) await page.keyboard.press(key);
	else await page.keyboard.type(key);
}

/** Keeps all that a screen reader would say by itself, in `said`. */
const keepWhatIsSaid = `globalThis.said = [];
	new MutationObserver(() => {
		const text = document.querySelector('[aria-live]')?.textContent;
		if (text && text !== said.at(-1)) said.push(text);
	}).observe(document, { subtree: true, childList: true, characterData: true });`;

const stage = (page: Page, ...names: string[]) =>
	page.locator(names.map((n) => `[data-testid=device-card][data-stage=${n}]`).join(','));

async function plan(page: Page, version: string): Promise<void> {
	await stage(page, 'choose').waitFor();
	await page.getByLabel('Device OS release').selectOption(version);
	await page.getByRole('button', { name: 'Show the plan' }).click();
}

async function permit(page: Page): Promise<void> {
	const dialog = page.getByRole('dialog', { name: 'The browser needs your permission once more' });
	await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
	await dialog.waitFor({ state: 'detached' });
}

async function outcome(page: Page): Promise<string | null> {
	await stage(page, 'ended', 'unfinished', 'failed').waitFor();
	return page.locator('[data-testid=outcome]').getAttribute('data-outcome');
}

/** What has come up in the course of a job, on the smallest screen in dark and as a laptop shows it: with pictures. */
async function readable(page: Page, name: string): Promise<void> {
	for (const [size, scheme] of [
		['phone', 'dark'],
		['laptop', 'light'],
	] as const) {
		await showAs(page, size, scheme);
		await screenshot(page, name);
		expect(await axeViolations(page), `accessibility of ${name}, ${size}, ${scheme}`).toEqual([]);
		expect(await stickingOut(page), `layout of ${name}, ${size}, ${scheme}`).toEqual([]);
	}
}

const row = (page: Page, module: string) => page.getByTestId('evidence').getByRole('row', { name: module });

describeSite('restoring a board on the page', (site) => {
	it('shows state, plan and proof of a Boron that goes from 2.2.0 to 4.0.1, and keeps report and backup', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'boron', '2.2.0');
		await stage(page, 'choose').waitFor();
		await readable(page, 'restore-choose');
		await plan(page, '4.0.1');
		await page.getByText('has restarted in DFU mode').waitFor();
		await readable(page, 'restore-permission');
		await permit(page);
		await stage(page, 'plan').waitFor();
		await page.getByTestId('plan').getByText('Write system-part1').click();
		expect(await page.getByTestId('plan').textContent()).toMatch(/If the cable is pulledPlug it in again/);
		await readable(page, 'restore-plan');
		await page.getByRole('button', { name: 'Start', exact: true }).click();
		expect(await outcome(page)).toBe('verified');
		expect(await row(page, 'system-part1').textContent()).toMatch(/220240054005✓ ok/);
		await readable(page, 'restore-verified');
		const [download] = await Promise.all([
			page.waitForEvent('download'),
			page.getByRole('button', { name: 'Save the report' }).click(),
		]);
		const report = JSON.parse(readFileSync((await download.path())!, 'utf8'));
		expect(report).toMatchObject({
			format: 'linac-report/1',
			outcome: 'verified',
			backup: { file: expect.any(String) },
		});
		const [backup] = await Promise.all([
			page.waitForEvent('download'),
			page.getByRole('button', { name: 'Save the backup', exact: true }).click(),
		]);
		expect(backup.suggestedFilename()).toBe(report.backup.file);
		expect(JSON.parse(readFileSync((await backup.path())!, 'utf8'))).toMatchObject({ format: 'linac-backup/1' });
	});

	it('goes on by itself when the cable was pulled, and also when the page was loaded anew meanwhile', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'boron', '2.2.0');
		await orderPull(page);
		await plan(page, '4.0.1');
		await permit(page);
		await page.getByRole('button', { name: 'Start', exact: true }).click();
		await page.getByText('It waits for the device to come back').waitFor();
		await readable(page, 'restore-unplugged');

		// The job goes on behind another page.
		await orderPull(page, true);
		await page.getByText(/It waits for the device to come back|Plug it in: the job goes on by itself/).waitFor();
		page.on('dialog', (dialog) => void dialog.accept());
		await page.reload();
		await page.getByText('A job on this board is not finished').waitFor();
		await page.getByText('Plug it in: the job goes on by itself').waitFor();
		await readable(page, 'restore-unfinished');
		await page.getByRole('button', { name: /cables and buttons/ }).click();
		await page.getByRole('button', { name: /^Put the cable in/ }).click();
		const dialog = page.getByTestId('permission');
		await stage(page, 'ended').or(dialog).first().waitFor();
		if ((await dialog.count()) > 0) await permit(page);
		expect(await outcome(page)).toMatch(/verified|already/);
		expect(await row(page, 'system-part1').textContent()).toMatch(/40054005✓ ok/);
		await page.reload();
		await stage(page, 'choose').waitFor();
		expect(await page.getByText('A job on this board is not finished').count()).toBe(0);
	});

	it('is worked with the keyboard alone, and what happens is said aloud', async () => {
		const page = await site.openPage('#/try', { before: keepWhatIsSaid });
		page.context().setDefaultTimeout(SLOW_MS);
		await press(page, page.getByLabel('Device OS on it'), '2.2.0');
		await press(page, page.getByRole('button', { name: 'Plug in', exact: true }), 'Enter');
		await page.getByTestId('board-boron').waitFor();
		await press(page, page.getByLabel('Flash and restarts take no time'), 'Space');
		await press(page, page.getByRole('link', { name: 'Restore it' }), 'Enter');
		await stage(page, 'choose').waitFor();
		await press(page, page.getByLabel('Device OS release'), '4.0.1');
		await press(page, page.getByRole('button', { name: 'Show the plan' }), 'Enter');
		await press(page, page.getByRole('dialog').getByRole('button', { name: 'Connect', exact: true }), 'Enter');
		await stage(page, 'plan').waitFor();
		await press(page, page.getByRole('button', { name: 'Start', exact: true }), 'Enter');
		expect(await outcome(page)).toBe('verified');
		const report = page.waitForEvent('download');
		await press(page, page.getByRole('button', { name: 'Save the report' }), 'Enter');
		expect((await report).suggestedFilename()).toMatch(/\.json$/);
		const said = await page.evaluate(() => (globalThis as unknown as { said: string[] }).said.join('\n'));
		expect(said).toMatch(/The plan for the Boron [0-9a-f]{24} is ready\./);
		expect(said).toMatch(/: step 1 of \d+, .+\./);
		expect(said).toMatch(/: verified\./);
	});

	it('a board whose flash is worn out is told as that, and the page does not call it done', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'boron', '2.2.0');
		await goTo(page, 'Try without hardware');
		await page.getByText('Let something go wrong').click();
		await page.getByLabel('What', { exact: true }).selectOption('worn');
		await page.getByRole('button', { name: 'Order it' }).click();
		await goTo(page, 'Restore');
		await plan(page, '4.0.1');
		await permit(page);
		await page.getByRole('button', { name: 'Start', exact: true }).click();
		expect(await outcome(page)).toBe('failed');
		await page.locator('button:enabled', { hasText: 'Continue the job' }).waitFor();
		await readable(page, 'restore-failed');
		const said = await stage(page, 'unfinished').textContent();
		expect(said).toMatch(/what was read back differs from what was written, first at 0x30800/);
		expect(said).toMatch(/The flash of this device may be worn out/);
		expect(said).not.toMatch(/everything that it needs is there/);
	});

	it('ends without having written when the permission is declined, and begins anew from there', async () => {
		const page = await site.openPage('#/try');
		await plugIn(page, 'boron', '2.2.0');
		await plan(page, '4.0.1');
		await page.getByRole('dialog').getByRole('button', { name: 'Stop the job' }).click();
		await stage(page, 'failed').waitFor();
		expect(await page.getByTestId('trouble').getAttribute('data-code')).toBe('USB_PERMISSION_NEEDED');
		await readable(page, 'restore-declined');
	});

	it('tells browsers without WebUSB what works there, virtual boards among it', async () => {
		const page = await site.openPage('#/restore', { before: 'delete Navigator.prototype.usb;' });
		expect(await page.getByRole('heading', { name: 'This browser has no WebUSB' }).count()).toBe(1);
		expect(await page.getByRole('button', { name: 'Connect a board' }).count()).toBe(0);
		await readable(page, 'restore-without-webusb');
	});
});
