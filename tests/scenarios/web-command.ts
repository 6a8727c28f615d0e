/** Runs the built `linac web` as a user's shell does, and asks it as browsers and strangers would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type IncomingHttpHeaders, request } from 'node:http';
import { cleanEnv, main } from './cli-harness.js';

interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	body: Buffer;
}

/** `linac web` at a free port, as a child process. */
export class WebCommand {
	readonly port: number;
	readonly url: string;
	readonly #child: ChildProcess;

	private constructor(child: ChildProcess, { url }: { url: string }) {
		this.#child = child;
		this.url = url;
		this.port = Number(new URL(url).port);
	}

	/** Resolves when it serves; `args` besides `--listen`. Rejects when it ends before that. */
	static start(args: string[], env: Record<string, string> = {}): Promise<WebCommand> {
		return new Promise((resolve, reject) => {
			const child = spawn(process.execPath, [main, 'web', '--listen', '127.0.0.1:0', '--json', ...args], {
				stdio: ['ignore', 'pipe', 'pipe'],
				env: cleanEnv(env),
			});
			let stdout = '';
			let stderr = '';
			child.stderr.setEncoding('utf8').on('data', (text: string) => {
				stderr += text;
			});
			child.stdout.setEncoding('utf8').on('data', (text: string) => {
				stdout += text;
				try {
					resolve(new WebCommand(child, JSON.parse(stdout)));
				} catch {
					// Not whole yet.
				}
			});
			child.on('close', (code) => reject(new Error(`linac web ended with ${code}: ${stdout}${stderr}`)));
		});
	}

	/** The path goes out as it is, which no `fetch` would do. */
	ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const asked = request({ host: '127.0.0.1', port: this.port, path, method, headers, agent: false }, (answer) => {
				const parts: Buffer[] = [];
				answer.on('data', (part: Buffer) => parts.push(part));
				answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }));
			});
			asked.on('error', reject);
			asked.end();
		});
	}

	async failure(path: string, headers?: Record<string, string>, method?: string) {
		const { status, body } = await this.ask(path, headers, method);
		return { status, ...(JSON.parse(body.toString()) as { code: string; message: string; hint?: string }) };
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
