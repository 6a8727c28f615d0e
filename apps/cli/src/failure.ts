/**
 * How a failure is told: to people as message, hint and code on stderr; with `--json` as `{ "error": { ... } }` on stdout. And the
 * failures that only the command line has. Which exit code each leads to stands in exit-codes.ts.
 */
import { asLinacError, type Json, LinacError, type Problem, type RetryClass } from '@linac/core';
import { ExitCode, exitCodeFor } from './exit-codes.js';
import type { Output } from './output.js';
import { wrapText } from './table.js';

/** A failure whose exit code is known better than its code tells. */
export class CommandFailure extends LinacError {
	readonly exitCode: ExitCode;
	readonly problems: readonly Problem[];

	constructor(
		exitCode: ExitCode,
		code: string,
		message: string,
		options: {
			hint?: string;
			retry?: RetryClass;
			details?: { [key: string]: Json };
			problems?: readonly Problem[];
			cause?: unknown;
		} = {},
	) {
		super(code, message, options);
		this.exitCode = exitCode;
		this.problems = options.problems ?? [];
	}
}

/** A command line that does not mean anything. */
export function usage(message: string, hint = 'Run the command with --help to see how it is used.'): CommandFailure {
	return new CommandFailure(ExitCode.usage, 'USAGE', message, { hint });
}

/** A verdict that was refused, as a failure: the first problem leads, all of them are told. */
export function refused(exitCode: ExitCode, problems: readonly Problem[], hint?: string): CommandFailure {
	const errors = problems.filter((p) => p.severity === 'error');
	const first = errors[0] ?? problems[0];
	const message = first ? withFile(first) : 'The input was refused.';
	return new CommandFailure(exitCode, first?.code ?? 'REFUSED', message, { problems, hint });
}

export function withFile(problem: Problem): string {
	if (problem.file === undefined || problem.message.includes(problem.file)) return problem.message;
	return `${problem.file}: ${problem.message}`;
}

/** Message, hint and code of a failure, for people, on stderr. */
export function tellFailure(
	output: Output,
	failure: { code: string; message: string; hint?: string },
	exitCode: ExitCode,
	more: string[] = [],
): void {
	if (output.json) return;
	const c = output.errorColors;
	const lines = (text: string, indent: string) => wrapText(text, output.errorWidth - indent.length).join(`\n${indent}`);
	output.note(`${c.red(c.bold('Error:'))} ${lines(failure.message, '       ')}`);
	for (const line of more) output.note(`       ${lines(line, '             ')}`);
	if (failure.hint !== undefined) output.note(`${c.cyan('Hint:')}  ${lines(failure.hint, '       ')}`);
	output.note(c.dim(`Code:  ${failure.code} (exit code ${exitCode}; docs/exit-codes.md)`));
}

/** What to say of a job that did not end well, and its exit code. `error`: of its report. */
export function tellJobFailure(
	output: Output,
	report: { outcome: string; error?: { code: string; message: string; hint?: string; retry: string } },
): ExitCode {
	if (report.outcome === 'cancelled') {
		const failure = { code: 'CANCELLED', message: 'The job was cancelled.', hint: 'Run the same command again to finish it.' };
		tellFailure(output, failure, ExitCode.cancelled);
		return ExitCode.cancelled;
	}
	const { error } = report;
	if (!error) return ExitCode.jobFailed;
	const exit = exitCodeFor(error.code, error.retry as RetryClass);
	tellFailure(output, error, exit);
	return exit;
}

/** Says a failure in the form that was asked for and returns the exit code. */
export function tell(output: Output, caught: unknown, options: { debug: boolean }): ExitCode {
	const error = asLinacError(caught);
	const problems = error instanceof CommandFailure ? error.problems : [];
	const exitCode = error instanceof CommandFailure ? error.exitCode : exitCodeFor(error.code, error.retry);
	if (output.json) {
		if (!output.documentWritten) {
			output.document({ error: { ...error.toJSON(), exitCode, ...(problems.length > 0 ? { problems } : {}) } });
		}
	} else {
		const more = problems.filter((p) => p.message !== error.message && withFile(p) !== error.message);
		tellFailure(
			output,
			error,
			exitCode,
			more.map((p) => `${p.severity === 'error' ? 'also: ' : 'note: '}${withFile(p)}`),
		);
	}
	if (options.debug || exitCode === ExitCode.internal) {
		const root = error.cause instanceof Error ? error.cause : error;
		if (root.stack !== undefined) output.note(root.stack);
		if (exitCode === ExitCode.internal) output.note('This is a defect of linac. Please report it with the lines above.');
	}
	return exitCode;
}
