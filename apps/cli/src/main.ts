#!/usr/bin/env node
/**
 * Entry of the `linac` command. Answers `--version` by itself, so that it starts about as fast as Node does; everything else is
 * loaded only when it is needed. Not the place for anything that a command does: see run.ts.
 */
import { readFileSync } from 'node:fs';

const [, , first] = process.argv;
if (process.argv.length === 3 && (first === '--version' || first === '-V')) {
	const about = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
	process.stdout.write(`${about.version}\n`);
} else {
	void start();
}

/** Not awaited where it is called: the bundle is CommonJS, whose files cannot wait. */
async function start(): Promise<void> {
	const { keepCompiledCode } = await import('./compiled-code.js');
	keepCompiledCode(process.env);
	const { runAsProcess } = await import('./run.js');
	await runAsProcess();
}
