/** The page's end of the link: starts the engine's worker when it is first needed, and calls its methods. */
import type { SourceProgress } from '@linac/catalog';
import { LinacError, type RetryClass } from '@linac/core';
import type { EngineMethods } from '../engine/methods.js';
import type { FailureMessage, FromEngine, Method, Question, ToEngine } from './messages.js';

export type Params<K extends keyof EngineMethods> = EngineMethods[K] extends Method<infer P, infer _R, infer _E> ? P : never;
export type Result<K extends keyof EngineMethods> = EngineMethods[K] extends Method<infer _P, infer R, infer _E> ? R : never;
export type EventOf<K extends keyof EngineMethods> = EngineMethods[K] extends Method<infer _P, infer _R, infer E> ? E : never;

export interface CallOptions<E> {
	onEvent?(event: E): void;
	signal?: AbortSignal;
	/** Buffers that are handed over instead of copied. */
	transfer?: Transferable[];
}

interface Pending {
	resolve(value: unknown): void;
	reject(error: unknown): void;
	onEvent: ((event: never) => void) | undefined;
}

/** Resolves with the answer; the signal is raised when the question is not open any more. */
export type QuestionHandler = (question: Question, signal: AbortSignal) => Promise<unknown>;

let worker: Worker | undefined;
let next = 1;
const pending = new Map<number, Pending>();
const asked = new Map<number, AbortController>();
let handler: QuestionHandler | undefined;

let showFetching: ((downloads: SourceProgress[]) => void) | undefined;

/** Who shows what the engine fetches: the shell. */
export function watchFetching(show: (downloads: SourceProgress[]) => void): void {
	showFetching = show;
}

/** Who answers the engine's questions: the shell. */
export function answerQuestions(answer: QuestionHandler): void {
	handler = answer;
}

/**
 * Calls a method of the engine, which is loaded at the first call. Rejects with the `LinacError` that the engine threw, `ENGINE_STOPPED` when its
 * worker has died (a file of the site could not be loaded, or there was a fault of ours in it).
 */
export function callEngine<K extends keyof EngineMethods>(
	method: K,
	params: Params<K>,
	options: CallOptions<EventOf<K>> = {},
): Promise<Result<K>> {
	const { signal, onEvent, transfer = [] } = options;
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(new LinacError('CANCELLED', 'Cancelled.', { retry: 'job' }));
		const id = next++;
		pending.set(id, { resolve: resolve as (value: unknown) => void, reject, onEvent: onEvent as Pending['onEvent'] });
		send({ kind: 'call', id, method, params }, transfer);
		// The answer still comes: what has been begun is brought to a safe point first.
		signal?.addEventListener('abort', () => pending.has(id) && send({ kind: 'cancel', id }), { once: true });
	});
}

function send(message: ToEngine, transfer: Transferable[] = []): void {
	worker ??= start();
	worker.postMessage(message, transfer);
}

function start(): Worker {
	const started = new Worker(new URL('../engine/engine-worker.ts', import.meta.url), { type: 'module', name: 'linac engine' });
	started.onmessage = ({ data }: MessageEvent<FromEngine>) => receive(data);
	started.onerror = (event) => {
		event.preventDefault();
		stopped(event.message || 'a part of the page could not be loaded');
	};
	return started;
}

function receive(message: FromEngine): void {
	if (message.kind === 'ask') void ask(message.id, message.question);
	else if (message.kind === 'withdraw') asked.get(message.id)?.abort();
	else if (message.kind === 'fetching') showFetching?.(message.downloads);
	else {
		const call = pending.get(message.id);
		if (message.kind === 'event') call?.onEvent?.(message.event as never);
		else pending.delete(message.id);
		if (message.kind === 'done') call?.resolve(message.value);
		if (message.kind === 'failed') call?.reject(errorOf(message.failure));
	}
}

function errorOf({ code, message, retry, hint, details }: FailureMessage): LinacError {
	return new LinacError(code, message, { retry: retry as RetryClass, details, ...(hint === undefined ? {} : { hint }) });
}

async function ask(id: number, question: Question): Promise<void> {
	const open = new AbortController();
	asked.set(id, open);
	try {
		send({ kind: 'answer', id, value: await handler?.(question, open.signal) });
	} catch {
		send({ kind: 'answer', id, value: undefined });
	} finally {
		asked.delete(id);
	}
}

function stopped(why: string): void {
	worker?.terminate();
	worker = undefined;
	for (const open of asked.values()) open.abort();
	showFetching?.([]);
	const calls = [...pending.values()];
	pending.clear();
	const error = new LinacError('ENGINE_STOPPED', `The engine of this page has stopped: ${why}.`, {
		retry: 'job',
		hint: 'Reload the page. What is on a device stays as it is, and the job continues from there.',
	});
	for (const call of calls) call.reject(error);
}
