/**
 * Stands in for dfu-util on PATH: a program that reads the same arguments and does on a virtual device what dfu-util does on a real one, with
 * linac's own DFU client. What it knows of dfu-util 0.11 is in dfuse.c: whole pages are erased where the memory map allows it, then written from the
 * given address on; `:leave` ends DFU; -U reads `address:length`. So scripts that call dfu-util can be run as they are.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DfuDevice } from '@linac/usb';

export interface FakeDfuUtil {
	/** Path of the program. */
	program: string;
	/** The arguments of every call but `-l`, as one line each. */
	calls: string[];
	close(): void;
}

export interface FakeDfuUtilOptions {
	/** Opens the device that is in DFU mode; undefined when there is none. */
	open(): Promise<DfuDevice | undefined>;
	/** USB ids as dfu-util prints them. */
	id: string;
	serial: string;
	/** Called for -l: an operator who holds the buttons when the script waits. */
	onWait?(): Promise<void>;
	/** Exit code for the call with this number (from 1), before anything is done. */
	failAt?: number;
	/** What dfu-util versions do when the device is gone before they ask how it went. */
	failAfterLeave?: boolean;
}

interface Answer {
	code: number;
	text: string;
}

const client = (port: number) => `#!/usr/bin/env node
const socket = require('node:net').connect(${port}, '127.0.0.1');
let text = '';
socket.on('data', (d) => { text += d; }).on('end', () => {
	const { code, text: out } = JSON.parse(text);
	process.stdout.write(out);
	process.exitCode = code;
});
socket.write(JSON.stringify({ cwd: process.cwd(), args: process.argv.slice(2) }) + '\\n');
`;

export async function fakeDfuUtil(options: FakeDfuUtilOptions): Promise<FakeDfuUtil> {
	const folder = mkdtempSync(join(tmpdir(), 'linac-fake-dfu-'));
	const calls: string[] = [];
	const server = createServer((socket) => {
		socket.once('data', (data) => {
			const { args, cwd } = JSON.parse(String(data)) as { args: string[]; cwd: string };
			answer(options, calls, args, cwd)
				.catch((error: unknown): Answer => ({ code: 74, text: `dfu-util: ${String(error)}\n` }))
				.then((a) => socket.end(JSON.stringify(a)));
		});
	});
	await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
	const address = server.address();
	const program = join(folder, 'dfu-util');
	writeFileSync(program, client(typeof address === 'object' && address ? address.port : 0));
	chmodSync(program, 0o755);
	return {
		program,
		calls,
		close() {
			server.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function answer(options: FakeDfuUtilOptions, calls: string[], args: string[], cwd: string): Promise<Answer> {
	const value = (name: string) => {
		const at = args.indexOf(name);
		return at < 0 ? undefined : args[at + 1];
	};
	const known = ['-d', '-a', '-s', '-D', '-U', '-S', '-l'];
	const strange = args.find((a) => a.startsWith('-') && !known.includes(a));
	if (strange) return { code: 64, text: `unknown option ${strange}\n` };
	if (value('-d') !== options.id) return { code: 74, text: 'No DFU capable USB device available\n' };
	if (args.includes('-l')) {
		await options.onWait?.();
		const device = await options.open();
		await device?.close();
		const line = `Found DFU: [${options.id}] ver=0251, devnum=4, cfg=1, intf=0, path="1-2", alt=0, name="@Internal Flash", serial="${options.serial}"\n`;
		return { code: 0, text: device ? line : '' };
	}
	calls.push(args.slice(2).join(' '));
	if (options.failAt === calls.length) return { code: 74, text: 'dfu-util: Error during download\n' };
	const dfu = await options.open();
	if (!dfu) return { code: 74, text: 'No DFU capable USB device available\n' };
	let left = false;
	try {
		const alternate = Number(value('-a'));
		const [place, ...modifiers] = (value('-s') ?? '').split(':');
		const address = Number(place);
		const upload = value('-U');
		if (upload !== undefined) {
			writeFileSync(resolve(cwd, upload), await dfu.read(alternate, address, Number(modifiers[0])), { flag: 'wx' });
			return { code: 0, text: 'Upload done.\n' };
		}
		const bytes = new Uint8Array(readFileSync(resolve(cwd, value('-D') ?? '')));
		const segments = dfu.alternates.find((a) => a.number === alternate)?.segments ?? [];
		const erase = segments.some((s) => s.erasable && address >= s.start && address < s.end);
		await dfu.write(alternate, address, bytes, { erase });
		if (modifiers.includes('leave')) {
			await dfu.leave();
			left = true;
			if (options.failAfterLeave)
				return {
					code: 74,
					text: 'File downloaded successfully\nSubmitting leave request...\ndfu-util: Error during download get_status\n',
				};
		}
		return { code: 0, text: 'File downloaded successfully\n' };
	} finally {
		if (!left) await dfu.close();
	}
}
