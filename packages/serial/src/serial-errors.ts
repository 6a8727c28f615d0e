/** The errors of serial ports, each with its retry class and the hint that belongs to its code. All codes: docs/errors.md. */
import { LinacError, type RetryClass } from '@linac/core';

export type SerialErrorCode =
	| 'SERIAL_TIMEOUT'
	| 'SERIAL_CLOSED'
	| 'SERIAL_REPLY'
	| 'SERIAL_BUSY'
	| 'SERIAL_PERMISSION'
	| 'SERIAL_OPEN'
	| 'SERIAL_UNAVAILABLE'
	| 'NOT_LISTENING'
	| 'YMODEM_UNSUPPORTED'
	| 'YMODEM_REFUSED'
	| 'YMODEM_FAILED';

const retryOf: Record<SerialErrorCode, RetryClass> = {
	SERIAL_TIMEOUT: 'step',
	SERIAL_CLOSED: 'reconnect',
	SERIAL_REPLY: 'step',
	SERIAL_BUSY: 'operator',
	SERIAL_PERMISSION: 'operator',
	SERIAL_OPEN: 'operator',
	SERIAL_UNAVAILABLE: 'operator',
	NOT_LISTENING: 'operator',
	YMODEM_UNSUPPORTED: 'never',
	YMODEM_REFUSED: 'never',
	YMODEM_FAILED: 'job',
};

const hintOf: Partial<Record<SerialErrorCode, string>> = {
	SERIAL_CLOSED: 'The device was unplugged or is restarting. Plug it in and run the same command again.',
	SERIAL_BUSY: 'Another program has the port open (a serial monitor, another linac). Close it.',
	SERIAL_PERMISSION:
		'This user may not open the port. On Linux add the user to the group that owns it (dialout, or uucp on some systems), and log in again.',
	NOT_LISTENING:
		'Put it into listening mode: hold MODE (SETUP on Photon and P1) for three seconds until it blinks dark blue, or run "linac usb start-listening".',
};

/** An error of this package. `message` is a whole sentence. */
export function serialError(
	code: SerialErrorCode,
	message: string,
	more: { cause?: unknown; details?: LinacError['details']; hint?: string } = {},
): LinacError {
	return new LinacError(code, message, { retry: retryOf[code], hint: hintOf[code], ...more });
}

/** What came from a device, made fit for a message: one line, no control characters, not long. */
export function quoted(text: string): string {
	const line = JSON.stringify(text).slice(1, -1);
	return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
