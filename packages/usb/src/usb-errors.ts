/**
 * The seam where WebUSB's failures become `LinacError`s. A browser rejects with `DOMException` (a legacy numeric `code`, which is
 * never looked at), node-usb with libusb's texts; everything above here reads only our codes.
 * Names: https://wicg.github.io/webusb/ and Chromium's `usb_device.cc`; texts of libusb: `libusb_error_name`.
 */
import { LinacError, type RetryClass } from '@linac/core';

export type UsbErrorCode = 'USB_DISCONNECTED' | 'USB_STALL' | 'USB_TIMEOUT' | 'USB_BUSY' | 'USB_PERMISSION' | 'USB_TRANSFER';

const retryOf: Record<UsbErrorCode, RetryClass> = {
	USB_DISCONNECTED: 'reconnect',
	USB_STALL: 'step',
	USB_TIMEOUT: 'reconnect',
	USB_BUSY: 'operator',
	USB_PERMISSION: 'operator',
	USB_TRANSFER: 'reconnect',
};

const hintOf: Partial<Record<UsbErrorCode, string>> = {
	USB_DISCONNECTED: 'Check the cable, plug the device in again, and run the same command: it continues where it was.',
	USB_BUSY: 'Another program uses the device (Particle Workbench, a serial monitor, another linac, a browser tab). Close it.',
	USB_PERMISSION:
		'This user may not open the device. "linac doctor" says why, and on Linux installs the udev rule that gives the right.',
	USB_TIMEOUT: 'Press RESET on the device, or unplug it and plug it in again.',
};

const sentence: Record<UsbErrorCode, string> = {
	USB_DISCONNECTED: 'The device left the USB bus',
	USB_STALL: 'The device refused a USB request',
	USB_TIMEOUT: 'The device did not answer in time',
	USB_BUSY: 'The device is in use',
	USB_PERMISSION: 'Access to the device was refused',
	USB_TRANSFER: 'A USB transfer failed',
};

/** An error of this package, with the retry class and the hint that belong to its code. `during` ends the sentence: `while reading ...`. */
export function usbError(code: UsbErrorCode, during: string, cause?: unknown, details: LinacError['details'] = {}): LinacError {
	return new LinacError(code, `${sentence[code]} ${during}.`, { retry: retryOf[code], hint: hintOf[code], details, cause });
}

/**
 * Classifies what a WebUSB implementation threw. `NetworkError` is ambiguous (Windows gives it for an unplugged device and for a
 * busy one alike), so it comes back as `USB_TRANSFER`, and the caller looks whether the device is still there.
 */
export function classifyUsbFailure(error: unknown): UsbErrorCode {
	const name = error instanceof Error ? error.name : '';
	const text = error instanceof Error ? error.message : String(error);
	if (/LIBUSB_ERROR_NO_DEVICE|LIBUSB_TRANSFER_NO_DEVICE|LIBUSB_ERROR_NOT_FOUND|disconnected/i.test(text))
		return 'USB_DISCONNECTED';
	if (/LIBUSB_ERROR_BUSY|already in use|Unable to claim interface/i.test(text)) return 'USB_BUSY';
	if (/LIBUSB_ERROR_ACCESS|LIBUSB_ERROR_NOT_SUPPORTED|Access denied/i.test(text)) return 'USB_PERMISSION';
	if (/LIBUSB_TRANSFER_STALL|LIBUSB_ERROR_PIPE/.test(text)) return 'USB_STALL';
	if (/LIBUSB_ERROR_TIMEOUT|LIBUSB_TRANSFER_TIMED_OUT/.test(text)) return 'USB_TIMEOUT';
	if (name === 'NotFoundError') return 'USB_DISCONNECTED';
	if (name === 'SecurityError' || name === 'NotAllowedError') return 'USB_PERMISSION';
	if (name === 'TimeoutError') return 'USB_TIMEOUT';
	return 'USB_TRANSFER';
}
