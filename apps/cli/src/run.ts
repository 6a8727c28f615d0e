/**
 * Runs one command: reads the arguments, prepares output and cancellation, and turns whatever happens into an exit code. The
 * commands themselves are in commands/; what they are called and which options they have is in program.ts.
 */
import { CommanderError } from 'commander';
import type { Context } from './context.js';
import { ExitCode } from './exit-codes.js';
import { tell, usage } from './failure.js';
import { Output, type TextStream } from './output.js';
import { buildProgram, version } from './program.js';

export interface World {
	/** Arguments behind `node main.js`. */
	args: string[];
	env: Record<string, string | undefined>;
	stdin: NodeJS.ReadStream;
	stdout: TextStream;
	stderr: TextStream;
	cwd: string;
	signal: AbortSignal;
	/** What Ctrl-C says: a command that writes to a device says more than the others. */
	interrupt: { note: string };
	/** Whether somebody can answer questions; default: whether there is a terminal. */
	interactive?: boolean;
}

/** Runs one command to its end. Never throws; returns the exit code. */
export async function run(world: World): Promise<ExitCode> {
	// Read before the parser does, so that its own complaints come in the right form too.
	const operands = world.args.indexOf('--');
	const flags = operands < 0 ? world.args : world.args.slice(0, operands);
	const json = flags.includes('--json');
	const debug = flags.includes('--debug') || world.env.LINAC_DEBUG === '1';
	const output = new Output({ stdout: world.stdout, stderr: world.stderr, json, env: world.env });
	const context: Context = {
		output,
		signal: world.signal,
		env: world.env,
		cwd: world.cwd,
		stdin: world.stdin,
		interactive: world.interactive ?? (world.stdin.isTTY === true && world.stderr.isTTY === true && !json),
		debug,
		interrupt: world.interrupt,
		run: (args, { env, cwd, quiet }) =>
			run({
				...world,
				args,
				cwd,
				env: { ...world.env, ...env },
				interactive: false,
				stdout: quiet ? { write: () => {} } : world.stdout,
			}),
	};
	if (json && (flags[0] === '--version' || flags[1] === '--version')) {
		output.document({ version: version() });
		return ExitCode.ok;
	}
	let exit: ExitCode = ExitCode.ok;
	const [globals, others] = globalsApart(flags);
	const program = buildProgram(context, others[0], (code) => {
		exit = code;
	});
	try {
		await program.parseAsync([...globals, ...others, ...(operands < 0 ? [] : world.args.slice(operands))], { from: 'user' });
		return exit;
	} catch (error) {
		if (error instanceof CommanderError) {
			// Help and version were printed and are no failure.
			if (error.exitCode === 0) return ExitCode.ok;
			if (error.code === 'commander.help') return ExitCode.usage;
			return tell(output, usage(error.message.replace(/^error: /, '').replace(/\n\(/, ' (')), { debug });
		}
		return tell(output, error, { debug });
	}
}

/** What every command takes alike comes first: it is never the value of an option that lacks one, wherever it stands. */
function globalsApart(flags: readonly string[]): [globals: string[], others: string[]] {
	const isGlobal = (flag: string) => ['--json', '--debug', '--version', '-V'].includes(flag);
	return [flags.filter(isGlobal), flags.filter((f) => !isGlobal(f))];
}

/** Runs the command of this process: its arguments, its streams, its signals. */
export async function runAsProcess(): Promise<void> {
	const stop = new AbortController();
	const interrupt = { note: 'Stopping ...' };
	let asked = 0;
	const onSignal = () => {
		asked++;
		if (asked === 1) {
			stop.abort('signal');
			process.stderr.write(`\n${interrupt.note}\n`);
		} else {
			process.stderr.write('\nStopped at once. Run the same command again to finish what was begun.\n');
			process.exit(ExitCode.cancelled);
		}
	};
	process.on('SIGINT', onSignal);
	process.on('SIGTERM', onSignal);
	// `linac releases | head` closes the pipe early: that is no error.
	process.stdout.on('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EPIPE') process.exit(ExitCode.ok);
		throw error;
	});
	const code = await run({
		args: process.argv.slice(2),
		env: process.env,
		stdin: process.stdin,
		stdout: process.stdout,
		stderr: process.stderr,
		cwd: process.cwd(),
		signal: stop.signal,
		interrupt,
	});
	// Sockets and USB handles of other libraries must not keep a finished command alive; what was printed must get out first.
	process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
