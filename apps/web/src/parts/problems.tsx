/** Problems and errors as people need them: what is wrong, what to do, and the code for whoever is asked for help. */
import type { Problem } from '@linac/core';

/** `error`, `warning` and `info` differ by word and sign, not by colour alone. */
const signs = { error: 'Error', warning: 'Warning', info: 'Note' } as const;

export function Problems({ problems }: { problems: readonly (Problem & { hint?: string })[] }) {
	if (problems.length === 0) return null;
	return (
		<ul class="problems">
			{problems.map((p, i) => (
				<li key={`${p.code} ${i}`} class={`problem ${p.severity}`}>
					<strong>{signs[p.severity]}: </strong>
					{p.message} {p.hint} <code>{p.code}</code>
				</li>
			))}
		</ul>
	);
}

/** An error that ended something. */
export function Failure({ error, title }: { error: unknown; title: string }) {
	const { code, message, hint } = error as { code?: string; message?: string; hint?: string };
	return (
		<div class="failure" role="alert">
			<h2>{title}</h2>
			<p>{message ?? String(error)}</p>
			{hint && <p>{hint}</p>}
			{typeof code === 'string' && (
				<p>
					<code>{code}</code>
				</p>
			)}
		</div>
	);
}
