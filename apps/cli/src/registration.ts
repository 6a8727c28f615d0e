/**
 * The pieces that commands are declared with: groups of options that many commands share, examples for the help, and the step from a
 * declared command to the code that runs it. Which commands there are: program.ts and register/.
 */
import { type Command, Option } from 'commander';
import type { Context } from './context.js';
import type { ExitCode } from './exit-codes.js';

/** What a command's function looks like: it returns an exit code, or throws. */
export type Action<O> = (context: Context, options: O, args: string[]) => Promise<ExitCode>;

export function collect(value: string, before: string[] | undefined): string[] {
	return [...(before ?? []), value];
}

export function withDevice(command: Command): Command {
	return command
		.optionsGroup('Which device:')
		.option(
			'-d, --device <id|port>',
			'the device to use, by its 24-digit device id (or the beginning of it) or its USB port, e.g. 1-2.3',
		)
		.option(
			'--usbip <host:port>',
			'use devices that a USB/IP server offers, such as "linac lab"; default: LINAC_USBIP, where it is set',
		);
}

export function withSources(command: Command): Command {
	return command
		.optionsGroup('Where Device OS comes from:')
		.option(
			'--source <folder|zip>',
			'look for Device OS files here first: a folder, zip or mirror (may be given several times)',
			collect,
		)
		.option(
			'--mirror-key <file>',
			'public key that every mirror (--source, LINAC_MIRROR) must be signed by: PEM, or "ed25519:..."; default: LINAC_MIRROR_KEY',
		)
		.option('--offline', 'use no network: only --source and what was downloaded before');
}

export function withGoal(command: Command, target: string): Command {
	return withSources(
		withDevice(
			command
				.optionsGroup('What to install:')
				.option('-t, --target <version>', target)
				.option('--application-only', 'write the application and nothing else, even if it needs a newer Device OS')
				.option('--allow <what>', 'allow something that can lose something: "downgrade" (may be given several times)', collect)
				.option('--explain', 'say in plain words why each step is there and what happens if it is interrupted'),
		),
	);
}

/** The manual flow of Particle's "Programming devices" in one command. */
export function withLocal(command: Command): Command {
	return command
		.optionsGroup('What to install:')
		.option('--local', 'take a folder or zip of binaries whole, folders inside included, and mark setup as done where needed');
}

/** How bootloaders get to their place: docs/bootloader-over-dfu.md. */
export function withBootloaderWay(command: Command): Command {
	return command
		.optionsGroup('How a bootloader gets to its place:')
		.addOption(
			new Option(
				'--bootloader-by <way>',
				'"control": the running Device OS takes it over USB, and it is read back where DFU comes after it. "ota-slot": DFU leaves it where Device ' +
					'OS looks when it starts; for a device that cannot be talked to otherwise. "module-slot": DFU leaves it and an order for the ' +
					'bootloader; for a device whose Device OS does not start (needs --experimental). Without this option the plan chooses: "ota-slot" ' +
					'where one DFU session is then enough for everything and power may fail at any moment, else "control"',
			).choices(['control', 'ota-slot', 'module-slot']),
		)
		.option(
			'--experimental',
			'allow what was read in the source of Device OS and never tried on a board: --bootloader-by module-slot',
		);
}

export function withWriting(command: Command): Command {
	return command
		.optionsGroup('How to do it:')
		.option('-n, --dry-run', 'show what would be done and stop: nothing is written')
		.option('-y, --yes', 'do not ask before writing (needed where nobody can answer, as in scripts)');
}

/** For every command that changes what is on a device. `optional`: it may be left out. */
export function withBackup(command: Command, optional = true): Command {
	command
		.optionsGroup('What was on it before:')
		.option('--backup <file>', 'keep it in this file; default: a new file in the folder for backups (LINAC_BACKUPS)');
	return optional ? command.option('--no-backup', 'write without a backup: keys that are lost then are lost') : command;
}

/** For every command that asks before it writes, and keeps what was there. */
export function withChanging(command: Command): Command {
	return withBackup(withWriting(command));
}

export function withOutput(command: Command): Command {
	return command
		.optionsGroup('Output:')
		.option('--json', 'print one JSON document, for programs')
		.addOption(new Option('--debug', 'say more when something fails').hideHelp());
}

export function examples(command: Command, ...lines: [call: string, meaning: string][]): Command {
	const width = Math.max(...lines.map(([call]) => call.length));
	return command.addHelpText(
		'after',
		`\nExamples:\n${lines.map(([call, meaning]) => `  ${call.padEnd(width)}  ${meaning}`).join('\n')}\n`,
	);
}

export const fileKinds =
	'FILES are firmware modules (.bin), folders or zip files of them, Particle bundles (.zip) or Intel HEX files (.hex). What a file is ' +
	'is read from its contents, never from its name.';

/** What a file under register/ declares its commands with. */
export interface Registrar {
	/** A new command, described to the width of the terminal; of `parent` if given. */
	add(name: string, summary: string, description?: string, parent?: Command): Command;
	/** Turns a command's function, loaded only when it runs, into commander's action. */
	runs<O>(load: () => Promise<Action<O>>): (this: Command, ...given: unknown[]) => Promise<void>;
}
