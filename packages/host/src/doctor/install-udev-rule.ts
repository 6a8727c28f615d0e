/** Writes the udev rule of linac and has udev read it. Not for deciding whether it is needed: check-linux.ts. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { LinacError } from '@linac/core';
import { writeWhole } from '../files.js';

export interface InstalledRule {
	path: string;
	/** False: a file with the same text was there already. */
	written: boolean;
	/** What udev said when it was to read its rules again; `undefined`: it did. */
	reloadProblem?: string;
}

export interface InstallOptions {
	path: string;
	text: string;
	/** How the file is written; for tests. */
	write?: (path: string, text: string) => Promise<void>;
	/** How a program is run; for tests. */
	run?: (file: string, args: readonly string[]) => Promise<void>;
}

/**
 * Writes the rule and has udev take it up for the devices that are connected. Throws `NOT_ROOT` (retry `operator`) where this user may
 * not write there, with the command that does it.
 */
export async function installUdevRule(options: InstallOptions): Promise<InstalledRule> {
	const { path, text } = options;
	const run = options.run ?? runProgram;
	const written = readOr(path) !== text;
	if (written) {
		try {
			await (options.write ?? writeWhole)(path, text);
		} catch (error) {
			// `writeWhole` tells what the system said as the cause.
			const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
			if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
			throw new LinacError('NOT_ROOT', `This user may not write ${path}.`, {
				retry: 'operator',
				cause: error,
				hint: `Run it as root: "sudo linac doctor --install-udev-rule", or "linac doctor --print-udev-rule | sudo tee ${path}" and then "sudo udevadm control --reload".`,
			});
		}
	}
	try {
		await run('udevadm', ['control', '--reload']);
		await run('udevadm', ['trigger', '--action=add', '--subsystem-match=usb', '--subsystem-match=tty']);
		return { path, written };
	} catch (error) {
		return { path, written, reloadProblem: error instanceof Error ? error.message.trim().split('\n').at(-1)! : String(error) };
	}
}

function readOr(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}

function runProgram(file: string, args: readonly string[]): Promise<void> {
	return new Promise((resolve, reject) => {
		execFile(file, [...args], { timeout: 10_000 }, (error) => (error ? reject(error) : resolve()));
	});
}
