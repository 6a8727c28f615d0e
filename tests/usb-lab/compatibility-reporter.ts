/**
 * Writes docs/compatibility.md from the rows that the lab has recorded (compatibility.ts), when every test file of it has run to its end. All of it takes
 * long: with LINAC_LAB_RESUME=1 the rows of earlier runs stay, a run of the files that are missing completes them, and the page says what is missing still.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { clearRows, finishedFiles, noteFinished, recordedRows } from './compatibility.js';
import { compatibilityPage } from './compatibility-page.js';

const folder = dirname(fileURLToPath(import.meta.url));
const page = join(dirname(dirname(folder)), 'docs', 'compatibility.md');

export default class CompatibilityReporter implements Reporter {
	/** Some tests were picked by name: no file is finished by that. */
	#picked = false;

	onInit(vitest: Vitest): void {
		this.#picked = vitest.config.testNamePattern !== undefined;
	}

	onTestRunStart(): void {
		if (process.env.LINAC_LAB_RESUME === undefined) clearRows();
	}

	onTestModuleEnd(module: TestModule): void {
		if (!this.#picked && ranToItsEnd(module)) noteFinished(basename(module.moduleId));
	}

	onTestRunEnd(): void {
		const finished = finishedFiles();
		const missing = readdirSync(folder).filter((name) => name.endsWith('.lab.ts') && !finished.has(name));
		if (missing.length > 0 && process.env.LINAC_LAB_RESUME === undefined) {
			console.log(`docs/compatibility.md stays as it is: the lab did not run completely (${missing.join(', ')}).`);
			return;
		}
		writeFileSync(page, compatibilityPage(recordedRows(), missing));
		console.log('docs/compatibility.md has been written.');
	}
}

/** Tests that do not concern a platform are left out; what a broken guest or a key press left out is not. */
function ranToItsEnd(module: TestModule): boolean {
	const tests = [...module.children.allTests()];
	const broken = module.errors().length > 0 || [...module.children.allSuites()].some((s) => s.errors().length > 0);
	return !broken && tests.length > 0 && tests.every((t) => t.result().state !== 'pending');
}
