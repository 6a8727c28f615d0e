import { describe, expect, it, test } from 'vitest';
import { type HostSystem, hostDifferences, hostSystemOf, meaningOf } from './host-differences.js';
import { makeHost } from './usb-node.js';

const systems: HostSystem[] = ['linux', 'windows', 'macos'];
const platformOf = { linux: 'linux', windows: 'win32', macos: 'darwin' } as const;

describe('the table of differences', () => {
	it.each(systems)('has a source for everything that it says of %s', (system) => {
		const { access, reenumeration, controlTransferBytes, portPath, detachesKernelDriver, serialPort, openAddress, errors } =
			hostDifferences(system);
		const facts = [access, reenumeration, controlTransferBytes, portPath, detachesKernelDriver, serialPort, openAddress];
		for (const { source } of [...facts, ...Object.values(errors)]) expect(source).toMatch(/\w+.*[:;(,]/);
		expect(hostSystemOf(platformOf[system])).toBe(system);
	});

	it('waits on no system shorter than where it was tried', () => {
		const tried = hostDifferences('linux').reenumeration.value;
		for (const system of systems) {
			const { modeChangeMs, bootMs, returnMs } = hostDifferences(system).reenumeration.value;
			expect(modeChangeMs).toBeGreaterThanOrEqual(tried.modeChangeMs);
			expect(bootMs).toBeGreaterThanOrEqual(tried.bootMs);
			expect(returnMs).toBeGreaterThanOrEqual(tried.returnMs);
		}
	});

	it('takes a system that it does not know for Linux', () => expect(hostSystemOf('freebsd')).toBe('linux'));
});

describe('what the same error of libusb means', () => {
	test.each<[HostSystem, string, string | undefined]>([
		['linux', 'LIBUSB_ERROR_ACCESS', 'USB_PERMISSION'],
		['windows', 'LIBUSB_ERROR_ACCESS', 'USB_BUSY'],
		['macos', 'LIBUSB_ERROR_ACCESS', 'USB_BUSY'],
		['linux', 'LIBUSB_ERROR_BUSY', 'USB_BUSY'],
		['windows', 'LIBUSB_ERROR_NOT_SUPPORTED', 'USB_PERMISSION'],
		['macos', 'LIBUSB_ERROR_NO_DEVICE', 'USB_DISCONNECTED'],
		['linux', 'LIBUSB_ERROR_IO', undefined],
	])('on %s %s is %s', (system, text, code) => {
		expect(meaningOf(new Error(`open error: Error: ${text}`), system)?.code).toBe(code);
	});

	test('what to do is said for the system: a rule, another program, a driver', () => {
		expect(meaningOf('LIBUSB_ERROR_ACCESS', 'linux')!.hint).toContain('--install-udev-rule');
		expect(meaningOf('LIBUSB_ERROR_ACCESS', 'windows')!.hint).toContain('Another program');
		expect(meaningOf('LIBUSB_ERROR_NOT_SUPPORTED', 'windows')!.hint).toContain('WinUSB');
		expect(meaningOf('LIBUSB_ERROR_ACCESS', 'macos')!.hint).not.toMatch(/udev|WinUSB/);
	});
});

/** As much of node-usb as the host uses, with one Boron that refuses in a certain way. */
function refusing(at: 'create' | 'open' | 'claim', libusb: string, system: HostSystem) {
	const fail = () => Promise.reject(new Error(`error: Error: ${libusb}`));
	const fine = () => Promise.resolve();
	const device = {
		busNumber: 1,
		portNumbers: [2],
		timeout: 0,
		deviceDescriptor: {
			idVendor: 0x2b04,
			idProduct: 0xc00d,
			bcdDevice: 0,
			bDeviceClass: 0,
			bDeviceSubClass: 0,
			bDeviceProtocol: 0,
		},
	};
	const face = { open: at === 'open' ? fail : fine, claimInterface: at === 'claim' ? fail : fine };
	const usb = {
		getDeviceList: () => [device],
		WebUSBDevice: { createInstance: at === 'create' ? fail : async () => face },
		usb: { on() {}, off() {} },
	};
	return makeHost(async () => usb as never, system);
}

describe('a device that refuses', () => {
	test.each<['create' | 'open' | 'claim', string, HostSystem, string, RegExp]>([
		['create', 'LIBUSB_ERROR_ACCESS', 'linux', 'USB_PERMISSION', /udev/],
		['open', 'LIBUSB_ERROR_ACCESS', 'linux', 'USB_PERMISSION', /udev/],
		['open', 'LIBUSB_ERROR_ACCESS', 'windows', 'USB_BUSY', /Close it/],
		['open', 'LIBUSB_ERROR_NOT_SUPPORTED', 'windows', 'USB_PERMISSION', /WinUSB/],
		['open', 'LIBUSB_ERROR_ACCESS', 'macos', 'USB_BUSY', /virtual machine/],
		['claim', 'LIBUSB_ERROR_BUSY', 'linux', 'USB_BUSY', /linac doctor/],
	])('at %s with %s on %s says %s and what to do there', async (at, libusb, system, code, hint) => {
		const [handle] = await refusing(at, libusb, system).devices();
		const act = at === 'claim' ? handle!.device.claimInterface(0) : handle!.device.open();
		await expect(act).rejects.toMatchObject({ code, retry: 'operator', hint: expect.stringMatching(hint) });
	});

	test('one that has left is no refusal: what it throws is left to whoever looks whether it is gone', async () => {
		const [handle] = await refusing('open', 'LIBUSB_ERROR_NO_DEVICE', 'linux').devices();
		await expect(handle!.device.open()).rejects.not.toHaveProperty('code');
	});
});
