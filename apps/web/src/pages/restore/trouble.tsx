/** An error with the step that helps, by what went wrong and on which system this browser runs. */
import { onThePage } from './words.js';

interface TroubleLike {
	code?: string;
	message?: string;
	hint?: string;
}

export function Trouble({ error, title }: { error: unknown; title: string }) {
	const { code = 'INTERNAL', message = String(error), hint } = error as TroubleLike;
	return (
		<div class="failure" role="alert">
			<h3>{title}</h3>
			<p>{onThePage(message)}</p>
			{hint && <p>{onThePage(hint)}</p>}
			<p>
				<code>{code}</code>
			</p>
		</div>
	);
}
