/** What the engine says to what stands in a form: asked again when that changes, and only the last question counts. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { EngineMethods } from '../engine/methods.js';
import { callEngine, type Params, type Result } from '../link/page-link.js';

export interface EngineAnswer<R> {
	/** The last one that came; while `busy` it belongs to what was asked before. */
	value?: R;
	error?: unknown;
	busy: boolean;
}

/**
 * Calls a method of the engine with `params`, and again when they are another object; the call before is cancelled then. Undefined: nothing is asked.
 * @param wait milliseconds without a change before it is asked, where somebody types
 */
export function useEngine<K extends keyof EngineMethods>(
	method: K,
	params: Params<K> | undefined,
	wait = 0,
): EngineAnswer<Result<K>> {
	const [answer, setAnswer] = useState<{ of: unknown; value?: Result<K>; error?: unknown }>({ of: undefined });
	const before = useRef<Result<K> | undefined>(undefined);
	useEffect(() => {
		if (params === undefined) return;
		const stop = new AbortController();
		const settle = (said: { value: Result<K> } | { error: unknown }) => {
			if (stop.signal.aborted) return;
			if ('value' in said) before.current = said.value;
			setAnswer({ of: params, ...said });
		};
		const timer = setTimeout(() => {
			callEngine(method, params, { signal: stop.signal }).then(
				(value) => settle({ value }),
				(error: unknown) => settle({ error }),
			);
		}, wait);
		return () => {
			clearTimeout(timer);
			stop.abort();
		};
	}, [method, params, wait]);
	if (params === undefined) return { busy: false };
	if (answer.of === params) return { ...answer, busy: false };
	return { ...(before.current === undefined ? {} : { value: before.current }), busy: true };
}
