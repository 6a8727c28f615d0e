/**
 * The hex generator in the browser: what it makes is, byte for byte, what the command line makes of the same choices; what is wrong stands beside its field;
 * the memory map can be read by everybody.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readZip, writeIntelHex } from '@linac/firmware';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linac, temporaryFolder } from '../scenarios/cli-harness.js';
import { assetApplication } from '../support/asset-applications.js';
import { standInMbr } from '../support/nordic-mbr.js';
import { particleCli, realTinker } from '../support/real-firmware.js';
import { applicationFor, value } from '../support/release-files.js';
import { axeViolations, readableEverywhere } from './page-checks.js';
import { describeSite, screenshot } from './site.js';

const folder = temporaryFolder();
const path = (name: string) => join(folder.path, name);
const write = (name: string, content: string | Uint8Array) => writeFileSync(path(name), content);

/** What the mirror beside the site was made of. */
const sources = (['2.16.0', '3.6.0'] as const).flatMap((v) => ['--source', join(particleCli(v), 'assets', 'updates')]);
const run = async (...args: string[]) => {
	const { code, stderr } = await linac([...args, ...sources, '--offline'], {
		cwd: folder.path,
		env: { LINAC_CACHE: path('cache') },
	});
	expect(stderr, args.join(' ')).toBe('');
	expect(code, args.join(' ')).toBe(0);
};

const claimCode = 'c'.repeat(63);

beforeAll(() => {
	for (const platform of ['photon', 'boron', 'argon', 'tracker']) write(`${platform}.bin`, realTinker(platform));
	write('own-boron.bin', applicationFor('boron', '4.0.1').module.bytes);
	write('assets.bin', assetApplication('boron'));
	write('sound.txt', 'la '.repeat(4000));
	write('mbr.hex', writeIntelHex([{ start: 0, bytes: standInMbr() }]));
	mkdirSync(path('keys'));
	for (const unit of ['one', 'two']) {
		const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
		write(`keys/${unit}.pem`, privateKey.export({ type: 'pkcs1', format: 'pem' }));
	}
	write('units.csv', `unit,device-private-key,antenna\none,keys/one.pem,external\ntwo,keys/two.pem,\n`);
});
afterAll(() => folder.remove());

const downloadButton = (page: Page) => page.getByRole('button', { name: /^Download / });

/** The file that the page gives when the button says that there is one. */
async function downloaded(page: Page): Promise<Buffer> {
	const button = downloadButton(page);
	await button.and(page.locator(':enabled')).waitFor({ timeout: 90_000 });
	const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
	return readFileSync(await download.path());
}

const give = (page: Page, field: string, ...names: string[]) =>
	page.locator(`#hex-${field}`).setInputFiles(names.map((n) => path(n)));

/** The stand-in is no MBR that is known, so it has to be allowed, as on the command line. */
async function giveMbr(page: Page): Promise<void> {
	await give(page, 'mbr', 'mbr.hex');
	await page.getByLabel('Take it although linac does not know it').check({ timeout: 90_000 });
}
const mbr = ['--mbr', 'mbr.hex', '--allow', 'unknown-mbr'];

interface Case {
	what: string;
	address: string;
	choose(page: Page): Promise<void>;
	options: string[];
}

const cases: Case[] = [
	{
		what: 'Photon 2.3.1 with an application of its own',
		address: '#/hex?platform=photon&version=2.3.1',
		choose: (page) => give(page, 'application-file', 'photon.bin'),
		options: ['-p', 'photon', '-t', '2.3.1', '--app', 'photon.bin'],
	},
	{
		what: 'Photon 2.3.1 with the settings of a unit',
		address: '#/hex?platform=photon&version=2.3.1',
		async choose(page) {
			await give(page, 'application-file', 'photon.bin');
			await page.getByText('Settings of one unit').click();
			await give(page, 'device-private-key', 'keys/one.pem');
			await page.getByLabel('Claim code').fill(claimCode);
			await page.getByLabel('Address of the server').fill('cloud.example.com');
			await page.getByLabel('Antenna').selectOption('external');
		},
		options: [
			...['-p', 'photon', '-t', '2.3.1', '--app', 'photon.bin', '--claim-code', claimCode, '--antenna', 'external'],
			...['--device-private-key', 'keys/one.pem', '--server-address', 'cloud.example.com'],
		],
	},
	{
		what: 'Boron 4.0.1 with ordinary pins in place of NFC',
		address: '#/hex?platform=boron&version=4.0.1',
		async choose(page) {
			await give(page, 'application-file', 'own-boron.bin');
			await giveMbr(page);
			await page.getByLabel('The two NFC pins are').selectOption('gpio');
		},
		options: ['-p', 'boron', '-t', '4.0.1', '--app', 'own-boron.bin', '--nfc-pins', 'gpio', ...mbr],
	},
	{
		what: 'Argon 4.0.1 without application and registers',
		address: '#/hex?platform=argon&version=4.0.1',
		async choose(page) {
			await page.getByLabel(/^None/).check();
			await giveMbr(page);
			await page.getByLabel(/^Write them/).uncheck();
		},
		options: ['-p', 'argon', '-t', '4.0.1', '--no-app', '--no-uicr', ...mbr],
	},
	{
		what: 'Tracker 4.0.1 as published files are laid out',
		address: '#/hex?platform=tracker&version=4.0.1',
		async choose(page) {
			await give(page, 'application-file', 'tracker.bin');
			await giveMbr(page);
			await page.getByLabel('Layout of the file').selectOption('classic');
		},
		options: ['-p', 'tracker', '-t', '4.0.1', '--app', 'tracker.bin', '--layout', 'classic', ...mbr],
	},
];

describeSite('the hex generator', (site) => {
	describe('makes what the command line makes:', () => {
		it.each(cases)('$what', async ({ address, choose, options }) => {
			await run('hex', ...options, '-o', 'made.hex', '--force');
			const page = await site.openPage(address);
			await choose(page);
			const made = await downloaded(page);
			expect(made.equals(readFileSync(path('made.hex')))).toBe(true);
		});

		it('another application in an image that somebody has', async () => {
			await run('hex', '-p', 'photon', '-t', '2.2.0', '--no-app', '-o', 'base.hex', '--force');
			const made = await linac(['hex', '--base', 'base.hex', '--app', 'photon.bin', '-o', 'rebased.hex'], {
				cwd: folder.path,
				env: { LINAC_CACHE: path('cache') },
			});
			expect(made.code).toBe(0);
			const page = await site.openPage('#/hex?make=base');
			await give(page, 'base', 'base.hex');
			await give(page, 'application-file', 'photon.bin');
			expect((await downloaded(page)).equals(readFileSync(path('rebased.hex')))).toBe(true);
		});

		it('one image for each row of a list, and the manifest', async () => {
			const list = ['--units', 'units.csv', '--out', 'units', '--force'];
			await run('hex', '-p', 'photon', '-t', '2.3.1', '--app', 'photon.bin', ...list);
			const page = await site.openPage('#/hex?make=units&platform=photon&version=2.3.1');
			await give(page, 'application-file', 'photon.bin');
			await give(page, 'units', 'units.csv');
			await page.getByText("'keys/one.pem' could not be read").first().waitFor({ timeout: 90_000 });
			await give(page, 'unit-keys', 'keys/one.pem', 'keys/two.pem');
			await page.getByRole('button', { name: 'Make 2 images' }).click({ timeout: 90_000 });
			expect(entriesOf(await downloaded(page))).toEqual(filesIn('units'));
			await looksRight(page, 'hex-units');
		});

		it.each([
			['jlink', '-p', 'boron', '-t', '4.0.1', '--app', 'own-boron.bin', ...mbr],
			['dfu-util', '-p', 'boron', '-t', '4.0.1', '--app', 'own-boron.bin', '--antenna', 'external'],
		])('a folder for %s', async (tool, ...options) => {
			await run('export', ...options, '--for', tool, '-o', `handover-${tool}`);
			const page = await site.openPage(`#/hex?make=export&platform=boron&version=4.0.1&for=${tool}`);
			await give(page, 'application-file', 'own-boron.bin');
			if (tool === 'jlink') await giveMbr(page);
			else {
				await page.getByText('Settings of one unit').click();
				await page.getByLabel('Antenna').selectOption('external');
				await page.getByRole('row', { name: /dct\/antenna/ }).waitFor({ timeout: 90_000 });
			}
			const made = entriesOf(await downloaded(page)).map(([name, bytes]) => [name.replace(`boron-4.0.1-${tool}/`, ''), bytes]);
			expect(made).toEqual(filesIn(`handover-${tool}`));
			await looksRight(page, `hex-export-${tool}`);
		});

		it('a bundle of an application and its assets', async () => {
			mkdirSync(path('assets'));
			write('assets/sound.txt', readFileSync(path('sound.txt')));
			const made = await linac(['bundle', 'assets.bin', '--assets', 'assets'], { cwd: folder.path });
			expect(made.stderr).toBe('');
			const page = await site.openPage('#/hex?make=bundle');
			await give(page, 'application-file', 'assets.bin');
			await give(page, 'assets', 'sound.txt');
			expect((await downloaded(page)).equals(readFileSync(path('bundle_assets.zip')))).toBe(true);
			await looksRight(page, 'hex-bundle');
		});
	});

	it('says what is missing and what to do where there is no MBR, and keeps one that is known for the next image', async () => {
		const page = await site.openPage('#/hex?platform=boron&version=4.0.1');
		const field = page.locator('#hex-mbr');
		await page.locator('#hex-mbr-wrong').waitFor({ timeout: 90_000 });
		expect(await field.getAttribute('aria-invalid')).toBe('true');
		expect(await page.locator('#hex-mbr-wrong').textContent()).toMatch(
			/does not start without Nordic's MBR.*give any restore image/,
		);
		await page.getByRole('button', { name: "Nordic's MBR", exact: true }).click();
		expect(await field.evaluate((e) => e === document.activeElement)).toBe(true);
		await looksRight(page, 'hex-mbr-needed');
		// It lacks the MBR's place altogether.
		await give(page, 'mbr', 'sound.txt');
		await page.getByText('sound.txt').nth(1).waitFor({ timeout: 90_000 });
		expect(await downloadButton(page).count()).toBe(0);
	});

	it('says beside the field what is wrong with a setting, and not the code itself', async () => {
		const page = await site.openPage('#/hex?platform=photon&version=2.3.1');
		await page.getByText('Settings of one unit').click({ timeout: 90_000 });
		await page.getByLabel('Claim code').fill('secret');
		const wrong = page.locator('#hex-claim-code-wrong');
		await wrong.waitFor({ timeout: 90_000 });
		expect(await wrong.textContent()).toMatch(/6 characters.*exactly 63/);
		expect(await wrong.textContent()).not.toContain('secret');
		await readableEverywhere(page, 'hex-setting-wrong');
		await page.getByLabel('Claim code').fill('');
		await downloadButton(page).waitFor({ timeout: 90_000 });
	});

	it('an application for another board is refused beside its field', async () => {
		const page = await site.openPage('#/hex?platform=photon&version=2.3.1');
		await give(page, 'application-file', 'argon.bin');
		const wrong = page.locator('#hex-application-file-wrong');
		await wrong.waitFor({ timeout: 90_000 });
		expect(await wrong.textContent()).toMatch(/argon\.bin is for the Argon, not for the Photon/);
		expect(await downloadButton(page).count()).toBe(0);
	});

	it('draws an image of 2 MB with few elements, tells of each part by keyboard, and as a table', async () => {
		await run('hex', '-p', 'boron', '-t', '4.0.1', '--no-app', ...mbr, '-o', 'large.hex', '--force');
		const page = await site.openPage('#/hex?make=base');
		const before = await elements(page);
		await give(page, 'base', 'large.hex');
		const part = page.getByRole('button', { name: /^system-part1 4005/ });
		await part.waitFor({ timeout: 90_000 });
		expect((await elements(page)) - before).toBeLessThan(400);
		expect(await part.textContent()).toMatch(/498\.8 KB at 0x00030000\s+to 0x000ACB/);
		await part.focus();
		await page.getByText(/system-part1 4005 \(✓ sound\): 0x00030000 to 0x000ACB/).waitFor();
		await page.keyboard.press('Tab');
		expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^user-part/);
		await page.getByText('All parts as a table').click();
		await page.getByRole('row', { name: /^softdevice 202 0x00001000/ }).waitFor();
		await readableEverywhere(page, 'hex-base');
	});

	it('an image with one changed byte is drawn with the part marked as wrong, and nothing is made of it', async () => {
		await run('hex', '-p', 'photon', '-t', '2.2.0', '--no-app', '-o', 'sound.hex', '--force');
		const lines = readFileSync(path('sound.hex'), 'latin1').split('\n');
		const at = Math.floor(lines.length / 2);
		lines[at] = changed(lines[at]!);
		write('damaged.hex', lines.join('\n'));
		const page = await site.openPage('#/hex?make=base');
		await give(page, 'base', 'damaged.hex');
		await give(page, 'application-file', 'photon.bin');
		await page.getByRole('button', { name: /^system-part\d \d+ ✗ wrong/ }).waitFor({ timeout: 90_000 });
		expect(await page.locator('#hex-base-wrong').textContent()).toContain('CRC');
		expect(await downloadButton(page).count()).toBe(0);
	});
});

/** Where looking at it on every screen would take too long: accessibility, and a picture. */
async function looksRight(page: Page, name: string): Promise<void> {
	await screenshot(page, name);
	expect(await axeViolations(page)).toEqual([]);
}

const elements = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);

/** A data record with another byte and the check sum that goes with it. */
function changed(record: string): string {
	const bytes = Buffer.from(record.slice(1).trim(), 'hex');
	bytes[6]! ^= 4;
	bytes[bytes.length - 1] = -bytes.subarray(0, -1).reduce((sum, b) => sum + b, 0) & 0xff;
	return `:${bytes.toString('hex').toUpperCase()}`;
}

/** Name and content of every file, by name. */
function entriesOf(zip: Uint8Array): [name: string, bytes: string][] {
	return value(readZip(zip))
		.map((e): [string, string] => [e.name, Buffer.from(value(e.read())).toString('latin1')])
		.sort(byName);
}

function filesIn(name: string): [name: string, bytes: string][] {
	const all = readdirSync(path(name), { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
	return all
		.map((e): [string, string] => {
			const file = join(e.parentPath, e.name);
			return [file.slice(path(name).length + 1).replaceAll('\\', '/'), readFileSync(file, 'latin1')];
		})
		.sort(byName);
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
	return a < b ? -1 : 1;
}
