/**
 * Asks before something is written. On a terminal a question; where nobody can answer, the command refuses unless it was given
 * --yes: a script that writes to hardware has to say that it means it.
 */
import type { Context } from './context.js';
import { ExitCode } from './exit-codes.js';
import { CommandFailure } from './failure.js';

/** For a job that asks in the middle, and only wants to know yes or no: what else `confirm` throws is handed to `refused`, to be told at the end. */
export async function agreed(
	context: Context,
	question: string,
	yes: boolean | undefined,
	refused: (why: unknown) => void,
): Promise<boolean> {
	try {
		await confirm(context, question, yes);
		return true;
	} catch (error) {
		refused(error);
		return false;
	}
}

/** Returns when the answer is yes. Throws `NOT_CONFIRMED` when it is no, or when nobody is there to give it. */
export async function confirm(context: Context, question: string, yes: boolean | undefined): Promise<void> {
	if (yes) return;
	if (!context.interactive) {
		throw new CommandFailure(ExitCode.notConfirmed, 'NOT_CONFIRMED', 'Nothing was written: nobody can be asked here.', {
			hint: 'Add --yes to write without being asked, or --dry-run to only see the plan.',
			retry: 'operator',
		});
	}
	// Loaded only when somebody is asked: it takes a part of the time that a command needs to start.
	const { createInterface } = await import('node:readline/promises');
	const lines = createInterface({ input: context.stdin, output: process.stderr });
	try {
		const answer = await lines.question(`${context.output.errorColors.bold(question)} [y/N] `, { signal: context.signal });
		if (/^y(es)?$/i.test(answer.trim())) return;
	} catch (error) {
		// While a question stands, Ctrl-C comes as a key and not as a signal.
		if (context.signal.aborted || (error as Error).name === 'AbortError') {
			context.output.note('');
			throw new CommandFailure(ExitCode.cancelled, 'CANCELLED', 'Cancelled. Nothing was written.', {
				retry: 'job',
				cause: error,
			});
		}
		throw error;
	} finally {
		lines.close();
	}
	throw new CommandFailure(ExitCode.notConfirmed, 'NOT_CONFIRMED', 'Nothing was written: you said no.', { retry: 'operator' });
}
