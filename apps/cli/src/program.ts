/**
 * The commands of `linac`, as the help groups them. What each is declared as is in register/, and its code is loaded only when it runs.
 * The page for each is docs/commands.md; keep the two the same.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Context } from './context.js';
import type { ExitCode } from './exit-codes.js';
import { usage } from './failure.js';
import { registerAssets } from './register/assets.js';
import { registerBackup } from './register/backup.js';
import { registerBundle } from './register/bundle.js';
import { registerDemo } from './register/demo.js';
import { registerDevices } from './register/devices.js';
import { registerDoctor } from './register/doctor.js';
import { registerExport } from './register/export.js';
import { registerFlash, registerPlan, registerUpdate, registerVerify } from './register/flash.js';
import { registerHex } from './register/hex.js';
import { registerIdentify } from './register/identify.js';
import { registerInspect } from './register/inspect.js';
import { registerKeys } from './register/keys.js';
import { registerLab } from './register/lab.js';
import { registerMatrix } from './register/matrix.js';
import { registerReleases } from './register/releases.js';
import { registerRestore } from './register/restore.js';
import { registerSerial } from './register/serial.js';
import { registerUsb } from './register/usb.js';
import { registerWeb } from './register/web.js';
import { registerZip } from './register/zip.js';
import { type Action, type Registrar, withOutput } from './registration.js';
import { wrapText } from './table.js';

type Group = Record<string, (registrar: Registrar) => void>;

/** Group of the help -> name of the command -> what declares it. In the order of the help. */
const groups: Record<string, Group> = {
	'Program a device:': {
		flash: registerFlash,
		update: registerUpdate,
		plan: registerPlan,
		verify: registerVerify,
		restore: registerRestore,
	},
	'Look at things:': {
		devices: registerDevices,
		identify: registerIdentify,
		inspect: registerInspect,
		assets: registerAssets,
		doctor: registerDoctor,
		releases: registerReleases,
		matrix: registerMatrix,
	},
	'Settings and keys of a device:': { backup: registerBackup, keys: registerKeys },
	'Make files for other tools:': { hex: registerHex, zip: registerZip, export: registerExport, bundle: registerBundle },
	'Operate a device:': { usb: registerUsb, serial: registerSerial },
	'In the browser:': { web: registerWeb },
	'Try it without hardware:': { demo: registerDemo, lab: registerLab },
};

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

/**
 * Builds the parser. `first`: the first word of the call; where it is a command, only that one is declared: nobody sees the others then.
 * `done` is told the exit code of the command that ran.
 */
export function buildProgram(context: Context, first: string | undefined, done: (code: ExitCode) => void): Command {
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

	const called = Object.values(groups).some((commands) => Object.hasOwn(commands, first ?? '')) ? first : undefined;
	for (const [title, commands] of Object.entries(groups)) {
		program.commandsGroup(title);
		for (const [name, register] of Object.entries(commands)) if (called === undefined || name === called) register({ add, runs });
	}

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
