/**
 * Tests of the web app in a real browser: the shipped site, served with production's headers, a mirror of real releases beside it. Whatever the
 * browser complains about fails the test: errors on the console, violations of the content security policy, requests to anybody else. Looking at
 * a page (accessibility, layout, keyboard) is `page-checks.ts`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { root } from './build-site.js';
import { hasChromium, startChromium } from './chromium.js';
import { type ServedSite, serveSite } from './serve-site.js';

/** In CSS pixels. */
export const sizes = {
	phone: { width: 360, height: 740 },
	laptop: { width: 1366, height: 768 },
	wall: { width: 2560, height: 1440 },
} as const;
export type Size = keyof typeof sizes;
export const schemes = ['light', 'dark'] as const;
export type Scheme = (typeof schemes)[number];

export interface PageOptions {
	/** Default: `laptop`. */
	size?: Size;
	/** Default: `light`. */
	scheme?: Scheme;
	/** What the browser may complain about in this test, because the test makes it happen: a status 404 that is shown on the console, for one. */
	expected?: readonly RegExp[];
	/** Runs in the page before its own scripts; to take away what other browsers do not have. A string of JavaScript. */
	before?: string;
	/** The same in the engine's worker. */
	beforeEngine?: string;
	/** What the browser says that it is. Default: what it is. */
	userAgent?: string;
}

export interface Site {
	/** The host: its address, what it was asked for, and faults of it. */
	readonly host: ServedSite;
	/** Opens `#/hex?platform=boron` (or '', the start page) in a browser profile of its own and waits until the page has loaded. */
	openPage(path?: string, options?: PageOptions): Promise<Page>;
}

/** For the names of pictures. */
const shownAs = new WeakMap<Page, string>();

/**
 * Declares tests in the browser. What `body` is given works inside of tests and hooks. Pages are closed after each test.
 * Skipped where Chromium is not installed, unless LINAC_PEERS=required.
 */
export function describeSite(name: string, body: (site: Site) => void): void {
	describe.skipIf(!hasChromium())(name, () => {
		let browser: Browser | undefined;
		let host: ServedSite | undefined;
		const contexts: BrowserContext[] = [];
		const complaints: string[] = [];

		beforeAll(async () => {
			[host, browser] = await Promise.all([serveSite(), startChromium()]);
		});
		afterEach(async () => {
			await Promise.all(contexts.splice(0).map((context) => context.close()));
			host?.broken.clear();
			host?.requests.splice(0);
			expect(complaints.splice(0), 'what the browser complained about').toEqual([]);
		});
		afterAll(async () => {
			await browser?.close();
			await host?.close();
		});

		body({
			get host() {
				return host!;
			},
			async openPage(path = '', { size = 'laptop', scheme = 'light', expected = [], before, beforeEngine, userAgent } = {}) {
				const context = await browser!.newContext({
					viewport: sizes[size],
					colorScheme: scheme,
					reducedMotion: 'reduce',
					locale: 'en-GB',
					// Files that the browser keeps would hide what the host does. Tried in offline.test.ts.
					serviceWorkers: 'block',
					...(userAgent === undefined ? {} : { userAgent }),
				});
				contexts.push(context);
				watch(context, host!.address, (complaint) => {
					if (!expected.some((pattern) => pattern.test(complaint))) complaints.push(complaint);
				});
				if (before !== undefined) await context.addInitScript(before);
				if (beforeEngine !== undefined) {
					await context.route('**/assets/engine-worker-*.js', async (route) => {
						const response = await route.fetch();
						await route.fulfill({ response, body: `${beforeEngine}\n${await response.text()}` });
					});
				}
				const page = await context.newPage();
				shownAs.set(page, `${size}-${scheme}`);
				await page.goto(host!.address + path);
				await page.locator('main h1').first().waitFor();
				return page;
			},
		});
	});
}

/**
 * Goes to another page of the app by the link in its header, and waits until that is the page which is shown. Only then is what a test looks for
 * surely not on the page before, which goes away a moment after the click.
 */
export async function goTo(page: Page, title: string): Promise<void> {
	const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title, exact: true });
	await link.click();
	await page.locator('nav a[aria-current=page]', { hasText: title }).waitFor();
}

/** Shows an open page on another screen, in another scheme; quicker than opening it again. */
export async function showAs(page: Page, size: Size, scheme: Scheme): Promise<void> {
	shownAs.set(page, `${size}-${scheme}`);
	await page.setViewportSize(sizes[size]);
	await page.emulateMedia({ colorScheme: scheme });
}

/** Of every page of the context, and of its workers. */
function watch(context: BrowserContext, address: string, complain: (complaint: string) => void): void {
	const { origin } = new URL(address);
	context.on('console', (message) => {
		const { url } = message.location();
		// No signature beside a mirror is as good as any: the browser says so on the console all the same.
		if (url.endsWith('/linac-mirror.json.sig')) return;
		if (message.text() === 'Service Worker registration blocked by Playwright') return;
		if (message.type() === 'error' || message.type() === 'warning') {
			complain(`${message.type()} on the console: ${message.text()} (${url})`);
		}
	});
	context.on('weberror', (error) => complain(`uncaught: ${error.error().stack ?? error.error().message}`));
	context.on('request', (request) => {
		const url = new URL(request.url());
		if (url.origin !== origin && url.protocol !== 'blob:') complain(`a request to ${request.url()}`);
	});
}

/**
 * Keeps a picture of the whole page as `NAME-SIZE-SCHEME.png` in the folder of LINAC_SCREENSHOTS (default:
 * `node_modules/.cache/linac-screenshots`), for people to look at.
 */
export async function screenshot(page: Page, name: string): Promise<void> {
	const folder = process.env.LINAC_SCREENSHOTS ?? join(root, 'node_modules/.cache/linac-screenshots');
	mkdirSync(folder, { recursive: true });
	// Not by Playwright, which takes the smallest PNG: that takes a second on a wall.
	const debug = await page.context().newCDPSession(page);
	const { cssContentSize } = await debug.send('Page.getLayoutMetrics');
	const viewport = page.viewportSize()!;
	// What sticks to the lower edge of the screen would stand in the middle of the picture.
	const tall = cssContentSize.height > viewport.height;
	if (tall) await page.setViewportSize({ width: viewport.width, height: Math.ceil(cssContentSize.height) });
	const { data } = await debug.send('Page.captureScreenshot', {
		format: 'png',
		optimizeForSpeed: true,
		captureBeyondViewport: true,
		clip: { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 },
	});
	await debug.detach();
	if (tall) await page.setViewportSize(viewport);
	writeFileSync(join(folder, `${name}-${shownAs.get(page)}.png`), data, 'base64');
}
