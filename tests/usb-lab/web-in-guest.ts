/**
 * The web app as somebody has it on a computer: `linac web` in the guest, with the releases of a mirror and no network, and Chromium in front of it. Works
 * the page as a person does: what is asked is answered, in the page and in Chromium's own list. Not for looking at the page: that is tests/web.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRelease, type ReleaseSet, releasePart } from '@linac/catalog';
import { nodeDigests } from '@linac/host';
import { standInRelease } from '@linac/virtual';
import type { Locator, Page } from 'playwright-core';
import { mirrorInMemory, writeMirror } from '../support/mirrors.js';
import { applicationFor, realRelease, value } from '../support/release-files.js';
import { builtSite } from '../web/build-site.js';
import { ChromiumInGuest } from './chromium-in-guest.js';
import { realVersions } from './devices.js';
import type { Guest, GuestProcess } from './guest.js';
import { linacMain } from './linac-in-guest.js';

const port = 4242;
export const origin = `http://localhost:${port}`;

/** A release with the modules that npm has, else with stand-ins, as files that somebody has. */
export function releaseFor(platform: string, version: string): ReleaseSet {
	if (realVersions(platform).includes(version)) return realRelease(platform, version);
	const files = standInRelease(platform, version).modules.map(({ slot, module }) => ({
		name: `${slot}.bin`,
		bytes: module.bytes,
	}));
	return value(checkRelease(files, { platform, version, source: 'lab', digests: nodeDigests }));
}

/** What the guest needs as files; to be made before the guest is booted, which would not see them otherwise. */
export interface WebFiles {
	site: string;
	mirror: string;
	remove(): void;
}

export async function webFiles(releases: readonly (readonly [platform: string, version: string])[]): Promise<WebFiles> {
	const site = builtSite();
	const mirror = mkdtempSync(join(tmpdir(), 'linac-usb-lab-mirror-'));
	const parts = releases.map(([platform, version]) => {
		const application = realVersions(platform).includes(version) ? applicationFor(platform, version) : undefined;
		return releasePart(releaseFor(platform, version), application?.standIn ? undefined : application);
	});
	writeMirror(mirror, await mirrorInMemory(parts));
	return { site, mirror, remove: () => rmSync(mirror, { recursive: true, force: true }) };
}

export class WebInGuest {
	readonly chromium: ChromiumInGuest;
	readonly page: Page;
	readonly #server: GuestProcess;

	private constructor(server: GuestProcess, chromium: ChromiumInGuest, page: Page) {
		this.#server = server;
		this.chromium = chromium;
		this.page = page;
	}

	static async start(guest: Guest, files: WebFiles, policy?: Parameters<typeof ChromiumInGuest.start>[1]): Promise<WebInGuest> {
		const { mirror, site } = files;
		const argv = ['web', '--listen', `localhost:${port}`, '--source', mirror, '--offline', '--site', site, '--json'];
		let listens = () => {};
		const listening = new Promise<void>((resolve) => {
			listens = resolve;
		});
		const server = guest.start([process.execPath, linacMain, ...argv], {
			timeoutMs: 7_200_000,
			env: { LINAC_CACHE: '/tmp/linac-cache' },
			onOutput: (text) => text.includes('listening') && listens(),
		});
		const ended = server.result.then(({ status, stdout, stderr }) => {
			throw new Error(`linac web ended with ${status}: ${stdout}${stderr}`);
		});
		await Promise.race([listening, ended]);
		ended.catch(() => {});
		const chromium = await ChromiumInGuest.start(guest, policy);
		const page = await chromium.context.newPage();
		return new WebInGuest(server, chromium, page);
	}

	/** `restore`, `identify`. */
	async open(path: string): Promise<void> {
		await this.page.goto(`${origin}/#/${path}`);
		await this.page.locator('main h1').first().waitFor();
	}

	/** Presses a button, and chooses the only device that fits in the list that Chromium shows then. */
	async chooseBy(button: Locator): Promise<void> {
		await button.click();
		await this.chromium.chooser.choose();
	}

	async close(): Promise<void> {
		await this.chromium.close();
		this.#server.kill();
		await this.#server.result.catch(() => {});
	}
}

/** For one job in emulation, ms; most take less than a minute. */
const JOB_MS = 420_000;

/** A device on the restore page. */
export class RestoreCard {
	readonly #web: WebInGuest;
	readonly card: Locator;
	/** How often the browser wanted a permission while a job was made and run. */
	permissions = 0;

	constructor(web: WebInGuest, deviceId: string) {
		this.#web = web;
		this.card = web.page.locator(`[data-testid=device-card][data-key="usb:${deviceId}"]`);
	}

	async stage(): Promise<string | null> {
		return (await this.card.count()) === 0 ? null : this.card.getAttribute('data-stage');
	}

	/** All that the card says. */
	async text(): Promise<string> {
		return (await this.card.textContent()) ?? '';
	}

	/** How the job ended, e.g. `verified`. */
	outcome(): Promise<string | null> {
		return this.card.getByTestId('outcome').getAttribute('data-outcome');
	}

	button(name: string): Locator {
		return this.card.getByRole('button', { name });
	}

	/** The page has noticed that the board is not there, and says what to do. */
	async asksForCable(): Promise<boolean> {
		const { page } = this.#web;
		const said = `${await this.text()} ${await page.getByTestId('permission').allTextContents()}`;
		return /plug it in|check the cable/i.test(said);
	}

	/**
	 * Answers what the page asks, permissions and the question whether to start, until the card has come to one of these stages. `meanwhile` is called
	 * at every look; `true`: it has done something itself, and nothing is to be answered now.
	 */
	async goOn(
		until: readonly string[],
		meanwhile: (stage: string | null) => Promise<boolean> = async () => false,
	): Promise<string> {
		const { page } = this.#web;
		const question = page.getByTestId('permission');
		const endsAt = Date.now() + JOB_MS;
		for (; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
			const stage = await this.stage();
			if (stage !== null && until.includes(stage)) return stage;
			if (await meanwhile(stage)) continue;
			if (stage === 'failed') throw new Error(`The page says: ${await this.text()}`);
			if (Date.now() > endsAt)
				throw new Error(`After ${JOB_MS / 1000} s the page says: ${await page.locator('body').textContent()}`);
			if (stage === 'plan') await this.button('Start').click();
			if (await question.isVisible()) {
				await this.#web.chooseBy(question.getByRole('button', { name: 'Choose the board' }));
				// The board may have left just then: the question stays.
				const answered = await question.waitFor({ state: 'hidden', timeout: 20_000 }).then(
					() => true,
					() => false,
				);
				if (answered) this.permissions++;
			}
		}
	}
}
