/** Refusals: a problem that may name the rule that it comes from and the route that would work. */
import { problem } from '@linac/core';
import type { Refusal } from './types.js';

export function refusal(code: string, message: string, more: Partial<Omit<Refusal, 'code' | 'message'>> = {}): Refusal {
	const { rule, route, details, ...rest } = more;
	return {
		...problem(code, message, rest),
		...(rule === undefined ? {} : { rule }),
		...(route === undefined ? {} : { route }),
		...(details === undefined ? {} : { details }),
	};
}
