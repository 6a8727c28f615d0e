/** The site after the first visit: with its host gone, with a newer version on it, with files of the person's own. On the plainest of hosts. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ReleaseSummary, releaseZip } from '@linac/catalog';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realRelease } from '../support/release-files.js';
import { builtSite } from './build-site.js';
import { hasChromium, startChromium } from './chromium.js';
import { callEngineOf } from './engine-call.js';
import { PlainHost } from './plain-host.js';
import { siteMirror } from './serve-site.js';
import { goTo } from './site.js';

const pages = ['', 'restore', 'hex', 'inspect', 'releases', 'identify', 'try'];

describe.skipIf(!hasChromium())('the site after the first visit', () => {
	let browser: Browser;
	let host: PlainHost;
	let built: string;
	/** A tab of a browser that was on the site once. */
	let page: Page;
	/** Further ones, for one test each. */
	const contexts: BrowserContext[] = [];
	/** Requests to anybody but the host, and what the policy of the page had to forbid. */
	const strayed: string[] = [];

	beforeAll(async () => {
		built = builtSite();
		[browser, host] = await Promise.all([startChromium(), siteMirror().then((mirror) => PlainHost.start(built, mirror))]);
		page = await visit();
	});
	beforeEach(() => open(page, ''));
	afterEach(async () => {
		await Promise.all(contexts.splice(0).map((context) => context.close()));
		await host.stop();
		host.folder = built;
		host.missing.clear();
		await host.startAgain();
		expect(strayed.splice(0)).toEqual([]);
	});
	afterAll(async () => {
		await browser?.close();
		await host?.stop();
	});

	/** Opens the site in a new profile and waits until the browser has kept it. */
	async function visit(): Promise<Page> {
		const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'en-GB' });
		context.on('request', (request) => {
			if (!request.url().startsWith(host.address) && !request.url().startsWith('blob:')) strayed.push(request.url());
		});
		await context.exposeFunction('strayed', (what: string) => void strayed.push(what));
		await context.addInitScript(
			`addEventListener('securitypolicyviolation', (e) => strayed(e.violatedDirective + ' ' + e.blockedURI));`,
		);
		const tab = await context.newPage();
		await open(tab, '');
		await tab.getByText('it opens without a network too').waitFor();
		return tab;
	}

	async function open(tab: Page, name: string): Promise<void> {
		await tab.goto(`${host.address}#/${name}`);
		await tab.locator('main h1').first().waitFor();
	}

	const releases = () => callEngineOf<ReleaseSummary[]>(page, 'releases.list');
	const here = async () => (await releases()).filter((r) => r.offline).map((r) => `${r.platform} ${r.version}`);

	test('with the host gone, every page opens, also when the browser begins there', async () => {
		await host.stop();
		for (const name of pages) {
			await open(page, name);
			expect(await page.getByText('could not be loaded').count(), name).toBe(0);
		}
		const tab = await page.context().newPage();
		await open(tab, 'hex');
		expect(await tab.getByText('could not be loaded').count()).toBe(0);
		await tab.close();
	});

	test('a release that was used before is here without the host, the others are not', async () => {
		expect(await here()).toEqual([]);
		expect((await releases()).map((r) => `${r.platform} ${r.version}`)).toContain('boron 2.2.0');
		const boron = { platform: 'boron', version: '4.0.1', application: true };
		const { sha256 } = await callEngineOf<{ sha256: string }>(page, 'releases.zip', boron);
		expect(await here()).toEqual(['boron 4.0.1']);
		await host.stop();
		await page.reload();
		expect(await here()).toEqual(['boron 4.0.1']);
		expect(await releases()).toHaveLength(1);
		expect(await callEngineOf(page, 'releases.zip', boron)).toMatchObject({ sha256 });
		await expect(callEngineOf(page, 'releases.zip', { ...boron, version: '2.2.0' })).rejects.toThrow('RELEASE_NOT_AVAILABLE');
	});

	test('with the host gone a virtual Boron is brought to another release, and the proof is shown', async () => {
		for (const version of ['2.2.0', '4.0.1']) {
			await callEngineOf(page, 'releases.zip', { platform: 'boron', version, application: true });
		}
		await host.stop();
		await open(page, 'try');
		await page.getByLabel('Board', { exact: true }).selectOption('boron');
		await page.getByLabel('Device OS on it').selectOption('2.2.0');
		await page.getByRole('button', { name: 'Plug in', exact: true }).click();
		await page.getByLabel('Time passes').selectOption('30');
		await goTo(page, 'Restore');
		await page.getByLabel('Device OS release').selectOption('4.0.1');
		await page.getByRole('button', { name: 'Show the plan' }).click();
		await page.getByTestId('permission').getByRole('button', { name: 'Connect', exact: true }).click();
		await page.getByRole('button', { name: 'Start', exact: true }).click();
		expect(await page.getByTestId('outcome').getAttribute('data-outcome', { timeout: 200_000 })).toBe('verified');
	}, 300_000);

	test('files that were added are here next time, come first, and can be removed', async () => {
		await open(page, 'releases');
		await page.getByText('Your own files of Device OS').click();
		const zip = {
			name: 'mine.zip',
			mimeType: 'application/zip',
			buffer: Buffer.from(releaseZip(realRelease('photon', '2.2.0'))),
		};
		await page.getByLabel('Zip or files').setInputFiles(zip);
		await page.getByText('mine.zip: photon 2.2.0').waitFor();
		const photon = async () => (await releases()).find((r) => r.platform === 'photon' && r.version === '2.2.0');
		expect(await photon()).toMatchObject({ source: 'mine.zip', offline: true });
		await host.stop();
		await page.reload();
		expect(await photon()).toMatchObject({ source: 'mine.zip', offline: true });
		const photonZip = { platform: 'photon', version: '2.2.0', application: false };
		expect(await callEngineOf(page, 'releases.zip', photonZip)).toMatchObject({ source: 'mine.zip' });
		await page.getByText('Your own files of Device OS').click();
		await page.getByRole('button', { name: 'Remove mine.zip' }).click();
		await page.getByRole('button', { name: 'Remove mine.zip' }).waitFor({ state: 'detached' });
		expect(await photon()).toBeUndefined();
	});

	test('files that are no release are refused with the reason: damaged, incomplete, something else', async () => {
		const before = await here();
		await open(page, 'releases');
		await page.getByText('Your own files of Device OS').click();
		const input = page.getByLabel('Zip or files');
		const bytes = Buffer.from(releaseZip(realRelease('photon', '2.2.0')));
		const give = (name: string, buffer: Buffer) => input.setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
		await give('short.zip', bytes.subarray(0, 5000));
		await page.locator('.problem.error', { hasText: 'short.zip' }).waitFor();
		const [, , part2] = realRelease('photon', '2.2.0').modules;
		await give('alone.bin', Buffer.from(part2!.module.bytes));
		await page.locator('.problem.error', { hasText: 'RELEASE_INCOMPLETE' }).waitFor();
		await give('notes.txt', Buffer.from('not firmware'));
		await page.locator('.problem.error', { hasText: 'notes.txt' }).waitFor();
		expect(await here()).toEqual(before);
	});

	test('a newer version waits until the person says so; a tab that is open finds its files all the same', async () => {
		const own = await visit();
		contexts.push(own.context());
		const other = await own.context().newPage();
		await open(other, '');
		const dropped = readdirSync(join(built, 'assets')).find((name) => /^hex-page-.*\.js$/.test(name))!;
		const newer = newerBuild(built, `assets/${dropped}`);
		try {
			host.folder = newer.folder;
			host.missing.add(`assets/${dropped}`);
			await own.reload();
			await own.getByText('A new version of linac is ready.').first().waitFor();
			const icon = (tab: Page) => tab.evaluate(async () => (await fetch('icon.svg')).text());
			expect(await icon(own)).not.toContain('newer');
			await own.getByRole('button', { name: 'Reload now' }).click();
			await own.waitForFunction(async () => (await (await fetch('icon.svg')).text()).includes('newer'));
			expect(await own.getByText('A new version of linac is ready.').count()).toBe(0);
			await other.getByText('A new version of linac is ready.').first().waitFor();
			await other.getByRole('link', { name: 'Hex generator' }).click();
			await other.getByRole('heading', { level: 1, name: /hex/i }).waitFor();
		} finally {
			newer.remove();
		}
	});

	test('a host that gives other files than were built is used with a network only', async () => {
		const changed = mkdtempSync(join(tmpdir(), 'linac-site-test-'));
		try {
			cpSync(built, changed, { recursive: true });
			writeFileSync(join(changed, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"></svg>');
			host.folder = changed;
			const context = await browser.newContext();
			contexts.push(context);
			const tab = await context.newPage();
			await open(tab, '');
			const outcome = await tab.evaluate(async () => {
				const { installing, active } = await navigator.serviceWorker.register('service-worker.js');
				if (!installing) return active ? 'kept' : 'redundant';
				await new Promise((resolve) => installing.addEventListener('statechange', resolve, { once: true }));
				return installing.state;
			});
			expect(outcome).toBe('redundant');
			expect(await tab.getByText('it opens without a network too').count()).toBe(0);
			await open(tab, 'inspect');
		} finally {
			rmSync(changed, { recursive: true, force: true });
		}
	});
});

/** The same build with another icon, and without one of its scripts: as if that had got another name. */
function newerBuild(built: string, dropped: string): { folder: string; remove(): void } {
	const folder = mkdtempSync(join(tmpdir(), 'linac-site-test-'));
	cpSync(built, folder, { recursive: true });
	const sha256 = (path: string) =>
		createHash('sha256')
			.update(readFileSync(join(folder, path)))
			.digest('hex');
	const before = sha256('icon.svg');
	writeFileSync(join(folder, 'icon.svg'), readFileSync(join(folder, 'icon.svg'), 'utf8').replace('<title>linac', '<title>newer'));
	const worker = join(folder, 'service-worker.js');
	const entry = `[\\"${dropped}\\",\\"${sha256(dropped)}\\"],`;
	const code = readFileSync(worker, 'utf8');
	if (!code.includes(entry) || !code.includes(before)) throw new Error('the list of files has another form');
	writeFileSync(
		worker,
		code
			.replace(entry, '')
			.replace(before, sha256('icon.svg'))
			.replace(/version\\":\\"[0-9a-f]+/, 'version\\":\\"newer'),
	);
	return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
