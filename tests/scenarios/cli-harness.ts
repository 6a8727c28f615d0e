/** Runs `linac`: commands in this process, and, where the process itself matters, the built program as a user's shell does; and a `linac lab` beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { particleCli } from '../support/real-firmware.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const main = join(root, 'apps', 'cli', 'dist', 'main.js');

export interface Result {
	code: number;
	stdout: string;
	stderr: string;
}

/** Where backups of virtual devices go unless a test says otherwise: never among those of this machine's user. */
let backups: string | undefined;
function backupsOfTests(): string {
	if (backups === undefined) {
		backups = mkdtempSync(join(tmpdir(), 'linac-backups-test-'));
		const path = backups;
		process.on('exit', () => rmSync(path, { recursive: true, force: true }));
	}
	return backups;
}

/** An environment in which nothing of this machine's user shows: no cache, no colours, no lab, no backups. */
export function cleanEnv(more: Record<string, string> = {}): Record<string, string> {
	const { PATH = '', HOME = '' } = process.env;
	return { PATH, HOME, TERM: 'xterm', LINAC_BACKUPS: backupsOfTests(), ...more };
}

export interface RunOptions {
	env?: Record<string, string>;
	cwd?: string;
	/** Sends the signal of Ctrl-C once stderr fits this. */
	interruptAt?: RegExp;
	/** Does this once stderr fits. */
	at?: { fits: RegExp; act: () => unknown };
}

/**
 * Runs a command to its end: the one function that the process is made of, in this process, which saves the start of Node. What concerns the process
 * itself (signals, pipes, what is loaded when) runs in one of its own: `linacProcess`.
 */
export async function linac(args: string[], options: RunOptions = {}): Promise<Result> {
	if (options.interruptAt || options.at) return linacProcess(args, options);
	const { run } = await import('../../apps/cli/src/run.js');
	const out = { stdout: '', stderr: '' };
	const stream = (name: 'stdout' | 'stderr') => ({
		write: (text: string) => {
			out[name] += text;
		},
	});
	const code = await run({
		args,
		env: cleanEnv(options.env),
		stdin: Readable.from([]) as unknown as NodeJS.ReadStream,
		stdout: stream('stdout'),
		stderr: stream('stderr'),
		cwd: options.cwd ?? process.cwd(),
		signal: new AbortController().signal,
		interrupt: { note: '' },
	});
	return { code, ...out };
}

export function linacProcess(args: string[], options: RunOptions = {}): Promise<Result> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [main, ...args], {
			stdio: ['ignore', 'pipe', 'pipe'],
			env: cleanEnv(options.env),
			...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		});
		const out = { stdout: '', stderr: '' };
		let interrupted = false;
		let acted = false;
		child.stdout.setEncoding('utf8').on('data', (text: string) => {
			out.stdout += text;
		});
		child.stderr.setEncoding('utf8').on('data', (text: string) => {
			out.stderr += text;
			if (options.at && !acted && options.at.fits.test(out.stderr)) {
				acted = true;
				options.at.act();
			}
			if (!interrupted && options.interruptAt?.test(out.stderr)) {
				interrupted = true;
				child.kill('SIGINT');
			}
		});
		child.on('error', reject);
		child.on('close', (code) => resolve({ code: code ?? -1, ...out }));
	});
}

/** The one JSON document on stdout. Throws when there is anything else. */
export function document<T = Record<string, unknown>>(result: Result): T {
	return JSON.parse(result.stdout) as T;
}

export function temporaryFolder(): { path: string; remove(): void } {
	const path = mkdtempSync(join(tmpdir(), 'linac-cli-test-'));
	return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Folders with the real releases 1.5.2, 2.2.0, 2.3.1 and 4.0.1, as `--source` takes them. */
export function realSources(): string[] {
	return (['2.8.0', '2.16.0', '3.6.0'] as const).flatMap((v) => ['--source', join(particleCli(v), 'assets', 'updates')]);
}

export class Lab {
	readonly #child: ChildProcess;
	readonly address: string;
	readonly devices: { name: string; deviceId: string; location: string; restored: boolean; standIn: boolean }[];
	readonly #replies: { text: string };

	private constructor(child: ChildProcess, ready: { listening: string; devices: Lab['devices'] }, replies: { text: string }) {
		this.#child = child;
		this.address = ready.listening;
		this.devices = ready.devices;
		this.#replies = replies;
	}

	/** Starts a lab on a free port and waits until it serves. */
	static start(args: string[], env: Record<string, string> = {}): Promise<Lab> {
		return new Promise((resolve, reject) => {
			const child = spawn(process.execPath, [main, 'lab', '--listen', '127.0.0.1:0', '--json', ...args], {
				stdio: ['pipe', 'pipe', 'pipe'],
				env: cleanEnv(env),
			});
			let stdout = '';
			const replies = { text: '' };
			child.stderr.setEncoding('utf8').on('data', (text: string) => {
				replies.text += text;
			});
			child.stdout.setEncoding('utf8').on('data', (text: string) => {
				stdout += text;
				try {
					resolve(new Lab(child, JSON.parse(stdout), replies));
				} catch {
					// Not whole yet.
				}
			});
			child.on('error', reject);
			child.on('close', (code) => reject(new Error(`The lab ended with ${code}: ${stdout}${replies.text}`)));
		});
	}

	/** Types a line into the lab and waits for its answer. */
	async type(line: string): Promise<string> {
		const before = this.#replies.text.length;
		this.#child.stdin!.write(`${line}\n`);
		for (;;) {
			const reply = this.#replies.text.slice(before);
			if (reply.endsWith('\n')) return reply;
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
	}

	/** Ends it as Ctrl-C does. Returns its exit code. */
	stop(): Promise<number> {
		return new Promise((resolve) => {
			if (this.#child.exitCode !== null) return resolve(this.#child.exitCode);
			this.#child.removeAllListeners('close');
			this.#child.on('close', (code) => resolve(code ?? -1));
			this.#child.kill('SIGINT');
		});
	}
}
