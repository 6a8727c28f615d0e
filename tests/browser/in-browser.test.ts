/**
 * The engine in a browser: test files that also run in Node run once more in Chromium, unchanged (`vitest.browser.config.ts`). Here only what came of
 * it. To work on one of them: `npx vitest run --config vitest.browser.config.ts FILE`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { hasChromium } from '../web/chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Results {
	numPassedTests: number;
	testResults: {
		name: string;
		status: string;
		message: string;
		assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
	}[];
}

it.skipIf(!hasChromium())(
	'hundreds of tests of the engine, whole jobs on virtual devices among them, come out in a browser as in Node',
	() => {
		const folder = mkdtempSync(join(tmpdir(), 'linac-browser-tests-'));
		try {
			const file = join(folder, 'results.json');
			const vitest = join(root, 'node_modules/vitest/vitest.mjs');
			const options = ['run', '--config', 'vitest.browser.config.ts', '--reporter=json', `--outputFile=${file}`];
			// Variables of the outer run would tell the inner one that it is a worker of it.
			const env = Object.fromEntries(
				Object.entries(process.env).filter(([name]) => !/^(VITEST|VITE_|NODE_ENV$|TEST$|DEV$)/.test(name)),
			);
			const run = spawnSync(process.execPath, [vitest, ...options], { cwd: root, env, encoding: 'utf8' });
			const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
			const failed = results.testResults.flatMap(({ name, status, message, assertionResults }) => {
				const of = assertionResults.filter((a) => a.status === 'failed');
				const path = relative(root, name);
				if (of.length === 0 && status === 'failed') return [`${path}: ${message}`];
				return of.map((a) => `${path}: ${a.fullName}: ${a.failureMessages?.[0]}`);
			});
			expect(failed).toEqual([]);
			expect(run.status, run.stderr).toBe(0);
			expect(results.numPassedTests).toBeGreaterThan(300);
			console.log(`${results.numPassedTests} tests of ${results.testResults.length} files passed in Chromium.`);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	},
	600_000,
);
