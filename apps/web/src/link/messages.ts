/**
 * What the page and the engine's worker say to each other: plain values that the structured clone algorithm copies. The engine runs in a worker so
 * that the page stays smooth whatever is computed. Not for what the methods do: that is `engine/methods.ts`.
 */
import type { SourceProgress } from '@linac/catalog';
import type { Json } from '@linac/core';

/** An error as it crosses: the fields of a `LinacError`. */
export interface FailureMessage {
	code: string;
	message: string;
	retry: string;
	hint?: string;
	details: { [key: string]: Json };
}

export type ToEngine =
	| { kind: 'call'; id: number; method: string; params: unknown }
	| { kind: 'cancel'; id: number }
	/** The answer to a question; `undefined` when nobody answered. */
	| { kind: 'answer'; id: number; value: unknown };

export type FromEngine =
	| { kind: 'event'; id: number; event: unknown }
	| { kind: 'done'; id: number; value: unknown }
	| { kind: 'failed'; id: number; failure: FailureMessage }
	/** The engine needs something that only a page can do, such as asking for a permission. */
	| { kind: 'ask'; id: number; question: Question }
	/** The question has been answered by the world itself. */
	| { kind: 'withdraw'; id: number }
	/** What is fetched at the moment, for whichever calls. Empty: nothing any more. */
	| { kind: 'fetching'; downloads: SourceProgress[] };

/**
 * A device came back under another product id (it is in DFU mode now), for which the browser wants a second permission, and only a click may ask for
 * it. The answer is `true` once it was given, `false` when it was declined.
 */
export interface PermissionQuestion {
	kind: 'usb-permission';
	filters: USBDeviceFilter[];
	deviceId?: string;
	/** Why, in a sentence for the person. */
	why: string;
	/** The device is a virtual one: the page shows the list that a browser would show (`devices.permissible`, `devices.permit`). */
	virtual?: true;
}

export type Question = PermissionQuestion;

/** What a method of the engine is given besides its parameters. */
export interface CallContext<E = never> {
	emit(event: E): void;
	/** Raised when the page cancels, or has gone. */
	signal: AbortSignal;
}

/** A method of the engine: parameters, result and events are structured-clonable. */
export type Method<P, R, E = never> = (params: P, context: CallContext<E>) => Promise<R>;
