/** The page of releases: the table, its filters, and zips that are the same bytes as the command line's. */
import { readFileSync } from 'node:fs';
import { nodeDigests } from '@linac/host';
import { makeZip } from '@linac/image';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { applicationFor, realRelease } from '../support/release-files.js';
import { readableEverywhere } from './page-checks.js';
import { describeSite } from './site.js';

const rows = (page: Page) => page.locator('.releases-table tbody tr');

/** Waits until there are so many rows, no more and no fewer: the table is drawn in steps. */
async function drawn(page: Page, count: number): Promise<void> {
	await page.getByText(`${count} releases of 53.`).waitFor();
	await rows(page)
		.nth(count - 1)
		.waitFor();
	await rows(page).nth(count).waitFor({ state: 'detached' });
}

async function downloaded(page: Page, press: () => Promise<void>): Promise<{ name: string; bytes: Uint8Array }> {
	const waiting = page.waitForEvent('download');
	await press();
	const download = await waiting;
	return { name: download.suggestedFilename(), bytes: new Uint8Array(readFileSync(await download.path())) };
}

describeSite('the page of releases', (site) => {
	it('shows all of the download table, and makes each cell into the zip that the command line makes', async () => {
		const page = await site.openPage('#/releases');
		await drawn(page, 53);
		const { name, bytes } = await downloaded(page, () =>
			page.getByRole('button', { name: 'Zip of Device OS 2.2.0 for the Photon' }).click(),
		);
		expect(name).toBe('photon-2.2.0.zip');
		const release = realRelease('photon', '2.2.0');
		const made = makeZip(release, applicationFor('photon', '2.2.0'), { digests: nodeDigests });
		expect(nodeDigests.sha256(bytes)).toEqual(nodeDigests.sha256(made.zip));
		const given = page.getByRole('complementary', { name: 'Device OS 2.2.0 for the Photon' });
		await given.getByText(made.sha256).waitFor();
		const manifest = await downloaded(page, () => given.getByRole('button', { name: 'Save its manifest' }).click());
		expect(new TextDecoder().decode(manifest.bytes)).toBe(made.manifest);

		await page.getByLabel('Zips with Tinker').uncheck();
		const without = await downloaded(page, () =>
			page.getByRole('button', { name: 'Zip of Device OS 2.2.0 for the Photon' }).click(),
		);
		expect(nodeDigests.sha256(without.bytes)).toEqual(
			nodeDigests.sha256(makeZip(release, undefined, { digests: nodeDigests }).zip),
		);
		await readableEverywhere(page, 'releases-given');
	});

	it('says of a release that is not here how it can be had, and of one that never was, that', async () => {
		const page = await site.openPage('#/releases?line=lts');
		await page.getByRole('button', { name: 'not here: Device OS 6.2.1 for the Boron' }).last().click();
		await page.getByText('linac zip --platform boron --target 6.2.1').waitFor();
		expect(
			await page
				.getByRole('row', { name: /^6\.2\.1/ })
				.getByText('never published')
				.count(),
		).toBeGreaterThan(2);
	});

	it('is narrowed by board, line and channel; the address keeps what was chosen, and the board has its recommendation', async () => {
		const page = await site.openPage('#/releases');
		await page.getByLabel('Board', { exact: true }).selectOption('Electron / E-Series');
		await drawn(page, 19);
		await page.getByLabel('Line', { exact: true }).selectOption('Latest in line');
		await page.getByLabel('Channel', { exact: true }).selectOption('Release');
		await drawn(page, 10);
		expect(await rows(page).locator('th').allInnerTexts()).toContain('2.3.1\nLTS, latest\n✓ recommended');
		expect(await page.locator('.releases-recommended').textContent()).toContain('The newer 3.3.1 is a preview');
		expect(new URL(page.url()).hash).toBe('#/releases?platform=electron&line=latest&channel=release');
		await page.reload();
		await drawn(page, 10);
		await readableEverywhere(page, 'releases-board');
	});

	it('is used with the keyboard alone: one stop in the table, arrows to a cell, Enter for the zip', async () => {
		const page = await site.openPage('#/releases?here=yes');
		await drawn(page, 3);
		await page.getByRole('region', { name: 'Releases by board' }).focus();
		const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
		await page.keyboard.press('Tab');
		expect(await focused()).toContain('Device OS 4.0.1');
		await page.keyboard.press('Control+Home');
		await page.keyboard.press('ArrowDown');
		const { name } = await downloaded(page, async () => {
			for (let i = 0; i < 20 && !(await focused())?.startsWith('Zip of Device OS 2.2.0 for the Boron'); i++) {
				await page.keyboard.press((await focused())?.includes('Device OS 2.2.0') ? 'ArrowRight' : 'ArrowDown');
			}
			await page.keyboard.press('Enter');
		});
		expect(name).toBe('boron-2.2.0.zip');
		expect(await page.locator('.releases-table [tabindex="0"]').count()).toBe(1);
	});

	it('lets a phone choose one board first', async () => {
		const page = await site.openPage('#/releases', { size: 'phone' });
		await page.getByText('Choose your board above').waitFor();
		await page.getByRole('link', { name: 'All releases for the Boron' }).click();
		await drawn(page, 51);
		expect(await page.getByLabel('Board', { exact: true }).inputValue()).toBe('boron');
	});

	it('says what to do when the modules of a release cannot be fetched', async () => {
		const page = await site.openPage('#/releases?platform=boron&here=yes', { expected: [/status of 503/] });
		await drawn(page, 2);
		for (const path of ['bootloader', 'softdevice', 'system-part1']) {
			site.host.broken.set(`mirror/modules/boron/4.0.1/boron-${path}@4.0.1.bin`, 503);
		}
		await page.getByRole('button', { name: 'Zip of Device OS 4.0.1 for the Boron' }).last().click();
		const told = page.getByRole('complementary', { name: 'Device OS 4.0.1 for the Boron' });
		await told.getByRole('alert').getByText('RELEASE_NOT_AVAILABLE').waitFor();
		expect(await told.textContent()).toContain('503');
	});
});
