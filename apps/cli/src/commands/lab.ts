/** `linac lab`: serves virtual devices over USB/IP until Ctrl-C, and works their cables and buttons by lines on stdin. */

import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Clock, LinacError, scaledClock, systemClock } from '@linac/core';
import { UsbIpServer } from '@linac/host';
import type { Context, SourceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { usage } from '../failure.js';
import { parseHostPort } from '../host-port.js';
import { LabBench, parseSpecs } from '../lab-bench.js';
import { openSources } from '../sources.js';

export interface LabOptions extends SourceOptions {
	device: string[];
	state?: string;
	mode: string;
	listen: string;
	timing: string;
	speed: string;
}

/** A clock that runs `text` times as fast as real time. */
export function clockFor(text: string | undefined): Clock {
	const speed = Number(text ?? 1);
	if (!(speed > 0 && speed <= 10_000))
		throw usage(`"${text}" is no speed.`, 'A number such as 10 (ten times faster than real time), at most 10000.');
	return speed === 1 ? systemClock : scaledClock(speed);
}

export async function lab(context: Context, options: LabOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const specs = parseSpecs(options.device);
	const clock = clockFor(options.speed);
	if (options.timing !== 'datasheet' && options.timing !== 'none')
		throw usage(`There is no timing "${options.timing}".`, 'It can be: datasheet, none.');
	if (options.mode !== 'normal' && options.mode !== 'dfu')
		throw usage(`There is no mode "${options.mode}" to start in.`, 'It can be: normal, dfu.');
	const listen = parseHostPort(options.listen, '--listen');
	const bench = await LabBench.open(specs, {
		clock,
		timing: options.timing,
		sources: await openSources(context, options),
		startInDfu: options.mode === 'dfu',
		signal,
		note: (text) => output.note(text),
		...(options.state === undefined ? {} : { stateFolder: resolve(context.cwd, options.state) }),
	});
	await bench.started();
	const server = await UsbIpServer.start(bench.bus, listen).catch((error: unknown) => {
		if (!(error instanceof LinacError)) throw error;
		const hint = 'Choose another place with --listen, e.g. --listen 127.0.0.1:0 for any free port.';
		throw new LinacError(error.code, error.message, { retry: 'operator', hint, cause: error });
	});
	try {
		const at = `${listen.host}:${server.port}`;
		output.document({
			listening: at,
			devices: bench.devices.map(({ name, platform, version, device, restored, standIn }) => ({
				name,
				platform: platform.name,
				version: version ?? null,
				deviceId: device.deviceId,
				location: device.location,
				restored,
				standIn,
			})),
		});
		output.print(
			output.colors.bold(
				`Serving ${bench.devices.length === 1 ? 'a virtual device' : `${bench.devices.length} virtual devices`} at ${at}`,
			),
		);
		for (const device of bench.devices) {
			output.paragraph(bench.describe(device), '  ');
			if (device.restored)
				output.print(
					`    as it was when the lab ended last time (not new${device.version === undefined ? '' : ` with ${device.version}`})`,
				);
		}
		output.print();
		output.print(`  In another terminal:  linac devices --usbip ${at}`);
		output.print(
			`  Flash is ${options.timing === 'none' ? 'infinitely fast' : `as fast as in the datasheet${options.speed === '1' ? '' : `, times ${options.speed}`}`}. Here: "help" for cables and buttons; Ctrl-C ends.`,
		);
		await serve(context, bench);
		return ExitCode.ok;
	} finally {
		await bench.save();
		await server.close();
	}
}

/** Resolves on Ctrl-C or "quit". The end of stdin is no reason to stop: a lab may run in the background. */
function serve(context: Context, bench: LabBench): Promise<void> {
	const { output, signal, stdin } = context;
	return new Promise((done) => {
		const lines = createInterface({ input: stdin });
		// Nothing else may keep the process alive or end it: this timer does the former.
		const alive = setInterval(() => {}, 60_000);
		const end = () => {
			clearInterval(alive);
			lines.close();
			done();
		};
		lines.on('line', (line) => {
			if (/^(quit|exit)$/.test(line.trim())) return end();
			const reply = bench.command(line);
			if (reply === '') return;
			if (output.json) output.note(reply);
			else output.print(reply);
		});
		if (signal.aborted) end();
		else signal.addEventListener('abort', end, { once: true });
	});
}
