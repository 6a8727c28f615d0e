import { describe, expect, it } from 'vitest';
import { classifyUsbFailure, usbError } from './usb-errors.js';

describe('failures of WebUSB implementations', () => {
	// What browsers reject with, and what node-usb 2.18 throws (its messages carry libusb's names).
	it.each([
		[new DOMException('The device was disconnected.', 'NotFoundError'), 'USB_DISCONNECTED'],
		[new DOMException('A transfer error has occurred.', 'NetworkError'), 'USB_TRANSFER'],
		[new DOMException('Unable to claim interface.', 'NetworkError'), 'USB_BUSY'],
		[new DOMException('Access denied.', 'SecurityError'), 'USB_PERMISSION'],
		[new DOMException('The transfer timed out.', 'TimeoutError'), 'USB_TIMEOUT'],
		[new Error('controlTransferIn error: Error: LIBUSB_TRANSFER_NO_DEVICE'), 'USB_DISCONNECTED'],
		[new Error('open error: Error: LIBUSB_ERROR_ACCESS'), 'USB_PERMISSION'],
		[new Error('claimInterface error: Error: LIBUSB_ERROR_BUSY'), 'USB_BUSY'],
		[new Error('controlTransferOut error: Error: LIBUSB_TRANSFER_TIMED_OUT'), 'USB_TIMEOUT'],
		['something else', 'USB_TRANSFER'],
	])('%s is %s', (error, code) => expect(classifyUsbFailure(error)).toBe(code));

	it('say who has to do something, and what', () => {
		expect(usbError('USB_PERMISSION', 'now')).toMatchObject({ retry: 'operator', hint: expect.stringContaining('udev') });
		expect(usbError('USB_BUSY', 'now')).toMatchObject({ retry: 'operator', hint: expect.stringContaining('Close') });
		expect(usbError('USB_STALL', 'now').retry).toBe('step');
		expect(usbError('USB_DISCONNECTED', 'now').retry).toBe('reconnect');
	});
});
