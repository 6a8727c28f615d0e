/** The inspector in the browser: what people drop on it, and what they are told. What is found in which file is tested in `@linac/image`. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeIntelHexBytes } from '@linac/firmware';
import { inspectFile } from '@linac/image';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { bundleFile } from '../support/asset-bundles.js';
import { realModule } from '../support/real-firmware.js';
import { realImage } from '../support/release-files.js';
import { readableEverywhere } from './page-checks.js';
import { describeSite } from './site.js';

const bootloader = () => realModule('boron-bootloader@4.0.1.bin');

function damaged(): Uint8Array {
	const bytes = bootloader().slice();
	bytes[9000]! ^= 1;
	return bytes;
}

/** Gives the page files, as the dialog does, and waits until it has looked into all of them. */
async function choose(page: Page, files: Record<string, Uint8Array | string>): Promise<void> {
	const given = Object.entries(files).map(([name, content]) => ({
		name,
		mimeType: 'application/octet-stream',
		buffer: Buffer.from(content),
	}));
	await page.getByLabel('Drop files here, or choose them').setInputFiles(given);
	await page.locator('.inspect-file', { hasText: 'Looking into it' }).first().waitFor({ state: 'detached' });
	for (const name of Object.keys(files)) await card(page, name).locator('.inspect-headline').waitFor();
}

const card = (page: Page, name: string) => page.getByRole('article', { name, exact: true });

describeSite('the inspector', (site) => {
	it('says of each file what it is, whether it is sound and what it runs on, and asks nobody about it', async () => {
		const page = await site.openPage('#/inspect');
		await choose(page, { 'warm-up.txt': 'starts the engine' });
		const asked = site.host.requests.length;
		await choose(page, {
			'bootloader.bin': bootloader(),
			'damaged.bin': damaged(),
			'photon.hex': writeIntelHexBytes(realImage('photon', '2.3.1').image),
			'bundle.zip': bundleFile('boron'),
			'notes.txt': 'no firmware at all',
		});
		const text = async (name: string) => ((await card(page, name).textContent()) ?? '').replaceAll(/\s+/g, ' ');
		expect(await text('bootloader.bin')).toContain('✓ Sound');
		expect(await text('bootloader.bin')).toContain('It is a part of Device OS 4.0.0-alpha.2 to 4.0.2 for the Boron.');
		expect(await text('damaged.bin')).toContain('✗ Damaged');
		expect(await text('damaged.bin')).toContain('CRC_MISMATCH');
		expect(await text('photon.hex')).toContain('A blank Photon starts with it, into its application.');
		expect(await text('bundle.zip')).toContain('An asset bundle: an application for Boron with 3 assets.');
		expect(await text('notes.txt')).toContain('– No firmware');
		expect(site.host.requests.slice(asked)).toEqual([]);
		await card(page, 'bootloader.bin').getByText('Every field').click();
		expect(await text('bootloader.bin')).toContain('prefix.platformId');
		await readableEverywhere(page, 'inspect-files');
	});

	it('compares two of them, and the other way round when they are swapped', async () => {
		const page = await site.openPage('#/inspect');
		await choose(page, { 'old.bin': realModule('boron-bootloader@2.2.0.bin'), 'new.bin': bootloader() });
		const comparison = page.getByRole('article', { name: 'What differs' });
		const version = comparison.getByRole('row', { name: 'prefix.version' });
		await version.getByRole('cell', { name: '1006', exact: true }).waitFor();
		expect(await version.getByRole('cell').allInnerTexts()).toEqual(['1006', '1101', '≠ differs']);
		await comparison.getByRole('button', { name: 'Swap' }).click();
		await version.getByRole('cell').first().getByText('1101').waitFor();
		expect(await version.getByRole('cell').allInnerTexts()).toEqual(['1101', '1006', '≠ differs']);
	});

	it('gives the whole finding as JSON, the same that Node finds', async () => {
		const page = await site.openPage('#/inspect');
		await choose(page, { 'bundle.zip': bundleFile('boron') });
		const waiting = page.waitForEvent('download');
		await page.getByRole('button', { name: 'Save as JSON: everything about bundle.zip' }).click();
		const download = await waiting;
		expect(download.suggestedFilename()).toBe('bundle.zip.finding.json');
		const saved: unknown = JSON.parse(readFileSync(await download.path(), 'utf8'));
		expect(saved).toEqual(inspectFile('bundle.zip', bundleFile('boron')));
	});

	it('asks where plain bytes stand, and says so when the answer is no address', async () => {
		const page = await site.openPage('#/inspect');
		await choose(page, { 'dump.bin': Uint8Array.from({ length: 9000 }, (_, i) => (i * 7 + (i >> 5)) & 0xff) });
		const dump = card(page, 'dump.bin');
		const address = dump.getByLabel('Address of the first byte');
		await address.fill('somewhere');
		await dump.getByRole('button', { name: 'Look again' }).click();
		await dump.getByText('somewhere is no address.').waitFor();
		await address.fill('0x08020000');
		await dump.getByLabel('Board').selectOption('Photon');
		await dump.getByRole('button', { name: 'Look again' }).click();
		await dump.getByText('A memory image for the Photon (plain bytes).').waitFor();
	});

	it('refuses a file that is larger than any firmware, without reading it, and takes the next one', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'linac-inspect-'));
		try {
			const large = join(folder, 'film.bin');
			writeFileSync(large, '');
			truncateSync(large, 65 * 1024 * 1024);
			const page = await site.openPage('#/inspect');
			await page.getByLabel('Drop files here, or choose them').setInputFiles(large);
			await card(page, 'film.bin').getByText('film.bin has 65 MB; no firmware is larger than 64 MB').waitFor();
			await choose(page, { 'bootloader.bin': bootloader() });
			await page.getByRole('button', { name: 'Remove film.bin' }).click();
			expect(await page.locator('.inspect-file').count()).toBe(1);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});
});
