/** The page that `linac web` serves, in Chromium: it has what this computer has, and keeps what was used when the command has ended. */
import { type ReleaseSummary, releasePart } from '@linac/catalog';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, linac, temporaryFolder } from '../scenarios/cli-harness.js';
import { WebCommand } from '../scenarios/web-command.js';
import { boronParts, mirrorInMemory, realRelease, writeMirror } from '../support/mirrors.js';
import { builtSite } from './build-site.js';
import { hasChromium, startChromium } from './chromium.js';
import { callEngineOf } from './engine-call.js';

describe.skipIf(!hasChromium())('the page that linac web serves', () => {
	const folder = temporaryFolder();
	let browser: Browser;
	let web: WebCommand;

	beforeAll(async () => {
		writeMirror(`${folder.path}/mirror`, await mirrorInMemory([...boronParts(), releasePart(realRelease('photon', '2.2.0'))]));
		const args = ['--site', builtSite(), '--source', `${folder.path}/mirror`, '--offline'];
		[browser, web] = await Promise.all([startChromium(), WebCommand.start(args, { LINAC_CACHE: `${folder.path}/cache` })]);
	});
	afterAll(async () => {
		await browser?.close();
		await web?.stop();
		folder.remove();
	});

	test('offers what this computer has, without a complaint of the browser, and what was used stays when the command has ended', async () => {
		const context = await browser.newContext();
		const complaints: string[] = [];
		context.on('console', (message) => {
			if (['error', 'warning'].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
		});
		context.on('request', (request) => {
			if (!request.url().startsWith(web.url) && !request.url().startsWith('blob:')) complaints.push(request.url());
		});
		const page = await context.newPage();
		await page.goto(web.url);
		await page.getByText('it opens without a network too').waitFor();
		const here = async () => {
			const releases = await callEngineOf<ReleaseSummary[]>(page, 'releases.list');
			return releases.filter((r) => r.offline).map((r) => `${r.platform} ${r.version}`);
		};
		expect(await here()).toEqual(['boron 4.0.1', 'photon 2.2.0']);
		const boron = { platform: 'boron', version: '4.0.1', application: true };
		const { sha256 } = await callEngineOf<{ sha256: string }>(page, 'releases.zip', boron);
		// The same bytes as the command line gives.
		const made = await linac(['zip', '-p', 'boron', '-t', '4.0.1', '--source', `${folder.path}/mirror`, '--json'], {
			cwd: folder.path,
			env: { LINAC_CACHE: `${folder.path}/cache`, LINAC_OFFLINE: '1' },
		});
		expect(sha256).toBe(document<{ sha256: string }>(made).sha256);
		await expect(callEngineOf(page, 'releases.zip', { ...boron, version: '2.2.0' })).rejects.toThrow(
			/cache does not have .* leave out --offline/s,
		);
		// That linac does not have it is an answer with a status of its own, which the browser shows by itself.
		expect(complaints.filter((c) => !c.includes('/api/releases/boron/2.2.0.zip'))).toEqual([]);
		expect(await web.stop()).toBe(0);
		await page.reload();
		expect(await here()).toEqual(['boron 4.0.1']);
		expect(await callEngineOf(page, 'releases.zip', boron)).toMatchObject({ sha256 });
		await page.goto(`${web.url}#/inspect`);
		await page.locator('main h1').first().waitFor();
	});
});
