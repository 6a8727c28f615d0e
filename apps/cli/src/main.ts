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
	const { runAsProcess } = await import('./run.js');
	await runAsProcess();
}
