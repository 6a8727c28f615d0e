/**
 * The web app in real Chromium, with real WebUSB and Web Serial on a real kernel: boards are restored, and told who they are. What the page says is
 * compared with the flash of the device. The same engine with virtual devices in the page, and every page of it: tests/web.
 */

import { asPlatform } from '@linac/catalog';
import { equalBytes, LinacError, scaledClock } from '@linac/core';
import { contentBytes, ModuleFunction } from '@linac/firmware';
import { UsbIpServer } from '@linac/host';
import { DeviceBench, type StartingStateName } from '@linac/virtual';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { checked, type Operation } from './compatibility.js';
import { inMode, realVersions } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { origin, RestoreCard, releaseFor, type WebFiles, WebInGuest, webFiles } from './web-in-guest.js';

const why = noLabHere();
if (why) throw new Error(why);

/** What the mirror has. */
const releases = [
	['boron', '4.0.1'],
	['photon', '2.3.1'],
	['p2', '5.9.0'],
] as const;

let files: WebFiles;
let guest: Guest;
let web: WebInGuest;

beforeAll(async () => {
	files = await webFiles(releases);
	guest = await bootGuest({ memory: 4096 });
	console.log('boot', guest.bootSeconds);
	web = await WebInGuest.start(guest, files);
	console.log('web started');
}, 1_200_000);
afterAll(async () => {
	await web?.close();
	await guest?.close();
	files?.remove();
});

test('x', async () => {
	console.log(origin, web.chromium.version);
	web.page.on('console', (m) => console.log('console', m.text()));
	await web.open('restore');
	console.log(await web.page.locator('main').innerText());
});
