/**
 * The commands of `linac` and their options, with the help that a newcomer reads. Each command's code is loaded only when it runs.
 * The page for each is docs/commands.md; keep the two the same.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Context, DeviceOptions, GoalOptions, WriteOptions } from './context.js';
import type { ExitCode } from './exit-codes.js';
import { usage } from './failure.js';
import { registerAssets } from './register/assets.js';
import { registerBackup } from './register/backup.js';
import { registerBundle } from './register/bundle.js';
import { registerDoctor } from './register/doctor.js';
import { registerExport } from './register/export.js';
import { registerHex } from './register/hex.js';
import { registerIdentify } from './register/identify.js';
import { registerKeys } from './register/keys.js';
import { registerMatrix } from './register/matrix.js';
import { registerReleases } from './register/releases.js';
import { registerRestore } from './register/restore.js';
import { registerSerial } from './register/serial.js';
import { registerWeb } from './register/web.js';
import { registerZip } from './register/zip.js';
import {
	type Action,
	collect,
	examples,
	fileKinds,
	type Registrar,
	withBackup,
	withBootloaderWay,
	withDevice,
	withGoal,
	withLocal,
	withOutput,
	withSources,
	withWriting,
} from './registration.js';
import { wrapText } from './table.js';

/** The version of linac itself. */
export function version(): string {
	return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

/** An option that lacks its value takes the next word, even when that is another option: nobody means that. */
function refuseSwallowed(command: Command): void {
	const known = new Set([command, ...ancestors(command)].flatMap((c) => c.options.flatMap((o) => [o.long, o.short])));
	for (const option of command.options) {
		const value: unknown = command.getOptionValue(option.attributeName());
		if (typeof value === 'string' && value.startsWith('-') && known.has(value))
			throw usage(`option '${option.flags}' argument missing`);
	}
}

function ancestors(command: Command): Command[] {
	return command.parent ? [command.parent, ...ancestors(command.parent)] : [];
}

function withChanging(command: Command): Command {
	return withBackup(withWriting(command));
}

/** Builds the parser. `done` is told the exit code of the command that ran. */
export function buildProgram(context: Context, done: (code: ExitCode) => void): Command {
	const { output } = context;
	const program = new Command('linac');
	const runs = <O>(load: () => Promise<Action<O>>) => {
		return async function (this: Command, ...given: unknown[]) {
			// Commander gives the operands, then the options, then the command itself.
			const operands = given
				.slice(0, -2)
				.flat()
				.filter((a): a is string => typeof a === 'string');
			refuseSwallowed(this);
			const action = await load();
			done(await action(context, this.optsWithGlobals() as O, operands));
		};
	};
	program
		.description(
			'Programs Particle devices with the Device OS version that you choose, and proves what is on them afterwards.\n\n' +
				'Connect a device over USB and begin with "linac devices". No device at hand? "linac demo" shows everything on a virtual one.',
		)
		.version(version(), '-V, --version', 'print the version of linac')
		.helpOption('-h, --help', 'show help; also for one command, as in "linac flash --help"')
		.helpCommand('help [command]', 'show help for a command')
		.configureHelp({ showGlobalOptions: false, sortSubcommands: false, helpWidth: Math.min(output.width, 110) })
		.configureOutput({
			writeOut: (text) => (output.json ? output.raw(text) : output.print(text.trimEnd())),
			// Complaints are told by run.ts, once, in the form that was asked for.
			writeErr: (text) => {
				if (!text.startsWith('error:')) output.raw(text);
			},
			outputError: () => {},
			getOutHelpWidth: () => Math.min(output.width, 110),
			getErrHelpWidth: () => Math.min(output.errorWidth, 110),
		})
		.exitOverride()
		// What stands behind a command is that command's: some of its options mean something else above it.
		.enablePositionalOptions()
		.showSuggestionAfterError(true);
	withOutput(program);

	const add = (name: string, summary: string, description = summary, parent = program) => {
		const command = parent
			.command(name)
			.summary(summary)
			.description(wrapText(description, Math.min(output.width, 110)).join('\n'));
		return command;
	};

	const registrar: Registrar = { program, add, runs };

	program.commandsGroup('Program a device:');
	examples(
		withOutput(
			withChanging(
				withLocal(
					withBootloaderWay(
						withGoal(
							add(
								'flash [files...]',
								'program files, and Device OS with them, and check the result',
								'Looks at what is really on the device, shows what it is going to do and why, does it, reads it back, and says what is now ' +
									`on the device. ${fileKinds} Without --target, Device OS is only updated when an application needs a newer one. ` +
									'Running the same command again after an interruption finishes the job. With --local, FILES are all that belongs on the ' +
									'device: bootloader, SoftDevice, network processor, system parts and application, each sent in the mode that it needs.',
							),
							'Device OS version to install, e.g. 4.0.1',
						),
					),
				),
			),
		),
		['linac flash firmware.bin', 'program an application'],
		['linac flash firmware.bin --target 4.0.1', 'program Device OS 4.0.1 and an application'],
		['linac flash my-release/ --dry-run --explain', 'show what a folder of modules would do, and why'],
		['linac flash --local boron-2.2.0/', 'all of a folder or zip (docs/manual-flow.md)'],
		['linac flash firmware.bin --yes --json > report.json', 'in a script'],
	).action(runs<WriteOptions>(async () => (await import('./commands/flash.js')).flash));

	examples(
		withOutput(
			withChanging(
				withBootloaderWay(
					withGoal(
						add(
							'update',
							'bring Device OS to its latest version, or to the one you name',
							'Updates Device OS and everything that belongs to it (bootloader, SoftDevice, network processor). The application stays as ' +
								'it is. Without --target: the latest version of the newest long-term support line for this kind of device.',
						),
						'Device OS version to install; default: the latest long-term support version for this device',
					),
				),
			),
		),
		['linac update', 'to the latest long-term support version'],
		['linac update --target 2.3.1 --allow downgrade', 'to an older version, on purpose'],
	).action(runs<WriteOptions>(async () => (await import('./commands/flash.js')).update));

	examples(
		withOutput(
			withLocal(
				withBootloaderWay(
					withGoal(
						add(
							'plan [files...]',
							'show what "flash" would do, without doing it',
							`Makes the plan that "linac flash" would carry out, and prints it. Writes nothing. ${fileKinds}`,
						),
						'Device OS version to install, e.g. 4.0.1',
					),
				),
			),
		),
		['linac plan --target 4.0.1', 'the steps to Device OS 4.0.1'],
		['linac plan firmware.bin --target 4.0.1 --explain', '... with the reason for each step'],
		['linac plan --target 4.0.1 --json > plan.json', '... to keep or to review'],
	).action(runs<GoalOptions>(async () => (await import('./commands/plan.js')).plan));

	examples(
		withOutput(
			withGoal(
				add(
					'verify [files...]',
					'compare a device with a Device OS version or with files',
					'Reads the modules back from the device and compares them with what they should be, byte by byte (by SHA-256). Writes nothing. ' +
						'For this the device restarts into DFU mode and back. Exit code 7 when something differs.',
				),
				'Device OS version that should be on the device',
			),
		),
		['linac verify --target 4.0.1', 'is this device on 4.0.1, completely?'],
		['linac verify firmware.bin', 'is this application on the device?'],
	).action(runs<GoalOptions>(async () => (await import('./commands/verify.js')).verify));

	registerRestore(registrar);

	program.commandsGroup('Look at things:');
	examples(
		withOutput(withDevice(add('devices', 'show what is connected, in which mode, and what is on it'))).option(
			'--brief',
			'do not ask the devices what is on them: faster, and disturbs nothing',
		),
		['linac devices', 'everything that is connected'],
		['linac devices --usbip localhost:3240', 'the virtual devices of "linac lab"'],
	).action(runs<DeviceOptions & { brief?: boolean }>(async () => (await import('./commands/devices.js')).devices));

	registerIdentify(registrar);

	examples(
		withOutput(
			add(
				'inspect <files...>',
				'show what firmware files are, whether they are sound, and what they need',
				`Takes files apart without a device. ${fileKinds} Exit code 3 when a file is damaged or is no firmware.`,
			),
		),
		['linac inspect firmware.bin', 'one file'],
		['linac inspect release.zip --json', 'every module in a zip, for a program'],
	).action(runs<object>(async () => (await import('./commands/inspect.js')).inspect));

	registerAssets(registrar);
	registerDoctor(registrar);
	registerReleases(registrar);
	registerMatrix(registrar);

	program.commandsGroup('Settings and keys of a device:');
	registerBackup(registrar);
	registerKeys(registrar);

	program.commandsGroup('Make files for other tools:');
	registerHex(registrar);
	registerZip(registrar);
	registerExport(registrar);
	registerBundle(registrar);

	program.commandsGroup('Operate a device:');
	const usb = add('usb', 'restart a device in another mode');
	const modes: [name: string, summary: string][] = [
		['start-listening', 'enter listening mode (blinking dark blue): ready to be set up'],
		['stop-listening', 'leave listening mode'],
		['dfu', 'enter DFU mode (blinking yellow): ready to be programmed'],
		['safe-mode', 'restart without running the application (breathing magenta)'],
		['reset', 'restart'],
		['setup-done', 'mark the device as set up, so that it does not wait in listening mode (Gen 3 before Device OS 4.0.0)'],
	];
	for (const [name, summary] of modes) {
		const command = usb.command(name).summary(summary).description(summary);
		if (name === 'setup-done') command.option('--reset', 'remove the mark');
		examples(
			withOutput(withDevice(command)),
			[`linac usb ${name}`, 'the only device that is connected'],
			[`linac usb ${name} --device 1-2.3`, 'the device at a certain USB port'],
		).action(
			runs<DeviceOptions & { reset?: boolean }>(async () => {
				const { usbCommand } = await import('./commands/usb.js');
				return (ctx, options) => usbCommand(ctx, name, options);
			}),
		);
	}

	registerSerial(registrar);

	program.commandsGroup('In the browser:');
	registerWeb(registrar);

	program.commandsGroup('Try it without hardware:');
	examples(
		withOutput(add('demo', 'show a whole job on a virtual Boron: plan, program, pull the cable, finish, prove'))
			.optionsGroup('How:')
			.option('--speed <factor>', 'how much faster than real flash the virtual device runs', '20'),
		['linac demo', 'takes about a minute; downloads Device OS once'],
	).action(runs<{ speed?: string }>(async () => (await import('./commands/demo.js')).demo));

	examples(
		withSources(
			withOutput(
				add(
					'lab',
					'serve virtual devices over USB/IP, for every other command',
					'Starts virtual devices and serves them until Ctrl-C. Other commands use them with --usbip. They keep their state between ' +
						'commands, and with --state between runs of the lab. While it runs, type "help" for the cable and the buttons.',
				),
			)
				.optionsGroup('Which devices:')
				.requiredOption(
					'--device <platform@version>',
					'a virtual device with this Device OS on it (may be given several times)',
					collect,
				)
				.option('--state <folder>', 'keep the state of the devices here between runs')
				.option('--mode <mode>', 'mode that new devices start in: normal or dfu', 'normal')
				.optionsGroup('How:')
				.option('--listen <host:port>', 'where to serve; port 0 takes any free one', '127.0.0.1:3240')
				.option('--timing <which>', 'datasheet: flash is as slow as in the datasheet; none: at once', 'datasheet')
				.option('--speed <factor>', 'run time this many times faster', '1'),
		),
		['linac lab --device boron@2.2.0 --device photon@1.5.2', 'two virtual devices'],
		['linac lab --device argon@4.0.1 --state ~/lab --speed 10', 'ten times faster, and kept for next time'],
	).action(runs<import('./commands/lab.js').LabOptions>(async () => (await import('./commands/lab.js')).lab));

	program.addHelpText(
		'after',
		'\nFirst steps:\n' +
			'  linac devices                            what is connected\n' +
			'  linac plan firmware.bin --target 4.0.1   what would be done\n' +
			'  linac flash firmware.bin --target 4.0.1  do it, and check it\n\n' +
			'Exit codes, for scripts: docs/exit-codes.md. Every command: docs/commands.md.\n',
	);
	return program;
}
