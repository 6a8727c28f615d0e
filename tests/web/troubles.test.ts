/** Boards that the system or another program does not give: what is wrong is recognised, and the step that helps is told. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { readableEverywhere } from './page-checks.js';
import { describeSite, goTo } from './site.js';

const deviceId = 'e00fce681234567890abcdef';

/**
 * A running Boron as Chromium lists it, on which this method fails as Chromium says it. Where the words come from: device/open: `usb_device.cc` and
 * `usb_device_handle_usbfs.cc` of Chromium, also seen on a kernel in the USB lab.
 */
const boronOf = (method: 'open' | 'claimInterface', name: string, message: string) => `{
	const fails = async () => { throw new DOMException(${JSON.stringify(message)}, ${JSON.stringify(name)}); };
	const configuration = { configurationValue: 1, interfaces: [] };
	const device = {
		vendorId: 0x2b04, productId: 0xc00d, serialNumber: '${deviceId}', manufacturerName: 'Particle', productName: 'Boron CDC Mode',
		opened: false, configuration, configurations: [configuration],
		async open() { this.opened = true; }, async close() { this.opened = false; }, async claimInterface() {}, async releaseInterface() {},
		async selectConfiguration() {},
		controlTransferIn: fails, controlTransferOut: fails,
	};
	device[${JSON.stringify(method)}] = fails;
	const usb = Object.assign(new EventTarget(), { getDevices: async () => [device] });
	Object.defineProperty(navigator, 'usb', { value: usb });
}`;

const denied = boronOf('open', 'SecurityError', "Failed to execute 'open' on 'USBDevice': Access denied.");

const trouble = (page: Page) => page.getByTestId('trouble');

async function says(page: Page, code: string, ...sentences: (string | RegExp)[]): Promise<void> {
	await trouble(page).waitFor();
	expect(await trouble(page).getAttribute('data-code'), (await trouble(page).textContent())!).toBe(code);
	const said = await trouble(page).textContent();
	for (const sentence of sentences) expect(said).toMatch(sentence);
}

describeSite('boards that cannot be reached', (site) => {
	it('on Linux, whoever may not open the board gets the udev rule, and how to install it', async () => {
		const page = await site.openPage('#/restore', { beforeEngine: denied });
		await says(page, 'USB_PERMISSION', 'On Linux a udev rule gives the right');
		await page.getByRole('button', { name: 'Show the udev rule' }).click();
		await readableEverywhere(page, 'trouble-linux-permission');
		const [file] = await Promise.all([
			page.waitForEvent('download'),
			page.getByRole('button', { name: /^Save .*rules/ }).click(),
		]);
		expect(readFileSync(await file.path(), 'utf8')).toMatch(/ATTRS?\{idVendor\}=="2b04"/);
	});

	it('on Windows, where the driver is missing, the way to it is told', async () => {
		const userAgent =
			'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
		const page = await site.openPage('#/restore', { beforeEngine: denied, userAgent });
		await says(page, 'USB_PERMISSION', 'no WinUSB driver', 'Device Manager', 'Zadig');
		expect(await page.getByRole('button', { name: 'Show the udev rule' }).count()).toBe(0);
		await readableEverywhere(page, 'trouble-windows-driver');
	});

	it('a board that another program uses is told as that, and looked at again when it is free', async () => {
		const busy = boronOf(
			'claimInterface',
			'NetworkError',
			"Failed to execute 'claimInterface' on 'USBDevice': Unable to claim interface.",
		);
		const page = await site.openPage('#/restore', { beforeEngine: busy });
		await says(page, 'USB_BUSY', 'Another program uses the board', 'serial monitors');
		await readableEverywhere(page, 'trouble-busy');
		await page.getByRole('button', { name: 'Look again' }).click();
		await says(page, 'USB_BUSY');
	});

	it('a board on which another tab works is left alone', async () => {
		const page = await site.openPage('#/try');
		await page.getByRole('button', { name: 'Plug in' }).click();
		const id = await page.locator('[data-testid^=board-] code').first().textContent();
		// As the other tab does it.
		await page.evaluate((name) => void navigator.locks.request(name, () => new Promise(() => {})), `linac-device-${id}`);
		await goTo(page, 'Restore');
		await says(page, 'DEVICE_BUSY', 'Another tab of this browser', 'let its job end, or close it');
		await readableEverywhere(page, 'trouble-other-tab');
	});
});

describeSite('links to the page Restore', (site) => {
	it('a release chosen in the table is the one that is offered for the board of that kind', async () => {
		const page = await site.openPage('#/restore?platform=boron&version=2.2.0');
		await page.getByTestId('linked').getByText('2.2.0').waitFor();
		await page.goto(`${site.host.address}#/try`);
		await page.getByRole('button', { name: 'Plug in' }).click();
		await page.locator('[data-testid^=board-]').first().waitFor();
		await page.goto(`${site.host.address}#/restore?platform=boron&version=2.2.0`);
		const release = page.getByLabel('Device OS release');
		await release.waitFor();
		expect(await release.inputValue()).toBe('2.2.0');
		expect(await page.getByTestId('linked').count()).toBe(0);
	});

	it('the board whose link was followed stands first', async () => {
		const page = await site.openPage('#/try');
		for (const platform of ['boron', 'photon']) {
			await page.getByLabel('Board', { exact: true }).selectOption(platform);
			await page.getByRole('button', { name: 'Plug in' }).click();
			await page.getByTestId(`board-${platform}`).waitFor();
		}
		await page.getByTestId('board-photon').getByRole('link', { name: 'Restore' }).click();
		const first = page.getByTestId('device-card').first();
		await expect.poll(() => first.textContent(), { timeout: 20_000 }).toContain('Photon');
		expect(await page.getByTestId('device-card').count()).toBe(2);
	});
});
