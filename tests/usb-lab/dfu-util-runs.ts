/** dfu-util in the guest, as an operator calls it, for one device and alternate setting at a time. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchDevice } from './devices.js';
import { usbId } from './devices.js';
import type { Guest, RunResult } from './guest.js';

export class DfuUtil {
	/** As it says itself, e.g. `0.11`. */
	readonly version: string;
	readonly #guest: Guest;
	#files = 0;

	private constructor(guest: Guest, version: string) {
		this.#guest = guest;
		this.version = version;
	}

	static async in(guest: Guest): Promise<DfuUtil> {
		const { stdout } = await guest.run(['dfu-util', '--version']);
		const version = /^dfu-util (\S+)/m.exec(stdout)?.[1];
		if (!version) throw new Error(`dfu-util does not say its version: ${stdout}`);
		return new DfuUtil(guest, version);
	}

	/** Every "Found DFU" line: serial number -> alternate setting -> name. */
	async list(): Promise<{ usbId: string; serial: string; alternate: number; name: string }[]> {
		const { stdout } = await this.#guest.run(['dfu-util', '-l']);
		const line =
			/^Found DFU: \[(?<usbId>[0-9a-f:]+)\] .*alt=(?<alternate>\d+), name="(?<name>[^"]*)", serial="(?<serial>[^"]*)"$/gm;
		return [...stdout.matchAll(line)].map(({ groups }) => ({
			usbId: groups!.usbId!,
			serial: groups!.serial!,
			alternate: Number(groups!.alternate),
			name: groups!.name!,
		}));
	}

	/** `options`: behind the address, e.g. `:leave`. */
	async write(to: BenchDevice, alternate: number, address: number, bytes: Uint8Array, options = ''): Promise<RunResult> {
		const file = this.#file();
		writeFileSync(file, bytes);
		const result = await this.#run(to, alternate, [`0x${address.toString(16)}${options}`, '-D', file]);
		rmSync(file);
		return result;
	}

	/** What it read; throws with its words when it failed. */
	async read(from: BenchDevice, alternate: number, address: number, length: number): Promise<Uint8Array> {
		const file = this.#file();
		const result = await this.#run(from, alternate, [`0x${address.toString(16)}:${length}`, '-U', file]);
		if (result.status !== 0) throw new Error(`dfu-util ended with ${result.status}: ${saidBy(result)}`);
		const bytes = new Uint8Array(readFileSync(file));
		rmSync(file);
		return bytes;
	}

	#file(): string {
		return join(this.#guest.folder, `dfu-util-${++this.#files}.bin`);
	}

	#run(device: BenchDevice, alternate: number, [address, ...rest]: [string, ...string[]]): Promise<RunResult> {
		const which = ['-d', usbId(device.platform, true), '-S', device.device.deviceId, '-a', String(alternate)];
		return this.#guest.run(['dfu-util', ...which, '-s', address, ...rest], { timeoutMs: 300_000 });
	}
}

/** The line in which it says what is wrong, else its last. */
export function saidBy({ stdout, stderr }: RunResult): string {
	const lines = [...stderr.split('\n'), ...stdout.split('\n')].map((line) => line.trim()).filter((line) => line !== '');
	const wrong = lines.find(
		(line) => /not writeable|error|cannot|failed/i.test(line) && !/no error condition|invalid dfu suffix/i.test(line),
	);
	return wrong ?? lines.at(-1) ?? '';
}
