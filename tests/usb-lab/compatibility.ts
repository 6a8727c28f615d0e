/**
 * What the lab found out, row by row: each test of it says platform, tool and operation, and its outcome is the cell. The table in
 * docs/compatibility.md is made of that alone (compatibility-reporter.ts). Outside of `npm run test:lab` nothing is recorded.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where the rows of the run under way are kept; set by vitest.lab.config.ts. */
const folder = process.env.LINAC_LAB_RESULTS;

export interface Operation {
	/** Name in the catalogue, e.g. `boron`. */
	platform: string;
	/** Device OS, e.g. `2.2.0`, or what the device is in words; with `stand-in` where its modules are invented. */
	device: string;
	/** E.g. `dfu-util`. */
	tool: string;
	/** As the tool itself says it. */
	toolVersion: string;
	/** E.g. `list`, `write and read alternate 0`. */
	operation: string;
}

export interface Row extends Operation {
	result: 'passed' | 'failed' | 'not possible';
	/** A number of bytes, a version reached; with `not possible` the tool's own words; with `failed` the error. */
	detail?: string;
}

/** What an operation found that the tool itself refuses or cannot do, proved by its output. */
export class NotPossible {
	readonly words: string;

	/** `words`: from the tool's output. */
	constructor(words: string) {
		this.words = words;
	}
}

/**
 * Carries out an operation and records what came of it: passed, with the text that it returns as detail; "not possible" when it returns
 * `NotPossible`; failed when it throws, which goes on to the test.
 */
export async function checked(operation: Operation, carryOut: () => Promise<string | NotPossible | undefined>): Promise<void> {
	try {
		const outcome = await carryOut();
		if (outcome instanceof NotPossible) record({ ...operation, result: 'not possible', detail: outcome.words });
		else record({ ...operation, result: 'passed', ...(outcome ? { detail: outcome } : {}) });
	} catch (error) {
		record({ ...operation, result: 'failed', detail: String(error instanceof Error ? error.message : error) });
		throw error;
	}
}

function record(row: Row): void {
	if (folder === undefined) return;
	mkdirSync(folder, { recursive: true });
	// One file a process, so that test files may run side by side.
	appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify({ ...row, at: Date.now() })}\n`);
}

/** Notes that a test file has run to its end. */
export function noteFinished(file: string): void {
	if (folder === undefined) return;
	mkdirSync(folder, { recursive: true });
	appendFileSync(join(folder, 'finished.txt'), `${file}\n`);
}

/** The test files whose rows are there as a whole. */
export function finishedFiles(): Set<string> {
	if (folder === undefined || !existsSync(join(folder, 'finished.txt'))) return new Set();
	return new Set(readFileSync(join(folder, 'finished.txt'), 'utf8').split('\n'));
}

export function clearRows(): void {
	if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** All rows of the run, in any order. Of an operation that was tried again, the last. */
export function recordedRows(): Row[] {
	if (folder === undefined || !existsSync(folder)) return [];
	const lines = readdirSync(folder)
		.filter((file) => file.endsWith('.jsonl'))
		.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
		.filter((line) => line !== '');
	const all = lines.map((line) => JSON.parse(line) as Row & { at: number }).sort((a, b) => a.at - b.at);
	const rows = new Map<string, Row>();
	for (const { at: _, ...row } of all)
		rows.set([row.platform, row.device, row.tool, row.toolVersion, row.operation].join('\0'), row);
	return [...rows.values()];
}
