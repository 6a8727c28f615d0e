/**
 * The seam of serial ports: a stream of bytes both ways, and where the port is. Implemented over the operating system's serial ports, over the
 * CDC-ACM interface of a USB device that no driver holds, and by the browser's Web Serial. What is said over it: listening.ts, ymodem.ts.
 */
import type { Disposer } from '@linac/core';

/** An open serial port. */
export interface ByteStream {
	/**
	 * The next bytes that came, at least one. Rejects with `LinacError` `SERIAL_TIMEOUT` when none came within `timeoutMs`, `SERIAL_CLOSED` when the
	 * port has gone, `CANCELLED` on the signal.
	 */
	read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array>;
	/** Resolves when all bytes have been handed to the port. */
	write(data: Uint8Array, signal?: AbortSignal): Promise<void>;
	/** Sets the line's speed, bits per second. On a USB serial port the number alone is told to the device. */
	setRate(bitsPerSecond: number): Promise<void>;
	close(): Promise<void>;
}

/** A port that could be opened. */
export interface SerialPortInfo {
	/** What people and `open` call it: `/dev/ttyACM0`, `COM5`, or the USB place of a device that no driver holds, as `usb:1-2`. */
	path: string;
	vendorId?: number;
	productId?: number;
	/** The USB serial number: a Particle device's id, 24 hex digits, lower case. */
	deviceId?: string;
	/** Bus and port path of the USB device, e.g. `1-2.3`, the same as `UsbHandle.location`. */
	location?: string;
}

export interface SerialHost {
	readonly name: string;
	ports(): Promise<SerialPortInfo[]>;
	/** Throws `SERIAL_BUSY`, `SERIAL_PERMISSION`, `SERIAL_OPEN`, `SERIAL_CLOSED` when the device has gone, `CANCELLED`. */
	open(port: SerialPortInfo, bitsPerSecond: number, signal?: AbortSignal): Promise<ByteStream>;
	/** Calls back whenever a port may have come or gone. */
	watch(onChange: () => void): Disposer;
}
