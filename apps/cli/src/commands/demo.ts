/**
 * `linac demo`: the main job from beginning to end on a virtual Boron, with real firmware, through the same commands that a user
 * types. In the middle the cable is pulled; the same command then finishes the job. Not a test: those are in tests/scenarios.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platformByName } from '@linac/catalog';
import { assert, LinacError, systemClock } from '@linac/core';
import { UsbIpServer } from '@linac/host';
import { standInApplication } from '@linac/virtual';
import type { Context } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { slotName } from '../facts.js';
import { CommandFailure } from '../failure.js';
import { formatDuration, shortHash } from '../format.js';
import { LabBench, type LabDevice, parseSpecs } from '../lab-bench.js';
import { openSources } from '../sources.js';
import { clockFor } from './lab.js';

const before = '2.2.0';
const after = '4.0.1';
/** The cable is pulled when the model has programmed this much: in the middle of the system part. */
const pullAtBytes = 240 * 1024;

interface Scene {
	exit: ExitCode;
	command: string;
}

export async function demo(context: Context, options: { speed?: string }): Promise<ExitCode> {
	const { output, signal } = context;
	const began = systemClock.now();
	const clock = clockFor(options.speed);
	const folder = await mkdtemp(join(tmpdir(), 'linac-demo-'));
	const scenes: Scene[] = [];
	let server: UsbIpServer | undefined;
	try {
		title(context, `A virtual Boron with Device OS ${before}`);
		const sources = await openSources(context, {});
		const bench = await LabBench.open(parseSpecs([`boron@${before}`]), {
			clock,
			timing: 'datasheet',
			sources,
			signal,
			note: (text) => output.note(text),
			// Some application of before, so that there is something to replace. No processor could run it; the model does not try.
			application: (platform, version) => standInApplication(platform, version, { version: 1 }),
		});
		const boron = bench.devices[0];
		assert(boron, 'the bench has one device');
		if (boron.standIn) {
			throw new CommandFailure(
				ExitCode.releaseUnavailable,
				'RELEASE_NOT_AVAILABLE',
				`The demo needs the real Device OS ${before}, which could not be had.`,
				{
					hint: 'It comes from the npm package particle-cli: check that npm works here.',
				},
			);
		}
		await bench.started();
		server = await UsbIpServer.start(bench.bus, { host: '127.0.0.1', port: 0 });
		const usbip = `127.0.0.1:${server.port}`;
		const platform = platformByName('boron');
		assert(platform, 'the catalogue has the Boron');
		const application = await sources.application(platform, after, signal);
		if (!application)
			throw new LinacError('RELEASE_NOT_AVAILABLE', 'The application for the demo (Tinker) could not be had.', { retry: 'job' });
		const file = join(folder, 'tinker.bin');
		await writeFile(file, application.module.bytes);
		output.paragraph(
			'It is a model of the device that answers real USB packets (over USB/IP, at ' +
				`${usbip}). Its modules are Particle's own; its flash takes the times of the datasheet, ${options.speed} times faster. ` +
				'Below are the commands that you would type, and what they print.',
			'  ',
		);
		const type = async (command: string, args: string[]) => {
			output.print();
			output.print(output.colors.bold(`$ linac ${command}`));
			const exit = await context.run(output.json ? [...args, '--json'] : args, {
				env: { LINAC_USBIP: usbip, LINAC_BACKUPS: join(folder, 'backups') },
				cwd: folder,
				quiet: output.json,
			});
			scenes.push({ exit, command: `linac ${command}` });
			if (signal.aborted) throw new LinacError('CANCELLED', 'Cancelled.', { retry: 'job' });
			return exit;
		};
		const flash = ['flash', 'tinker.bin', '--target', after, '--yes'];

		await type('devices', ['devices']);

		title(context, `Program Device OS ${after} and an application; the cable is pulled in the middle`);
		const pulled = pullCable(context, boron);
		const first = await type(flash.join(' '), flash);
		pulled.stop();
		if (!pulled.happened() || first === ExitCode.ok)
			throw new Error('The demo meant to pull the cable in the middle of the job, and the job was faster.');

		title(context, 'The cable is plugged in again, and the same command finishes the job');
		boron.device.plug();
		await bench.started();
		const second = await type(flash.join(' '), flash);

		title(context, 'The evidence: read everything back, and compare');
		const verified = await type(`verify tinker.bin --target ${after}`, ['verify', 'tinker.bin', '--target', after]);
		output.print();
		output.print('  And what stands in the flash of the model itself, read without USB:');
		output.print();
		output.table(
			[{ title: 'Module' }, { title: 'Version', align: 'right' }, { title: '' }, { title: 'SHA-256 of its bytes' }],
			boron.device
				.installedModules()
				.map((m) => [slotName(boron.platform, m), String(m.version), m.valid ? 'whole' : 'damaged', shortHash(m.sha256)]),
			'  ',
		);
		output.print(`  The device is in ${boron.device.mode} mode: ${boron.device.why}`);

		const ok = second === ExitCode.ok && verified === ExitCode.ok;
		title(context, ok ? `Done in ${formatDuration(systemClock.now() - began)}` : 'The demo did not end as it should');
		if (ok) {
			output.print('  With a real device on a cable it is the same commands:');
			output.print('    linac devices');
			output.print(`    linac flash firmware.bin --target ${after}`);
			output.print('  More: docs/getting-started.md');
		}
		output.document({
			outcome: ok ? 'verified' : 'failed',
			ms: Math.round(systemClock.now() - began),
			speed: Number(options.speed),
			commands: scenes,
			modules: boron.device.installedModules(),
		});
		return ok ? ExitCode.ok : ExitCode.jobFailed;
	} finally {
		await server?.close();
		await rm(folder, { recursive: true, force: true });
	}
}

function title(context: Context, text: string): void {
	context.output.print();
	context.output.print(context.output.colors.cyan(context.output.colors.bold(`── ${text} ──`)));
}

/** Watches the model in DFU mode, and pulls its cable when enough has been programmed there. */
function pullCable(context: Context, { device }: LabDevice): { stop(): void; happened(): boolean } {
	let before: number | undefined;
	let happened = false;
	const timer = setInterval(() => {
		// What was programmed before DFU mode is the bootloader, which is not what this is about.
		if (happened || device.mode !== 'dfu') return;
		before ??= device.counters.bytesProgrammed;
		if (device.counters.bytesProgrammed - before < pullAtBytes) return;
		happened = true;
		device.unplug();
		context.output.note(context.output.errorColors.yellow('      *** the cable is pulled ***'));
	}, 5);
	return { stop: () => clearInterval(timer), happened: () => happened };
}
