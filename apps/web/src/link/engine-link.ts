/** The engine's end of the link: runs in its worker, calls the methods and carries events, results, errors and questions to the page. */
import type { SourceProgress } from '@linac/catalog';
import { asLinacError, type Disposer } from '@linac/core';
import type { FailureMessage, FromEngine, Method, Question, ToEngine } from './messages.js';

/** The global of a dedicated worker, as far as it is used here: the page's own types are in force in this package. */
interface WorkerScope {
	postMessage(message: unknown, transfer?: Transferable[]): void;
	onmessage: ((event: MessageEvent<ToEngine>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const running = new Map<number, AbortController>();
const questions = new Map<number, (value: unknown) => void>();
let nextQuestion = 1;

/** Every error, as it crosses. Our own faults come as `INTERNAL`. */
export function failureOf(error: unknown): FailureMessage {
	const { code, message, retry, hint, details } = asLinacError(error);
	return { code, message, retry, details, ...(hint === undefined ? {} : { hint }) };
}

/** Begins to answer calls. */
export function serve(methods: Record<string, Method<never, unknown, never>>): void {
	scope.onmessage = ({ data }) => {
		if (data.kind === 'cancel') running.get(data.id)?.abort();
		else if (data.kind === 'answer') questions.get(data.id)?.(data.value);
		else void run(methods[data.method] as Method<unknown, unknown, unknown> | undefined, data);
	};
}

async function run(
	method: Method<unknown, unknown, unknown> | undefined,
	call: Extract<ToEngine, { kind: 'call' }>,
): Promise<void> {
	const { id } = call;
	const stop = new AbortController();
	running.set(id, stop);
	try {
		if (!method) throw new Error(`Bug in linac: the engine has no method ${call.method}`);
		const value = await method(call.params, { emit: (event) => post({ kind: 'event', id, event }), signal: stop.signal });
		post({ kind: 'done', id, value }, buffersOf(value));
	} catch (error) {
		post({ kind: 'failed', id, failure: failureOf(error) });
	} finally {
		running.delete(id);
	}
}

/**
 * Asks the page something. Resolves with its answer, `undefined` when nobody is there to answer. `signal`: the question is not open any more.
 */
export function askPage(question: Question, signal?: AbortSignal): Promise<unknown> {
	const id = nextQuestion++;
	return new Promise((resolve) => {
		let stop: Disposer = () => {};
		const end = (value: unknown) => {
			questions.delete(id);
			stop();
			resolve(value);
		};
		const withdraw = () => {
			post({ kind: 'withdraw', id });
			end(undefined);
		};
		if (signal?.aborted) return resolve(undefined);
		signal?.addEventListener('abort', withdraw, { once: true });
		stop = () => signal?.removeEventListener('abort', withdraw);
		questions.set(id, end);
		post({ kind: 'ask', id, question });
	});
}

/** Marks buffers of a result that the engine does not need any more: they are handed over to the page instead of copied. */
const handedOver = new WeakMap<object, Transferable[]>();
export function handOver<T extends object>(value: T, buffers: readonly Uint8Array[]): T {
	handedOver.set(
		value,
		buffers.map((b) => b.buffer as ArrayBuffer),
	);
	return value;
}

/** Has the page show what is being fetched. */
export function tellFetching(downloads: SourceProgress[]): void {
	// Engine code that a test runs in Node has no page.
	if (typeof scope.postMessage === 'function') post({ kind: 'fetching', downloads });
}

function buffersOf(value: unknown): Transferable[] {
	return typeof value === 'object' && value !== null ? (handedOver.get(value) ?? []) : [];
}

function post(message: FromEngine, transfer: Transferable[] = []): void {
	scope.postMessage(message, transfer);
}
