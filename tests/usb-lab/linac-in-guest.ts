/** linac itself in the guest: its own build, with node-usb, through the kernel. Nothing of USB/IP is seen by it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guest, RunOptions, RunResult } from './guest.js';

const root = join(import.meta.dirname, '..', '..');
/** Built by `npm test`, `npm run test:lab` and `npm run bench:lab` before they begin. */
export const linacMain = join(root, 'apps', 'cli', 'dist', 'main.js');

export interface LinacResult extends RunResult {
	/** What it printed for a program. */
	// biome-ignore lint/suspicious/noExplicitAny: each command has its own form; tests compare what they look at.
	json: any;
}

export class Linac {
	readonly version: string;
	readonly #guest: Guest;

	constructor(guest: Guest) {
		this.#guest = guest;
		this.version = JSON.parse(readFileSync(join(root, 'apps', 'cli', 'package.json'), 'utf8')).version;
	}

	/** `linac ARGUMENTS --json`. `as` runs it as another user than root. */
	async run(argv: readonly string[], options: RunOptions & { as?: number } = {}): Promise<LinacResult> {
		const { as, ...rest } = options;
		const other = as === undefined ? [] : ['setpriv', `--reuid=${as}`, `--regid=${as}`, '--clear-groups'];
		const result = await this.#guest.run([...other, process.execPath, linacMain, ...argv, '--json'], {
			timeoutMs: 600_000,
			...rest,
		});
		let json: unknown;
		try {
			json = JSON.parse(result.stdout);
		} catch {
			json = undefined;
		}
		return { ...result, json };
	}

	/** The same, and throws with what it said when it ends with another status than 0. */
	// biome-ignore lint/suspicious/noExplicitAny: as above.
	async done(...argv: string[]): Promise<any> {
		const result = await this.run(argv);
		if (result.status !== 0)
			throw new Error(`linac ${argv.join(' ')} ended with ${result.status}: ${result.stdout}${result.stderr}`);
		return result.json;
	}
}
