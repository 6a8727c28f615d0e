/** Debian's Chromium, as tests start it: one browser a test file, because each wants a few hundred megabytes. */
import { type Browser, chromium } from 'playwright-core';
import { hasTool } from '../support/debian-tools.js';

/** The whole browser, not its headless shell: that keeps neither databases nor locks of a page that is loaded anew. */
export const chromiumPath = '/usr/bin/chromium';

/** No sandbox, because CI runs as root in a container that has no user namespaces; and nothing that Chromium does by itself on the network. */
export const chromiumArguments = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
] as const;

/** Whether tests in a browser can run here. Throws when they have to (LINAC_PEERS=required) and cannot; says so when they are skipped. */
export function hasChromium(): boolean {
	const there = hasTool(chromiumPath);
	if (!there) console.warn(`Skipped: these tests need ${chromiumPath} (Debian: apt-get install chromium fonts-dejavu-core).`);
	return there;
}

export function startChromium(): Promise<Browser> {
	return chromium.launch({ executablePath: chromiumPath, args: [...chromiumArguments] });
}
