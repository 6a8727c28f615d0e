/**
 * The three styles of failure: a `Verdict` for expected bad input, a `LinacError` for a broken world (device gone, disk full,
 * no network), and `assert` for our own bugs. Nothing else is thrown on purpose. Texts are for people; programs read codes.
 */

/** A value that survives `JSON.stringify` unchanged. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * What may be tried again after an error, and by whom.
 * - `never`: the same call gives the same error (bad input, a rule that forbids it).
 * - `step`: the one transfer or step may be repeated at once.
 * - `reconnect`: the device must be found and opened again first.
 * - `job`: run the whole command again.
 * - `operator`: somebody has to do something first (plug in, give permission, press a button).
 */
export type RetryClass = 'never' | 'step' | 'reconnect' | 'job' | 'operator';

/** Stable error codes, SCREAMING_SNAKE_CASE. They are documented in docs/errors.md and never change meaning. */
export type ErrorCode = string;

/** One thing wrong with an input, said so that somebody can act on it. */
export interface Problem {
	code: ErrorCode;
	severity: 'error' | 'warning' | 'info';
	/** A whole sentence: what was found, what was expected, what to do. */
	message: string;
	/** The file (or archive entry, as `a.zip/b.bin`) that it concerns. */
	file?: string;
	/** Byte offset in that file. */
	offset?: number;
	/** The field of the format, option or rule that it concerns. */
	field?: string;
	expected?: Json;
	found?: Json;
}

/** The outcome of judging input that may well be wrong. Warnings may accompany a value. */
export type Verdict<T> = { ok: true; value: T; problems: Problem[] } | { ok: false; problems: Problem[] };

export function good<T>(value: T, problems: Problem[] = []): Verdict<T> {
	return { ok: true, value, problems };
}

export function bad<T = never>(...problems: Problem[]): Verdict<T> {
	return { ok: false, problems };
}

export function problem(code: ErrorCode, message: string, more: Partial<Omit<Problem, 'code' | 'message'>> = {}): Problem {
	return { code, severity: 'error', message, ...more };
}

/** The world is broken in a way that has a name. */
export class LinacError extends Error {
	override readonly name = 'LinacError';
	readonly code: ErrorCode;
	readonly retry: RetryClass;
	readonly details: { [key: string]: Json };
	/** What to do about it, for the person in front of the device. */
	readonly hint: string | undefined;

	constructor(
		code: ErrorCode,
		message: string,
		options: { retry?: RetryClass; details?: { [key: string]: Json }; hint?: string; cause?: unknown } = {},
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.retry = options.retry ?? 'never';
		this.details = options.details ?? {};
		this.hint = options.hint;
	}

	toJSON(): { [key: string]: Json } {
		return {
			code: this.code,
			message: this.message,
			retry: this.retry,
			...(this.hint === undefined ? {} : { hint: this.hint }),
			details: this.details,
		};
	}
}

/** Turns the problems of a refused verdict into an error to throw, where there is nobody left to hand the verdict to. */
export function unwrap<T>(verdict: Verdict<T>): T {
	if (verdict.ok) return verdict.value;
	const first = verdict.problems[0];
	throw new LinacError(first?.code ?? 'REFUSED', verdict.problems.map((p) => p.message).join(' '), {
		details: { problems: verdict.problems as unknown as Json },
	});
}

/** The user or the caller asked to stop. */
export function cancelled(reason?: unknown): LinacError {
	return new LinacError('CANCELLED', 'Cancelled.', { retry: 'job', cause: reason });
}

/** Throws `CANCELLED` if the signal has been raised. Call it at every point where stopping is safe. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
	if (signal?.aborted) throw cancelled(signal.reason);
}

/** Our own bug: never caused by input or by a device. */
export function assert(condition: unknown, message: string): asserts condition {
	if (!condition) throw new Error(`Bug in linac: ${message}`);
}

export function asLinacError(error: unknown, code = 'INTERNAL'): LinacError {
	if (error instanceof LinacError) return error;
	const text = error instanceof Error ? error.message : String(error);
	return new LinacError(code, text, { cause: error });
}
