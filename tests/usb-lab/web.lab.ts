/**
 * The web app in real Chromium, with real WebUSB and Web Serial on a real kernel, used by somebody without special rights: boards are restored, and told
 * who they are. What the page says is compared with the flash of the device. Every page, with virtual devices in it: tests/web.
 */
import { asPlatform, type ReleaseQuery } from '@linac/catalog';
import { LinacError, scaledClock } from '@linac/core';
import { UsbIpServer } from '@linac/host';
import { DeviceBench, type StartingStateName } from '@linac/virtual';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { realRelease } from '../support/release-files.js';
import { checked, type Operation } from './compatibility.js';
import { type BenchDevice, inMode, realVersions } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { Linac } from './linac-in-guest.js';
import { expectProgrammed } from './programmed.js';
import { origin, RestoreCard, releaseFor, type WebFiles, WebInGuest, webFiles } from './web-in-guest.js';

const why = noLabHere();
if (why) throw new Error(why);

/** What `linac web` has, besides its catalogue. */
const releases = [
	['boron', '4.0.1'],
	['photon', '2.3.1'],
	['p2', '5.9.0'],
] as const;
/** As an administrator allows it: these boards appear by themselves, in both modes. */
const allowed = asPlatform('photon').usb;

let files: WebFiles;
let bench: DeviceBench;
let server: UsbIpServer;
let guest: Guest;
let web: WebInGuest;
let last: BenchDevice | undefined;
/** Each is another one, as the page sees it. */
let boards = 0;

beforeAll(async () => {
	files = await webFiles(releases);
	bench = new DeviceBench({
		clock: scaledClock(20),
		timing: 'datasheet',
		sources: {
			open: async ({ platform, version }: ReleaseQuery) => {
				if (realVersions(platform).includes(version)) return realRelease(platform, version);
				throw new LinacError('RELEASE_NOT_AVAILABLE', `npm has no ${version} for ${platform}.`);
			},
			application: async () => undefined,
		},
	});
	server = await UsbIpServer.start(bench.bus, { port: 0 });
	guest = await bootGuest({ memory: 4096 });
	const { vendorId, productId, dfuProductId } = allowed;
	const devices = [productId, dfuProductId].map((id) => ({ vendorId, productId: id }));
	web = await WebInGuest.start(guest, files, { origin, devices });
}, 1_800_000);
afterAll(async () => {
	await web?.close();
	await guest?.close();
	await server?.close();
	files?.remove();
});
afterEach(async () => {
	if (!last) return;
	await guest.detach(last.busid);
	const made = bench.find(last.device.deviceId);
	if (made) bench.remove(made);
	last = undefined;
});

/** Plugs a board into the guest. */
async function plugged(platform: string, version: string, start: StartingStateName): Promise<BenchDevice> {
	const { device, standIn } = await bench.add({ platform: asPlatform(platform), version }, { start, seed: ++boards });
	const busid = device.location;
	const label = standIn ? `${version}, stand-in` : version;
	last = { platform: asPlatform(platform), version, standIn, label, device, port: server.port, busid };
	await guest.attach(last);
	return last;
}

const row = (it: BenchDevice, operation: string): Operation => ({
	platform: it.platform.name,
	device: it.label,
	tool: 'Chromium, the web app',
	toolVersion: web.chromium.version,
	operation,
});

test('somebody who may not open the board is told so and what to do, and may open it once that is done', async () => {
	await web.open('restore');
	const it = await plugged('boron', '2.2.0', 'healthy');
	await checked(row(it, 'udev rule'), async () => {
		const card = new RestoreCard(web, it.device.deviceId);
		await web.chooseBy(web.page.getByRole('button', { name: 'Connect a board' }));
		await expect.poll(() => card.text().catch(() => ''), { timeout: 300_000 }).toContain('USB_PERMISSION');
		expect(await card.text()).toContain('udev rule');
		await new Linac(guest).done('doctor', '--install-udev-rule', '--yes');
		it.device.unplug();
		await expect.poll(() => card.stage(), { timeout: 300_000 }).toBeNull();
		it.device.plug();
		await card.goOn(['choose']);
		return 'with the rule that linac doctor installs';
	});
});

interface Restoration {
	platform: 'boron' | 'photon' | 'p2';
	from: string;
	start: StartingStateName;
	/** What it is found in, for the table. */
	found: string;
	to: string;
	/** Pulls the cable at these transfers, counted from the start of the job and of each continuation. */
	pulls?: readonly number[];
}
const restorations: Restoration[] = [
	{ platform: 'boron', from: '2.2.0', start: 'healthy', found: 'healthy', to: '4.0.1' },
	{ platform: 'boron', from: '4.0.1', start: 'half-written', found: 'half written', to: '4.0.1', pulls: [60, 200] },
	{ platform: 'photon', from: '1.5.2', start: 'healthy', found: 'healthy', to: '2.3.1' },
	{ platform: 'photon', from: '2.3.1', start: 'system-missing', found: 'without Device OS', to: '2.3.1' },
	{ platform: 'p2', from: '5.7.0', start: 'healthy', found: 'healthy', to: '5.9.0' },
	{ platform: 'p2', from: '5.9.0', start: 'half-written', found: 'half written', to: '5.9.0' },
];

test.each(restorations)(
	'$platform $from, $found, is restored to $to',
	async ({ platform, from, start, found, to, pulls = [] }) => {
		await web.open('restore');
		const it = await plugged(platform, from, start);
		const operation = `restore, ${found}${pulls.length > 0 ? ', cable pulled twice' : ''}`;
		await checked(row(it, operation), async () => {
			const { device } = it;
			const card = new RestoreCard(web, device.deviceId);
			const byPolicy = platform === 'photon';
			if (!byPolicy) await web.chooseBy(web.page.getByRole('button', { name: 'Connect a board' }));
			await card.goOn(['choose']);
			await card.card.getByLabel('Device OS release').selectOption(to);
			await card.button('Show the plan').click();

			const left = [...pulls];
			let armed = false;
			await card.goOn(['ended'], async (stage) => {
				if (!device.powered) {
					// Somebody has to notice first, and the page too.
					if (!(await card.asksForCable())) return true;
					armed = false;
					device.plug();
					await inMode(it, ['dfu', 'normal', 'safe', 'listening']);
					await guest.enumerated(it.busid);
					return true;
				}
				if (stage === 'running' && !armed && left.length > 0) {
					device.faults.unplugAtTransfer(left.shift()!);
					armed = true;
				}
				return false;
			});
			expect(left).toEqual([]);
			expect(device.faults.pending).toEqual([]);
			expect(await card.outcome(), await card.text()).toBe('verified');
			expectProgrammed(it, releaseFor(platform, to).modules);
			// In both modes of a board the browser wants a permission, unless it has it.
			expect(card.permissions).toBe(byPolicy ? 0 : 1);
			return `to ${to}`;
		});
	},
);

test('a board in listening mode is identified over Web Serial', async () => {
	await web.open('identify');
	const it = await plugged('boron', '4.0.1', 'listening');
	await inMode(it, 'listening');
	await checked(row(it, 'identify over Web Serial'), async () => {
		const { page } = web;
		await web.chooseBy(page.getByRole('button', { name: 'Choose a serial port' }));
		const answer = page.getByTestId('answer');
		await answer.waitFor();
		const said = (await answer.textContent()) ?? '';
		expect(said).toContain(it.device.deviceId);
		expect(said).toContain('listening mode');
		return undefined;
	});
});
