/** What every command is given: where to print, when to stop, and what was asked for with the options that all commands share. */
import type { ExitCode } from './exit-codes.js';
import type { Output } from './output.js';

export interface Context {
	output: Output;
	/** Raised by the first Ctrl-C: the command stops at the next safe point. */
	signal: AbortSignal;
	env: Record<string, string | undefined>;
	cwd: string;
	/** Where answers come from, when somebody is there to give them. */
	stdin: NodeJS.ReadStream;
	/** A person is at the terminal: questions may be asked. */
	interactive: boolean;
	debug: boolean;
	/** What the first Ctrl-C says. */
	interrupt: { note: string };
	/** Runs another command as the user would type it: what a demonstration is made of. `quiet` drops what it prints on stdout. */
	run(args: string[], more: { env: Record<string, string>; cwd: string; quiet: boolean }): Promise<ExitCode>;
}

export interface SourceOptions {
	source?: string[];
	/** A file with public keys, or `ed25519:BASE64`. */
	mirrorKey?: string;
	offline?: boolean;
}

export interface DeviceOptions {
	device?: string;
	usbip?: string;
}

export interface GoalOptions extends SourceOptions, DeviceOptions {
	target?: string;
	applicationOnly?: boolean;
	allow?: string[];
	bootloaderBy?: 'control' | 'ota-slot' | 'module-slot';
	experimental?: boolean;
	explain?: boolean;
	/** `flash --local`: a folder or zip of binaries as it is, folders inside included, and the setup-done mark with it. */
	local?: boolean;
}

export interface BackupOptions {
	/** A file for the backup; `false` (--no-backup): none is made. Default: a new file in the folder for backups. */
	backup?: string | boolean;
}

export interface WriteOptions extends GoalOptions, BackupOptions {
	dryRun?: boolean;
	yes?: boolean;
}
