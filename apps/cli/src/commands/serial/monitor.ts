/** `linac serial monitor`: prints what a device says, until Ctrl-C; goes on when the device restarts. Writes nothing to the device. */
import { asLinacError } from '@linac/core';
import { PLAIN_RATE } from '@linac/programmer';
import type { ByteStream, SerialPortInfo } from '@linac/serial';
import { type Connection, connect } from '../../connect.js';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { chooseSerial, type SerialOptions } from '../../serial-port.js';

export interface MonitorOptions extends SerialOptions {
	/** `--no-reconnect` of commander. */
	reconnect?: boolean;
}

/** How long one read waits before the signal is looked at again, and how often a device that has gone is looked for, ms. */
const READ_MS = 1_000;
const LOOK_EVERY_MS = 250;
/** A line that is not finished is told when nothing more has come for so long (`--json`), ms. */
const PARTIAL_MS = 500;

export async function monitor(context: Context, options: MonitorOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const connection = await connect(context, options);
	context.interrupt.note = '';
	try {
		let { port } = await chooseSerial(connection, options);
		for (;;) {
			const stream = await open(context, connection, port, options);
			if (!stream) return ExitCode.ok;
			output.note(`Listening to ${port.path}. Ctrl-C ends.`);
			try {
				await copy(context, port, stream);
			} catch (error) {
				if (signal.aborted) return ExitCode.ok;
				if (asLinacError(error).code !== 'SERIAL_CLOSED' || options.reconnect === false) throw error;
			} finally {
				await stream.close();
			}
			output.note(`${port.path} has gone; waiting for the device.`);
			const next = await again(context, connection, port);
			if (!next) return ExitCode.ok;
			port = next;
		}
	} finally {
		await connection.close();
	}
}

/** Undefined: Ctrl-C. A device that is just restarting leaves again before it can be opened. */
async function open(
	context: Context,
	connection: Connection,
	port: SerialPortInfo,
	options: MonitorOptions,
): Promise<ByteStream | undefined> {
	for (;;) {
		try {
			return await connection.serial.open(port, PLAIN_RATE, context.signal);
		} catch (error) {
			if (context.signal.aborted) return undefined;
			if (asLinacError(error).code !== 'SERIAL_CLOSED' || options.reconnect === false) throw error;
			if (!(await again(context, connection, port))) return undefined;
		}
	}
}

/** The port of the same device, once it is there. Undefined: Ctrl-C. */
async function again(context: Context, connection: Connection, port: SerialPortInfo): Promise<SerialPortInfo | undefined> {
	const { clock } = connection.environment;
	while (!context.signal.aborted) {
		const ports = await connection.serial.ports();
		const same = ports.find((p) =>
			port.deviceId !== undefined && p.deviceId !== undefined ? p.deviceId === port.deviceId : p.path === port.path,
		);
		await clock.sleep(LOOK_EVERY_MS, context.signal).catch(() => {});
		if (same) return context.signal.aborted ? undefined : same;
	}
	return undefined;
}

/** Copies until the port goes or Ctrl-C; then it throws. */
async function copy(context: Context, port: SerialPortInfo, stream: ByteStream): Promise<never> {
	const { output, signal } = context;
	const decoder = new TextDecoder();
	let line = '';
	const tell = (text: string) => output.line({ time: new Date().toISOString(), port: port.path, text });
	try {
		for (;;) {
			let bytes: Uint8Array;
			try {
				bytes = await stream.read(line === '' ? READ_MS : PARTIAL_MS, signal);
			} catch (error) {
				if (asLinacError(error).code !== 'SERIAL_TIMEOUT') throw error;
				if (line !== '') tell(line);
				line = '';
				continue;
			}
			const text = decoder.decode(bytes, { stream: true });
			if (!output.json) {
				output.write(text);
				continue;
			}
			const lines = (line + text).split(/\r?\n/);
			line = lines.pop() ?? '';
			for (const whole of lines) tell(whole);
		}
	} finally {
		if (line !== '') tell(line);
	}
}
