/**
 * Writes docs/compatibility.md from the rows that a run of the lab has recorded (compatibility.ts), if the run was complete: every test file of
 * the lab, every test in it, to the end. A part of the lab changes nothing.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { clearRows, recordedRows } from './compatibility.js';
import { compatibilityPage } from './compatibility-page.js';

const folder = dirname(fileURLToPath(import.meta.url));
const page = join(dirname(dirname(folder)), 'docs', 'compatibility.md');

export default class CompatibilityReporter implements Reporter {
	onTestRunStart(): void {
		clearRows();
	}

	onTestRunEnd(modules: readonly TestModule[], _errors: unknown, reason: TestRunEndReason): void {
		const files = readdirSync(folder).filter((name) => name.endsWith('.lab.ts'));
		const ran = new Set(modules.filter((m) => everyTestRan(m)).map((m) => m.moduleId));
		const missing = files.filter((name) => !ran.has(join(folder, name)));
		if (reason === 'interrupted' || missing.length > 0) {
			console.log(
				`docs/compatibility.md stays as it is: the lab did not run completely${missing.length ? ` (${missing.join(', ')})` : ''}.`,
			);
			return;
		}
		writeFileSync(page, compatibilityPage(recordedRows()));
		console.log('docs/compatibility.md has been written.');
	}
}

function everyTestRan(module: TestModule): boolean {
	const tests = [...module.children.allTests()];
	return tests.length > 0 && tests.every((t) => t.result().state === 'passed' || t.result().state === 'failed');
}
